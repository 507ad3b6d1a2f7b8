"""Moments of small groups, read from their rows, equal those of a pass over the whole matrix."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from h5ad_file import Parts
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from indexing import indexed, opened, stored
from starcyte.compute.moments import group_moments
from starcyte.compute.rows import by_rows, row_moments
from starcyte.errors import DatasetInvalid
from starcyte.store.anndata.csr_matrix import CsrMatrix
from starcyte.store.moments import Accumulator

pytestmark = pytest.mark.slow

N, GENES = 120, 9


def values_of(dtype):
    rng = np.random.default_rng(1)
    values = rng.standard_normal((N, GENES)) * (rng.random((N, GENES)) < 0.5)
    return (values * 100 if np.dtype(dtype).kind in "iu" else values).astype(dtype)


def by_blocks(matrix, codes, n_groups):
    accumulator = Accumulator(codes, n_groups, matrix.shape[1])
    for number in range(matrix.n_blocks):
        accumulator.add(matrix.block(number))
    return accumulator.result()


def same(one, other):
    np.testing.assert_array_equal(one.n, other.n)
    np.testing.assert_array_equal(one.positive, other.positive)
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(one.m2, other.m2, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(one.expm1, other.expm1, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i4", "u2", "i8"])
@pytest.mark.parametrize("how", [{}, {"shuffled": True}, {"doubled": True, "shuffled": True}, {"zeros": True}])
def test_rows_and_blocks_give_equal_moments(tmp_path, dtype, how):
    codes = np.random.default_rng(2).integers(0, 3, N)
    with opened(tmp_path / "x.h5ad", stored(values_of(dtype), "csr", **how), block_bytes=400) as dataset:
        matrix = dataset.matrix("X").base
        assert matrix.n_blocks > 5
        same(row_moments(matrix, codes, 2, workers=2), by_blocks(matrix, codes, 2))


@examples(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=N, max_size=N), st.integers(1, 4000), st.integers(0, 60))
def test_any_groups_in_any_blocks_with_any_gap(tmp_path_factory, groups, block_bytes, gap):
    path = tmp_path_factory.mktemp("rows") / "x.h5ad"
    codes = np.array(groups)
    with (
        pytest.MonkeyPatch.context() as patch,
        opened(path, stored(values_of("f4"), "csr"), block_bytes=block_bytes) as d,
    ):
        patch.setattr(CsrMatrix, "min_gap", gap)
        matrix = d.matrix("X").base
        same(row_moments(matrix, codes, 2), by_blocks(matrix, codes, 2))


def test_nan_makes_the_moments_of_its_gene_nan(tmp_path):
    values = values_of("f4")
    values[3, 2] = np.nan
    codes = np.full(N, 2)
    codes[:10], codes[50:70] = 0, 1
    with opened(tmp_path / "x.h5ad", stored(values, "csr")) as dataset:
        moments = row_moments(dataset.matrix("X").base, codes, 2)
    assert np.isnan(moments.mean[2]).tolist() == [True, False]
    assert not np.isnan(moments.mean[[0, 1, 3, 4, 5, 6, 7, 8]]).any()


def test_equal_numbers_have_no_variance(tmp_path):
    """0.1 many times over: rounding must not look like variance."""
    with opened(tmp_path / "x.h5ad", stored(np.full((N, 2), 0.1), "csr")) as dataset:
        moments = row_moments(dataset.matrix("X").base, np.arange(N) % 3, 2)
    np.testing.assert_array_equal(moments.m2, 0)


def test_rows_between_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(CsrMatrix, "min_gap", 50)
    codes = np.full(N, 2)
    codes[[5, 6]], codes[[100, 101]] = 0, 1
    values = values_of("f4")
    with opened(tmp_path / "x.h5ad", stored(values, "csr")) as dataset:
        matrix = dataset.matrix("X").base
        read = []
        whole = matrix._indices.read
        monkeypatch.setattr(matrix._indices, "read", lambda a, b, out: read.append(b - a) or whole(a, b, out))
        row_moments(matrix, codes, 2)
    assert sum(read) == np.count_nonzero(values[[5, 6, 100, 101]])


def test_an_invalid_index_in_a_row_is_an_error(tmp_path):
    whole = stored(values_of("f4"), "csr")
    indices = whole.indices.copy()
    indices[whole.indptr[7]] = GENES
    with opened(tmp_path / "x.h5ad", Parts("csr", whole.data, indices, whole.indptr, whole.shape)) as dataset:
        matrix = dataset.matrix("X").base
        with pytest.raises(DatasetInvalid, match="index is outside 0 to 8"):
            row_moments(matrix, np.where(np.arange(N) == 7, 0, 2), 2)


def test_small_groups_are_read_by_rows_and_large_ones_from_the_index(tmp_path):
    few, many = np.where(np.arange(N) < 20, 0, 2), np.arange(N) % 2
    with opened(tmp_path / "x.h5ad", stored(values_of("f4"), "csr")) as dataset:
        matrix = dataset.matrix("X")
        assert by_rows(matrix, many, 2) is matrix.base  # nothing better stands yet
        indexed(dataset, tmp_path / "cache")
        assert by_rows(matrix, few, 2) is matrix.base
        assert by_rows(matrix, many, 2) is None
        assert by_rows(matrix, few, 40) is None
        same(group_moments(matrix, few, 2), by_blocks(matrix.base, few, 2))


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """A matrix in compressed pieces of 20 entries, and the values."""
    monkeypatch.setattr(CsrMatrix, "min_gap", 0)
    with opened(tmp_path / "x.h5ad", stored(values_of("f4"), "csr"), block_bytes=400):
        pass
    with h5py.File(tmp_path / "x.h5ad", "r+") as file:
        for part in ("data", "indices"):
            entries = file["X"][part][:]
            del file["X"][part]
            file["X"].create_dataset(part, data=entries, compression="gzip", chunks=(20,))
    with opened(tmp_path / "x.h5ad", block_bytes=400) as dataset:
        yield dataset


@pytest.mark.parametrize("n", [1, 9, N])
def test_compressed_rows_and_blocks_give_equal_moments(packed, n):
    matrix = packed.matrix("X").base
    codes = np.full(N, 2)
    codes[np.random.default_rng(n).permutation(N)[:n]] = np.arange(n) % 2
    same(row_moments(matrix, codes, 2, workers=2), by_blocks(matrix, codes, 2))


def test_only_the_needed_chunks_of_compressed_rows_are_decompressed(packed, monkeypatch):
    matrix = packed.matrix("X")
    assert by_rows(matrix, np.where(np.arange(N) < 9, 0, 2), 2) is matrix.base
    # a cell of every tenth: hardly a piece without one
    assert by_rows(matrix, np.where(np.arange(N) % 10 == 0, 0, 2), 2) is None
    rows = np.isin(np.arange(N), [3, 4, 60])
    indptr = matrix.base.indptr
    pieces = {e // 20 for row in np.flatnonzero(rows) for e in range(indptr[row], indptr[row + 1])}
    assert matrix.base.entries_read(rows) == 20 * len(pieces)
    read = []
    whole = matrix.base._data.read
    monkeypatch.setattr(matrix.base._data, "read", lambda a, b, out: read.append((a, b)) or whole(a, b, out))
    row_moments(matrix.base, np.where(rows, 0, 1), 1)
    assert {e // 20 for a, b in read for e in range(a, b)} == pieces


@given(st.lists(st.booleans(), min_size=N, max_size=N))
@examples(max_examples=60, suppress_health_check=list(HealthCheck))
def test_the_chunks_of_any_rows_are_counted(packed, wanted):
    base, wanted = packed.matrix("X").base, np.array(wanted)
    pieces = {e // 20 for row in np.flatnonzero(wanted) for e in range(base.indptr[row], base.indptr[row + 1])}
    assert base.entries_read(wanted) == 20 * len(pieces)
