"""Moments of groups compared with numpy in float64, of any blocks in any order."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy.sparse import csc_array
from starcyte.store.block import Block
from starcyte.store.moments import Accumulator, BinSums, Moments, totals

pytestmark = pytest.mark.slow


def block(values, rows, genes, sparse):
    """Return a part of an array as a block of a matrix."""
    piece = values[rows, genes]
    if not sparse:
        return Block(rows, genes, np.ascontiguousarray(piece.T))
    # scipy does not support float16
    places = csc_array(piece != 0)
    places.sort_indices()
    numbers = piece[places.indices, np.repeat(np.arange(piece.shape[1]), np.diff(places.indptr))]
    return Block(rows, genes, numbers, places.indptr.astype(np.int64), places.indices.astype(np.uint16))


def accumulated(values, codes, k, row_cuts=(), gene_cuts=(), sparse=(True,), order=None, threads=1, **options):
    accumulator = Accumulator(codes, k, values.shape[1], **options)
    rows, genes = [0, *row_cuts, values.shape[0]], [0, *gene_cuts, values.shape[1]]
    pieces = [(slice(a, b), slice(c, d)) for a, b in pairwise(rows) for c, d in pairwise(genes)]
    blocks = [block(values, *piece, sparse[i % len(sparse)]) for i, piece in enumerate(pieces)]
    if order is not None:
        order.shuffle(blocks)
    workers = [
        threading.Thread(target=lambda part=blocks[i::threads]: [accumulator.add(b) for b in part])
        for i in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return accumulator.result()


def direct(values, masks, dtype=np.float64):
    """Return the moments of groups, computed directly."""
    inside = [values[mask].astype(dtype) for mask in masks]
    with np.errstate(invalid="ignore"):
        mean = np.stack([v.mean(axis=0) if len(v) else np.zeros(values.shape[1]) for v in inside], axis=1)
        m2 = np.stack([v.var(axis=0) * len(v) if len(v) else np.zeros(values.shape[1]) for v in inside], axis=1)
    positive = np.stack([(v > 0).sum(axis=0) for v in inside], axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        amount = np.stack([np.expm1(v.astype(np.float64)).sum(axis=0) for v in inside], axis=1)
    return Moments(np.array([len(v) for v in inside]), mean, m2, positive, amount)


def same(ours, expected, rtol=1e-11, atol=0.0):
    np.testing.assert_array_equal(ours.n, expected.n)
    np.testing.assert_array_equal(ours.positive, expected.positive)
    scale = float(np.nanmax(np.abs(expected.mean), initial=0))
    np.testing.assert_allclose(ours.mean, expected.mean, rtol=rtol, atol=atol + 1e-14 * scale)
    np.testing.assert_allclose(ours.m2, expected.m2, rtol=rtol, atol=atol + 1e-14 * scale**2)
    np.testing.assert_allclose(ours.expm1, expected.expm1, rtol=rtol, atol=atol + 1e-12)


@st.composite
def cases(draw):
    n, genes, k = draw(st.integers(1, 50)), draw(st.integers(1, 6)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    values = rng.standard_normal((n, genes)) * (rng.random((n, genes)) < draw(st.sampled_from([0.1, 0.5, 1])))
    if draw(st.booleans()):
        values[rng.random((n, genes)) < 0.05] = np.nan
    row_cuts = sorted(draw(st.lists(st.integers(0, n), max_size=4)))
    gene_cuts = sorted(draw(st.lists(st.integers(0, genes), max_size=2)))
    how = {
        "row_cuts": row_cuts,
        "gene_cuts": gene_cuts,
        "sparse": draw(st.sampled_from([(True,), (False,), (True, False)])),
        "order": draw(st.randoms()),
        "threads": draw(st.integers(1, 3)),
    }
    return values, rng.integers(0, k + 1, n), k, how


@given(cases(), st.sampled_from([3, 20, 1 << 18]))
@examples(max_examples=150, derandomize=True)
def test_any_blocks_in_any_order(drawn, piece):
    values, codes, k, how = drawn
    ours = accumulated(values, codes, k, entries_at_once=piece, **how)
    same(ours, direct(values, [codes == g for g in range(k)]), atol=1e-12)


@given(cases(), st.data())
@examples(max_examples=100, derandomize=True)
def test_unions_and_rests(drawn, data):
    values, codes, k, how = drawn
    ours = accumulated(values, codes, k, **how)
    unions = data.draw(st.lists(st.lists(st.integers(0, k - 1), unique=True), min_size=1, max_size=4))
    same(ours.merged(unions), direct(values, [np.isin(codes, u) for u in unions]), atol=1e-12)
    same(ours.rest(), direct(values, [(codes != g) & (codes < k) for g in range(k)]), atol=1e-12)


HARD = {
    "large and close together": lambda rng, n: 1e8 + rng.standard_normal(n),
    "large, others 0": lambda rng, n: np.where(np.arange(n) % 2, 1e8 + rng.standard_normal(n), 0),
    "tiny": lambda rng, n: 1e-8 * rng.random(n),
    "tiny on a large one": lambda rng, n: 1 + 1e-8 * rng.standard_normal(n),
    "one outlier": lambda rng, n: np.where(np.arange(n) == 7, 1e12, rng.random(n)),
    "constant": lambda rng, n: np.full(n, 0.1),
    # the reference is the mean of the first block
    "first cells apart": lambda rng, n: np.where(np.arange(n) < 300, 1e6, 1) + rng.standard_normal(n),
    "first cell apart, short": lambda rng, n: (np.where(np.arange(n) < 2, 1e4, 10) + rng.random(n)).astype(np.float32),
    "float16": lambda rng, n: (100 * rng.random(n)).astype(np.float16),
    "large whole numbers": lambda rng, n: rng.integers(2**62, 2**63 - 1, n),
    "unsigned whole numbers": lambda rng, n: rng.integers(2**63, 2**64 - 1, n, dtype=np.uint64),
    "truth values": lambda rng, n: rng.random(n) < 0.3,
}


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("kind", HARD)
def test_ill_conditioned_numbers(kind, sparse):
    """Compared with sums in extended precision."""
    n, rng = 4000, np.random.default_rng(0)
    values = np.stack([HARD[kind](rng, n) for _ in range(3)], axis=1)
    codes = np.arange(n) % 2
    ours = accumulated(values, codes, 2, range(0, n, 300), sparse=(sparse,))
    expected = direct(values, [codes == 0, codes == 1], np.longdouble)
    both = direct(values, [codes >= 0], np.longdouble)
    np.testing.assert_allclose(ours.mean, expected.mean.astype(float), rtol=1e-13)
    # the relative error of a mean is 1e-16, and its square is an error of each squared deviation
    atol = n * (1e-16 * float(np.abs(both.mean).max())) ** 2
    np.testing.assert_allclose(ours.m2, expected.m2.astype(float), rtol=1e-9, atol=atol)
    np.testing.assert_allclose(ours.merged([[0, 1]]).m2, both.m2.astype(float), rtol=1e-9, atol=atol)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64])
@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e8 + 0.1, 123.456])
def test_a_constant_gene_has_no_variance_and_one_mean(sparse, dtype, value):
    """A variance that is only rounding would make differences of means significant."""
    value = np.float64(min(value, 60_000)).astype(dtype)
    values = np.full((5000, 2), value)
    codes = np.arange(5000) % 7
    ours = accumulated(values, codes, 7, [999, 2001, 4998], sparse=(sparse,))
    for moments in (ours, ours.rest(), ours.merged([[0, 3, 5], [1, 6]])):
        assert not moments.m2.any()
        assert (moments.mean == np.float64(value)).all()


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_affects_only_its_gene_and_group(sparse, value):
    values = np.random.default_rng(0).random((20, 3))
    codes = np.arange(20) % 3
    values[4, 1] = value
    ours = accumulated(values, codes, 3, [7, 13], sparse=(sparse,))
    expected = np.ones((3, 3), bool)
    expected[1, 4 % 3] = False
    np.testing.assert_array_equal(np.isfinite(ours.mean), expected)
    np.testing.assert_array_equal(np.isfinite(ours.m2), expected)
    assert ours.merged([[0, 2]]).mean.shape == (3, 1)
    np.testing.assert_array_equal(np.isfinite(ours.merged([[0, 2], [1, 2]]).mean[1]), [True, False])


def test_more_groups_than_8_bit_codes():
    for k in (255, 256, 257):
        codes = np.arange(600) % (k + 1)
        values = np.random.default_rng(0).random((600, 2))
        same(accumulated(values, codes, k), direct(values, [codes == g for g in range(k)]))


def test_no_genes_groups_or_cells():
    values = np.ones((5, 0))
    assert accumulated(values, np.zeros(5, int), 2).mean.shape == (0, 2)
    values = np.ones((5, 2))
    assert not accumulated(values, np.full(5, 2), 2).mean.any()
    assert accumulated(values, np.full(5, 2), 2).n.tolist() == [0, 0]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint16, np.int32, np.uint32, np.int64])
@pytest.mark.parametrize("n", [0, 1, 1000, 100_000])
def test_sums_by_bin_are_those_of_numpy(dtype, n):
    rng = np.random.default_rng(0)
    place, weights = rng.integers(0, 100, n).astype(dtype), rng.standard_normal(n)
    np.testing.assert_allclose(totals(place, weights, 101), np.bincount(place, weights, 101), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(totals(place, weights > 0, 101), np.bincount(place, weights > 0, 101))
    np.testing.assert_array_equal(BinSums(place, 101).counts(), np.bincount(place, minlength=101))
