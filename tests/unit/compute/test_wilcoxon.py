"""Rank sums against scipy's mannwhitneyu, and scanpy's rank_genes_groups(method="wilcoxon", tie_correct=True)."""

from __future__ import annotations

import math
import warnings

import anndata as ad
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from indexing import indexed, opened, stored
from scipy.stats import false_discovery_control, mannwhitneyu, rankdata
from starcyte.compute.diffexp import compare
from starcyte.compute.methods.wilcoxon import rank_sum_test
from starcyte.compute.options import Options
from starcyte.compute.rank_sums import rank_sums
from starcyte.errors import Cancelled
from starcyte.settings import Settings
from starcyte.store.open import open_dataset

pytestmark = pytest.mark.slow

LAYOUTS = ["csr", "csc", "dense"]
GROUPS = ["CD14+ Monocyte", "Dendritic", "CD34+"]


def ours(values, codes, tmp_path, layout="csr", index=False, k=2, block_bytes=400, workers=2, at_once=40_000):
    """Return z, p and AUC of group 0 against group 1 (or all others), as starcyte finds them in a file.

    The genes are cut into as many runs as those of a large dataset.
    """
    with opened(tmp_path / "x.h5ad", stored(values, layout), block_bytes=block_bytes) as dataset:
        if index:
            indexed(dataset, tmp_path / f"cache-{np.random.default_rng().integers(1 << 62)}")
        sums = rank_sums(dataset.matrix("X"), codes, k, workers, entries_at_once=at_once)
        n = sums.n.tolist()
        return rank_sum_test(sums.ranks[:, 0], sums.ties, n[0], sum(n[1:])), sums


def scipys(values, a, b):
    """Return z, p and AUC of each gene; 0, 1 and 1/2 where all cells are equal, of which scipy says NaN.

    p is exact if both groups have fewer than 50 cells and there are no ties, and at least that of the most extreme
    division into two groups.
    """
    # scipy would rank float32 with float32
    x, y = values[a].astype(np.float64), values[b].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        u, p = mannwhitneyu(x, y, axis=0, method="asymptotic", use_continuity=False)
        if max(len(x), len(y)) < 50:
            both = np.sort(np.r_[x, y], axis=0)
            untied = np.all(np.diff(both, axis=0) != 0, axis=0) & ~np.isnan(both).any(axis=0)
            p = np.where(untied, mannwhitneyu(x, y, axis=0, method="exact").pvalue, p)
    same = np.all(values[a | b] == values[a | b][0], axis=0)
    n_a, n_b = int(a.sum()), int(b.sum())
    return np.maximum(np.where(same, 1, p), min(2 / math.comb(n_a + n_b, n_a), 1)), u / (n_a * n_b)


def agree(found, expected):
    (_, p, auc), (p_expected, auc_expected) = found, expected
    np.testing.assert_allclose(p, p_expected, rtol=1e-9)
    np.testing.assert_allclose(auc, auc_expected, rtol=1e-12)


@pytest.mark.parametrize(("n_a", "n_b"), [(3, 3), (3, 20), (12, 7), (49, 3), (49, 49)])
def test_the_null_distribution_of_small_groups_without_ties_is_exact(n_a, n_b):
    values = np.random.default_rng(n_a).random((n_a + n_b, 40)) + np.outer(
        np.arange(n_a + n_b) < n_a, np.linspace(0, 1, 40)
    )
    ranks = rankdata(values, axis=0)[:n_a].sum(axis=0)
    _, p, _ = rank_sum_test(ranks, np.zeros(40), n_a, n_b)
    expected = mannwhitneyu(values[:n_a], values[n_a:], axis=0, method="exact").pvalue
    np.testing.assert_allclose(p, expected, rtol=1e-9)


@pytest.mark.parametrize(("n_a", "n_b"), [(1, 3000), (3, 3000), (3, 6), (10, 40)])
def test_no_p_value_is_below_what_the_sizes_of_the_groups_allow(n_a, n_b):
    """A gene that only group a expresses: nearly all values are ties, of which the variance is tiny."""
    values = np.r_[np.full(n_a, 1.0), np.zeros(n_b)]
    ranks = np.array([rankdata(values)[:n_a].sum()])
    ties = np.array([float(n_a) ** 3 - n_a + float(n_b) ** 3 - n_b])
    _, p, _ = rank_sum_test(ranks, ties, n_a, n_b)
    assert p[0] >= 2 / math.comb(n_a + n_b, n_a) * (1 - 1e-9)


