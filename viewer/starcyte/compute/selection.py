"""Selections of cells as masks: by row numbers, by ranges of row numbers, by the categories of a column."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import BadRequest
from starcyte.store.dataset import Column, Kind


def from_indices(n_obs: int, indices: Iterable[NDArray[np.int64]], noun: str) -> NDArray[np.bool_]:
    """Return the mask of cells by their row numbers, shape (n_obs,).

    Parameters
    ----------
    n_obs
        The number of cells.
    indices
        Row numbers, from 0, in blocks; they may repeat.
    noun
        The name of the selection in messages.

    Raises
    ------
    BadRequest
        If there is no such cell.
    """
    mask = np.zeros(n_obs, bool)
    for rows in indices:
        if rows.size and (rows.min() < 0 or rows.max() >= n_obs):
            raise BadRequest(f"The {noun} has a cell outside 0 to {n_obs - 1}.", "Cells are numbered from 0.")
        mask[rows] = True
    return mask


def from_ranges(n_obs: int, ranges: Iterable[NDArray[np.int64]], noun: str) -> NDArray[np.bool_]:
    """Return the mask of cells by ranges of row numbers, shape (n_obs,).

    Parameters
    ----------
    n_obs
        The number of cells.
    ranges
        Pairs of start and stop, which is excluded, in blocks of shape (n, 2); they may overlap.
    noun
        The name of the selection in messages.

    Raises
    ------
    BadRequest
        If a range is reversed or outside the dataset.
    """
    steps = np.zeros(n_obs + 1, np.int32)
    for ends in ranges:
        if ends.size and (ends.min() < 0 or ends.max() > n_obs or np.any(ends[:, 0] > ends[:, 1])):
            raise BadRequest(
                f"The {noun} has a range outside 0 to {n_obs}.", "A range is [start, stop], stop excluded."
            )
        np.add.at(steps, ends[:, 0], 1)
        np.add.at(steps, ends[:, 1], -1)
    return np.cumsum(steps[:-1]) > 0


def from_categories(column: Column, categories: Collection[str], noun: str) -> NDArray[np.bool_]:
    """Return the mask of the cells that have one of some categories, shape (n_obs,).

    Parameters
    ----------
    column
        A column of obs, or an annotation as one.
    categories
        Some of its categories, as text.
    noun
        The name of the selection in messages.

    Raises
    ------
    BadRequest
        If the column has no categories, or not these.
    """
    name, kind = column.info.name, column.info.kind
    if kind in {Kind.CONTINUOUS, Kind.DATETIME}:
        raise BadRequest(
            f"The {noun} needs categories, but column {name!r} is {kind}.", "Send the cells as indices or ranges."
        )
    codes, known = column.as_codes()
    wanted = set(categories)
    unknown = wanted - set(known)
    if unknown:
        raise BadRequest(f"Column {name!r} has no category {min(unknown)!r}.", "The schema lists them.")
    passes = np.array([*(category in wanted for category in known), False])
    mask: NDArray[np.bool_] = passes[codes]
    return mask


def codes_within(codes: NDArray[Any], within: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Return codes that are -1 for the cells outside a selection.

    Parameters
    ----------
    codes
        Integers of shape (n_obs,).
    within
        bool, shape (n_obs,); None for all cells.
    """
    return codes if within is None else np.where(within, codes, np.array(-1, codes.dtype))
