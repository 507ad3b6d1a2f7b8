"""Genes and blocks of matrices in every storage, compared with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from h5ad_file import Dense, Parts, write_h5ad
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy.sparse import coo_array
from starcyte.errors import Cancelled
from starcyte.settings import Settings
from starcyte.store.open import open_dataset

pytestmark = pytest.mark.slow

DTYPES = ["<f4", "<f8", "|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8"]
INDEX_DTYPES = ["<i4", "<i8", "<u4", "<u2"]


@st.composite
def stored(draw):
    """Draw the content of a file: entries (with duplicates), their storage, and the bytes of a block."""
    shape = draw(st.integers(1, 12)), draw(st.integers(1, 9))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    places = draw(st.lists(st.tuples(st.integers(0, shape[0] - 1), st.integers(0, shape[1] - 1)), max_size=60))
    numbers = draw(st.lists(st.integers(0, 20), min_size=len(places), max_size=len(places)))
    values = np.array(numbers, dtype if dtype.kind != "b" else np.int64).astype(dtype)
    layout = draw(st.sampled_from(["csr", "csc", "dense"]))
    return shape, places, values, layout, draw(st.sampled_from(INDEX_DTYPES)), draw(st.sampled_from([None, 1, 3, 64]))


def truth(shape, places, values):
    full = np.zeros(shape, values.dtype)
    for (row, column), value in zip(places, values, strict=True):
        full[row, column] += value
    return full


def as_stored(shape, places, values, layout, index_dtype, chunks):
    """Return the entries in the order in which they were drawn: unsorted, with duplicates."""
    if layout == "dense":
        return Dense(truth(shape, places, values), chunks=(1, 1) if chunks == 1 else None)
    major = 0 if layout == "csr" else 1
    order = sorted(range(len(places)), key=lambda i: places[i][major])
    counts = np.bincount([p[major] for p in places], minlength=shape[major]) if places else np.zeros(shape[major], int)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(index_dtype)
    indices = np.array([places[i][1 - major] for i in order], index_dtype)
    return Parts(layout, values[order], indices, indptr, shape, chunks)


@pytest.fixture
def opened(tmp_path):
    """Return a function that writes a matrix as X and opens it; the files are closed at the end of the test."""
    datasets = []

    def open_(x, block_bytes=16 << 20):
        datasets.append(open_dataset(write_h5ad(tmp_path / "x.h5ad", x), Settings(block_bytes=block_bytes)))
        return datasets[-1].matrix("X")

    yield open_
    for dataset in datasets:
        dataset.close()


def read(x, path, block_bytes):
    """Return the matrix, all its genes and all its blocks."""
    dataset = open_dataset(write_h5ad(path, x), Settings(block_bytes=block_bytes))
    try:
        matrix = dataset.matrix("X")
        columns = [matrix.column(j) for j in range(matrix.shape[1])]
        return matrix, columns, [matrix.block(i) for i in range(matrix.n_blocks)]
    finally:
        dataset.close()


def joined(blocks, shape, dtype):
    """Return the matrix that the blocks make up; no cell of it may be in two blocks."""
    full, covered = np.zeros(shape, dtype), np.zeros(shape, int)
    for block in blocks:
        covered[block.rows, block.genes] += 1
        part = full[block.rows, block.genes]
        if block.ptr is None:
            assert block.values.shape == part.T.shape
            part[:] = block.values.T
            continue
        assert block.ptr.shape == (part.shape[1] + 1,)
        for gene in range(part.shape[1]):
            entries = slice(block.ptr[gene], block.ptr[gene + 1])
            offsets = block.offsets[entries].tolist()
            assert len(set(offsets)) == len(offsets), "a row comes once within a gene"
            part[offsets, gene] = block.values[entries]
    np.testing.assert_array_equal(covered, 1)
    return full


@examples(max_examples=60)
@given(stored(), st.sampled_from([1, 7, 40, 200, 1 << 20]))
def test_every_gene_equals_scipys(tmp_path, drawn, block_bytes):
    expected = truth(*drawn[:3])
    matrix, columns, _ = read(as_stored(*drawn), tmp_path / "x.h5ad", block_bytes)
    assert matrix.shape == expected.shape
    assert matrix.dtype == expected.dtype
    assert matrix.nnz == (None if drawn[3] == "dense" else len(drawn[1]))
    for j, column in enumerate(columns):
        assert column.n == expected.shape[0]
        assert column.values.dtype == expected.dtype
        np.testing.assert_array_equal(column.dense(), expected[:, j])
        if column.indices is not None:
            assert column.indices.dtype == np.uint32
            assert np.all(np.diff(column.indices.astype(np.int64)) > 0), "increasing, each cell once"


@examples(max_examples=60)
@given(stored(), st.sampled_from([1, 7, 40, 200, 1 << 20]))
def test_the_blocks_together_are_the_matrix(tmp_path, drawn, block_bytes):
    expected = truth(*drawn[:3])
    _, _, blocks = read(as_stored(*drawn), tmp_path / "x.h5ad", block_bytes)
    np.testing.assert_array_equal(joined(blocks, expected.shape, expected.dtype), expected)
    assert all(b.values.dtype == expected.dtype for b in blocks)


@examples(max_examples=40)
@given(stored(), st.sampled_from([64, 200, 1000]))
def test_a_block_stays_within_its_bytes_unless_it_is_one_row(tmp_path, drawn, block_bytes):
    _, _, blocks = read(as_stored(*drawn), tmp_path / "x.h5ad", block_bytes)
    for block in blocks:
        lines = block.genes if drawn[3] == "csc" else block.rows
        assert block.values.nbytes <= block_bytes or lines.stop - lines.start == 1


@examples(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["csr", "csc"]), st.sampled_from([500, 5000, 1 << 20]))
def test_a_larger_matrix_with_many_blocks_equals_scipys(tmp_path, seed, layout, block_bytes):
    rng = np.random.default_rng(seed)
    n, m, k = 200, 30, 900
    entries = coo_array((rng.integers(1, 9, k) * 1.5, (rng.integers(0, n, k), rng.integers(0, m, k))), shape=(n, m))
    expected = entries.toarray()
    _, columns, blocks = read(entries.asformat(layout), tmp_path / "x.h5ad", block_bytes)
    np.testing.assert_array_equal(joined(blocks, (n, m), float), expected)
    np.testing.assert_array_equal(np.stack([c.dense() for c in columns], axis=1), expected)


@pytest.mark.parametrize("compression", ["gzip", "lzf"])
@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_compressed_matrices_read_the_same(opened, layout, compression):
    full = np.random.default_rng(0).poisson(0.5, (50, 8)).astype(np.float32)
    rows, columns = np.nonzero(full)
    drawn = full.shape, list(zip(rows.tolist(), columns.tolist(), strict=True)), full[rows, columns], layout, "<i4", 16
    x = as_stored(*drawn)
    x = (
        Dense(full, (7, 3), compression)
        if layout == "dense"
        else Parts(layout, x.data, x.indices, x.indptr, x.shape, 16, compression)
    )
    matrix = opened(x, 64)
    np.testing.assert_array_equal(np.stack([matrix.column(j).dense() for j in range(8)], axis=1), full)


@pytest.mark.parametrize("dtype", ["<f2", ">f4", ">f8", ">i4", ">u2"])
@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_rare_dtypes_read_the_same(opened, layout, dtype):
    places = [(0, 0), (2, 1), (2, 0), (5, 2), (2, 1)]  # one place twice
    values = np.array([1, 2, 3, 4, 5]).astype(dtype)
    matrix = opened(as_stored((6, 3), places, values, layout, "<i4", None), 16)
    expected = truth((6, 3), places, values)
    np.testing.assert_array_equal(np.stack([matrix.column(j).dense() for j in range(3)], axis=1), expected)
    blocks = [matrix.block(i) for i in range(matrix.n_blocks)]
    np.testing.assert_array_equal(joined(blocks, (6, 3), float), expected)


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_nan_and_infinity_are_kept(opened, layout):
    values = np.array([np.nan, np.inf, -np.inf, -0.5], np.float32)
    places = [(0, 0), (1, 0), (2, 0), (3, 1)]
    matrix = opened(as_stored((4, 2), places, values, layout, "<i4", None))
    np.testing.assert_array_equal(matrix.column(0).dense(), np.array([np.nan, np.inf, -np.inf, 0], np.float32))


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_a_matrix_without_genes_has_no_values(opened, layout):
    matrix = opened(as_stored((4, 0), [], np.zeros(0, np.float32), layout, "<i4", None))
    assert sum(matrix.block(i).values.size for i in range(matrix.n_blocks)) == 0
    matrix.check()


@pytest.mark.parametrize("layout", ["csr", "dense"])
def test_a_read_stops_between_its_blocks(opened, layout):
    matrix = opened(as_stored((40, 2), [(i, i % 2) for i in range(40)], np.ones(40, np.float32), layout, "<i4", 4), 32)
    ticks = []

    def stop(done):
        ticks.append(done)
        if len(ticks) == 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        matrix.column(0, stop)
    assert len(ticks) == 3
    assert ticks == sorted(ticks)
