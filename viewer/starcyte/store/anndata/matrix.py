"""Matrices on disk (X, raw/X, layers) in CSR, CSC and dense layout, read by gene or by block and never as a whole."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from starcyte.errors import DatasetInvalid
from starcyte.store.block import Block
from starcyte.store.cell_rows import CellRows
from starcyte.store.dataset import Layout, Matrix, Tick, Values, no_tick
from starcyte.store.moments import Moments
from starcyte.store.nodes import Array, Group, Node
from starcyte.store.scale import NATURAL, ValueRange

# so that a row's offset in its block fits 16 bits
_MAX_ROWS = 65536
# the values of a run, and the number of runs, from which the scale of a matrix is found
_SAMPLED_VALUES = 4096
_LEAST_RUNS, _MOST_RUNS = 16, 64
# all values of a matrix of so many are read: it gets no index, which would find what a sample misses
ALL_VALUES = 1 << 19
_REWRITE = "Write the file again from its source with anndata."


def open_matrix(name: str, node: Node, shape: tuple[int, int], block_bytes: int, log_base: float = NATURAL) -> Matrix:
    """Open a matrix without reading its data.

    Parameters
    ----------
    name
        ``X``, ``raw/X`` or ``layers/<layer>``.
    node
        The array, or the group of ``data``, ``indices`` and ``indptr``.
    shape
        Cells by genes, by the lengths of obs and var.
    block_bytes
        The most bytes to read at once.
    log_base
        The base of the logarithm, if the values are logarithms.

    Raises
    ------
    DatasetInvalid
        If it is not a matrix of numbers, or its shape is not that of obs and var, or its arrays do not match.
    """
    if isinstance(node, Array):
        return DenseMatrix(name, node, shape, block_bytes, log_base)
    encoding = node.attribute("encoding-type", "h5sparse_format")
    layout = {"csr_matrix": "csr", "csc_matrix": "csc", "csr": "csr", "csc": "csc"}.get(str(encoding))
    if layout == "csr":
        return CsrMatrix(name, node, shape, block_bytes, log_base)
    if layout == "csc":
        return CscMatrix(name, node, shape, block_bytes, log_base)
    if encoding is None:
        raise DatasetInvalid(f"{name} is a group without an encoding: {', '.join(node.members()[:5])}.", _REWRITE)
    raise DatasetInvalid(
        f"{name} has the encoding {encoding!r}, which is not one of a matrix known to starcyte.", _REWRITE
    )


def _numeric(name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of the values that are returned: the file's, in native byte order."""
    if dtype.kind not in "fiub":
        raise DatasetInvalid(f"{name} has values of dtype {dtype}; a matrix must have numbers.", _REWRITE)
    return dtype.newbyteorder("=")


