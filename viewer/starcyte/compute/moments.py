"""Moments of any groups of cells, by a pass over the matrix or over the rows of small groups."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from starcyte.compute.blocks import each
from starcyte.compute.rows import by_rows, row_moments
from starcyte.store.dataset import Matrix, Tick, no_tick
from starcyte.store.index.indexed_matrix import standing
from starcyte.store.moments import Accumulator, Moments


def group_moments(
    matrix: Matrix, codes: NDArray[Any], n_groups: int, workers: int = 1, tick: Tick = no_tick
) -> Moments:
    """Read a matrix once, or the rows of small groups alone, and return the moments of each group.

    Parameters
    ----------
    matrix
        The matrix.
    codes
        The group of each cell, shape (n_obs,); n_groups for cells in none.
    n_groups
        The number of groups.
    workers
        Threads to use.
    tick
        Called between blocks; raises to stop.

    Raises
    ------
    DatasetInvalid
        If the matrix contradicts itself.
    """
    rows = by_rows(matrix, codes, n_groups)
    if rows is not None:
        return row_moments(rows, codes, n_groups, workers, tick)
    accumulator = Accumulator(codes, n_groups, matrix.shape[1])
    source = standing(matrix)
    each(source.n_blocks, lambda number: accumulator.add(source.block(number)), workers, tick)
    return accumulator.result()
