"""Files of a few kilobytes that claim to have gigabytes: refused, or shown without the part, before it is allocated."""

from __future__ import annotations

import tracemalloc
import zlib

import h5py
import numpy as np
import pytest
from files.case import save, small
from starcyte.errors import DatasetInvalid, StarcyteError
from starcyte.settings import Settings
from starcyte.store.open import open_dataset

MANY = 400_000_000
MB = 1 << 20


@pytest.fixture
def changed(tmp_path):
    """Return a function that changes a small file, and opens it."""
    opened = []

    def make(change, **settings):
        path = tmp_path / "x.h5ad"
        save(small(), path)
        with h5py.File(path, "r+") as file:
            change(file)
        assert path.stat().st_size < MB
        opened.append(open_dataset(path, Settings(**settings)))
        return opened[-1]

    yield make
    for dataset in opened:
        dataset.close()


def peak_of(do):
    """Return the error of a function, and the most memory that it took."""
    tracemalloc.start()
    try:
        do()
    except StarcyteError as error:
        found = error
    else:
        found = None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return found, peak


def longer_obs(file):
    index = file["obs"].attrs["_index"]
    del file[f"obs/{index}"]
    made = file["obs"].create_dataset(index, shape=(MANY,), dtype=h5py.string_dtype(), chunks=(1 << 16,))
    made.attrs["encoding-type"] = "string-array"


def test_cells_without_names_are_refused(changed):
    error, peak = peak_of(lambda: changed(longer_obs))
    assert isinstance(error, DatasetInvalid)
    assert "claims to have 3,200,000,000 bytes" in str(error)
    assert peak < 8 * MB


def test_an_obsp_row_is_at_most_as_long_as_the_cells(changed):
    def change(file):
        n = file["obsm/X_umap"].shape[0]
        group = file.create_group("obsp/far")
        group.attrs.update({"encoding-type": "csr_matrix", "shape": np.array([n, n])})
        group["indptr"] = np.r_[0, np.full(n, MANY)]
        for part, dtype in (("indices", "i4"), ("data", "f4")):
            group.create_dataset(part, shape=(MANY,), dtype=dtype, chunks=(1 << 20,))

    error, peak = peak_of(lambda: changed(change).obsp_row("far", 0))
    assert isinstance(error, DatasetInvalid)
    assert peak < 8 * MB


@pytest.mark.parametrize("dtype", ["f8", "u1"])
def test_an_image_that_is_not_stored_is_left_out(changed, dtype):
    def change(file):
        image = file.create_dataset(
            "uns/spatial/s/images/hires", shape=(8192, 8192, 4), dtype=dtype, chunks=(512, 512, 4)
        )
        assert image.id.get_storage_size() == 0
        file["uns/spatial/s/scalefactors/tissue_hires_scalef"] = 1.0

    def look():
        described = changed(change).describe()
        assert described["images"] == []
        assert any("'s/hires'" in warning for warning in described["warnings"])

    error, peak = peak_of(look)
    assert error is None
    assert peak < 16 * MB


def test_a_column_of_long_texts_is_refused(changed):
    def change(file):
        n = file["obsm/X_umap"].shape[0]
        file["obs"].create_dataset("long", shape=(n,), dtype="S20000000", chunks=(1,), compression="gzip")
        file["obs"].attrs["column-order"] = [*file["obs"].attrs["column-order"], "long"]

    error, peak = peak_of(lambda: changed(change).obs_column("long"))
    assert isinstance(error, DatasetInvalid)
    assert peak < 8 * MB


def bomb(file, name, n):
    """Write a chunk of zeros for all values of an array of n by 30 numbers."""
    made = file.create_dataset(name, shape=(n, 30_000), dtype="f4", chunks=(n, 30_000), compression="gzip")
    packer = zlib.compressobj(9)
    zeros, total = bytes(MB), n * 30_000 * 4
    parts = [packer.compress(zeros) for _ in range(total // MB)] + [packer.compress(bytes(total % MB)), packer.flush()]
    made.id.write_direct_chunk((0, 0), b"".join(parts))


def test_a_large_chunk_is_not_unpacked(changed):
    def change(file):
        n = file["obsm/X_umap"].shape[0]
        bomb(file, "obsm/X_wide", n)

    dataset = changed(change, max_array_bytes=100_000)
    error, peak = peak_of(lambda: dataset.embedding("X_wide", [0, 1]))
    assert "max_array_bytes" in str(error)
    assert peak < MB


def test_what_is_stored_and_compressed_is_read(changed):
    def change(file):
        n = file["obsm/X_umap"].shape[0]
        file["obs"].create_dataset("same", data=np.ones(n), chunks=(n,), compression="gzip")
        file["obs"].attrs["column-order"] = [*file["obs"].attrs["column-order"], "same"]

    assert set(changed(change).obs_column("same").values.tolist()) == {1.0}
