"""Prepared stores of MuData and loom: mudata and starcyte read of the store what they read of the file."""

from __future__ import annotations

import warnings
from pathlib import Path

import mudata as md
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from mudata_files import cite_seq
from prepared import check_equal, prepared_store
from starcyte.settings import Settings
from starcyte.store.anndata.prepared_matrix import PreparedMatrix
from starcyte.store.dataset import no_tick
from starcyte.store.index.background import index_matrix
from starcyte.store.open import open_dataset
from starcyte.store.write.prepared.prepare import matrices_to_prepare

pytestmark = pytest.mark.slow


def dense(matrix: object) -> np.ndarray:
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)  # type: ignore[attr-defined]


@pytest.fixture
def mudata_file(tmp_path: Path) -> Path:
    path = tmp_path / "x.h5mu"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cite_seq().write(path)
    return path


def test_mudata_reads_what_was_prepared(mudata_file: Path, tmp_path: Path) -> None:
    said = prepared_store(mudata_file, tmp_path / "x.zarr")
    assert said == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given, made = md.read(mudata_file), md.read_zarr(tmp_path / "x.zarr")
    assert list(made.mod) == list(given.mod)
    pd.testing.assert_frame_equal(made.obs, given.obs)
    for name in given.mod:
        ours, theirs = made.mod[name], given.mod[name]
        pd.testing.assert_frame_equal(ours.obs, theirs.obs)
        pd.testing.assert_frame_equal(ours.var, theirs.var)
        np.testing.assert_array_equal(dense(ours.X), dense(theirs.X))
        for layer in theirs.layers:
            np.testing.assert_array_equal(dense(ours.layers[layer]), dense(theirs.layers[layer]))
        np.testing.assert_allclose(ours.obsm["X_umap"], theirs.obsm["X_umap"].astype("f4"))
        np.testing.assert_array_equal(made.obsmap[name], given.obsmap[name])


def test_each_modality_is_prepared_unless_matrices_are_chosen(mudata_file: Path) -> None:
    dataset = open_dataset(mudata_file, Settings())
    assert {"rna/X", "prot/X"} <= set(matrices_to_prepare(dataset, ()))
    assert matrices_to_prepare(dataset, ("prot/X",)) == ["prot/X"]
    dataset.close()


def test_mudata_is_shown_as_the_file_is(mudata_file: Path, tmp_path: Path) -> None:
    prepared_store(mudata_file, tmp_path / "x.zarr", Settings(block_bytes=500))
    settings = Settings(index_least=1, cache_dir=str(tmp_path / "cache"))
    given, made = open_dataset(mudata_file, settings), open_dataset(tmp_path / "x.zarr", settings)
    check_equal(given, made, set())
    for name in ("rna/X", "rna/layers/counts", "rna/raw/X", "prot/X"):
        matrix = made.matrix(name)
        assert isinstance(matrix.base, PreparedMatrix)
        index = index_matrix(given, settings, name, no_tick)
        for column in ("celltype", "rna:leiden", "prot:leiden"):
            ours, theirs = matrix.moments(column), index.moments(column)
            assert ours is not None
            assert theirs is not None
            np.testing.assert_array_equal(ours.n, theirs.n)
            np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-12, atol=1e-12)
    given.close()
    made.close()


def test_loom_is_shown_as_the_file_is(tmp_path: Path) -> None:
    values = np.random.default_rng(0).poisson(1, (20, 80)).astype(np.float32)
    names = [np.array([f"{kind}{i}" for i in range(n)]) for kind, n in (("G", 20), ("c", 80))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import loompy

        of_cells = {"CellID": names[1], "Class": np.repeat(["a", "b"], 40), "_X": np.arange(80.0), "_Y": np.ones(80)}
        loompy.create(str(tmp_path / "x.loom"), values, {"Gene": names[0]}, of_cells)
    prepared_store(tmp_path / "x.loom", tmp_path / "x.zarr")
    given, made = open_dataset(tmp_path / "x.loom", Settings()), open_dataset(tmp_path / "x.zarr", Settings())
    check_equal(given, made, set())
    assert made.embeddings
    given.close()
    made.close()
