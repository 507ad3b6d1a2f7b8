"""Means of all genes in groups of cells, beside pandas."""

from __future__ import annotations

import shutil
from io import StringIO

import anndata
import numpy as np
import pandas as pd
import pytest


def table(client, answer, form=None):
    """Return the CSV of a job, as pandas reads it."""
    path = f"jobs/{answer['job_id']}" + (f"?table={form}" if form else "")
    return pd.read_csv(StringIO(client.get(path, headers={"Accept": "text/csv"}).text), keep_default_na=False)


@pytest.mark.parametrize("matrix", ["X", "raw/X", "layers/counts"])
@pytest.mark.parametrize("rows", [None, (3, 29)])
def test_means_are_those_of_pandas(small, small_file, tmp_path, matrix, rows):
    data = anndata.read_h5ad(shutil.copy(small_file, tmp_path / "copy.h5ad"))
    values = data.raw.X if matrix == "raw/X" else data.layers["counts"] if matrix.startswith("layers") else data.X
    names = list(data.raw.var_names if matrix == "raw/X" else data.var_names)
    frame = pd.DataFrame(np.asarray(values.todense() if hasattr(values, "todense") else values), columns=names)
    groups = data.obs["type"].reset_index(drop=True)
    body = {"group_by": "type", "matrix": matrix}
    if rows:
        frame, groups = frame.iloc[slice(*rows)], groups.iloc[slice(*rows)]
        body["within"] = {"ranges": [list(rows)]}
    answer = small.post("means", body).json
    assert answer["n"] == [int((groups == g).sum()) for g in answer["groups"]]
    by_group = frame.groupby(groups, observed=False)
    mean, share = by_group.mean().T, (frame > 0).groupby(groups, observed=False).mean().T
    wide = table(small, answer)
    assert len(wide) == answer["n_genes"] == len(names)
    for group in answer["groups"]:
        np.testing.assert_allclose(pd.to_numeric(wide[f"mean {group}"]), mean[group], rtol=1e-6)
        np.testing.assert_allclose(pd.to_numeric(wide[f"fraction {group}"]), share[group], rtol=1e-12)
    long = table(small, answer, "long")
    assert list(long.columns) == ["gene", "gene_id", "group", "n_cells", "mean", "fraction"]
    np.testing.assert_allclose(pd.to_numeric(long["mean"]), mean[answer["groups"]].to_numpy().ravel(), rtol=1e-6)


def test_a_group_without_cells_has_no_mean(small):
    answer = small.post("means", {"group_by": "type", "within": {"indices": [1, 6]}}).json
    wide = table(small, answer)
    assert answer["n"] == [2, 0, 0, 0] or sorted(answer["n"]) == [0, 0, 0, 2]
    empty = [g for g, n in zip(answer["groups"], answer["n"], strict=True) if n == 0]
    assert all((wide[f"mean {g}"] == "").all() and (wide[f"fraction {g}"] == "").all() for g in empty)


def test_what_has_no_groups_is_refused(small, refused):
    refused(small.post("means", {"group_by": "age"}), 400)
    refused(small.post("means", {"group_by": "none"}), 404)
    refused(small.post("means", {"group_by": "type", "matrix": "none"}), 404)


@pytest.mark.parametrize("path", ["means", "markers"])
def test_groups_of_too_much_memory_are_refused(serve, small_file, refused, path):
    """A clone of each cell, of 30,000 genes, would take gigabytes."""
    client = serve(small_file, max_group_bytes=4 * 6 * 28)
    assert client.post(path, {"group_by": "type"}).status_code == 200
    error = refused(serve(small_file, max_group_bytes=4 * 6 * 28 - 1).post(path, {"group_by": "type"}), 413)
    assert "max_group_bytes" in error["message"]
    # texts are categories as well
    client = serve(small_file, max_group_bytes=39 * 6 * 28)
    assert "40 categories" in refused(client.post(path, {"group_by": "barcode"}), 413)["message"]
