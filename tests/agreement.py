"""Comparison of an open dataset with what anndata has read of the same file."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from starcyte.store.dataset import Column
from starcyte.store.index.stored_dataset import StoredDataset


def values_of(column: Column) -> list[Any]:
    """Return one value a cell, None where missing; the text of the category where it is categorical."""
    if column.info.categories is not None:
        return [None if code < 0 else column.info.categories[code] for code in column.values.tolist()]
    if column.info.kind == "datetime":
        return [None if np.isnat(value) else value for value in column.values]
    missing = column.missing if column.missing is not None else np.zeros(len(column.values), bool)
    return [None if gone else value for value, gone in zip(column.values.tolist(), missing.tolist(), strict=True)]


def check_agrees(store: StoredDataset, oracle: ad.AnnData) -> None:
    """Assert that every name, column, matrix and embedding is equal to anndata's."""
    assert (store.n_obs, store.n_vars) == oracle.shape
    assert store.cell_names(range(store.n_obs)) == oracle.obs_names.tolist()
    assert [info.name for info in store.obs] == oracle.obs.columns.tolist()
    for name in oracle.obs.columns:
        column = oracle.obs[name]
        values = values_of(store.obs_column(name))
        if hasattr(column, "cat"):
            assert list(store.obs_column(name).info.categories or ()) == [str(c) for c in column.cat.categories]
            assert values == [None if code < 0 else str(column.cat.categories[code]) for code in column.cat.codes]
            assert store.obs_column(name).info.ordered == column.cat.ordered
        else:
            texts = store.obs_column(name).info.kind == "string" and column.dtype.kind in "iu"
            for found, expected in zip(values, map(str, column) if texts else column.tolist(), strict=True):
                assert (found is None or found != found) if pd.isna(expected) else found == expected
    matrices = {"X": oracle.X, **{f"layers/{name}": layer for name, layer in oracle.layers.items()}}
    if oracle.raw is not None:
        matrices["raw/X"] = oracle.raw.X
        assert len(store.genes("raw/X").names) == oracle.raw.n_vars
    matrices = {name: matrix for name, matrix in matrices.items() if matrix is not None}
    assert {matrix.name for matrix in store.matrices} == set(matrices)
    for name, matrix in matrices.items():
        dense = matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)
        for i in range(dense.shape[1]):
            np.testing.assert_array_equal(store.matrix(name).column(i).dense(), dense[:, i])
    for info in store.embeddings:
        whole = np.asarray(oracle.obsm[info.name], np.float64).reshape(store.n_obs, -1)
        with np.errstate(over="ignore"):
            drawn = whole.astype(np.float32)
        drawn[~np.isfinite(drawn).all(axis=1)] = np.nan
        np.testing.assert_array_equal(store.embedding(info.name, range(info.dims)), drawn.T)
