"""Moments of groups that are nearly categories: from the kept moments of these, and the rows of the cells that differ.

So a lasso against all other cells costs the rows of the lasso. What is taken away from a group is the formula of Chan,
Golub and LeVeque (see ``store.moments``) solved for one of its parts. That is a difference; genes of which it would
leave too few digits, as where the cells taken away have nearly all there is of a gene, are read whole instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.moments import kept_columns, kept_unions
from starcyte.compute.rows import by_rows, row_moments
from starcyte.store.base import Dataset, Matrix, Tick, no_tick
from starcyte.store.matrix import CsrMatrix
from starcyte.store.moments import Moments, chan

# a difference below this share of what it is taken from has lost three of its sixteen digits
_LEAST_SHARE = 1e-3
# so many genes are read in the time that a pass over all of them takes
_MOST_GENES = 2000
# read in a tenth or two of a second
_QUICK_ENTRIES = 1 << 23


@dataclass(frozen=True, eq=False)
class Remainder:
    """How groups are made of whole categories of one column, cells less, and cells more.

    Parameters
    ----------
    matrix, rows
        The matrix, and where its rows are read.
    masks
        The groups, each of shape (n_obs,).
    column
        The column of obs.
    whole
        The categories that each group takes whole.
    codes
        Of each cell, which of ``changes`` it takes part in, shape (n_obs,); ``len(changes)`` for none.
    changes
        For each of them and each group, 1 where its cells come to the group, -1 where they leave it, else 0; shape
        (changes, groups).
    entries
        How many entries of the matrix are read.
    """

    matrix: Matrix
    rows: CsrMatrix
    masks: list[NDArray[np.bool_]]
    column: str
    whole: list[list[int]]
    codes: NDArray[Any]
    changes: NDArray[np.int8]
    entries: int

    def moments(self, workers: int = 1, tick: Tick = no_tick) -> Moments | None:
        """Return the moments of the groups, or None where too many genes would have to be read whole.

        Parameters
        ----------
        workers
            Threads to use.
        tick
            Called between blocks; raises to stop.

        Raises
        ------
        DatasetInvalid
            If the matrix contradicts itself.
        """
        kept = self.matrix.moments(self.column)
        if kept is None:
            return None
        found = kept.merged(self.whole)
        parts = row_moments(self.rows, self.codes, len(self.changes), workers, tick)
        unsure = np.zeros(self.matrix.shape[1], np.bool_)
        for group, change in enumerate(self.changes.T):
            leaving, coming = np.flatnonzero(change < 0), np.flatnonzero(change > 0)
            if leaving.size:
                unsure |= _take(found, group, parts.merged([leaving.tolist()]))
            for part in coming:
                chan(found.n[group], *_of(found, group), parts.n[part], *_of(parts, int(part)))
                found.n[group] += parts.n[part]
                found.positive[:, group] += parts.positive[:, part]
        genes = np.flatnonzero(unsure)
        if genes.size > _MOST_GENES:
            return None
        for gene in genes.tolist():
            tick(1.0)
            self._read(gene, found)
        return found

    def _read(self, gene: int, found: Moments) -> None:
        """Put what a gene's own values say into the moments."""
        values = self.matrix.column(gene).dense()
        for group, mask in enumerate(self.masks):
            inside = values[mask].astype(np.float64)
            with np.errstate(invalid="ignore", over="ignore"):
                mean = inside.mean()
                off = (inside - mean).mean()
                mean += off if np.isfinite(off) else 0.0
                found.mean[gene, group], found.m2[gene, group] = mean, np.square(inside - mean).sum()


def remainder(dataset: Dataset, matrix: Matrix, masks: list[NDArray[np.bool_]]) -> Remainder | None:
    """Say how groups are nearly made of categories of one column.

    Parameters
    ----------
    dataset
        The dataset.
    matrix
        The matrix.
    masks
        The groups, each of shape (n_obs,), not empty.

    Returns
    -------
    Remainder or None
        Of the column that leaves the fewest cells to read. None where no moments are kept, or no rows are to be
        read, or no category is nearly whole.
    """
    nearest: tuple[int, str, NDArray[Any], list[NDArray[np.bool_]]] | None = None
    for name, column, k in kept_columns(dataset, matrix):
        sizes = np.bincount(column, minlength=k)
        inside = [np.bincount(column[mask], minlength=k) for mask in masks]
        differ = sum(int(np.minimum(n, sizes - n).sum()) for n in inside)
        whole = [2 * n > sizes for n in inside]
        if np.any(whole) and (nearest is None or differ < nearest[0]):
            nearest = differ, name, column, whole
    if nearest is None:
        return None
    _, name, column, whole = nearest
    # what happens to a cell in each group, as the digits of a number of base 3: it leaves, stays, comes
    numbers = np.zeros(column.size, np.int32)
    for group, (mask, taken) in enumerate(zip(masks, whole, strict=True)):
        numbers += (1 + mask.astype(np.int32) - taken[column]) * 3**group
    seen = np.bincount(numbers, minlength=3 ** len(masks))
    seen[sum(3**group for group in range(len(masks)))] = 0
    kinds = np.flatnonzero(seen)
    place = np.full(seen.size, kinds.size, np.int32)
    place[kinds] = np.arange(kinds.size)
    codes = place[numbers]
    rows = by_rows(matrix, codes, kinds.size)
    if rows is None:
        return None
    changes = (kinds[:, None] // 3 ** np.arange(len(masks)) % 3 - 1).astype(np.int8)
    entries = rows.entries_read(codes < kinds.size)
    return Remainder(matrix, rows, masks, name, [np.flatnonzero(w).tolist() for w in whole], codes, changes, entries)


def is_quick(dataset: Dataset, matrix: Matrix, masks: list[NDArray[np.bool_]]) -> bool:
    """Say whether the moments of groups of cells take no time to speak of."""
    if kept_unions(dataset, matrix, masks) is not None:
        return True
    nearly = remainder(dataset, matrix, masks)
    return nearly is not None and nearly.entries <= _QUICK_ENTRIES


def _take(found: Moments, group: int, part: Moments) -> NDArray[np.bool_]:
    """Take a part out of a group, in place, and say of which genes too few digits are left."""
    n, taken = float(found.n[group]), float(part.n[0])
    left = n - taken
    mean, m2 = found.mean[:, group], found.m2[:, group]
    with np.errstate(invalid="ignore", over="ignore"):
        off = mean - part.mean[:, 0]
        step = off * (taken / left)
        least_mean = _LEAST_SHARE * (np.abs(mean) + np.abs(step))
        least_m2 = _LEAST_SHARE * m2
        mean += step
        m2 -= part.m2[:, 0]
        m2 -= off**2 * (taken * n / left)
        # written so that what is undefined is unsure
        unsure = ~((m2 >= least_m2) & (np.abs(mean) >= least_mean))
    found.n[group] -= part.n[0]
    found.positive[:, group] -= part.positive[:, 0]
    return unsure


def _of(moments: Moments, group: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return moments.mean[:, group], moments.m2[:, group]
