"""Moments of any groups of cells: from those kept with the index where they do, else by a pass over the matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.blocks import each
from starcyte.compute.rows import by_rows, row_moments
from starcyte.store.base import Dataset, Kind, Matrix, Tick, no_tick
from starcyte.store.indexed import standing
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


def kept_moments(dataset: Dataset, matrix: Matrix, masks: list[NDArray[np.bool_]]) -> Moments | None:
    """Return the moments of groups of cells that are unions of categories of one column, without reading the matrix.

    Parameters
    ----------
    dataset
        The dataset.
    matrix
        The matrix.
    masks
        The groups, each of shape (n_obs,).

    Returns
    -------
    Moments or None
        None where no column's kept moments answer it.
    """
    found = kept_unions(dataset, matrix, masks)
    moments = None if found is None else matrix.moments(found[0])
    return None if found is None or moments is None else moments.merged(found[1])


def kept_unions(dataset: Dataset, matrix: Matrix, masks: list[NDArray[np.bool_]]) -> tuple[str, list[list[int]]] | None:
    """Return a column whose moments are kept, and the categories of it that make each group, or None; as above."""
    for name, codes, k in kept_columns(dataset, matrix):
        sizes = np.bincount(codes, minlength=k)
        unions = []
        for mask in masks:
            inside = np.bincount(codes[mask], minlength=k)
            if np.any((inside != 0) & (inside != sizes)):
                break
            unions.append(np.flatnonzero(inside).tolist())
        else:
            return name, unions
    return None


def kept_columns(dataset: Dataset, matrix: Matrix) -> Iterator[tuple[str, NDArray[Any], int]]:
    """Yield each column of obs whose moments are kept: its name, the group of each cell, the number of groups.

    The last group is that of the cells without a category.
    """
    for info in dataset.obs:
        if info.kind in {Kind.CATEGORICAL, Kind.BOOLEAN} and matrix.moments(info.name) is not None:
            codes, categories = dataset.obs_column(info.name).as_codes()
            groups = codes.astype(np.int32)
            groups[groups < 0] = len(categories)
            yield info.name, groups, len(categories) + 1
