"""The cells of a matrix that lacks some of the dataset's cells, or has them in another order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


class HasCells(Protocol):
    """A matrix."""

    @property
    def cells(self) -> CellRows | None:
        """The cells of its rows."""
        ...


@dataclass(frozen=True, eq=False)
class CellRows:
    """The cell of each row of a matrix.

    Parameters
    ----------
    cells
        The cell of each row, no cell twice; shape (rows,).
    n_obs
        The number of cells of the dataset.
    """

    cells: NDArray[np.intp]
    n_obs: int

    @property
    def n_missing(self) -> int:
        """The number of cells of the dataset without a row."""
        return self.n_obs - self.cells.size

    @cached_property
    def measured(self) -> NDArray[np.bool_]:
        """Whether each cell of the dataset has a row, shape (n_obs,)."""
        mask = np.zeros(self.n_obs, np.bool_)
        mask[self.cells] = True
        return mask

    def to_cells(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values of the rows as those of all cells, shape (n_obs,); floats with NaN where a cell has no row."""
        if not self.n_missing:
            out = np.empty(self.n_obs, values.dtype)
        else:
            # float32 holds all integers of 16 bits, and float64 those of 32
            exact = np.float32 if values.dtype.itemsize < 4 else np.float64
            out = np.full(self.n_obs, np.nan, values.dtype if values.dtype.kind == "f" else exact)
        out[self.cells] = values
        return out


def of_rows(matrix: HasCells, per_cell: NDArray[T]) -> NDArray[T]:
    """Return the values of the cells of the dataset as those of the rows of a matrix.

    Parameters
    ----------
    matrix
        The matrix.
    per_cell
        Shape (n_obs,).

    Returns
    -------
    array
        Shape (rows,): the same array if the rows are the cells.
    """
    rows = matrix.cells
    return per_cell if rows is None else per_cell[rows.cells]


def to_cells(matrix: HasCells, values: NDArray[Any]) -> NDArray[Any]:
    """Return values of the rows of a matrix as those of all cells, shape (n_obs,); NaN where a cell has no row."""
    rows = matrix.cells
    return values if rows is None else rows.to_cells(values)


def measured(matrix: HasCells, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cells of a mask that have a row in a matrix, shape (n_obs,)."""
    rows = matrix.cells
    return mask if rows is None or not rows.n_missing else mask & rows.measured
