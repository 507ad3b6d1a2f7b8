"""Prepared stores whose additions are wrong, and sources whose names are hostile."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pytest
import zarr
from prepared import prepared_store, tree, write_dataset
from starcyte.settings import Settings
from starcyte.store.anndata.prepared_matrix import PreparedMatrix
from starcyte.store.dataset import no_tick
from starcyte.store.open import open_dataset
from starcyte.store.scale import ValueRange
from starcyte.store.write.prepared.prepare import prepare_store
from zarr_stores import read_zarr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_dataset(folder / "x.h5ad")
    prepared_store(folder / "x.h5ad", folder / "x.zarr")
    return folder / "x.zarr"


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "x.zarr"))


def edit(metadata: Path, change: Any) -> None:
    content = json.loads(metadata.read_text())
    change(content)
    metadata.write_text(json.dumps(content))


def lie(group: zarr.Group, what: str) -> None:
    n = group["n"][...]
    if what == "other cells":
        group["n"][...] = n[::-1]
    elif what == "negative":
        group["n"][...] = -n
    elif what == "fewer groups":
        for name in ("mean", "m2", "expm1", "positive"):
            part = group[name][...]
            del group[name]
            group.create_array(name, data=part[1:])
        del group["n"]
        group.create_array("n", data=n[1:])
    elif what == "floats":
        del group["n"]
        group.create_array("n", data=np.where(n > 0, n, np.nan))
    elif what == "negative squares":
        group["m2"][...] = -1.0
    elif what == "more than all":
        group["positive"][...] = 10**6
    elif what == "text":
        part = group["mean"][...]
        del group["mean"]
        group.create_array("mean", data=part.astype("U8"))


@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
@pytest.mark.parametrize(
    "what", ["other cells", "negative", "fewer groups", "floats", "negative squares", "more than all", "text"]
)
def test_moments_that_contradict_obs_are_not_used(what: str, store: Path) -> None:
    dataset = open_dataset(store, Settings())
    assert dataset.matrix("X").moments("type") is not None
    dataset.close()
    for _, group in zarr.open_group(store / "X/starcyte/moments", mode="r+", use_consolidated=False).groups():
        if group.attrs["column"] == "type":
            lie(group, what)
    dataset = open_dataset(store, Settings())
    assert dataset.matrix("X").moments("type") is None
    dataset.close()


def test_moments_are_not_used_once_obs_is_edited(store: Path) -> None:
    codes = zarr.open_array(store / "obs/type/codes", mode="r+")
    codes[:5] = (codes[:5] + 1) % 2
    dataset = open_dataset(store, Settings())
    assert dataset.matrix("X").moments("type") is None
    dataset.close()


@pytest.mark.parametrize("highest", [float("nan"), float("inf"), 10**400, "9", None, [1]])
def test_a_range_that_is_none_is_found_from_values(highest: Any, store: Path) -> None:
    dataset = open_dataset(store, Settings())
    wanted = ValueRange.of(np.concatenate([dataset.matrix("X").column(g).values for g in range(dataset.n_vars)]))
    dataset.close()
    edit(store / "X/starcyte/zarr.json", lambda content: content["attributes"].update(highest=highest))
    dataset = open_dataset(store, Settings())
    assert dataset.matrix("X").value_range() == wanted
    dataset.close()


@pytest.mark.parametrize("damaged", ["X/starcyte", "X/starcyte/rows", "X/starcyte/rows/indptr", "uns/starcyte"])
def test_a_matrix_is_read_whose_additions_are_damaged(damaged: str, store: Path) -> None:
    wanted = read_zarr(store).X[:, [3]].toarray().ravel()
    (store / damaged / "zarr.json").write_text("{")
    dataset = open_dataset(store, Settings())
    np.testing.assert_array_equal(dataset.matrix("X").column(3).dense(), wanted)
    assert not isinstance(dataset.matrix("X").base, PreparedMatrix)
    dataset.close()


def test_names_that_are_those_of_files_are_left_out(tmp_path: Path) -> None:
    source, target = tmp_path / "x.h5ad", tmp_path / "x.zarr"
    write_dataset(source)
    with h5py.File(source, "a") as file:
        for parent in ("uns", "obs"):
            for name in ("zarr.json", "zarr.json.part", "kept.part", "starcyte"):
                values = file[parent].create_dataset(name, data=np.arange(300.0))
                values.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        columns = [*file["obs"].attrs["column-order"], "zarr.json", "zarr.json.part", "kept.part", "starcyte"]
        file["obs"].attrs["column-order"] = columns
        deep = file["uns"]
        for letter in "abcdefghijklmnopqrstuvwxyz":
            deep = deep.create_group(letter * 235)
        deep["x"] = 1
        file["uns"].create_dataset("references", data=file["X"].ref, dtype=h5py.ref_dtype)
    left = {line.partition(" is left out")[0] for line in prepared_store(source, target)}
    assert {"uns/zarr.json", "uns/zarr.json.part", "uns/starcyte", "uns/references", "obs/zarr.json"} <= left
    adata = read_zarr(target)
    np.testing.assert_array_equal(adata.obs["kept.part"], np.arange(300.0))
    np.testing.assert_array_equal(adata.obs["starcyte"], np.arange(300.0))
    np.testing.assert_array_equal(adata.uns["kept.part"], np.arange(300.0))
    assert "references" not in adata.uns


def test_a_prepared_store_is_prepared_without_what_the_source_has(tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad", layout="full")
    prepared_store(tmp_path / "x.h5ad", tmp_path / "a.zarr")
    prepared_store(tmp_path / "a.zarr", tmp_path / "b.zarr")
    first, second = ({path for path in tree(tmp_path / name) if "starcyte" in path} for name in ("a.zarr", "b.zarr"))
    assert first == second
    adata, again = ad.read_h5ad(tmp_path / "x.h5ad"), read_zarr(tmp_path / "b.zarr")
    np.testing.assert_array_equal(np.asarray(again.X), np.asarray(adata.X))


class Stop(Exception):
    """Raised in place of a kill."""


def test_work_with_other_blocks_is_not_gone_on_with(tmp_path: Path) -> None:
    adata = write_dataset(tmp_path / "x.h5ad")
    dataset = open_dataset(tmp_path / "x.h5ad", Settings(block_bytes=800))
    n_blocks = dataset.matrix("X").base.n_blocks
    assert n_blocks > 4

    def stop_within(step: str):
        def tick(done: float) -> None:
            if step == "Reading X" and done > 0.5:
                raise Stop

        return tick

    small = Settings(block_bytes=800, workers=1)
    with pytest.raises(Stop):
        prepare_store(dataset, tmp_path / "x.zarr", ["X"], small, stop_within)
    dataset.close()
    large = Settings(block_bytes=8000)
    dataset = open_dataset(tmp_path / "x.h5ad", large)
    prepare_store(dataset, tmp_path / "x.zarr", ["X"], large, lambda step: no_tick)
    dataset.close()
    np.testing.assert_array_equal(read_zarr(tmp_path / "x.zarr").X.toarray(), adata.X.toarray())
