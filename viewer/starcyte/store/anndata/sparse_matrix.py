"""The common part of matrices in CSR and CSC layout."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid
from starcyte.store.anndata.matrix_values import (
    MAX_ROWS,
    REWRITE,
    SAMPLED_VALUES,
    for_scipy,
    numeric,
    sample_runs,
)
from starcyte.store.cell_rows import CellRows
from starcyte.store.dataset import Layout, Tick, no_tick
from starcyte.store.moments import Moments
from starcyte.store.nodes import Group
from starcyte.store.scale import NATURAL, ValueRange


class SparseMatrix:
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
        self.dtype = numeric(name, parts[0].dtype)
        self.shape = shape
        stored = group.attribute("shape", "h5sparse_shape")
        given = [] if stored is None else np.asarray(stored).ravel().tolist()
        if given != list(shape):
            text = " x ".join(str(v) for v in given) or "none"
            raise DatasetInvalid(f"{name} has the shape {text}, but obs and var have {shape[0]} x {shape[1]}.", REWRITE)
        for part in parts:
            if part.ndim != 1 or (part is not parts[0] and part.dtype.kind not in "iu"):
                raise DatasetInvalid(
                    f"{name} is invalid: {part.name} is not a one-dimensional array of integers.", REWRITE
                )
        self._data, self._indices, self._indptr = (part.vector() for part in parts)
        self.nnz: int | None = self._data.size
        if self._indices.size != self._data.size:
            raise DatasetInvalid(
                f"{name} is invalid: {self._data.size} values but {self._indices.size} indices.", REWRITE
            )
        if self._indptr.size != shape[self._major] + 1:
            raise DatasetInvalid(
                f"{name} is invalid: indptr has {self._indptr.size} entries, not {shape[self._major] + 1}.", REWRITE
            )
        self._block_entries = max(block_bytes // (self.dtype.itemsize + self._indices.dtype.itemsize), 1)

    @cached_property
    def indptr(self) -> NDArray[np.int64]:
        """The position of the first entry of each row (CSR) or column (CSC), checked; shape (n + 1,)."""
        indptr: NDArray[np.int64] = self._indptr.read(0, self._indptr.size).astype(np.int64)
        if indptr[0] != 0 or indptr[-1] != self.nnz or np.any(np.diff(indptr) < 0):
            raise DatasetInvalid(
                f"{self.name} is invalid: indptr does not increase from 0 to the number of values ({self.nnz}).",
                REWRITE,
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
                REWRITE,
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
            starts.append(min(max(last, first + 1), first + MAX_ROWS, n))
        return np.array(starts)

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return self.spans.size - 1

    def _read_span(self, first: int, last: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
        start, stop = int(self.indptr[first]), int(self.indptr[last])
        self._indices.ahead(start, stop)
        data = for_scipy(self._read_data(start, stop))
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
        starts = self._data.spread(
            SAMPLED_VALUES, sample_runs(nnz, nnz, SAMPLED_VALUES, -(-nnz // self._block_entries))
        )
        self._data.ahead_of_runs(starts, SAMPLED_VALUES)
        return ValueRange.union(
            ValueRange.of(self._read_data(start, min(start + SAMPLED_VALUES, nnz))) for start in starts
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
