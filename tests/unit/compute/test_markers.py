"""Markers against scanpy's rank_genes_groups, every category against the rest."""

import warnings
from math import comb

import numpy as np
import pytest
import scanpy as sc
from starcyte.compute.diffexp import compare
from starcyte.compute.markers import find_markers
from starcyte.compute.options import Options
from starcyte.errors import BadRequest
from starcyte.settings import Settings
from starcyte.store.dataset import Column, ColumnInfo, Kind
from starcyte.store.index.build import build_index
from starcyte.store.open import open_dataset

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def oracle(pbmc):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata = sc.read_h5ad(pbmc)
        raw = adata.raw.to_adata()
    raw.obs = adata.obs.copy()
    # an h5ad of that age does not say that its values are logarithms
    raw.uns["log1p"] = {"base": None}
    return raw


def opened(pbmc, tmp_path, indexed):
    dataset = open_dataset(pbmc, Settings())
    matrix = dataset.matrix("raw/X")
    if indexed:
        matrix.index = build_index(
            matrix.base, dataset.grouping_columns("raw/X"), tmp_path, dataset.index_key("raw/X"), 1
        )
    return dataset, matrix


@pytest.mark.parametrize("indexed", [False, True], ids=["scanned", "indexed"])
@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_markers_are_scanpys(pbmc, oracle, tmp_path, method, indexed):
    dataset, matrix = opened(pbmc, tmp_path, indexed)
    options = Options(method, fold_change="scanpy", min_fraction=0)
    found = find_markers(dataset, matrix, dataset.obs_column("bulk_labels"), 20, options)
    assert (found.scale.kind, found.n_genes) == ("log1p", 765)
    how = {"tie_correct": True} if method == "wilcoxon" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.tl.rank_genes_groups(oracle, "bulk_labels", method=method, use_raw=False, pts=True, **how)
    names = dataset.genes("raw/X").names
    for group in found.groups:
        if group.n < 50 and method == "t-test":
            continue  # its variance is overestimated
        table = sc.get.rank_genes_groups_df(oracle, group.name).set_index("names").loc[[names[g] for g in group.genes]]
        assert group.n + group.n_rest == 700
        assert np.all(np.diff(group.score) <= 0)
        # scanpy keeps scores in float32, and its sums of float32 values too
        np.testing.assert_allclose(group.score, table["scores"], rtol=2e-4)
        # no p-value of ranks is below that of the most extreme division of the cells
        expected = table["pvals_adj"].to_numpy()
        if method == "wilcoxon" and group.n < 200:
            possible = group.p_value > 2.001 / comb(700, group.n)
            assert possible.sum() >= 8
        else:
            possible = np.ones(20, bool)
        np.testing.assert_allclose(group.p_adjusted[possible], expected[possible], rtol=2e-2, atol=1e-300)
        np.testing.assert_allclose(group.log2_fold_change, table["logfoldchanges"], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(group.fraction_a, table["pct_nz_group"], rtol=1e-6)
        np.testing.assert_allclose(group.fraction_b, table["pct_nz_reference"], rtol=1e-6)


@pytest.mark.parametrize("indexed", [False, True], ids=["scanned", "indexed"])
def test_cells_without_a_category_belong_to_the_rest(pbmc, tmp_path, indexed):
    dataset, matrix = opened(pbmc, tmp_path, indexed)
    codes = dataset.obs_column("phase").values.copy()
    codes[codes == 2] = -1
    # a name that no moments are kept of
    column = Column(ColumnInfo("some phases", Kind.CATEGORICAL, "int8", ("G1", "G2M", "S")), codes)
    whole = find_markers(dataset, matrix, dataset.obs_column("phase"), 10)
    some = find_markers(dataset, matrix, column, 10)
    assert [g.n for g in some.groups] == [501, 17, 0]
    np.testing.assert_allclose(some.groups[0].score, whole.groups[0].score)
    assert some.groups[2].genes.size == 0


def test_numbers_have_no_markers(pbmc, tmp_path):
    dataset, matrix = opened(pbmc, tmp_path, False)
    with pytest.raises(BadRequest, match="no categories"):
        find_markers(dataset, matrix, dataset.obs_column("n_genes"), 10)


@pytest.mark.parametrize("fold_change", ["mean-expression", "scanpy"])
@pytest.mark.parametrize("indexed", [False, True], ids=["scanned", "indexed"])
@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_markers_and_comparisons_answer_the_same_question_alike(pbmc, tmp_path, method, indexed, fold_change):
    dataset, matrix = opened(pbmc, tmp_path, indexed)
    column, options = dataset.obs_column("bulk_labels"), Options(method, fold_change=fold_change)
    codes, _ = column.as_categories()
    for code, group in enumerate(find_markers(dataset, matrix, column, 765, options).groups):
        compared = compare(dataset, matrix, codes == code, codes != code, options)
        assert (group.n, group.n_rest, group.n_tested) == (compared.n_a, compared.n_b, compared.tested.sum())
        assert set(group.genes) == set(np.flatnonzero(compared.tested))
        assert bool(group.warnings) == bool(compared.warnings) == (group.n < 50)
        for field in ("log2_fold_change", "score", "p_value", "p_adjusted", "mean_a", "mean_b", "fraction_b", "auc"):
            np.testing.assert_allclose(
                getattr(group, field), getattr(compared, field)[group.genes], rtol=1e-8, atol=1e-12, err_msg=field
            )
