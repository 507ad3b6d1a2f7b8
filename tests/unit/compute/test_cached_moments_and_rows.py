"""Groups that are nearly unions of categories: cached moments, and the rows of the cells that differ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from indexing import categories, indexed, opened, stored
from scipy.stats import ttest_ind_from_stats
from starcyte.compute.cached_moments import nearest_grouping
from starcyte.compute.diffexp import compare
from starcyte.compute.moments import group_moments
from starcyte.compute.options import Options
from starcyte.store.anndata.csr_matrix import CsrMatrix
from starcyte.store.index.indexed_matrix import IndexedMatrix

pytestmark = pytest.mark.slow

N = 400
RNG = np.random.default_rng(3)
TYPES, DONORS = RNG.integers(-1, 6, N), RNG.integers(0, 3, N)
LASSO = np.zeros(N, bool)
LASSO[[3, 4, 5, 6, 7, 20, 21, 22, 300, 399]] = True
OBS = {"type": categories(TYPES, 6), "donor": categories(DONORS, 3)}


def values():
    """Ordinary genes, then one that the lasso alone has, one that all but the lasso have, constants, and hard ones."""
    ordinary = RNG.standard_normal((N, 6)) * (RNG.random((N, 6)) < 0.6)
    counts = np.log1p(RNG.poisson(0.7, (N, 6)))
    of_lasso = np.where(LASSO, 2.5, 0.0)
    hard = [
        of_lasso,
        np.where(LASSO, 0.0, 1.7),
        np.full(N, 3.3),
        np.zeros(N),
        1e6 + RNG.random(N),
        np.where(LASSO, 1e8, RNG.random(N)),
        np.where(np.arange(N) == 350, np.nan, of_lasso),
        np.where(np.arange(N) == 4, np.inf, 1.0),
        np.where(LASSO, 1e-3, -1e-3) * RNG.random(N),
    ]
    return np.c_[ordinary, counts, np.array(hard).T].astype(np.float32)


VALUES = values()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("csr")
    with opened(folder / "x.h5ad", stored(VALUES, "csr"), OBS, block_bytes=600) as dataset:
        indexed(dataset, folder / "cache")
        yield dataset


def by_pass(dataset, masks):
    codes = np.full(N, len(masks))
    for number, mask in enumerate(masks):
        codes[mask] = number
    return group_moments(dataset.matrix("X"), codes, len(masks))


def same(found, full):
    np.testing.assert_array_equal(found.n, full.n)
    np.testing.assert_array_equal(found.positive, full.positive)
    # three of sixteen digits may be lost, and a sum of squares is told by its mean and its size
    size = np.abs(full.mean)
    # what holds an infinite value is undefined, by one way or another
    finite = np.isfinite(full.mean)
    np.testing.assert_array_equal(np.isfinite(found.mean), finite)
    np.testing.assert_allclose(found.mean[finite], full.mean[finite], rtol=1e-12, atol=1e-15)
    exact = finite & np.isfinite(full.expm1)
    np.testing.assert_allclose(found.expm1[exact], full.expm1[exact], rtol=1e-11, atol=1e-12)
    undefined = np.isnan(full.m2)
    np.testing.assert_array_equal(np.isnan(found.m2), undefined)
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.all(undefined | (np.abs(found.m2 - full.m2) <= 1e-11 * full.m2 + 1e-12 * size**2))


def test_a_lasso_and_the_rest_read_the_rows_of_the_lasso(dataset, monkeypatch):
    matrix = dataset.matrix("X")
    masks = [LASSO, ~LASSO]
    found = nearest_grouping(dataset, matrix, masks)
    read = []
    rows = CsrMatrix.rows
    monkeypatch.setattr(CsrMatrix, "rows", lambda self, cells, codes: read.extend(cells) or rows(self, cells, codes))
    asked = []
    column = IndexedMatrix.column
    monkeypatch.setattr(IndexedMatrix, "column", lambda self, gene: asked.append(gene) or column(self, gene))
    moments = found.moments()
    # those that the lasso alone has or of which too few digits would be left, and no ordinary one
    assert {12, 17} <= set(asked) <= set(range(12, VALUES.shape[1]))
    assert read == np.flatnonzero(LASSO).tolist()
    monkeypatch.undo()
    same(moments, by_pass(dataset, masks))
    assert found.is_quick


def test_scores_near_a_category_are_scipys(dataset):
    found = compare(dataset, dataset.matrix("X"), LASSO, ~LASSO, Options(min_fraction=0))
    usual = [*range(12), 16, 20]
    inside, outside = (VALUES[np.ix_(mask, usual)].astype(float) for mask in (LASSO, ~LASSO))
    # the lasso has fewer than 50 cells, so that the variance is overestimated
    described = [(v.mean(axis=0), v.std(axis=0, ddof=1), LASSO.sum()) for v in (inside, outside)]
    truth = ttest_ind_from_stats(*described[0], *described[1], equal_var=False)
    np.testing.assert_allclose(found.score[usual], truth.statistic, rtol=1e-8)
    np.testing.assert_allclose(found.p_value[usual], truth.pvalue, rtol=1e-7)
    # no variance and different means; the same in all cells; undefined
    assert found.score[12] == np.inf and found.p_value[12] == 0
    assert found.score[13] == -np.inf
    assert np.isnan(found.score[[14, 15, 18, 19]]).all()
    assert found.fraction_b[12] == 0 and found.mean_b[12] == 0


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["type", "donor"]),
    st.integers(0, 5),
    st.booleans(),
)
@examples(max_examples=60, derandomize=True)
def test_groups_near_a_category_are_as_in_a_pass(dataset, seed, column, category, complement):
    """A category with some cells taken out and others put in, against all others or against another made so."""
    codes = {"type": TYPES, "donor": DONORS}[column]
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 6, N) * (rng.random(N) < rng.random() / 2)
    a = (codes == category % 3) ^ (noise == 1)
    b = ~a if complement else ((codes == category % 3 + 1) ^ (noise == 2)) & ~a
    if not a.any() or not b.any():
        return
    found = nearest_grouping(dataset, dataset.matrix("X"), [a, b])
    moments = found.moments(workers=2)
    # where it would read half of all rows it leaves it to a pass
    assert moments is not None or found.differ > N / 4 or not found.whole.any()
    if moments is not None:
        same(moments, by_pass(dataset, [a, b]))


def test_the_column_with_the_fewest_differing_cells_is_chosen(dataset):
    found = nearest_grouping(dataset, dataset.matrix("X"), [(DONORS == 1) | LASSO, (DONORS == 0) & ~LASSO])
    assert found.column == "donor"
    assert found.differ <= 2 * LASSO.sum()
    # either column does for all cells but a few: that of fewer categories
    assert nearest_grouping(dataset, dataset.matrix("X"), [LASSO, ~LASSO]).column == "donor"


def test_without_a_nearly_whole_category_there_are_no_moments(dataset):
    found = nearest_grouping(dataset, dataset.matrix("X"), [LASSO, np.roll(LASSO, 30)])
    assert not found.is_quick
    assert found.moments() is None


def test_too_many_inexact_genes_need_a_pass(dataset):
    assert nearest_grouping(dataset, dataset.matrix("X"), [LASSO, ~LASSO]).moments(most_genes=1) is None
    found = compare(dataset, dataset.matrix("X"), LASSO, ~LASSO)
    assert found.score[12] == np.inf


def test_without_an_index_there_is_none(tmp_path):
    with opened(tmp_path / "x.h5ad", stored(VALUES, "csr"), OBS) as dataset:
        assert nearest_grouping(dataset, dataset.matrix("X"), [LASSO, ~LASSO]) is None


@pytest.mark.parametrize("layout", ["csc", "dense"])
def test_without_rows_only_whole_categories_do(tmp_path, layout):
    with opened(tmp_path / "y.h5ad", stored(VALUES, layout), OBS) as dataset:
        indexed(dataset, tmp_path / "cache")
        found = nearest_grouping(dataset, dataset.matrix("X"), [LASSO, ~LASSO])
        assert not found.is_quick
        assert found.moments() is None
        assert nearest_grouping(dataset, dataset.matrix("X"), [DONORS == 1, DONORS != 1]).is_quick


def test_it_can_be_cancelled(dataset):
    class StopError(Exception):
        pass

    def tick(done):
        raise StopError

    with pytest.raises(StopError):
        nearest_grouping(dataset, dataset.matrix("X"), [LASSO, ~LASSO]).moments(tick=tick)
