"""Scores of gene sets against scanpy's own."""

import warnings

import numpy as np
import pytest
import scanpy as sc
from anndata import AnnData
from indexing import indexed as with_index
from indexing import opened, stored
from scipy.sparse import csr_matrix
from starcyte.compute.plots.gene_set_score import control_genes, mean_of_genes, score_of_genes
from starcyte.errors import BadRequest
from starcyte.settings import Settings
from starcyte.store.index.build import build_index
from starcyte.store.open import open_dataset

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    rng = np.random.default_rng(5)
    # continuous where expressed: where genes have equal means, scanpy's ranks hang on the order of adding up
    values = rng.poisson(rng.gamma(0.6, 1.5, 1500), (300, 1500)) * rng.uniform(0.5, 1, (300, 1500))
    values = np.log1p(values).astype(np.float32)
    # sparse: of a dense matrix scanpy takes means in float32, which ranks genes of like means otherwise
    adata = AnnData(csr_matrix(values), obs={"half": np.repeat(["a", "b"], 150)})
    path = tmp_path_factory.mktemp("geneset") / "x.h5ad"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_h5ad(path)
    return adata, path


@pytest.mark.parametrize("indexed", [False, True], ids=["scanned", "indexed"])
@pytest.mark.parametrize("size", [1, 7, 60, 400])
def test_score_is_scanpys(written, tmp_path, size, indexed):
    adata, path = written
    genes = np.random.default_rng(size).choice(adata.n_vars, size, replace=False)
    sc.tl.score_genes(adata, adata.var_names[genes].tolist(), use_raw=False)
    dataset = open_dataset(path, Settings())
    matrix = dataset.matrix("X")
    if indexed:
        matrix.index = build_index(matrix.base, dataset.grouping_columns("X"), tmp_path, dataset.index_key("X"), 1)
    score = score_of_genes(dataset, matrix, genes.tolist())
    # float32 means of scanpy against float64 here
    np.testing.assert_allclose(score, adata.obs["score"], atol=2e-6)
    np.testing.assert_allclose(
        mean_of_genes(matrix, genes.tolist()), np.asarray(adata.X[:, genes].mean(1)).ravel(), atol=2e-6
    )


def test_controls_are_not_in_the_set():
    mean = np.random.default_rng(0).random(2000)
    genes = [3, 5, 1999]
    assert not set(control_genes(mean, genes)) & set(genes)


def test_too_few_genes_to_choose_from():
    with pytest.raises(BadRequest, match="too few"):
        control_genes(np.arange(5.0), [0])


@pytest.mark.parametrize("indexed", [False, True], ids=["scanned", "indexed"])
@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_many_genes_are_read_in_one_pass(tmp_path, layout, indexed):
    values = np.random.default_rng(2).poisson(0.4, (200, 50)).astype(np.float32)
    with opened(tmp_path / "x.h5ad", stored(values, layout), block_bytes=900) as dataset:
        if indexed:
            with_index(dataset, tmp_path / "cache")
        genes, ticks = [*range(3, 48, 2)], []
        found = mean_of_genes(dataset.matrix("X"), genes, 2, ticks.append)
        np.testing.assert_allclose(found, values[:, genes].mean(axis=1), rtol=1e-6)
        assert ticks[-1] == 1
