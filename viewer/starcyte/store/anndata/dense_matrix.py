"""Matrices that are stored as an array."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid
from starcyte.store.anndata.matrix_values import (
    ALL_VALUES,
    MAX_ROWS,
    REWRITE,
    SAMPLED_VALUES,
    numeric,
    sample_runs,
)
from starcyte.store.block import Block
from starcyte.store.cell_rows import CellRows
from starcyte.store.dataset import Layout, Tick, Values, no_tick
from starcyte.store.moments import Moments
from starcyte.store.nodes import Array
from starcyte.store.scale import NATURAL, ValueRange


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
        self.dtype = numeric(name, array.dtype)
        # anndata 0.6 wrote a matrix of one gene, or one cell, as a one-dimensional array
        self._flat = array.ndim == 1 and 1 in shape and array.shape[0] == shape[0] * shape[1]
        if not self._flat and array.shape != shape:
            text = " x ".join(str(v) for v in array.shape)
            raise DatasetInvalid(f"{name} has the shape {text}, but obs and var have {shape[0]} x {shape[1]}.", REWRITE)
        self._block_values = max(block_bytes // self.dtype.itemsize, 1)
        step = min(max(block_bytes // max(shape[1] * self.dtype.itemsize, 1), 1), MAX_ROWS)
        if array.chunks and not self._flat and step > array.chunks[0]:
            step -= step % array.chunks[0]
        self._step = step
        # chunks of many rows are unpacked once for a gene
        self._column_step = step if self._flat or not array.chunks else max(step, array.chunks[0])

    @cached_property
    def is_by_gene(self) -> bool:
        """Whether a gene is in few chunks, as that of CSC is: reading it needs no index, and blocks are of genes."""
        chunks = self._array.chunks
        if chunks is None or self._flat:
            return False
        return 4 * chunks[0] >= self.shape[0] and 64 * chunks[1] <= self.shape[1]

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return -(-self.shape[1] // self._gene_step) if self.is_by_gene else -(-self.shape[0] // self._step)

    @property
    def _gene_step(self) -> int:
        """The genes of a block, if it is of genes: as many as fit, in whole chunks."""
        step = max(self._block_values // max(self.shape[0], 1), 1)
        width = (self._array.chunks or (1, 1))[1]
        return max(step - step % width, width)

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
        """Read a run of rows, or of genes, transposed."""
        if self.is_by_gene:
            genes = slice(number * self._gene_step, min((number + 1) * self._gene_step, self.shape[1]))
            chunk = self._array.read((slice(0, self.shape[0]), genes), name=self.name)
            return Block(slice(0, self.shape[0]), genes, np.ascontiguousarray(chunk.T, self.dtype))
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
        at_once = max(SAMPLED_VALUES // max(self.shape[1], 1), 1)
        starts = self._array.spread(at_once, sample_runs(n_values, self.shape[0], at_once, self.n_blocks))
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
