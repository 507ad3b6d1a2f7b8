"""Comparisons on the real dataset against scanpy's rank_genes_groups(method="t-test")."""

from __future__ import annotations

import warnings

import anndata as ad
import numpy as np
import pytest
from scipy.stats import ttest_ind
from starcyte.compute.diffexp import compare
from starcyte.compute.options import Options
from starcyte.settings import Settings
from starcyte.store.open import open_dataset

pytestmark = pytest.mark.slow

GROUPS = ["CD14+ Monocyte", "Dendritic", "CD34+"]
# of fewer than 50 cells the variance is overestimated
METHODS = {"t-test": GROUPS[:2], "t-test_overestim_var": GROUPS[2:]}


@pytest.fixture(scope="module")
def adata(pbmc):
    with warnings.catch_warnings():
        # the file is of anndata 0.6
        warnings.simplefilter("ignore")
        return ad.read_h5ad(pbmc)


@pytest.fixture(scope="module")
def dataset(pbmc):
    dataset = open_dataset(pbmc, Settings(block_bytes=100_000))
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
            frames = {}
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                # scanpy warns of the fold changes of scaled data, which it cannot know; we answer none
                warnings.simplefilter("ignore")
                for method, groups in METHODS.items():
                    scanpy.tl.rank_genes_groups(
                        adata,
                        "bulk_labels",
                        groups=groups,
                        reference=reference,
                        method=method,
                        use_raw=matrix == "raw/X",
                        pts=True,
                        key_added="ranked",
                    )
                    for group in groups:
                        frames[group] = scanpy.get.rank_genes_groups_df(adata, group, key="ranked")
            tables[matrix, reference] = frames
        return tables[matrix, reference]

    return rank


@pytest.fixture
def both(adata, dataset, ranked, request):
    """Return our comparison and scanpy's table, in the order of the matrix's genes."""
    matrix, group, reference = request.param
    labels = adata.obs["bulk_labels"].to_numpy()
    a = labels == group
    b = ~a if reference == "rest" else labels == reference
    result = compare(dataset, dataset.matrix(matrix), a, b, Options(fold_change="scanpy", min_fraction=0))
    return result, ranked(matrix, reference)[group].set_index("names").loc[list(dataset.genes(matrix).names)]


CASES = [
    pytest.param((matrix, group, reference), id=f"{matrix}, {group}, {reference}")
    for matrix in ("raw/X", "X")
    for group in GROUPS
    for reference in ("rest", "CD19+ B")
]


LOGARITHMS = [c for c in CASES if c.values[0][0] == "raw/X"]
SCALED = [c for c in CASES if c.values[0][0] == "X"]


@pytest.mark.parametrize("both", LOGARITHMS, indirect=True)
def test_scores_and_p_values_are_scanpys(both):
    ours, theirs = both
    defined = np.isfinite(ours.score)
    assert defined.sum() > 700
    np.testing.assert_allclose(ours.score[defined], theirs["scores"][defined], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.p_value[defined], theirs["pvals"][defined], rtol=1e-4)
    np.testing.assert_allclose(ours.p_adjusted[defined], theirs["pvals_adj"][defined], rtol=1e-4)
    assert (theirs["pvals"][~defined] == 1).all(), "what scanpy calls p = 1 has no variance"


@pytest.mark.parametrize("both", SCALED, indirect=True)
def test_scores_of_scaled_values_are_scanpys(both):
    ours, theirs = both
    # scanpy subtracts squares in float32: where one group is constant its variance comes out below 0, its score as 0
    known = (theirs["scores"] != 0).to_numpy() & np.isfinite(ours.score)
    assert known.sum() > 650
    np.testing.assert_allclose(ours.score[known], theirs["scores"][known], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("both", LOGARITHMS, indirect=True)
def test_fold_changes_and_fractions_of_logarithms_are_scanpys(both):
    ours, theirs = both
    assert ours.scale.kind == "log1p"
    np.testing.assert_allclose(ours.log2_fold_change, theirs["logfoldchanges"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.fraction_a, theirs["pct_nz_group"], rtol=1e-12)
    if "pct_nz_reference" in theirs:
        np.testing.assert_allclose(ours.fraction_b, theirs["pct_nz_reference"], rtol=1e-12)


@pytest.mark.parametrize("both", SCALED, indirect=True)
def test_scaled_values_have_no_fold_change(both):
    ours, _ = both
    assert ours.scale.kind == "signed"
    assert np.isnan(ours.log2_fold_change).all()


@pytest.mark.parametrize("both", LOGARITHMS, indirect=True)
def test_the_best_genes_are_scanpys(both):
    ours, theirs = both
    names = theirs.index.to_numpy()[ours.order()]
    by_strength = theirs["scores"].abs().sort_values(ascending=False)
    assert set(names[:50]) == set(by_strength.index[:50])
    assert names[0] == by_strength.index[0]


@pytest.mark.parametrize("group", GROUPS[:2])
@pytest.mark.parametrize("matrix", ["raw/X", "X"])
def test_every_gene_is_scipys(adata, dataset, matrix, group):
    x = adata.X if matrix == "X" else adata.raw.X.toarray()
    a = adata.obs["bulk_labels"].to_numpy() == group
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = ttest_ind(x[a].astype(np.float64), x[~a].astype(np.float64), equal_var=False)
    result = compare(dataset, dataset.matrix(matrix), a, ~a, Options(min_fraction=0))
    np.testing.assert_allclose(result.score, expected.statistic, rtol=1e-9)
    np.testing.assert_allclose(result.p_value, expected.pvalue, rtol=1e-8)


@pytest.mark.parametrize("group", GROUPS)
def test_fold_changes_are_ratios_of_mean_expression(adata, dataset, group):
    """As Seurat 5 computes them: log2 of the ratio of (sum of expm1 + 1) / n."""
    amounts = np.expm1(adata.raw.X.toarray().astype(np.float64))
    a = adata.obs["bulk_labels"].to_numpy() == group
    levels = [(amounts[cells].sum(axis=0) + 1) / cells.sum() for cells in (a, ~a)]
    result = compare(dataset, dataset.matrix("raw/X"), a, ~a, Options(min_fraction=0))
    np.testing.assert_allclose(result.log2_fold_change, np.log2(levels[0] / levels[1]), rtol=1e-6, atol=1e-9)
    symbols = list(dataset.genes("raw/X").names)
    if group == "CD14+ Monocyte":
        assert abs(result.log2_fold_change[symbols.index("CST3")] - 0.15) < 0.01
