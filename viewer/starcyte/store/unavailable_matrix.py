"""A matrix of a partial download, whose values are not available yet."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from starcyte.errors import DatasetLoading
from starcyte.store.block import Block
from starcyte.store.cell_rows import CellRows
from starcyte.store.dataset import Layout, Matrix, Tick, Values, no_tick
from starcyte.store.moments import Moments
from starcyte.store.scale import ValueRange


class UnavailableMatrix:
    """Name, shape, dtype and layout of a matrix; all reads of its values raise DatasetLoading.

    Parameters
    ----------
    matrix
        The matrix; its values are not read.
    """

    def __init__(self, matrix: Matrix) -> None:
        self.name: str = matrix.name
        self.shape: tuple[int, int] = matrix.shape
        self.dtype: np.dtype[Any] = matrix.dtype
        self.layout: Layout = matrix.layout
        self.nnz: int | None = matrix.nnz
        self.log_base: float = matrix.log_base
        self.cells: CellRows | None = matrix.cells
        self.is_prepared: bool = matrix.is_prepared

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Raise DatasetLoading."""
        refuse_unavailable(self.name)

    @property
    def n_blocks(self) -> int:
        """Raise DatasetLoading: the number of blocks depends on the values."""
        refuse_unavailable(self.name)

    def block(self, number: int) -> Block:
        """Raise DatasetLoading."""
        refuse_unavailable(self.name)

    def value_range(self) -> ValueRange:
        """Raise DatasetLoading."""
        refuse_unavailable(self.name)

    def moments(self, column: str) -> Moments | None:
        """Return None: only an index has precomputed moments."""
        return None

    def check(self, tick: Tick = no_tick, most: int | None = None) -> None:
        """Raise DatasetLoading."""
        refuse_unavailable(self.name)


def refuse_unavailable(name: str) -> NoReturn:
    """Raise DatasetLoading for an element of a dataset that is not downloaded yet."""
    raise DatasetLoading(f"{name} is still being downloaded.", "Try again in a few seconds.")