@st.composite
def cases(draw):
    n, genes = draw(st.integers(2, 60)), draw(st.integers(1, 6))
    dtype = np.dtype(draw(st.sampled_from(["<f2", "<f4", "<f8", "<i1", "<i8", "<u2", "|b1"])))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    # few different values, so that there are ties
    low, high = (0, 2) if dtype.kind == "b" else (0 if dtype.kind == "u" else -3, 6)
    values = (rng.integers(low, high, (n, genes)) * (0.25 if dtype.kind == "f" else 1)).astype(dtype)
    values[rng.random((n, genes)) < draw(st.sampled_from([0, 0.5, 0.9]))] = 0
    if draw(st.booleans()):
        values[:, 0] = values[0, 0]
    codes = rng.integers(0, 3, n)
    codes[:2] = 0, 1
    how = {"layout": draw(st.sampled_from(LAYOUTS)), "index": draw(st.booleans())}
    return values, codes, how | {"block_bytes": draw(st.integers(1, 2000)), "workers": draw(st.integers(1, 3))}


@given(cases(), st.integers(1, 200))
@examples(max_examples=60, derandomize=True)
def test_any_data_is_scipys(tmp_path, drawn, at_once):
    values, codes, how = drawn
    found, sums = ours(values, codes, tmp_path, at_once=at_once, **how)
    agree(found, scipys(values, codes == 0, codes == 1))
    for g in (0, 1):
        inside = values[codes == g].astype(np.float64)
        np.testing.assert_allclose(sums.mean[:, g], inside.mean(axis=0), atol=1e-12)
        np.testing.assert_array_equal(sums.positive[:, g], (inside > 0).sum(axis=0))
    assert sums.n.tolist() == [(codes == 0).sum(), (codes == 1).sum()]


