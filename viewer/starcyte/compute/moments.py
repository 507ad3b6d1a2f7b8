"""Moments of arbitrary groups of cells, from a pass over the matrix or from the rows of small groups."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from starcyte.compute.blocks import parallel_for
from starcyte.compute.rows import by_rows, row_moments
from starcyte.store.cell_rows import of_rows
from starcyte.store.dataset import Matrix, Tick, no_tick
from starcyte.store.index.indexed_matrix import current_matrix
from starcyte.store.moments import Accumulator, Moments


def group_moments(
    matrix: Matrix, codes: NDArray[Any], n_groups: int, workers: int = 1, tick: Tick = no_tick
) -> Moments:
    """Return the moments of groups of cells; reads the matrix once, or only the rows of small groups.

    Parameters
    ----------
    matrix
        The matrix.
    codes
        The group of each cell, integers of shape (n_obs,); n_groups for cells in no group.
    n_groups
        The number of groups.
    workers
        The number of threads to use.
    tick
        Called between blocks with the fraction done; raises to stop.

    Returns
    -------
    Moments
        Arrays of shape (genes, n_groups).

    Raises
    ------
    DatasetInvalid
        If the matrix contradicts itself.
    """
    codes = of_rows(matrix, codes)
    rows = by_rows(matrix, codes, n_groups)
    if rows is not None:
        return row_moments(rows, codes, n_groups, workers, tick)
    accumulator = Accumulator(codes, n_groups, matrix.shape[1], matrix.log_base)
    source = current_matrix(matrix)
    parallel_for(source.n_blocks, lambda number: accumulator.add(source.block(number)), workers, tick)
    return accumulator.result()
