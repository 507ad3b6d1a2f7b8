"""An index has the same genes, blocks, entries and moments as its matrix."""

from __future__ import annotations

import itertools
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from indexing import categories, indexed, opened, stored

pytestmark = pytest.mark.slow

DTYPES = ["<f2", "<f4", "<f8", ">f4", "|b1", "|i1", "<i2", "<i4", "<i8", ">i4", "|u1", "<u2", "<u4", "<u8"]
LAYOUTS = ["csr", "csc", "dense"]


@st.composite
def matrices(draw):
    """Draw an array, its storage, groups (some cells have none), the bytes of a block and the number of workers."""
    shape = draw(st.integers(1, 40)), draw(st.integers(0, 7))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    low, high = (0, 2) if dtype.kind == "b" else (0 if dtype.kind == "u" else -9, 50)
    values = rng.integers(low, high, shape).astype(dtype)
    if dtype.kind == "f":
        values += rng.standard_normal(shape).astype(dtype)
    # few entries or many; some rows and columns are empty
    kept = rng.random(shape) < draw(st.sampled_from([0, 0.1, 0.4, 0.9]))
    kept &= (rng.random(shape[0]) < 0.8)[:, None] & (rng.random(shape[1]) < 0.8)
    values = np.where(kept, values, 0).astype(dtype)
    if dtype.kind == "f" and draw(st.booleans()):
        values[rng.random(shape) < 0.03] = np.nan
    storage = [draw(st.booleans()) for _ in range(3)]
    x = stored(values, draw(st.sampled_from(LAYOUTS)), *storage)
    k = draw(st.integers(1, 5))
    return values, x, rng.integers(-1, k, shape[0]), k, draw(st.integers(1, 300)), draw(st.integers(1, 4))


def same(ours, expected):
    np.testing.assert_array_equal(ours, expected)
    assert ours.dtype == expected.dtype.newbyteorder("=")


@given(matrices())
@examples(max_examples=100, derandomize=True)
def test_an_index_equals_its_matrix(tmp_path, drawn):
    values, x, codes, k, block_bytes, workers = drawn
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    with opened(tmp_path / "x.h5ad", x, {"g": categories(codes, k)}, block_bytes=block_bytes) as dataset:
        index = indexed(dataset, tmp_path / "cache", workers)
        check_genes(dataset.matrix("X"), values)
        check_blocks(dataset.matrix("X"), values)
        if not index.only_moments and index.layout != "dense":
            check_entries(index, values)
        check_moments(index.moments("g"), values, codes, k)
        index.close()


def check_genes(matrix, values):
    for j in range(values.shape[1]):
        read = matrix.column(j)
        same(read.dense(), values[:, j])
        if read.indices is not None:
            assert np.all(np.diff(read.indices.astype(int)) > 0)


def check_blocks(matrix, values):
    full, covered = np.zeros(values.shape, matrix.dtype), np.zeros(values.shape, int)
    for block in (matrix.block(i) for i in range(matrix.n_blocks)):
        covered[block.rows, block.genes] += 1
        if block.ptr is None:
            full[block.rows, block.genes] = block.values.T
        else:
            genes = np.repeat(np.arange(block.ptr.size - 1), np.diff(block.ptr))
            full[block.rows, block.genes][block.offsets, genes] = block.values
    same(full, values)
    assert np.all(covered == 1)


def check_entries(index, values):
    n = values.shape[1]
    for first, last in itertools.combinations(range(n + 1), 2):
        genes, rows, numbers = index.entries(first, last)
        full = np.zeros((values.shape[0], last - first), values.dtype)
        full[rows, genes] = numbers
        np.testing.assert_array_equal(full, values[:, first:last])
        assert len(set(zip(genes.tolist(), rows.tolist(), strict=True))) == genes.size
    if n:
        assert index.gene_sizes().tolist() == [index.entries(j, j + 1)[0].size for j in range(n)]


def check_moments(moments, values, codes, k):
    for group, code in enumerate([*range(k), -1]):
        inside = values[codes == code].astype(np.float64)
        assert moments.n[group] == inside.shape[0]
        np.testing.assert_array_equal(moments.positive[:, group], (inside > 0).sum(axis=0))
        if inside.shape[0]:
            np.testing.assert_allclose(moments.mean[:, group], inside.mean(axis=0), rtol=1e-13, atol=1e-12)
            deviations = inside.var(axis=0) * inside.shape[0]
            np.testing.assert_allclose(moments.m2[:, group], deviations, rtol=1e-11, atol=1e-10)
        else:
            assert not moments.mean[:, group].any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_cell_and_no_gene(tmp_path, layout):
    for shape in [(1, 1), (1, 3), (3, 1), (2, 0), (1, 0)]:
        values = np.ones(shape, np.float32)
        with opened(tmp_path / "x.h5ad", stored(values, layout), {"g": categories(np.zeros(shape[0]), 1)}) as dataset:
            index = indexed(dataset, tmp_path / str(shape))
            check_genes(dataset.matrix("X"), values)
            assert index.moments("g").mean.shape == (shape[1], 2)


@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_more_rows_than_sixteen_bits(tmp_path, layout):
    rows = np.array([0, 65_535, 65_536, 69_999])
    values = np.zeros((70_000, 2), np.int16)
    values[rows, 0] = [1, 2, 3, 4]
    with opened(tmp_path / "x.h5ad", stored(values, layout), {"g": categories(np.arange(70_000) % 2, 2)}) as dataset:
        index = indexed(dataset, tmp_path / "cache")
        read = dataset.matrix("X").column(0)
        assert read.indices.tolist() == rows.tolist()
        assert read.values.tolist() == [1, 2, 3, 4]
        assert index.moments("g").positive.tolist() == [[2, 2, 0], [0, 0, 0]] or layout == "csc"


def test_a_mostly_empty_array_is_indexed_as_sparse(tmp_path):
    values = np.zeros((50, 4), np.float32)
    values[::7, 1] = 3
    with opened(tmp_path / "x.h5ad", stored(values, "dense"), block_bytes=200) as dataset:
        index = indexed(dataset, tmp_path / "cache")
        assert (index.layout, index.nnz) == ("csc", 8)
        check_genes(dataset.matrix("X"), values)


def test_boolean_columns_and_columns_of_many_categories(tmp_path):
    values = np.arange(12, dtype=np.float32).reshape(6, 2)
    obs = {"flag": np.array([1, 0, 1, 0, 1, 0], bool), "many": categories(range(6), 6), "n": np.arange(6)}
    with opened(tmp_path / "x.h5ad", stored(values, "csr"), obs, moments_categories=5) as dataset:
        index = indexed(dataset, tmp_path / "cache")
        assert index.moments("flag").mean.tolist() == [[6, 4, 0], [7, 5, 0]]
        assert index.moments("many") is None
        assert index.moments("n") is None


def test_the_index_of_another_block_size_is_used(tmp_path):
    """Its blocks differ from those of the file: a pass must not mix them."""
    values = np.arange(200, dtype=np.float64).reshape(50, 4) % 7
    path = tmp_path / "x.h5ad"
    with opened(path, stored(values, "csr"), block_bytes=1 << 20) as dataset:
        indexed(dataset, tmp_path / "cache").close()
    with opened(path, block_bytes=100) as dataset:
        assert dataset.matrix("X").n_blocks > 1
        assert indexed(dataset, tmp_path / "cache").n_blocks == 1
        check_genes(dataset.matrix("X"), values)
        check_blocks(dataset.matrix("X"), values)
