"""A matrix that is read from its column index as soon as it has one."""

from __future__ import annotations

from typing import Any

import numpy as np

from starcyte.errors import DatasetLoading
from starcyte.store.block import Block
from starcyte.store.cell_rows import CellRows
from starcyte.store.dataset import Layout, Matrix, Tick, Values, no_tick
from starcyte.store.index.column_index import ColumnIndex
from starcyte.store.moments import Moments
from starcyte.store.scale import ValueRange


class IndexedMatrix:
    """A matrix of a file, with or without a column index.

    Parameters
    ----------
    base
        The matrix in the file.

    Attributes
    ----------
    awaits_index
        Whether genes are read from the index alone: a scan of a matrix in the network takes too long for a request.
    """

    awaits_index = False

    def __init__(self, base: Matrix) -> None:
        self.base = base
        self.name: str = base.name
        self.shape: tuple[int, int] = base.shape
        self.dtype: np.dtype[Any] = base.dtype
        self.layout: Layout = base.layout
        self.nnz: int | None = base.nnz
        self.log_base: float = base.log_base
        self.cells: CellRows | None = base.cells
        self.is_prepared: bool = base.is_prepared
        self.index: ColumnIndex | None = None
        self._sampled: ValueRange | None = None

    @property
    def current(self) -> Matrix:
        """The index, or the matrix in the file if it has none: a matrix whose blocks do not change."""
        index = self.index
        return self.base if index is None or index.only_moments else index

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene; raise DatasetLoading if its index is still being built."""
        if self.awaits_index and self.index is None:
            raise DatasetLoading(
                f"{self.name} is being read once, to find its genes.", "Try again in a few seconds; cells are shown."
            )
        return self.current.column(index, tick)

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return self.current.n_blocks

    def block(self, number: int) -> Block:
        """Read one block."""
        return self.current.block(number)

    def check(self, tick: Tick = no_tick, most: int | None = None) -> None:
        """Check the matrix in the file."""
        self.base.check(tick, most)

    def value_range(self) -> ValueRange:
        """Return the range of all values, or of a sample of them if there is no index."""
        if self.index is not None:
            return self.index.value_range()
        if self._sampled is None:
            self._sampled = self.base.value_range()
        return self._sampled

    def moments(self, column: str) -> Moments | None:
        """Return the precomputed moments of an obs column; its last group has the cells without a category."""
        return self.base.moments(column) if self.index is None else self.index.moments(column)


def current_matrix(matrix: Matrix) -> Matrix:
    """Return the matrix to use for a pass over all blocks: an index that is set during the pass has other blocks."""
    return matrix.current if isinstance(matrix, IndexedMatrix) else matrix
