"""`starcyte inspect --json` of each kind of dataset that the registry of formats lists."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from mudata_files import cite_seq, write
from starcyte.store.open import FORMATS
from zarr_stores import write_zarr, zipped

pytestmark = pytest.mark.slow

FOREIGN = Path(__file__).parents[1] / "data" / "foreign"


def cells() -> ad.AnnData:
    obs = pd.DataFrame({"kind": pd.Categorical(list("abab"))}, index=[f"c{i}" for i in range(4)])
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    return ad.AnnData(x, obs, pd.DataFrame(index=["A", "B", "C"]), obsm={"X_umap": x[:, :2]})


def _h5ad(folder: Path) -> Path:
    cells().write_h5ad(folder / "x.h5ad")
    return folder / "x.h5ad"


def _loom(folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ad.io.write_loom(folder / "x.loom", cells())
    return folder / "x.loom"


MADE: dict[tuple[str, str, str], Callable[[Path], Path]] = {
    ("AnnData", "HDF5", ".h5ad"): _h5ad,
    ("MuData", "HDF5", ".h5mu"): lambda folder: write(cite_seq(), folder / "x.h5mu"),
    ("loom", "HDF5", ".loom"): _loom,
    ("AnnData", "Zarr", ".zarr"): lambda folder: write_zarr(cells(), folder, "v3"),
    ("AnnData", "Zarr", ".zarr.zip"): lambda folder: write_zarr(cells(), folder, "zip"),
    ("MuData", "Zarr", ".zarr"): lambda folder: write(cite_seq(), folder / "x.zarr"),
    ("MuData", "Zarr", ".zarr.zip"): lambda folder: zipped(write(cite_seq(), folder / "x.zarr")),
    ("SpatialData", "Zarr", ".zarr"): lambda folder: (
        shutil.unpack_archive(FOREIGN / "spatialdata_polygons.zarr.zip", folder / "x.zarr", "zip") or folder / "x.zarr"
    ),
    ("SpatialData", "Zarr", ".zarr.zip"): lambda folder: FOREIGN / "spatialdata_polygons.zarr.zip",
}


def test_each_row_of_the_registry_is_tested() -> None:
    listed = {
        (one.content, known.label.split()[0], ending)
        for known in FORMATS
        for one in known.reads
        for ending in one.endings
    }
    assert listed == set(MADE)


@pytest.mark.parametrize("kind", MADE, ids=" ".join)
def test_inspect_json(kind: tuple[str, str, str], tmp_path: Path) -> None:
    path = MADE[kind](tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "starcyte", "inspect", str(path), "--json"], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert (found["content"], found["container"]) == kind[:2]
    assert found["n_obs"] > 0
    assert found["matrices"]
    assert found["default_matrix"]
    assert found["obs"]
    assert bool(found["modalities"]) == (kind[0] == "MuData")
    if kind[0] != "loom":
        assert found["embeddings"]
