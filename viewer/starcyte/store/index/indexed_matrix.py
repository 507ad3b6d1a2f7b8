"""A matrix that is read from its column index once there is one."""

from __future__ import annotations

from typing import Any

import numpy as np

from starcyte.store.block import Block
from starcyte.store.dataset import Layout, Matrix, Tick, Values, no_tick
from starcyte.store.index.column_index import ColumnIndex
from starcyte.store.moments import Moments


class IndexedMatrix:
    """A matrix of a file, and its index.

    Parameters
    ----------
    base
        The matrix in the file.
    """

    def __init__(self, base: Matrix) -> None:
        self.base = base
        self.name: str = base.name
        self.shape: tuple[int, int] = base.shape
        self.dtype: np.dtype[Any] = base.dtype
        self.layout: Layout = base.layout
        self.nnz: int | None = base.nnz
        self.index: ColumnIndex | None = None

    @property
    def standing(self) -> Matrix:
        """What is read now: the blocks of this keep their numbers, those of the matrix not when an index comes."""
        index = self.index
        return self.base if index is None or index.only_moments else index

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene."""
        return self.standing.column(index, tick)

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return self.standing.n_blocks

    def block(self, number: int) -> Block:
        """Read one block."""
        return self.standing.block(number)

    def check(self, tick: Tick = no_tick) -> None:
        """Check what is in the file."""
        self.base.check(tick)

    def moments(self, column: str) -> Moments | None:
        """Return the kept moments of a column of obs, the last group being the cells without a category."""
        return None if self.index is None else self.index.moments(column)


def standing(matrix: Matrix) -> Matrix:
    """Return what a matrix is read from now, for a pass over its blocks: an index that comes meanwhile has others."""
    return matrix.standing if isinstance(matrix, IndexedMatrix) else matrix
