"""The prepared store: what anndata and starcyte read of it, and how its writing ends, whatever happens."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import zarr
from anndata.experimental import write_dispatched
from prepared import prepared_store, tree, write_dataset
from starcyte.cli import main
from starcyte.errors import InputError, StorageFull
from starcyte.settings import Settings
from starcyte.store.anndata.prepared_matrix import PreparedMatrix
from starcyte.store.dataset import no_tick
from starcyte.store.index.background import BackgroundIndexing, index_matrix
from starcyte.store.moments import Moments
from starcyte.store.open import open_dataset
from starcyte.store.write.prepared import entries as entries_module
from starcyte.store.write.prepared.prepare import matrices_to_prepare, prepare_store
from starcyte.store.write.zarr import array as array_module
from starcyte.store.zarr.folder import FolderStore
from zarr_stores import read_zarr

SMALL = Settings(block_bytes=2000, index_least=1, workers=2)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u2"])
@pytest.mark.parametrize("layout", ["csr", "csc", "dense", "full"])
def test_anndata_reads_what_was_prepared(layout: str, dtype: str, tmp_path: Path) -> None:
    adata = write_dataset(tmp_path / "x.h5ad", layout, dtype)
    assert prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr", SMALL) == []
    read = read_zarr(tmp_path / "x.zarr")
    for ours, theirs in ((read.X, adata.X), (read.layers["counts"], adata.layers["counts"]), (read.raw.X, adata.raw.X)):
        assert ours.dtype == theirs.dtype
        assert sp.issparse(ours) == (layout != "full" or theirs is adata.layers["counts"])
        np.testing.assert_array_equal(*(m.toarray() if sp.issparse(m) else m for m in (ours, theirs)))
    pd.testing.assert_frame_equal(read.obs, adata.obs)
    pd.testing.assert_frame_equal(read.var, adata.var)
    np.testing.assert_array_equal(read.obsm["X_umap"], adata.obsm["X_umap"].astype("f4"))


def test_anndata_reads_a_gene_lazily(tmp_path: Path) -> None:
    adata = write_dataset(tmp_path / "x.h5ad")
    prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from anndata.experimental import read_lazy

        lazy = read_lazy(tmp_path / "x.zarr")
        column = lazy.X[:, 7].compute()
    np.testing.assert_array_equal(column.toarray(), adata.X[:, [7]].toarray())


def assert_same_moments(ours: Moments | None, theirs: Moments | None) -> None:
    assert ours is not None
    assert theirs is not None
    np.testing.assert_array_equal(ours.n, theirs.n)
    np.testing.assert_array_equal(ours.positive, theirs.positive)
    for part in ("mean", "m2", "expm1"):
        np.testing.assert_allclose(getattr(ours, part), getattr(theirs, part), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layout", ["csr", "csc", "dense", "full"])
def test_moments_are_those_of_an_index(layout: str, tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad", layout, "f8")
    prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr", SMALL)
    settings = SMALL.with_values({"cache_dir": str(tmp_path / "cache")})
    given, made = open_dataset(tmp_path / "x.h5ad", settings), open_dataset(tmp_path / "x.zarr", settings)
    for name in ("X", "layers/counts", "raw/X"):
        index = index_matrix(given, settings, name, no_tick)
        matrix = made.matrix(name)
        assert isinstance(matrix.base, PreparedMatrix)
        assert matrix.value_range() == index.value_range()
        for column in ("type", "donor", "is_doublet"):
            assert_same_moments(matrix.moments(column), index.moments(column))
        if matrix.layout == "csc":
            rows = matrix.base.by_cell
            assert rows is not None
            np.testing.assert_array_equal(
                np.concatenate([rows.block(i).values for i in range(rows.n_blocks)]).sum(),
                np.concatenate([matrix.block(i).values for i in range(matrix.n_blocks)]).sum(),
            )
    given.close()
    made.close()


@pytest.mark.parametrize("layout", ["full", "dense"])
def test_a_dense_matrix_by_gene_is_read_in_runs_of_genes(layout: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(array_module, "WHOLE_BYTES", 2000)
    adata = write_dataset(tmp_path / "x.h5ad", "full", n_vars=80)
    if layout == "dense":
        adata.X[np.random.default_rng(1).random(adata.shape) < 0.7] = 0
        adata.raw = None
        adata.write_h5ad(tmp_path / "x.h5ad")
    first = tmp_path / "first.zarr"
    if layout == "full":
        prepared_store(tmp_path / "x.h5ad", first, SMALL)
    else:
        with warnings.catch_warnings(), ad.settings.override(zarr_write_format=3):
            warnings.simplefilter("ignore")
            root = zarr.open_group(first, mode="w", zarr_format=3)
            write_dispatched(root, "/", adata, callback=_by_gene)
    given = open_dataset(first, SMALL)
    base = given.matrix("X").base
    block = (base.block(0) if layout == "dense" else base.block(1)) if base.n_blocks > 1 else None
    assert block is not None
    assert block.rows == slice(0, 300)
    read: list[tuple[object, ...]] = []
    keep = FolderStore.read
    monkeypatch.setattr(
        FolderStore, "read", lambda self, key, *part: (read.append((key, *part)), keep(self, key, *part))[1]
    )
    for number in range(base.n_blocks):
        base.block(number)
    assert len(read) == len(set(read))
    given.close()
    prepared_store(first, tmp_path / "second.zarr", SMALL)
    np.testing.assert_array_equal(dense(read_zarr(tmp_path / "second.zarr").X), adata.X)
    np.testing.assert_array_equal(dense(read_zarr(first).X), adata.X)


def _by_gene(write, store, key, element, dataset_kwargs, iospec) -> None:
    whole = key == "/X" or key == "X"
    write(store, key, element, dataset_kwargs=dict(dataset_kwargs) | ({"chunks": (300, 1)} if whole else {}))


def dense(matrix):
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)


def test_a_prepared_store_gets_no_index(tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad")
    prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr")
    settings = SMALL.with_values({"cache_dir": str(tmp_path / "cache")})
    dataset = open_dataset(tmp_path / "x.zarr", settings)
    indexing = BackgroundIndexing(dataset, settings, open_dataset)
    indexing.wait("X", no_tick)
    assert not (tmp_path / "cache").exists()
    indexing.close()
    dataset.close()


def test_a_zip_file_is_written_and_read(tmp_path: Path) -> None:
    adata = write_dataset(tmp_path / "x.h5ad")
    prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr.zip")
    np.testing.assert_array_equal(read_zarr(tmp_path / "x.zarr.zip").X.toarray(), adata.X.toarray())
    dataset = open_dataset(tmp_path / "x.zarr.zip", Settings())
    assert isinstance(dataset.matrix("X").base, PreparedMatrix)
    dataset.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.h5ad", "x.zarr.zip"]


def test_the_default_matrices_are_x_the_one_shown_and_counts(tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad")
    dataset = open_dataset(tmp_path / "x.h5ad", Settings())
    assert dataset.default_matrix == "raw/X"
    assert matrices_to_prepare(dataset, ()) == ["X", "raw/X", "layers/counts"]
    assert matrices_to_prepare(dataset, ("raw/X",)) == ["raw/X"]
    said = prepare_store(dataset, tmp_path / "x.zarr", ["raw/X"], Settings(), lambda step: no_tick)
    assert [line for line in said if "raw/X" not in line.partition(" ")[0]] == [
        "X is left out; --matrix=X adds it.",
        "layers/counts is left out; --matrix=layers/counts adds it.",
    ]
    dataset.close()
    assert read_zarr(tmp_path / "x.zarr").raw.n_vars == 40


def test_a_layer_and_a_column_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad")
    with h5py.File(tmp_path / "x.h5ad", "r+") as file:
        file["layers"].create_group("ragged").attrs["encoding-type"] = "awkward-array"
        del file["obs/is_doublet"]
    said = prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr")
    assert "layers/ragged is left out: it is no matrix that is read." in said
    assert "Column 'is_doublet' of obs is left out: it is in column-order but missing." in said
    assert len(said) == 2


def test_a_store_that_exists_is_not_replaced(tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad")
    prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr")
    before = tree(tmp_path / "x.zarr")
    with pytest.raises(InputError, match="exists already"):
        prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr")
    assert tree(tmp_path / "x.zarr") == before


@pytest.mark.parametrize("settings", [Settings(), SMALL, SMALL.with_values({"block_bytes": 301, "workers": 1})])
@pytest.mark.parametrize("layout", ["csr", "csc", "full"])
def test_the_bytes_do_not_depend_on_blocks_and_threads(layout: str, settings: Settings, tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad", layout)
    prepared_store(tmp_path / "x.h5ad", tmp_path / "one.zarr")
    prepared_store(tmp_path / "x.h5ad", tmp_path / "two.zarr", settings)
    one, two = tree(tmp_path / "one.zarr"), tree(tmp_path / "two.zarr")
    if layout == "full":
        # the means of a dense matrix are merged from blocks, and rounded as these are
        one, two = ({k: v for k, v in t.items() if "/moments/" not in k} for t in (one, two))
    assert one == two


class Stop(Exception):
    """Raised in place of a kill."""


def test_work_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dataset(tmp_path / "x.h5ad")
    prepared_store(tmp_path / "x.h5ad", tmp_path / "whole.zarr", SMALL)
    dataset = open_dataset(tmp_path / "x.h5ad", SMALL)
    steps: list[str] = []

    def until(last: str):
        def progress(step: str):
            if step == last:
                raise Stop
            steps.append(step)
            return no_tick

        return progress

    names = [m.name for m in dataset.matrices]
    written: list[Path] = []
    write = entries_module.EntryBlocks._write
    monkeypatch.setattr(
        entries_module.EntryBlocks, "_write", lambda self, path, block: (written.append(path), write(self, path, block))
    )
    stops = [
        f"{step} {name}{how}"
        for name in names
        for step, how in (("Reading", ""), ("Writing", " by cell"), ("Verifying", ""))
    ]
    for stop in [*stops, "none"]:
        try:
            prepare_store(dataset, tmp_path / "x.zarr", names, SMALL, until(stop))
        except Stop:
            assert not (tmp_path / "x.zarr").exists()
    assert tree(tmp_path / "x.zarr") == tree(tmp_path / "whole.zarr")
    assert len(written) == len(set(written))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["whole.zarr", "x.h5ad", "x.zarr"]
    dataset.close()


@pytest.mark.parametrize("name", ["x.zarr", "x.zarr.zip"])
def test_a_run_that_ended_once_the_store_had_its_name_is_cleared_up(name: str, tmp_path: Path, monkeypatch) -> None:
    write_dataset(tmp_path / "x.h5ad")
    dataset = open_dataset(tmp_path / "x.h5ad", SMALL)
    rmtree = shutil.rmtree

    def end(path: Path, **given: object) -> None:
        if (tmp_path / name).exists():
            raise Stop
        rmtree(path, **given)

    monkeypatch.setattr(shutil, "rmtree", end)
    with pytest.raises(Stop):
        prepare_store(dataset, tmp_path / name, ["X"], SMALL, lambda step: no_tick)
    monkeypatch.undo()
    assert prepare_store(dataset, tmp_path / name, ["X"], SMALL, lambda step: no_tick) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, "x.h5ad"])
    with pytest.raises(InputError, match="exists already"):
        prepare_store(dataset, tmp_path / name, ["X"], SMALL, lambda step: no_tick)
    dataset.close()


_SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
from prepared import prepared_store, tree, write_dataset
from test_prepared_store import SMALL
prepared_store(Path({source!r}), Path({target!r}), SMALL)
"""


