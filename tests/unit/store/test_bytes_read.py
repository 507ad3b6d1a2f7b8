"""The number of bytes read: opening reads no data of X, a gene of a CSC matrix only its column.

Counted by the system for the whole process (``rchar``), so that it makes no difference how the bytes are read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from h5ad_file import Dense, as_parts, write_h5ad
from scipy.sparse import random_array
from starcyte.settings import Settings
from starcyte.store.open import open_dataset

METER = Path("/proc/self/io")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not METER.exists(), reason="this system does not count the bytes that a process reads"),
]

N_OBS, N_VARS = 4000, 600
# HDF5 reads its metadata in parts of up to 64 KiB
SMALL = 192 * 1024
STORAGES = {"contiguous": {}, "chunked": {"chunks": 1000}, "gzip": {"chunks": 1000, "compression": "gzip"}}


def bytes_read() -> int:
    return int(METER.read_text().split()[1])


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(0)
    return random_array((N_OBS, N_VARS), density=0.3, rng=rng, format="csc", dtype=np.float32)


def stored(x, layout, storage="contiguous"):
    if layout == "dense":
        return Dense(x.toarray(), *{"contiguous": (), "chunked": ((100, 50),), "gzip": ((100, 50), "gzip")}[storage])
    return as_parts(x.asformat(layout), **STORAGES[storage])


@pytest.fixture
def measured(tmp_path):
    """Return a function that counts the bytes of a read, in the second of two runs: the first one imports modules."""

    def measure(path, read):
        for _ in range(2):
            dataset = open_dataset(path, Settings())
            before = bytes_read()
            read(dataset)
            taken = bytes_read() - before
            dataset.close()
        return taken

    return measure


def bytes_to_open(path):
    for _ in range(2):
        before = bytes_read()
        open_dataset(path, Settings()).close()
        taken = bytes_read() - before
    return taken


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_opening_reads_none_of_the_matrices(tmp_path, x, layout, storage):
    matrix = stored(x, layout, storage)
    names = {"cells": N_OBS, "genes": N_VARS}
    # of the same size, because the fingerprint samples the whole file
    without = write_h5ad(tmp_path / "without.h5ad", None, obsm={"filling": x.toarray()}, **names)
    with_all = write_h5ad(tmp_path / "with.h5ad", matrix, raw=matrix, layers={"counts": matrix}, **names)
    assert with_all.stat().st_size > 3_000_000
    assert bytes_to_open(with_all) <= bytes_to_open(without) + SMALL


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_all_bytes_of_a_matrix_are_counted(tmp_path, measured, x, layout):
    path = write_h5ad(tmp_path / "x.h5ad", stored(x, layout))

    def read(dataset):
        matrix = dataset.matrix("X")
        for number in range(matrix.n_blocks):
            matrix.block(number)

    least = x.nnz * 8 if layout != "dense" else N_OBS * N_VARS * 4
    assert least <= measured(path, read) <= least + SMALL


@pytest.mark.parametrize("storage", STORAGES)
def test_one_gene_of_a_csc_matrix_reads_its_column_only(tmp_path, measured, x, storage):
    path = write_h5ad(tmp_path / "x.h5ad", stored(x, "csc", storage))
    column = int(np.diff(x.indptr)[321]) * 8
    assert measured(path, lambda dataset: dataset.matrix("X").column(321)) <= column + SMALL


def test_ten_genes_of_a_csc_matrix_read_ten_columns(tmp_path, measured, x):
    path = write_h5ad(tmp_path / "x.h5ad", stored(x, "csc"))
    genes = range(0, N_VARS, N_VARS // 10)
    columns = sum(int(np.diff(x.indptr)[j]) * 8 for j in genes)
    taken = measured(path, lambda dataset: [dataset.matrix("X").column(j) for j in genes])
    assert taken <= columns + len(genes) * 4096 + SMALL


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_obs_and_embeddings_read_nothing_of_the_matrix(tmp_path, measured, x, layout, storage):
    places, amounts = np.zeros((N_OBS, 2), np.float32), np.arange(N_OBS)
    path = write_h5ad(tmp_path / "x.h5ad", stored(x, layout, storage), obs={"n": amounts}, obsm={"X_umap": places})

    def read(dataset):
        dataset.obs_column("n")
        dataset.embedding("X_umap", [0, 1])
        dataset.genes("X").search("g1")

    assert measured(path, read) <= places.nbytes + amounts.nbytes + SMALL


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_the_scale_is_found_from_a_sample_of_the_values(tmp_path, measured, x, layout, storage):
    path = write_h5ad(tmp_path / "x.h5ad", stored(x, layout, storage))
    # 16 runs of 4,096 values; of a dense array all chunks of a few rows
    run = 5 * 4096 if layout != "dense" or storage == "contiguous" else 2 * 100 * N_VARS
    assert measured(path, lambda dataset: dataset.describe()) <= 16 * run * x.dtype.itemsize + SMALL
