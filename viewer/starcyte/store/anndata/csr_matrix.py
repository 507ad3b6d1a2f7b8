"""Matrices in CSR layout, by cell."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from starcyte.store.anndata.matrix_values import (
    for_scipy,
    sparse_values,
)
from starcyte.store.anndata.sparse_matrix import SparseMatrix
from starcyte.store.block import Block
from starcyte.store.dataset import Layout, Tick, Values, no_tick
from starcyte.store.nodes import Group
from starcyte.store.scale import NATURAL


class CsrMatrix(SparseMatrix):
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
        values = for_scipy(data[:position])
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
