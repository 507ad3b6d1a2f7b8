"""Matrices whose chunks are far larger than what is read at once: each is unpacked once, as a stream."""

from __future__ import annotations

import zlib

import h5py
import numpy as np
import pytest
from h5ad_file import as_parts, write_h5ad
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from indexing import categories, indexed
from scipy.sparse import csr_array
from starcyte.errors import DatasetInvalid
from starcyte.settings import Settings
from starcyte.store.hdf5 import chunk_stream
from starcyte.store.hdf5.chunk_stream import ChunkStream
from starcyte.store.hdf5.large_chunks import large_chunks
from starcyte.store.hdf5.nodes import HDF5Array
from starcyte.store.open import open_dataset

pytestmark = pytest.mark.slow

N, GENES = 400, 60
VALUES = np.random.default_rng(0).poisson(0.8, (N, GENES)) * 0.25
FILTERS = {
    "gzip": {"compression": "gzip"},
    "shuffle and gzip": {"compression": "gzip", "shuffle": True},
    "gzip and checksum": {"compression": "gzip", "fletcher32": True},
    "all": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "shuffle": {"shuffle": True},
    "none": {},
}


@pytest.fixture
def small_is_large(monkeypatch):
    """Read chunks of any size as streams, with states at many places."""
    monkeypatch.setattr(HDF5Array, "large_chunk_bytes", 1)
    monkeypatch.setattr(ChunkStream, "least_step", 300)


def written(path, values, layout, options, chunks=None, dtype=np.float32):
    """Write a matrix whose arrays have one chunk each, or chunks of this shape."""
    values = values.astype(dtype)
    write_h5ad(path, as_parts(csr_array(VALUES.astype(np.float32))), obs={"type": categories(np.arange(N) % 3, 3)})
    with h5py.File(path, "a") as file:
        del file["X"]
        if layout == "dense":
            x = file.create_dataset("X", data=values, chunks=chunks or values.shape, **options)
            x.attrs["encoding-type"], x.attrs["encoding-version"] = "array", "0.2.0"
            return path
        native = values.astype(values.dtype.newbyteorder("="))
        matrix = csr_array(native if layout == "csr" else native.T)
        x = file.create_group("X")
        x.attrs["encoding-type"], x.attrs["encoding-version"] = f"{layout}_matrix", "0.1.0"
        x.attrs["shape"] = values.shape
        for name in ("data", "indices", "indptr"):
            part = getattr(matrix, name)
            part = part.astype(dtype) if name == "data" else part
            x.create_dataset(name, data=part, chunks=chunks or part.shape, **options)
    return path