@pytest.mark.slow
def test_twenty_kills_at_random_end_with_the_same_bytes(tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad", n_obs=4000)
    started = time.monotonic()
    prepared_store(tmp_path / "x.h5ad", tmp_path / "whole.zarr", SMALL)
    seconds = time.monotonic() - started
    here = Path(__file__)
    script = _SCRIPT.format(
        paths=[*sys.path, str(here.parent), str(here.parents[2])],
        source=str(tmp_path / "x.h5ad"),
        target=str(tmp_path / "x.zarr"),
    )
    chance = random.Random(0)
    kills = 0
    while not (tmp_path / "x.zarr").exists() or kills < 20:
        if (tmp_path / "x.zarr").exists():
            shutil.rmtree(tmp_path / "x.zarr")
        process = subprocess.Popen([sys.executable, "-c", script])
        part = tmp_path / ".x.zarr.part"
        while not part.exists() and process.poll() is None and not (tmp_path / "x.zarr").exists():
            time.sleep(0.002)
        if kills < 20:
            time.sleep(chance.uniform(0, seconds / 3))
            process.send_signal(signal.SIGKILL)
        status = process.wait()
        assert status in {0, -signal.SIGKILL}
        kills += status == -signal.SIGKILL
    if any(p.name.startswith(".") and p.suffix == ".work" for p in tmp_path.iterdir()):
        prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr", SMALL)
    assert tree(tmp_path / "x.zarr") == tree(tmp_path / "whole.zarr")
    assert not [p.name for p in tmp_path.iterdir() if p.suffix in {".part", ".work"}]


def test_an_attempt_for_another_file_is_not_gone_on_with(tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad", "csr", "f8")
    (tmp_path / ".y.zarr.work").mkdir()
    dataset = open_dataset(tmp_path / "x.h5ad", SMALL)

    def stop(step: str):
        if step.startswith("Verifying"):
            raise Stop
        return no_tick

    with pytest.raises(Stop):
        prepare_store(dataset, tmp_path / "y.zarr", ["X"], SMALL, stop)
    dataset.close()
    adata = write_dataset(tmp_path / "x.h5ad", "csr", "f4")
    prepared_store(tmp_path / "x.h5ad", tmp_path / "y.zarr", SMALL)
    assert read_zarr(tmp_path / "y.zarr").X.dtype == adata.X.dtype == np.float32


def test_a_source_that_changes_is_noticed(tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad")
    dataset = open_dataset(tmp_path / "x.h5ad", SMALL)

    def change(step: str):
        if step == "Verifying X":
            write_dataset(tmp_path / "other.h5ad", dtype="f8")
            with (tmp_path / "x.h5ad").open("r+b") as stream:
                stream.write((tmp_path / "other.h5ad").read_bytes())
        return no_tick

    with pytest.raises(InputError, match="changed while it was read"):
        prepare_store(dataset, tmp_path / "x.zarr", ["X"], SMALL, change)
    dataset.close()
    assert not (tmp_path / "x.zarr").exists()


def test_a_value_that_a_disk_changes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dataset(tmp_path / "x.h5ad")
    encode = array_module.NewArray.encode

    def damaged(self: array_module.NewArray, values: np.ndarray) -> bytes:
        if self.shards is not None and values.dtype.kind == "f":
            values = values.copy()
            values[0] += 1
        return encode(self, values)

    monkeypatch.setattr(array_module.NewArray, "encode", damaged)
    with pytest.raises(InputError, match="other values than its source"):
        prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr", SMALL)
    assert not (tmp_path / "x.zarr").exists()


def test_a_full_disk_is_said_and_what_is_written_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dataset(tmp_path / "x.h5ad")
    calls = 0
    fsync = os.fsync

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 30:
            raise OSError(28, os.strerror(28))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match="No space left on device") as caught:
        prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr", SMALL)
    assert "goes on where it stopped" in caught.value.hint
    assert not (tmp_path / "x.zarr").exists()
    monkeypatch.undo()
    prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr", SMALL)
    prepared_store(tmp_path / "x.h5ad", tmp_path / "whole.zarr", SMALL)
    assert tree(tmp_path / "x.zarr") == tree(tmp_path / "whole.zarr")


def test_a_small_disk_is_said_by_the_command(tmp_path: Path, mounted, capsys) -> None:
    write_dataset(tmp_path / "x.h5ad")
    folder = mounted("size=300k")
    assert main(["prepare", str(tmp_path / "x.h5ad"), "--output", str(folder / "x.zarr")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len([line for line in said if "No space left on device" in line]) == 1
    assert not (folder / "x.zarr").exists()


def test_the_command_writes_a_store_and_says_what_it_has(tmp_path: Path, capsys) -> None:
    write_dataset(tmp_path / "x.h5ad")
    target = tmp_path / "x.zarr"
    assert main(["prepare", str(tmp_path / "x.h5ad"), "--output", str(target), "--matrix=X"]) == 0
    found = capsys.readouterr()
    assert found.out == f"starcyte: X in {str(target)!r}\n"
    assert "layers/counts is left out; --matrix=layers/counts adds it." in found.err
    assert main(["inspect", str(target)]) == 0
    assert "X (csc, float32, 40 genes, log1p, prepared)" in capsys.readouterr().out
    assert main(["prepare", str(tmp_path / "x.h5ad"), "--output", str(target)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_two_do_not_write_one_store(tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad")
    dataset = open_dataset(tmp_path / "x.h5ad", SMALL)

    def meanwhile(step: str):
        with pytest.raises(InputError, match="Another process is writing"):
            prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr")
        return no_tick

    prepare_store(dataset, tmp_path / "x.zarr", ["X"], SMALL, meanwhile)
    dataset.close()


def test_moments_that_contradict_the_matrix_are_not_used(tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad")
    prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr")
    home = tmp_path / "x.zarr" / "X" / "starcyte" / "moments"
    for group in home.iterdir():
        if group.is_dir():
            metadata = group / "mean" / "zarr.json"
            metadata.write_text(metadata.read_text().replace(" 40\n", " 39\n"))
    dataset = open_dataset(tmp_path / "x.zarr", SMALL)
    assert dataset.matrix("X").moments("type") is None
    dataset.close()


@pytest.mark.parametrize("lies", ["none", "shape", "negative", "long", "huge"])
def test_a_gene_is_read_whatever_the_list_of_chunks_says(lies: str, tmp_path: Path, monkeypatch) -> None:
    adata = write_dataset(tmp_path / "x.h5ad", n_obs=3000)
    prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr")
    wanted = adata.X[:, [3]].toarray().ravel()
    dataset = open_dataset(tmp_path / "x.zarr", Settings())
    matrix = dataset.matrix("X").base
    assert isinstance(matrix, PreparedMatrix)
    n_chunks = matrix._chunk_bytes.shape[1]
    assert n_chunks > 1
    if lies == "none":
        read: list[str] = []
        monkeypatch.setattr(FolderStore, "size", lambda self, key: read.append(key))
        matrix.column(3)
        assert not [key for key in read if key.startswith(("X/data/c", "X/indices/c"))]
        monkeypatch.undo()
    else:
        packed = matrix._chunk_bytes.copy()
        matrix.__dict__["_chunk_bytes"] = {
            "shape": packed[:, 1:],
            "negative": -packed,
            "long": np.where(packed > 0, packed + 10**6, packed),
            "huge": np.full(packed.shape, 2**62),
        }[lies]
    np.testing.assert_array_equal(matrix.column(3).dense(), wanted)
    dataset.close()


def test_a_store_of_another_version_is_plain_anndata(tmp_path: Path) -> None:
    adata = write_dataset(tmp_path / "x.h5ad")
    prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr")
    mark = tmp_path / "x.zarr" / "uns" / "starcyte" / "zarr.json"
    mark.write_text(mark.read_text().replace('"format": 1', '"format": 2'))
    dataset = open_dataset(tmp_path / "x.zarr", SMALL)
    assert not isinstance(dataset.matrix("X").base, PreparedMatrix)
    np.testing.assert_array_equal(dataset.matrix("X").column(3).dense(), adata.X[:, [3]].toarray().ravel())
    dataset.close()
