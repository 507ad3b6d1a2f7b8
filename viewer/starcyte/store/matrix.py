"""X, raw/X and layers on disk: CSR, CSC and dense, read gene by gene or block by block and never whole."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from starcyte.errors import DatasetInvalid
from starcyte.store.base import Block, Layout, Matrix, Tick, Values, no_tick
from starcyte.store.hdf5 import Node, attribute, dataset, reading

_REWRITE = "Write the file again from its source with anndata."


def open_matrix(name: str, node: Node, shape: tuple[int, int], block_bytes: int) -> Matrix:
    """Open a matrix, reading none of it.

    Parameters
    ----------
    name
        ``X``, ``raw/X`` or ``layers/<layer>``.
    node
        The dataset, or the group of ``data``, ``indices`` and ``indptr``.
    shape
        Cells by genes, as obs and var say.
    block_bytes
        The most bytes to read at a time.

    Raises
    ------
    DatasetInvalid
        If it is no matrix of numbers, or its shape contradicts obs and var or itself.
    """
    if isinstance(node, h5py.Dataset):
        return DenseMatrix(name, node, shape, block_bytes)
    encoding = attribute(node, "encoding-type", "h5sparse_format")
    layout = {"csr_matrix": "csr", "csc_matrix": "csc", "csr": "csr", "csc": "csc"}.get(str(encoding))
    if layout == "csr":
        return CsrMatrix(name, node, shape, block_bytes)
    if layout == "csc":
        return CscMatrix(name, node, shape, block_bytes)
    raise DatasetInvalid(f"{name} is stored as {encoding!r}, which is no matrix starcyte knows.", _REWRITE)


def _numeric(name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.kind not in "fiub":
        raise DatasetInvalid(f"{name} holds {dtype} values; a matrix holds numbers.", _REWRITE)
    return dtype


class _SparseMatrix:
    """What CSR and CSC share: three arrays that must agree, and slices of them that are checked when read."""

    layout: Layout
    _major: int  # the axis that indptr runs over

    def __init__(self, name: str, group: h5py.Group, shape: tuple[int, int], block_bytes: int) -> None:
        self.name = name
        self._data = dataset(group, "data")
        self._indices = dataset(group, "indices")
        self._indptr = dataset(group, "indptr")
        self.dtype = _numeric(name, self._data.dtype)
        stored = attribute(group, "shape", "h5sparse_shape")
        self.shape = shape
        if stored is None or tuple(np.asarray(stored).ravel().tolist()) != shape:
            said = "none" if stored is None else " x ".join(str(v) for v in np.asarray(stored).ravel().tolist())
            raise DatasetInvalid(
                f"{name} says its shape is {said}, but obs and var say {shape[0]} x {shape[1]}.", _REWRITE
            )
        for part in (self._data, self._indices, self._indptr):
            if part.ndim != 1 or (part is not self._data and part.dtype.kind not in "iu"):
                raise DatasetInvalid(f"{name} is broken: {part.name} is not a list of whole numbers.", _REWRITE)
        self.nnz: int | None = int(self._data.shape[0])
        if self._indices.shape != self._data.shape:
            raise DatasetInvalid(
                f"{name} is broken: {self._data.shape[0]} values but {self._indices.shape[0]} indices.", _REWRITE
            )
        if self._indptr.shape[0] != shape[self._major] + 1:
            raise DatasetInvalid(
                f"{name} is broken: indptr has {self._indptr.shape[0]} entries, not {shape[self._major] + 1}.", _REWRITE
            )
        self._entry_bytes = self.dtype.itemsize + self._indices.dtype.itemsize
        self._block_entries = max(block_bytes // self._entry_bytes, 1)

    @cached_property
    def indptr(self) -> NDArray[np.int64]:
        """Where each row (CSR) or column (CSC) starts, checked; shape (n + 1,)."""
        with reading(f"{self.name}/indptr"):
            indptr: NDArray[np.int64] = self._indptr[()].astype(np.int64)
        if indptr[0] != 0 or indptr[-1] != self.nnz or np.any(np.diff(indptr) < 0):
            raise DatasetInvalid(
                f"{self.name} is broken: indptr does not run from 0 up to the number of values ({self.nnz}).", _REWRITE
            )
        return indptr

    def _read_indices(self, start: int, stop: int) -> NDArray[Any]:
        with reading(f"{self.name}/indices"):
            indices: NDArray[Any] = self._indices[start:stop]
        minor = self.shape[1 - self._major]
        if indices.size and (int(indices.min()) < 0 or int(indices.max()) >= minor):
            raise DatasetInvalid(
                f"{self.name} is broken: an index is outside 0 to {minor - 1} (among entries {start} to {stop}).",
                _REWRITE,
            )
        return indices.astype(np.int32 if minor < 2**31 else np.int64, copy=False)

    def _read_data(self, start: int, stop: int) -> NDArray[Any]:
        with reading(f"{self.name}/data"):
            values: NDArray[Any] = self._data[start:stop]
        return values

    def _spans(self) -> Iterator[tuple[int, int]]:
        """Cut the major axis so that each piece has at most the entries of a block (or is a single row)."""
        indptr, n, first = self.indptr, self.shape[self._major], 0
        while first < n:
            last = int(np.searchsorted(indptr, indptr[first] + self._block_entries, side="right")) - 1
            last = min(max(last, first + 1), n)
            yield first, last
            first = last

    def _rectangle(self, first: int, last: int) -> Any:
        start, stop = int(self.indptr[first]), int(self.indptr[last])
        indices, data = self._read_indices(start, stop), self._read_data(start, stop)
        indptr = (self.indptr[first : last + 1] - start).astype(indices.dtype)
        other = self.shape[1 - self._major]
        if self._major == 0:
            block: Any = csr_array((data, indices, indptr), shape=(last - first, other))
        else:
            block = csc_array((data, indices, indptr), shape=(other, last - first))
        if not block.has_canonical_format:
            block.sum_duplicates()
        return block

    def check(self, tick: Tick = no_tick) -> None:
        """Read indptr and all indices."""
        nnz = self.nnz or 0
        assert self.indptr is not None
        for start in range(0, nnz, self._block_entries):
            tick(start / nnz)
            self._read_indices(start, min(start + self._block_entries, nnz))


class CsrMatrix(_SparseMatrix):
    """A matrix stored row by row; a gene is found by looking at every row."""

    layout: Layout = "csr"
    _major = 0

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene by a scan of all rows."""
        nnz = self.nnz or 0
        indptr = self.indptr
        rows: list[NDArray[np.int64]] = []
        values: list[NDArray[Any]] = [np.empty(0, self.dtype)]
        for start in range(0, nnz, self._block_entries):
            tick(start / nnz)
            stop = min(start + self._block_entries, nnz)
            hits = np.flatnonzero(self._read_indices(start, stop) == index)
            if hits.size:
                first, last = int(hits[0]), int(hits[-1]) + 1
                values.append(self._read_data(start + first, start + last)[hits - first])
                rows.append(np.searchsorted(indptr, start + hits, side="right") - 1)
        return _sparse_values(
            self.shape[0], np.concatenate(rows) if rows else np.empty(0, np.int64), np.concatenate(values)
        )

    def blocks(self, tick: Tick = no_tick) -> Iterator[Block]:
        """Read runs of rows."""
        for first, last in self._spans():
            done = last / self.shape[0]
            tick(first / self.shape[0])
            yield Block(slice(first, last), slice(0, self.shape[1]), self._rectangle(first, last), done)