@pytest.mark.parametrize("options", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f4", "<i2", "u1"])
def test_values_are_those_of_the_matrix(tmp_path, small_is_large, layout, options, dtype):
    values = VALUES if np.dtype(dtype).kind == "f" else (VALUES * 4)
    dataset = open_dataset(
        written(tmp_path / "x.h5ad", values, layout, options, dtype=dtype), Settings(block_bytes=900)
    )
    matrix = dataset.matrix("X")
    assert matrix.n_blocks > 5
    expected = values.astype(dtype)
    for gene in (0, 31, GENES - 1, 3):
        np.testing.assert_array_equal(matrix.column(gene).dense(), expected[:, gene])
    index = indexed(dataset, tmp_path / "cache", workers=3)
    for gene in (0, 31, GENES - 1):
        np.testing.assert_array_equal(matrix.column(gene).dense(), expected[:, gene])
    mean = index.moments("type").mean
    np.testing.assert_allclose(mean[:, 0], expected[np.arange(N) % 3 == 0].mean(axis=0), rtol=1e-6)
    assert dataset.scale("X").kind == ("log1p" if np.dtype(dtype).kind == "f" else "counts")
    dataset.close()


@pytest.mark.parametrize("options", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("chunks", [(100, GENES), (150, 17), (N, 7), (7, GENES), (333, 64)])
def test_dense_chunks_of_any_shape(tmp_path, small_is_large, options, chunks):
    chunks = tuple(min(c, s) for c, s in zip(chunks, (N, GENES), strict=True))
    path = written(tmp_path / "x.h5ad", VALUES, "dense", options, chunks)
    dataset = open_dataset(path, Settings(block_bytes=9000))
    matrix = dataset.matrix("X")
    expected = VALUES.astype(np.float32)
    for number in range(matrix.n_blocks):
        block = matrix.block(number)
        np.testing.assert_array_equal(block.values, expected[block.rows].T)
    np.testing.assert_array_equal(matrix.column(20).dense(), expected[:, 20])
    dataset.close()


@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 700)), min_size=1, max_size=12),
    st.sampled_from([5000, 1300]),
    st.sampled_from(list(FILTERS)),
)
def test_any_runs_in_any_order(tmp_path_factory, small_is_large, runs, chunk, filters):
    values = np.random.default_rng(1).integers(0, 50, 5000).astype(np.float64)
    path = tmp_path_factory.mktemp("runs") / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, chunks=(chunk,), **FILTERS[filters])
    with h5py.File(path) as file:
        large = large_chunks(file["x"], 1)
        for start, length in runs:
            np.testing.assert_array_equal(large.read(slice(start, start + length)), values[start : start + length])


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
@pytest.mark.parametrize("options", [FILTERS["gzip"], FILTERS["all"]], ids=["gzip", "shuffled"])
def test_a_pass_unpacks_each_chunk_once(tmp_path, small_is_large, monkeypatch, layout, options):
    rng = np.random.default_rng(2)
    values = rng.random((N, GENES)).astype(np.float32)
    path = written(tmp_path / "x.h5ad", values, layout, options)
    monkeypatch.setattr(ChunkStream, "least_step", 1 << 30)
    unpacked = 0
    real = zlib.decompressobj

    class Counting:
        def __init__(self, state=None):
            self.state = state or real()

        def decompress(self, *args):
            nonlocal unpacked
            part = self.state.decompress(*args)
            unpacked += len(part)
            return part

        def copy(self):
            return Counting(self.state.copy())

        def __getattr__(self, name):
            return getattr(self.state, name)

    monkeypatch.setattr(chunk_stream.zlib, "decompressobj", Counting)
    dataset = open_dataset(path, Settings(block_bytes=2000))
    matrix = dataset.matrix("X").base
    assert matrix.n_blocks > 20
    for number in range(matrix.n_blocks):
        matrix.block(number)
    whole = values.nbytes * (1 if layout == "dense" else 2)
    # the bytes of shuffled values are passed once to find the first byte, the second byte ... of all values
    assert unpacked <= (2 if "shuffle" in options else 1.1) * whole + 5000
    dataset.close()


def test_a_damaged_chunk_is_refused(tmp_path, small_is_large):
    path = written(tmp_path / "x.h5ad", VALUES, "csr", FILTERS["gzip"])
    with h5py.File(path) as file:
        chunk = file["X/data"].id.get_chunk_info(0)
    with path.open("r+b") as file:
        file.seek(chunk.byte_offset + chunk.size // 2)
        file.write(bytes(range(64)))
    dataset = open_dataset(path, Settings(block_bytes=900))
    matrix = dataset.matrix("X")
    with pytest.raises(DatasetInvalid, match="X/data cannot be read"):
        # what is read may be wrong until the checksum at the end of the chunk
        for number in range(matrix.n_blocks):
            matrix.block(number)
    described = dataset.describe()
    assert described["matrices"] == []
    assert any("X is left out" in warning for warning in described["warnings"])
    dataset.close()


def test_a_chunk_that_was_never_written_has_the_fill_value(tmp_path, small_is_large):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        data = file.create_dataset("x", (100,), "f4", chunks=(10,), compression="gzip", fillvalue=2.5)
        data[20:30] = 1
    with h5py.File(tmp_path / "x.h5") as file:
        np.testing.assert_array_equal(large_chunks(file["x"], 1).read(slice(15, 35)), [2.5] * 5 + [1] * 10 + [2.5] * 5)


@pytest.mark.parametrize("layout", ["csr", "dense"])
def test_chunks_that_must_be_unpacked_as_a_whole_have_a_limit(tmp_path, layout):
    path = written(tmp_path / "x.h5ad", VALUES, layout, {"compression": "lzf"})
    dataset = open_dataset(path, Settings(max_array_bytes=1000))
    assert not dataset.matrices
    assert any("X is left out" in line and "max_array_bytes" in line for line in dataset.warnings)
    dataset.close()
    for options in (FILTERS["gzip"], {}):
        kept = open_dataset(written(tmp_path / "y.h5ad", VALUES, layout, options), Settings(max_array_bytes=1000))
        assert [m.name for m in kept.matrices] == ["X"]
        kept.close()
