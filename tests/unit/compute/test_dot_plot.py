"""Means and fractions by category against pandas groupby."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from h5ad_file import Categorical, Nullable
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from starcyte.compute.plots.dot_plot import summarize
from starcyte.errors import BadRequest, Cancelled
from starcyte.store.index.indexed_matrix import current_matrix

N = 30
NAMES = ["A", "b", "none of them", "<i>"]


@pytest.fixture
def summarized(open_h5ad, stored_as):
    def summarized_(values, column, layout="csr", genes=None, **how):
        dataset = open_h5ad(stored_as(values, layout), obs={"by": column}, block_bytes=64)
        return summarize(dataset.matrix("X"), genes or range(values.shape[1]), dataset.obs_column("by"), **how)

    return summarized_


def by_pandas(values, labels, categories):
    """Return cells, means and fractions of each category, as pandas counts them."""
    grouped = pd.DataFrame(values.astype(np.float64)).groupby(pd.Categorical(labels, categories), observed=False)
    positive = pd.DataFrame(values > 0).groupby(pd.Categorical(labels, categories), observed=False)
    return grouped.size().to_numpy(), grouped.mean().to_numpy().T, positive.mean().to_numpy().T


@examples(max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(-1, 3), min_size=N, max_size=N),
    st.sampled_from(["csr", "csc", "dense", "csr-shuffled"]),
    st.sampled_from([np.float32, np.float64, np.int16, np.uint8, bool]),
)
def test_means_and_fractions_are_pandas(summarized, seed, codes, layout, dtype):
    rng = np.random.default_rng(seed)
    values = (rng.poisson(0.7, (N, 4)) * rng.choice([1, 2, 3], (N, 1))).astype(dtype)
    if np.dtype(dtype).kind == "f":
        values[rng.random(values.shape) < 0.1] *= -1
    result = summarized(values, Categorical(np.array(codes, np.int8), NAMES), layout)
    labels = [None if c < 0 else NAMES[c] for c in codes]
    n, mean, fraction = by_pandas(values, labels, NAMES)
    assert list(result.groups) == NAMES
    np.testing.assert_array_equal(result.n, n)
    np.testing.assert_allclose(result.mean, mean, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(result.fraction, fraction, rtol=1e-12)


VALUES = np.random.default_rng(5).poisson(1, (N, 3)).astype(np.float32)
FLAG = np.arange(N) % 4 == 0
WORDS = np.array([["x", "y", "z"][i % 3] for i in range(N)], dtype=object)


@pytest.mark.parametrize(
    ("column", "labels", "categories"),
    [
        pytest.param(FLAG, FLAG.astype(str), ["False", "True"], id="truth values"),
        pytest.param(WORDS, WORDS, ["x", "y", "z"], id="text"),
        pytest.param(
            Nullable(FLAG, WORDS == "x"),
            np.where(WORDS == "x", None, FLAG.astype(str)),
            ["False", "True"],
            id="nullable",
        ),
        pytest.param(
            Categorical(np.arange(N) % 2, np.array([30, 4])),
            np.where(np.arange(N) % 2, "4", "30"),
            ["30", "4"],
            id="numbers",
        ),
        pytest.param(Categorical(np.full(N, -1, np.int8), np.array([], object)), [None] * N, [], id="no categories"),
    ],
)
def test_every_column_with_categories_can_group(summarized, column, labels, categories):
    result = summarized(VALUES, column)
    n, mean, fraction = by_pandas(VALUES, labels, categories)
    assert list(result.groups) == categories
    np.testing.assert_array_equal(result.n, n)
    np.testing.assert_allclose(result.mean, mean.reshape(3, -1), rtol=1e-12)
    np.testing.assert_allclose(result.fraction, fraction.reshape(3, -1), rtol=1e-12)


def test_genes_keep_the_order_and_number_of_the_request(summarized):
    result = summarized(VALUES, WORDS, genes=[2, 0, 2])
    _, mean, _ = by_pandas(VALUES, WORDS, ["x", "y", "z"])
    np.testing.assert_allclose(result.mean, mean[[2, 0, 2]])


@pytest.mark.parametrize("layout", ["csr", "dense"])
def test_nan_affects_only_its_group_and_gene(summarized, layout):
    values = VALUES.copy()
    values[1, 2] = np.nan
    result = summarized(values, WORDS, layout)
    assert np.isnan(result.mean).tolist() == [[False] * 3, [False] * 3, [False, True, False]]


@pytest.mark.parametrize("column", [np.arange(N) / 3, np.arange(N)], ids=["float", "int"])
def test_numbers_have_no_categories_to_group_by(summarized, column):
    with pytest.raises(BadRequest, match="'by'"):
        summarized(VALUES, column)


def test_a_summary_can_be_cancelled(summarized):
    def stop(done):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        summarized(VALUES, WORDS, tick=stop)


def test_many_genes_without_an_index_are_read_in_one_pass(open_h5ad, stored_as, monkeypatch):
    values = np.random.default_rng(3).poisson(0.7, (N, 5)).astype(np.float32)
    by = Categorical((np.arange(N) % 3).astype(np.int8), NAMES[:3])
    matrix = open_h5ad(stored_as(values, "csr"), obs={"by": by}, block_bytes=64)
    column, matrix = matrix.obs_column("by"), matrix.matrix("X")
    expected = summarize(matrix, [3], column)
    blocks = []
    source = type(current_matrix(matrix))
    real = source.block
    monkeypatch.setattr(source, "block", lambda self, number: blocks.append(number) or real(self, number))
    found = summarize(matrix, [3, 0, 3, 1, 3], column, within=None)
    assert sorted(blocks) == list(range(matrix.n_blocks))
    for row in (0, 2, 4):
        np.testing.assert_allclose(found.mean[row], expected.mean[0])
        np.testing.assert_array_equal(found.fraction[row], expected.fraction[0])