class CscMatrix(_SparseMatrix):
    """A matrix stored gene by gene; a gene is one slice."""

    layout: Layout = "csc"
    _major = 1

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene."""
        start, stop = int(self.indptr[index]), int(self.indptr[index + 1])
        return _sparse_values(self.shape[0], self._read_indices(start, stop), self._read_data(start, stop))

    def blocks(self, tick: Tick = no_tick) -> Iterator[Block]:
        """Read runs of genes."""
        for first, last in self._spans():
            tick(first / self.shape[1])
            yield Block(slice(0, self.shape[0]), slice(first, last), self._rectangle(first, last), last / self.shape[1])


class DenseMatrix:
    """A matrix stored as an array."""

    layout: Layout = "dense"
    nnz: int | None = None

    def __init__(self, name: str, array: h5py.Dataset, shape: tuple[int, int], block_bytes: int) -> None:
        self.name, self.shape, self._array = name, shape, array
        self.dtype = _numeric(name, array.dtype)
        # anndata 0.6 wrote a single gene, or a single cell, without its second axis
        self._flat = array.ndim == 1 and 1 in shape and array.shape[0] == shape[0] * shape[1]
        if not self._flat and array.shape != shape:
            said = " x ".join(str(v) for v in array.shape)
            raise DatasetInvalid(f"{name} has the shape {said}, but obs and var say {shape[0]} x {shape[1]}.", _REWRITE)
        step = max(block_bytes // max(shape[1] * self.dtype.itemsize, 1), 1)
        if array.chunks and not self._flat and step > array.chunks[0]:
            step -= step % array.chunks[0]
        self._step = step

    def _rows(self) -> Iterator[tuple[int, int]]:
        for first in range(0, self.shape[0], self._step):
            yield first, min(first + self._step, self.shape[0])

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene, in pieces so that other reads get their turn."""
        out = np.empty(self.shape[0], self.dtype)
        if self._flat:
            with reading(self.name):
                out[:] = self._array[()].reshape(self.shape)[:, index]
            return Values(self.shape[0], out)
        for first, last in self._rows():
            tick(first / self.shape[0])
            with reading(self.name):
                out[first:last] = self._array[first:last, index]
        return Values(self.shape[0], out)

    def blocks(self, tick: Tick = no_tick) -> Iterator[Block]:
        """Read runs of rows."""
        for first, last in self._rows():
            tick(first / self.shape[0])
            with reading(self.name):
                if self._flat:
                    block: NDArray[Any] = self._array[()].reshape(self.shape)[first:last]
                else:
                    block = self._array[first:last]
            yield Block(slice(first, last), slice(0, self.shape[1]), block, last / self.shape[0])

    def check(self, tick: Tick = no_tick) -> None:
        """Nothing to check: the shape, all that can contradict, was checked when it was opened."""


def _sparse_values(n: int, rows: NDArray[Any], values: NDArray[Any]) -> Values:
    if rows.size and np.any(np.diff(rows) <= 0):
        order = np.argsort(rows, kind="stable")
        rows, values = rows[order], values[order]
        starts = np.flatnonzero(np.r_[True, np.diff(rows) > 0])
        # entries of one cell that are there twice add up, as scipy reads them
        rows, values = rows[starts], np.add.reduceat(values, starts, dtype=values.dtype)
    return Values(n, values, rows.astype(np.uint32))