def _for_scipy(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in a dtype that scipy's sparse arrays support."""
    return values.astype(np.float32) if values.dtype == np.float16 else values


class _SparseMatrix:
    """The common part of CSR and CSC: three arrays, of which slices are checked when they are read."""

    layout: Layout
    cells: CellRows | None = None
    is_prepared = False
    _major: int  # the axis that indptr runs over

    def __init__(
        self, name: str, group: Group, shape: tuple[int, int], block_bytes: int, log_base: float = NATURAL
    ) -> None:
        self.name, self.log_base = name, log_base
        parts = [group.array(part) for part in ("data", "indices", "indptr")]
        self.dtype = _numeric(name, parts[0].dtype)
        self.shape = shape
        stored = group.attribute("shape", "h5sparse_shape")
        given = [] if stored is None else np.asarray(stored).ravel().tolist()
        if given != list(shape):
            text = " x ".join(str(v) for v in given) or "none"
            raise DatasetInvalid(
                f"{name} has the shape {text}, but obs and var have {shape[0]} x {shape[1]}.", _REWRITE
            )
        for part in parts:
            if part.ndim != 1 or (part is not parts[0] and part.dtype.kind not in "iu"):
                raise DatasetInvalid(
                    f"{name} is invalid: {part.name} is not a one-dimensional array of integers.", _REWRITE
                )
        self._data, self._indices, self._indptr = (part.vector() for part in parts)
        self.nnz: int | None = self._data.size
        if self._indices.size != self._data.size:
            raise DatasetInvalid(
                f"{name} is invalid: {self._data.size} values but {self._indices.size} indices.", _REWRITE
            )
        if self._indptr.size != shape[self._major] + 1:
            raise DatasetInvalid(
                f"{name} is invalid: indptr has {self._indptr.size} entries, not {shape[self._major] + 1}.", _REWRITE
            )
        self._block_entries = max(block_bytes // (self.dtype.itemsize + self._indices.dtype.itemsize), 1)

    @cached_property
    def indptr(self) -> NDArray[np.int64]:
        """The position of the first entry of each row (CSR) or column (CSC), checked; shape (n + 1,)."""
        indptr: NDArray[np.int64] = self._indptr.read(0, self._indptr.size).astype(np.int64)
        if indptr[0] != 0 or indptr[-1] != self.nnz or np.any(np.diff(indptr) < 0):
            raise DatasetInvalid(
                f"{self.name} is invalid: indptr does not increase from 0 to the number of values ({self.nnz}).",
                _REWRITE,
            )
        return indptr

    def learn_chunk_bytes(self, read: Callable[[], NDArray[Any]]) -> None:
        """Take the stored bytes of the chunks of data and of indices from elsewhere.

        Parameters
        ----------
        read
            Returns them, shape (2, chunks); called when they are first needed.
        """
        self._data.learn_chunk_bytes(lambda: read()[0])
        self._indices.learn_chunk_bytes(lambda: read()[1])

    def _read_indices(self, start: int, stop: int) -> NDArray[Any]:
        return self._checked(self._indices.read(start, stop), start, stop)

    def _checked(self, indices: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
        minor = self.shape[1 - self._major]
        if indices.size and (int(indices.min()) < 0 or int(indices.max()) >= minor):
            raise DatasetInvalid(
                f"{self.name} is invalid: an index is outside 0 to {minor - 1} (among entries {start} to {stop}).",
                _REWRITE,
            )
        return indices.astype(np.int32 if minor < 2**31 else np.int64, copy=False)

    @cached_property
    def spans(self) -> NDArray[np.int64]:
        """The first row (or column) of each block, and the end; a block has a limited number of entries, or one row."""
        indptr, n = self.indptr, self.shape[self._major]
        starts = [0]
        while starts[-1] < n:
            first = starts[-1]
            last = int(np.searchsorted(indptr, indptr[first] + self._block_entries, side="right")) - 1
            starts.append(min(max(last, first + 1), first + _MAX_ROWS, n))
        return np.array(starts)

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return self.spans.size - 1

    def _read_span(self, first: int, last: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
        start, stop = int(self.indptr[first]), int(self.indptr[last])
        self._indices.ahead(start, stop)
        data = _for_scipy(self._read_data(start, stop))
        return data, self._read_indices(start, stop), self.indptr[first : last + 1] - start

    def _read_data(self, start: int, stop: int) -> NDArray[Any]:
        return self._data.read(start, stop).astype(self.dtype, copy=False)

    def warm(self) -> None:
        """Read what the first gene, or row, needs besides its values, where reads wait for the network."""
        self._indptr.ahead(0, self._indptr.size)
        self._data.warm()
        self._indices.warm()
        assert self.indptr is not None

    def value_range(self) -> ValueRange:
        """Return the range of runs of values that are spread evenly over all blocks."""
        nnz = self.nnz or 0
        starts = self._data.spread(_SAMPLED_VALUES, _runs(nnz, nnz, _SAMPLED_VALUES, -(-nnz // self._block_entries)))
        self._data.ahead_of_runs(starts, _SAMPLED_VALUES)
        return ValueRange.union(
            ValueRange.of(self._read_data(start, min(start + _SAMPLED_VALUES, nnz))) for start in starts
        )

    def moments(self, column: str) -> Moments | None:
        """Return None: only an index has precomputed moments."""
        return None

    def check(self, tick: Tick = no_tick, most: int | None = None) -> None:
        """Check indptr and all indices; nothing if there are more than some number of values."""
        nnz = self.nnz or 0
        if most is not None and nnz > most:
            return
        assert self.indptr is not None
        for start in range(0, nnz, self._block_entries):
            tick(start / nnz)
            self._read_indices(start, min(start + self._block_entries, nnz))


class CsrMatrix(_SparseMatrix):
    """A matrix in CSR layout; reading a gene is a scan of all entries."""

    layout: Layout = "csr"
    min_gap = 1 << 16
    "Entries between two rows that are skipped; fewer are read, which is faster."
    _major = 0

    def __init__(
        self, name: str, group: Group, shape: tuple[int, int], block_bytes: int, log_base: float = NATURAL
    ) -> None:
        super().__init__(name, group, shape, block_bytes, log_base)
        self._local = threading.local()

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene by a scan of all entries."""
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
        return sparse_values(
            self.shape[0], np.concatenate(rows) if rows else np.empty(0, np.int64), np.concatenate(values)
        )

    @property
    def chunk(self) -> int:
        """The number of entries that are decompressed at once; 0 if the arrays are contiguous and uncompressed."""
        return max(self._data.chunk, self._indices.chunk)

    @property
    def _gap(self) -> int:
        return max(self.min_gap, self.chunk)

    def batches(self, cells: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """Divide rows into batches of about as many entries as a block, including the entries read between rows.

        Parameters
        ----------
        cells
            The rows, increasing.
        """
        if not cells.size:
            return []
        starts, stops = self.indptr[cells], self.indptr[cells + 1]
        between = np.r_[0, starts[1:] - stops[:-1]]
        sizes = stops - starts + np.where(between > self._gap, 0, between)
        batch = np.cumsum(sizes) // self._block_entries
        return np.split(cells, np.flatnonzero(np.diff(batch)) + 1)

    def rows(self, cells: NDArray[np.intp], codes: NDArray[Any]) -> Iterator[tuple[int, csr_array]]:
        """Read some rows; large gaps between them are skipped.

        Parameters
        ----------
        cells
            The rows, increasing: a batch.
        codes
            The group of each cell, shape (n_obs,).

        Yields
        ------
        group, rows
            A group, and the rows of its cells.
        """
        between = self.indptr[cells[1:]] - self.indptr[cells[:-1] + 1]
        runs = np.split(cells, np.flatnonzero(between > self._gap) + 1)
        # small gaps are read but not checked: only the requested rows need to be valid
        read = np.concatenate([np.arange(run[0], run[-1] + 1) for run in runs])
        indptr = np.r_[0, np.cumsum(self.indptr[read + 1] - self.indptr[read])].astype(np.int32)
        data, indices = self._scratch(int(indptr[-1]))
        position = 0
        for run in runs:
            start, stop = int(self.indptr[run[0]]), int(self.indptr[run[-1] + 1])
            self._data.read(start, stop, data[position:])
            self._indices.read(start, stop, indices[position:])
            position += stop - start
        values = _for_scipy(data[:position])
        raw = csr_array((values, indices[:position], indptr), shape=(read.size, self.shape[1]))
        positions = np.searchsorted(read, cells)
        for group in np.unique(codes[cells]).tolist():
            rows = raw[positions[codes[cells] == group]]
            rows.indices = self._checked(rows.indices, int(self.indptr[cells[0]]), int(self.indptr[cells[-1] + 1]))
            if not rows.has_canonical_format:
                rows.sum_duplicates()
            yield group, rows

    def entries_read(self, wanted: NDArray[np.bool_]) -> int:
        """Return the number of entries that are read, or decompressed, for some rows.

        Parameters
        ----------
        wanted
            A mask of the rows, shape (n_obs,).
        """
        rows = np.flatnonzero(wanted)
        starts, stops = self.indptr[rows], self.indptr[rows + 1]
        if not self.chunk:
            return int((stops - starts).sum())
        kept = stops > starts
        steps = np.zeros((self.nnz or 0) // self.chunk + 2, np.int64)
        np.add.at(steps, starts[kept] // self.chunk, 1)
        np.add.at(steps, (stops[kept] - 1) // self.chunk + 1, -1)
        return int(np.count_nonzero(np.cumsum(steps))) * self.chunk

    def _scratch(self, n: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return this thread's buffers for n entries: allocating memory for each block takes longer than reading it."""
        held: tuple[NDArray[Any], NDArray[Any]] | None = getattr(self._local, "held", None)
        if held is None or held[0].size < n:
            size = max(n, self._block_entries)
            held = self._local.held = np.empty(size, self._data.dtype), np.empty(size, self._indices.dtype)
        return held

    def block(self, number: int) -> Block:
        """Read a run of rows as CSC."""
        first, last = int(self.spans[number]), int(self.spans[number + 1])
        data, indices, indptr = self._read_span(first, last)
        rows = csr_array((data, indices, indptr.astype(indices.dtype)), shape=(last - first, self.shape[1]))
        if not rows.has_canonical_format:
            rows.sum_duplicates()
        columns = rows.tocsc()
        offsets = columns.indices.astype(np.uint16)
        return Block(
            slice(first, last),
            slice(0, self.shape[1]),
            columns.data.astype(self.dtype, copy=False),
            columns.indptr.astype(np.int64),
            offsets,
        )


class CscMatrix(_SparseMatrix):
    """A matrix in CSC layout; a gene is one slice."""

    layout: Layout = "csc"
    _major = 1

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene."""
        start, stop = int(self.indptr[index]), int(self.indptr[index + 1])
        self._data.ahead(start, stop)
        return sparse_values(self.shape[0], self._read_indices(start, stop), self._read_data(start, stop))

    def gene_sizes(self) -> NDArray[np.int64]:
        """Return the number of entries of each gene, shape (genes,); with those that a gene has twice."""
        sizes: NDArray[np.int64] = np.diff(self.indptr)
        return sizes

    def entries(self, first: int, last: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[Any]]:
        """Read the entries of a run of genes.

        Parameters
        ----------
        first, last
            The genes, last excluded.

        Returns
        -------
        genes, rows, values
            Shape (entries,): the gene (counted from first), the cell and the value of each.
        """
        block = self._run(first, last)
        assert block.ptr is not None
        assert block.offsets is not None
        genes = np.repeat(np.arange(last - first, dtype=np.uint32), np.diff(block.ptr))
        return genes, block.offsets, block.values

    def block(self, number: int) -> Block:
        """Read a run of genes."""
        return self._run(int(self.spans[number]), int(self.spans[number + 1]))

    def _run(self, first: int, last: int) -> Block:
        data, indices, indptr = self._read_span(first, last)
        genes = csc_array((data, indices, indptr.astype(indices.dtype)), shape=(self.shape[0], last - first))
        if not genes.has_canonical_format:
            genes.sum_duplicates()
        indices = genes.indices
        # none is negative
        offsets = indices.view(np.uint32) if indices.dtype == np.int32 else indices.astype(np.uint32)
        return Block(
            slice(0, self.shape[0]),
            slice(first, last),
            genes.data.astype(self.dtype, copy=False),
            genes.indptr.astype(np.int64),
            offsets,
        )


class DenseMatrix:
    """A matrix that is stored as an array."""

    layout: Layout = "dense"
    nnz: int | None = None
    cells: CellRows | None = None
    is_prepared = False

    def __init__(
        self, name: str, array: Array, shape: tuple[int, int], block_bytes: int, log_base: float = NATURAL
    ) -> None:
        self.name, self.shape, self.log_base, self._array = name, shape, log_base, array
        self.dtype = _numeric(name, array.dtype)
        # anndata 0.6 wrote a matrix of one gene, or one cell, as a one-dimensional array
        self._flat = array.ndim == 1 and 1 in shape and array.shape[0] == shape[0] * shape[1]
        if not self._flat and array.shape != shape:
            text = " x ".join(str(v) for v in array.shape)
            raise DatasetInvalid(
                f"{name} has the shape {text}, but obs and var have {shape[0]} x {shape[1]}.", _REWRITE
            )
        self._block_values = max(block_bytes // self.dtype.itemsize, 1)
        step = min(max(block_bytes // max(shape[1] * self.dtype.itemsize, 1), 1), _MAX_ROWS)
        if array.chunks and not self._flat and step > array.chunks[0]:
            step -= step % array.chunks[0]
        self._step = step
        # chunks of many rows are unpacked once for a gene
        self._column_step = step if self._flat or not array.chunks else max(step, array.chunks[0])

    @property
    def is_by_gene(self) -> bool:
        """Whether a gene is in few chunks, as that of CSC is: no index is needed to read it."""
        chunks = self._array.chunks
        if chunks is None or self._flat:
            return False
        return 4 * chunks[0] >= self.shape[0] and 64 * chunks[1] <= self.shape[1]

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return -(-self.shape[0] // self._step)

    def _read(self, number: int, genes: slice | int, step: int) -> tuple[slice, NDArray[Any]]:
        rows = slice(number * step, min((number + 1) * step, self.shape[0]))
        if self._flat:
            return rows, self._array.read(name=self.name).reshape(self.shape)[rows, genes]
        return rows, self._array.read((rows, genes), name=self.name)

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene in parts, so that other threads can read in between."""
        n = self.shape[0]
        out = np.empty(n, self.dtype)
        if self._array.by_column:
            for start in range(0, n, self._block_values):
                tick(start / n)
                rows = slice(start, min(start + self._block_values, n))
                out[rows] = self._array.read((rows, index), name=self.name)
            return Values(n, out)
        n_steps = -(-n // self._column_step)
        for number in range(n_steps):
            tick(number / n_steps)
            rows, chunk = self._read(number, index, self._column_step)
            out[rows] = chunk
        return Values(n, out)

    def block(self, number: int) -> Block:
        """Read a run of rows, transposed."""
        rows, chunk = self._read(number, slice(None), self._step)
        return Block(rows, slice(0, self.shape[1]), np.ascontiguousarray(chunk.T, self.dtype))

    def value_range(self) -> ValueRange:
        """Return the range of the values of some cells, which are spread evenly over all blocks."""
        if self._flat:
            return ValueRange.of(self._array.read(name=self.name))
        n_values = self.shape[0] * self.shape[1]
        few = self._array.few_chunks() if n_values > ALL_VALUES else []
        if few:
            for part in few:
                self._array.ahead(part)
            return ValueRange.union(ValueRange.of(self._array.read(part, name=self.name)) for part in few)
        at_once = max(_SAMPLED_VALUES // max(self.shape[1], 1), 1)
        starts = self._array.spread(at_once, _runs(n_values, self.shape[0], at_once, self.n_blocks))
        self._array.ahead_of_runs(starts, at_once)
        return ValueRange.union(
            ValueRange.of(self._array.read((slice(start, start + at_once), slice(None)), name=self.name))
            for start in starts
        )

    def moments(self, column: str) -> Moments | None:
        """Return None: only an index has precomputed moments."""
        return None

    def check(self, tick: Tick = no_tick, most: int | None = None) -> None:
        """Do nothing: the shape was checked when the matrix was opened."""


def needs_index(matrix: Matrix) -> bool:
    """Return whether reading one gene is a scan of the matrix, which an index saves."""
    is_by_gene = matrix.layout == "csc" or (isinstance(matrix, DenseMatrix) and matrix.is_by_gene)
    return not is_by_gene and not matrix.is_prepared


def _runs(n_values: int, length: int, at_once: int, n_blocks: int) -> int:
    """Return the number of runs from which the scale is found: all of a small matrix, else one in each block.

    Parameters
    ----------
    n_values
        The number of values of the matrix.
    length, at_once
        The length of the axis that runs are on, and that of a run.
    n_blocks
        The number of blocks of the matrix.
    """
    if n_values <= ALL_VALUES:
        return -(-length // at_once)
    return min(max(n_blocks, _LEAST_RUNS), _MOST_RUNS)


def sparse_values(n: int, rows: NDArray[Any], values: NDArray[Any]) -> Values:
    """Return the entries of a row or column in the order of their indices; duplicates are summed, as scipy does.

    Parameters
    ----------
    n
        The length of the row or column.
    rows, values
        The index and the value of each entry.
    """
    if rows.size and np.any(np.diff(rows) <= 0):
        order = np.argsort(rows, kind="stable")
        rows, values = rows[order], values[order]
        starts = np.flatnonzero(np.r_[True, np.diff(rows) > 0])
        rows, values = rows[starts], np.add.reduceat(values, starts, dtype=values.dtype)
    return Values(n, values, rows.astype(np.uint32))
