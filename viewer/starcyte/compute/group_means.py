"""Mean and fraction expressing of all genes in each category of a column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.moments import group_moments
from starcyte.compute.selection import codes_within
from starcyte.store.dataset import Column, Matrix, Tick, no_tick


@dataclass(frozen=True, eq=False)
class GroupMeans:
    """Mean and fraction expressing of all genes in the categories of a column.

    Parameters
    ----------
    matrix, column
        The names of the matrix and of the column.
    groups
        The categories.
    n
        Cells in each, int64, shape (groups,).
    mean, fraction
        Mean value, and fraction of cells with a value above 0; float64, shape (genes, groups). NaN for a category
        without cells.
    """

    matrix: str
    column: str
    groups: tuple[str, ...]
    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    fraction: NDArray[np.float64]

    @property
    def nbytes(self) -> int:
        """The bytes of memory that it takes."""
        return self.mean.nbytes + self.fraction.nbytes


def group_means(
    matrix: Matrix,
    column: Column,
    within: NDArray[np.bool_] | None = None,
    workers: int = 1,
    tick: Tick = no_tick,
) -> GroupMeans:
    """Return mean and fraction expressing of all genes in each category of a column.

    They are read from the moments that are cached with the index, if these have the column and all cells are meant;
    otherwise the matrix is read once.

    Parameters
    ----------
    matrix
        The matrix.
    column
        A column that has categories.
    within
        The cells that are considered, bool, shape (n_obs,); None for all.
    workers
        The number of threads to use.
    tick
        Called between blocks with the fraction done; raises to stop.

    Raises
    ------
    BadRequest
        If the column has no categories.
    """
    codes, categories = column.as_categories()
    k = len(categories)
    moments = matrix.moments(column.info.name) if within is None else None
    if moments is None:
        codes = codes_within(codes, within)
        moments = group_moments(matrix, np.where(codes < 0, k, codes), k, workers, tick)
    n = np.asarray(moments.n[:k], np.int64)
    counted = np.where(n > 0, n, np.nan)
    mean = np.asarray(moments.mean[:, :k]) + 0 * counted
    return GroupMeans(matrix.name, column.info.name, categories, n, mean, moments.positive[:, :k] / counted)