def test_the_sign_of_z_is_that_of_the_difference(tmp_path):
    values = np.array([[5, 0, 1], [6, 0, 1], [1, 9, 1], [0, 7, 1]], np.float32)
    (z, p, auc), _ = ours(values, np.array([0, 0, 1, 1]), tmp_path)
    assert z[0] > 0 > z[1]
    assert (z[2], p[2], auc[2]) == (0, 1, 0.5)
    assert auc.tolist() == [1, 0, 0.5]


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint8])
def test_large_groups(tmp_path, layout, dtype, index):
    rng = np.random.default_rng(0)
    values = (rng.poisson(0.4, (3000, 12)) * (1 if np.issubdtype(dtype, np.integer) else 0.37)).astype(dtype)
    if dtype is not np.uint8:
        values = values - (rng.random(values.shape) < 0.1).astype(dtype)
    values[:, 3] = 0
    values[:, 4] = 2
    codes = np.minimum(rng.integers(0, 4, 3000), 2)
    found, _ = ours(values, codes, tmp_path, layout, index, block_bytes=20_000)
    agree(found, scipys(values, codes == 0, codes == 1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_order_of_numbers(tmp_path, dtype):
    """Infinite, tiny and negative ones, and a zero with a sign."""
    line = [0.0, -0.0, -np.inf, np.inf, 1e-40, -1e-40, 1, -1, 3e38, -3e38, 2, 2, -2, 0.5]
    values = np.random.default_rng(0).permuted(np.tile(np.array(line, dtype)[:, None], (1, 20)), axis=0)
    codes = np.arange(len(line)) % 2
    found, _ = ours(values, codes, tmp_path)
    agree(found, scipys(values, codes == 0, codes == 1))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gene_with_nan_is_undefined_and_others_are_not(tmp_path, dtype, index, sign):
    values = np.random.default_rng(0).integers(-2, 3, (40, 4)).astype(dtype)
    codes = np.arange(40) % 3
    values[7, 2] = np.copysign(np.nan, sign)  # of the second group
    (z, p, auc), _ = ours(values, codes, tmp_path, index=index)
    assert np.isnan([z[2], p[2], auc[2]]).all()
    rest = [0, 1, 3]
    agree((z[rest], p[rest], auc[rest]), scipys(values[:, rest], codes == 0, codes == 1))


def test_nan_of_a_cell_in_no_group_changes_nothing(tmp_path):
    values = np.random.default_rng(0).integers(0, 3, (40, 2)).astype(np.float32)
    codes = np.arange(40) % 3
    values[2, 0] = np.nan  # of the third
    found, _ = ours(values, codes, tmp_path)
    agree(found, scipys(values, codes == 0, codes == 1))


@pytest.mark.parametrize("n_a, n_b", [(1, 30), (30, 1), (1, 1)])
def test_a_group_of_one_cell(tmp_path, n_a, n_b):
    values = np.random.default_rng(0).integers(0, 4, (n_a + n_b, 6)).astype(np.float32)
    codes = np.r_[np.zeros(n_a, int), np.ones(n_b, int)]
    found, _ = ours(values, codes, tmp_path)
    agree(found, scipys(values, codes == 0, codes == 1))


@pytest.mark.parametrize("k", [255, 256, 300])
def test_many_groups(tmp_path, k):
    rng = np.random.default_rng(0)
    values = rng.poisson(0.5, (1500, 5)).astype(np.float32)
    codes = rng.integers(0, k + 1, 1500)
    codes[:2] = 0, k - 1
    found, sums = ours(values, codes, tmp_path, k=k, index=True)
    agree(found, scipys(values, codes == 0, (codes > 0) & (codes < k)))
    for g in (1, k - 1):
        n = int(sums.n[g])
        p, auc = scipys(values, codes == g, (codes != g) & (codes < k))
        agree(rank_sum_test(sums.ranks[:, g], sums.ties, n, int(sums.n.sum()) - n), (p, auc))


def test_no_gene(tmp_path):
    for layout in LAYOUTS:
        (z, _, _), sums = ours(np.zeros((4, 0), np.float32), np.array([0, 1, 0, 1]), tmp_path, layout)
        assert z.shape == (0,)
        assert sums.n.tolist() == [2, 2]


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_can_be_cancelled(tmp_path, layout, index):
    values = np.random.default_rng(0).random((200, 40)).astype(np.float32)
    seen = []

    def stop(done):
        seen.append(done)
        if len(seen) == 4:
            raise Cancelled("enough")

    with opened(tmp_path / "x.h5ad", stored(values, layout), block_bytes=3000) as dataset:
        if index:
            indexed(dataset, tmp_path / "cache")
        with pytest.raises(Cancelled):
            rank_sums(dataset.matrix("X"), np.arange(200) % 2, 2, 1, stop, entries_at_once=300)
    assert all(0 <= done <= 1 for done in seen)


@pytest.fixture(scope="module")
def adata(pbmc):
    with warnings.catch_warnings():
        # the file is of anndata 0.6
        warnings.simplefilter("ignore")
        return ad.read_h5ad(pbmc)


@pytest.fixture(scope="module", params=[False, True], ids=["file", "index"])
def dataset(pbmc, request, tmp_path_factory):
    dataset = open_dataset(pbmc, Settings(block_bytes=100_000))
    if request.param:
        from starcyte.store.index.background import index_matrix

        settings = Settings(cache_dir=str(tmp_path_factory.mktemp("cache")))
        for matrix in dataset.matrices:
            matrix.index = index_matrix(dataset, settings, matrix.name, lambda done: None)
    yield dataset
    dataset.close()


@pytest.fixture(scope="module")
def ranked(adata):
    """Return a function that gives scanpy's table for a matrix and a reference, by group."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import scanpy

    tables = {}

    def rank(matrix, reference):
        if (matrix, reference) not in tables:
            how = {"method": "wilcoxon", "tie_correct": True, "use_raw": matrix == "raw/X", "key_added": "ranked"}
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                scanpy.tl.rank_genes_groups(adata, "bulk_labels", groups=GROUPS, reference=reference, **how)
                frames = [scanpy.get.rank_genes_groups_df(adata, group, key="ranked") for group in GROUPS]
            tables[matrix, reference] = dict(zip(GROUPS, frames, strict=True))
        return tables[matrix, reference]

    return rank


@pytest.mark.parametrize("reference", ["rest", "CD19+ B"])
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("matrix", ["raw/X", "X"])
def test_pbmc_is_scanpys_and_scipys(adata, dataset, ranked, matrix, group, reference):
    labels = adata.obs["bulk_labels"].to_numpy()
    a = labels == group
    b = ~a if reference == "rest" else labels == reference
    options = Options(method="wilcoxon", min_fraction=0)
    result = compare(dataset, dataset.matrix(matrix), a, b, options, workers=2)
    theirs = ranked(matrix, reference)[group].set_index("names").loc[list(dataset.genes(matrix).names)]
    # scanpy keeps scores as float32
    np.testing.assert_allclose(result.score, theirs["scores"], rtol=1e-5, atol=1e-6)
    # none is below that of the most extreme division into groups of these sizes
    possible = np.maximum(theirs["pvals"].to_numpy(), 2 / math.comb(result.n_a + result.n_b, result.n_a))
    np.testing.assert_allclose(result.p_value, possible, rtol=1e-8)
    np.testing.assert_allclose(result.p_adjusted, false_discovery_control(possible), rtol=1e-8)
    x = adata.X if matrix == "X" else adata.raw.X.toarray()
    agree((result.score, result.p_value, result.auc), scipys(x, a, b))
