"""Comparisons gene by gene against scipy.stats.ttest_ind(equal_var=False), on data made to be hard."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy import stats

pytestmark = pytest.mark.slow

LAYOUTS = ["csr", "csc", "dense", "csr-shuffled", "csc-shuffled"]
N = 60
A, B = np.arange(N) % 3 == 0, np.arange(N) % 3 == 1


def _rng():
    return np.random.default_rng(7)


def _counts(dtype):
    return _rng().poisson(2, (N, 9)).astype(dtype)


def _with_nan():
    values = _rng().normal(size=(N, 4))
    values[0, 1] = np.nan  # in a
    values[1, 2] = np.nan  # in b
    values[2, 3] = np.nan  # in neither
    return values


def _with_infinity():
    values = _rng().normal(size=(N, 3))
    values[3, 0], values[4, 1], values[5, 2] = np.inf, -np.inf, np.inf
    return values


def _constant():
    values = np.ones((N, 4))
    values[:, 1] = 0  # never expressed
    values[:, 2] = A  # constant in each group, different between them
    values[:, 3] = np.where(A, _rng().random(N), 5)  # constant in one group
    return values


DATA = {
    "float32": (lambda: _rng().normal(size=(N, 9)).astype(np.float32)),
    "float64": (lambda: _rng().normal(size=(N, 9))),
    "sparse float32": (lambda: (_rng().normal(size=(N, 9)) * (_rng().random((N, 9)) < 0.2)).astype(np.float32)),
    "log1p of counts": (lambda: np.log1p(_counts(np.float32))),
    **{
        f"counts {t}": (lambda t=t: _counts(t))
        for t in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64")
    },
    "large int64": (lambda: _rng().integers(2**40, 2**41, (N, 3))),
    "uint8 up to 255": (lambda: _rng().integers(0, 256, (N, 5)).astype(np.uint8)),
    "int8 of both signs": (lambda: _rng().integers(-128, 128, (N, 5)).astype(np.int8)),
    "bool": (lambda: _rng().random((N, 6)) < 0.4),
    "NaN": _with_nan,
    "infinity": _with_infinity,
    "constant": _constant,
    "tiny": (lambda: _rng().normal(size=(N, 4)) * 1e-150),
    "large": (lambda: _rng().normal(size=(N, 4)) * 1e100),
    "large float32": (lambda: (_rng().normal(size=(N, 4)) * 1e30).astype(np.float32)),
}


def ttest(values, a, b):
    """Return scipy's t, p and the means; scipy warns where a gene does not vary, we answer NaN in silence.

    If a group has fewer than 50 cells, the other one counts as many, as in scanpy's ``t-test_overestim_var``.
    """
    values = np.asarray(values, np.float64)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        fewer = min(a.sum(), b.sum())
        if a.sum() == b.sum() or fewer >= 50:
            test = stats.ttest_ind(values[a], values[b], equal_var=False)
        else:
            described = [(v.mean(axis=0), v.std(axis=0, ddof=1), fewer) for v in (values[a], values[b])]
            test = stats.ttest_ind_from_stats(*described[0], *described[1], equal_var=False)
        return test.statistic, test.pvalue, values[a].mean(axis=0), values[b].mean(axis=0)


def assert_is_scipys(result, values, a, b, rtol=1e-9):
    statistic, p_value, mean_a, mean_b = ttest(values, a, b)
    np.testing.assert_allclose(result.score, statistic, rtol=rtol)
    np.testing.assert_allclose(result.p_value, p_value, rtol=rtol, atol=1e-300)
    for mean, expected in ((result.mean_a, mean_a), (result.mean_b, mean_b)):
        finite = np.isfinite(expected)
        largest = np.abs(np.where(np.isfinite(values), values, 0)).max(axis=0)[finite]
        np.testing.assert_array_equal(np.isfinite(mean), finite)
        assert np.all(np.abs(mean[finite] - expected[finite]) <= 1e-14 * largest)
    np.testing.assert_array_equal(result.fraction_a, (values[a] > 0).mean(axis=0))
    np.testing.assert_array_equal(result.fraction_b, (values[b] > 0).mean(axis=0))
    assert (result.n_a, result.n_b) == (a.sum(), b.sum())


@pytest.mark.parametrize("block_bytes", [pytest.param(200, id="many blocks"), pytest.param(1 << 20, id="one block")])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("data", DATA)
def test_scores_and_p_values_are_scipys(compared, data, layout, block_bytes):
    values = DATA[data]()
    assert_is_scipys(compared(values, A, B, layout, block_bytes=block_bytes), values, A, B)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_scores_are_scipys_against_the_rest(compared, layout):
    values = DATA["sparse float32"]()
    assert_is_scipys(compared(values, A, ~A, layout, block_bytes=300), values, A, ~A)


@pytest.mark.parametrize("block_bytes", [pytest.param(200, id="many blocks"), pytest.param(1 << 20, id="one block")])
@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
@pytest.mark.parametrize("offset", [1e4, 1e6, 1e8, -1e8])
def test_noise_on_a_large_offset_is_still_seen(compared, offset, layout, block_bytes):
    noise = _rng().normal(size=(N, 5)) + np.outer(A, [0, 0.5, 1, 2, 4])
    values = noise + offset
    result = compared(values, A, B, layout, block_bytes=block_bytes)
    # a mean is known to one unit in the last place of the offset, a score to that over the standard error
    tolerance = 4 * np.spacing(abs(offset)) / 0.2
    statistic, p_value, _, _ = ttest(values, A, B)
    np.testing.assert_allclose(result.score, statistic, atol=tolerance * 10, rtol=1e-7)
    np.testing.assert_allclose(result.p_value, p_value, rtol=1e-5)


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_three_cells_in_each_group_are_enough(compared, layout):
    values = np.array([[1.0, 0], [2, 0], [2, 1], [4, 1], [7, 5], [8, 5], [100, 100]])
    a, b = np.arange(7) < 3, (np.arange(7) >= 3) & (np.arange(7) < 6)
    assert_is_scipys(compared(values, a, b, layout), values, a, b)


@pytest.mark.parametrize("sizes", [(20, 2000), (2000, 20)], ids=["small a", "small b"])
def test_unequal_groups_are_not_levelled_down(compared, sizes):
    values = _rng().normal(size=(sum(sizes), 4)) * np.repeat([[3.0], [0.5]], sizes, axis=0)
    a = np.arange(sum(sizes)) < sizes[0]
    assert_is_scipys(compared(values, a, ~a, "dense"), values, a, ~a)


@st.composite
def questions(draw):
    """Draw a small matrix with many zeros and ties, two groups, a layout and a block size."""
    n, m = draw(st.integers(6, 14)), draw(st.integers(1, 5))
    number = st.one_of(st.just(0.0), st.sampled_from([1.0, 2.5, -3.0]), st.floats(-1e3, 1e3, width=32))
    values = np.array(draw(st.lists(st.lists(number, min_size=m, max_size=m), min_size=n, max_size=n)))
    groups = np.array(
        draw(st.permutations([0, 0, 0, 1, 1, 1, *draw(st.lists(st.integers(0, 2), min_size=n - 6, max_size=n - 6))]))
    )
    return values, groups == 0, groups == 1, draw(st.permutations(range(n)))


BLOCKS = st.sampled_from([1, 16, 64, 1 << 20])
STORED = st.sampled_from(["csr", "csc", "dense"])


@examples(max_examples=40)
@given(questions(), STORED, BLOCKS, STORED, BLOCKS)
def test_neither_layout_nor_blocks_nor_the_order_of_cells_matter(compared, asked, layout, block, layout2, block2):
    values, a, b, order = asked
    order = list(order)
    once = compared(values, a, b, layout, block_bytes=block)
    again = compared(values[order], a[order], b[order], layout2, block_bytes=block2)
    scale = np.abs(values).max()
    for field in ("mean_a", "mean_b"):
        np.testing.assert_allclose(getattr(again, field), getattr(once, field), rtol=1e-12, atol=1e-14 * scale)
    for field in ("fraction_a", "fraction_b"):
        np.testing.assert_array_equal(getattr(again, field), getattr(once, field))
    # where a gene hardly varies beside its mean, its score is the noise of rounding
    spread = np.sqrt(values[a].var(axis=0) + values[b].var(axis=0))
    steady = spread > 1e-6 * scale
    np.testing.assert_allclose(again.score[steady], once.score[steady], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(again.p_value[steady], once.p_value[steady], rtol=1e-5, atol=1e-12)


@examples(max_examples=40)
@given(questions(), STORED, BLOCKS)
def test_scores_of_small_data_are_scipys(compared, asked, layout, block):
    values, a, b, _ = asked
    result = compared(values, a, b, layout, block_bytes=block)
    statistic, p_value, _, _ = ttest(values, a, b)
    spread = np.sqrt(values[a].var(axis=0) + values[b].var(axis=0))
    steady = spread > 1e-6 * np.abs(values).max()
    np.testing.assert_allclose(result.score[steady], statistic[steady], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(result.p_value[steady], p_value[steady], rtol=1e-5, atol=1e-12)
    constant = (np.ptp(values[a], axis=0) == 0) & (np.ptp(values[b], axis=0) == 0)
    equal = values[a][0] == values[b][0]
    assert np.isnan(result.score[constant & equal]).all(), "no difference and no variance: undefined"
    assert np.isnan(result.p_value[constant & equal]).all()


@examples(max_examples=30)
@given(questions(), STORED)
def test_swapping_the_groups_turns_the_signs(compared, asked, layout):
    values, a, b, _ = asked
    there, back = compared(values, a, b, layout), compared(values, b, a, layout)
    np.testing.assert_array_equal(back.score, -there.score)
    np.testing.assert_array_equal(back.p_value, there.p_value)
    np.testing.assert_array_equal(back.mean_a, there.mean_b)
    np.testing.assert_allclose(back.log2_fold_change, -there.log2_fold_change, rtol=1e-9, atol=1e-12)
