"""Moments of groups of cells from the moments cached with the column index, without a pass over the matrix.

Groups that are unions of categories of one column need nothing more. For groups that nearly are, only the rows of the
cells that differ are read: a lasso against all other cells costs the rows of the lasso. Cells are removed from a group
by the formula of Chan, Golub and LeVeque (see ``store.moments``) solved for one of its parts. That is a difference:
genes for which it leaves too few digits, for instance because the removed cells have nearly all of the expression, are
read as a whole instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.rows import by_rows, row_moments, rows_of
from starcyte.store.cell_rows import of_rows
from starcyte.store.dataset import Dataset, Kind, Matrix, Tick, no_tick
from starcyte.store.moments import Moments, merge_moments
from starcyte.store.scale import expm1

# a difference below this share of what it is taken from has lost three of its sixteen digits
_LEAST_SHARE = 1e-3
# reading more genes one by one takes longer than a pass over all of them
MOST_GENES = 2000
# entries that are read within 0.2 s
_QUICK_ENTRIES = 1 << 23


@dataclass(frozen=True, eq=False)
class NearestGrouping:
    """Groups of cells as unions of categories of one column, whose moments are cached, and the cells that differ.

    Parameters
    ----------
    matrix
        The matrix.
    masks
        The groups, each bool of shape (rows,).
    column
        The column of obs.
    codes
        The category of each row, integers of shape (rows,).
    whole
        The categories that make up each group, those most of whose cells it holds; bool, shape (groups, categories).
    differ
        The number of cells in which the groups differ from these unions, summed over groups.
    """

    matrix: Matrix
    masks: list[NDArray[np.bool_]]
    column: str
    codes: NDArray[Any]
    whole: NDArray[np.bool_]
    differ: int

    @property
    def is_quick(self) -> bool:
        """Whether the moments take a fraction of a second."""
        if self.differ == 0:
            return True
        rows = rows_of(self.matrix)
        if rows is None or not self.whole.any():
            return False
        entries_per_row = max(-(-(rows.nnz or 0) // rows.shape[0]), 2 * rows.chunk)
        return self.differ * entries_per_row <= _QUICK_ENTRIES

    def moments(self, workers: int = 1, tick: Tick = no_tick, most_genes: int = MOST_GENES) -> Moments | None:
        """Return the moments of the groups; None if a pass over the matrix costs less.

        Parameters
        ----------
        workers
            The number of threads to use.
        tick
            Called between blocks with the fraction done; raises to stop.
        most_genes
            The largest number of genes to read as a whole.

        Raises
        ------
        DatasetInvalid
            If the matrix contradicts itself.
        """
        cached = self.matrix.moments(self.column)
        if cached is None or not (self.whole.any() or self.differ == 0):
            return None
        whole = [np.flatnonzero(w).tolist() for w in self.whole]
        if self.differ == 0:
            return cached.merged(whole)
        codes, changes = self._changes()
        rows = by_rows(self.matrix, codes, len(changes))
        if rows is None:
            return None
        found, inexact = cached.merged(whole), np.zeros(self.matrix.shape[1], np.bool_)
        parts = row_moments(rows, codes, len(changes), workers, tick)
        for group, change in enumerate(changes.T):
            removed, added = np.flatnonzero(change < 0), np.flatnonzero(change > 0)
            if removed.size:
                inexact |= _remove(found, group, parts.merged([removed.tolist()]))
            if added.size:
                _add(found, group, parts.merged([added.tolist()]))
        genes = np.flatnonzero(inexact)
        if genes.size > most_genes:
            return None
        for gene in genes.tolist():
            tick(1.0)
            self._recompute(gene, found)
        return found

    def _changes(self) -> tuple[NDArray[Any], NDArray[np.int8]]:
        """Return the cells that differ from the unions, by the groups that they are added to or removed from.

        Returns
        -------
        codes
            The change that each cell is part of, integers of shape (rows,); the number of changes for none.
        changes
            1 if the cells of a change are added to a group, -1 if they are removed, else 0; int8, shape
            (changes, groups).
        """
        # one digit of base 3 for each group: removed, unchanged, added
        numbers = np.zeros(self.codes.size, np.int32)
        for group, (mask, whole) in enumerate(zip(self.masks, self.whole, strict=True)):
            numbers += (1 + mask.astype(np.int32) - whole[self.codes]) * 3**group
        digits = 3 ** np.arange(len(self.masks))
        seen = np.bincount(numbers, minlength=3 * int(digits[-1]))
        seen[digits.sum()] = 0
        kinds = np.flatnonzero(seen)
        place = np.full(seen.size, kinds.size, np.int32)
        place[kinds] = np.arange(kinds.size)
        return place[numbers], (kinds[:, None] // digits % 3 - 1).astype(np.int8)

    def _recompute(self, gene: int, found: Moments) -> None:
        """Compute the moments of one gene from its values, in place."""
        values = self.matrix.column(gene).dense()
        for group, mask in enumerate(self.masks):
            inside = values[mask].astype(np.float64)
            with np.errstate(invalid="ignore", over="ignore"):
                mean = inside.mean()
                off = (inside - mean).mean()
                mean += off if np.isfinite(off) else 0.0
                found.mean[gene, group], found.m2[gene, group] = mean, np.square(inside - mean).sum()
                found.expm1[gene, group] = expm1(inside, self.matrix.log_base).sum()


def nearest_grouping(dataset: Dataset, matrix: Matrix, masks: list[NDArray[np.bool_]]) -> NearestGrouping | None:
    """Return the column whose categories differ least from some groups of cells.

    Parameters
    ----------
    dataset
        The dataset.
    matrix
        The matrix.
    masks
        The groups, each bool of shape (n_obs,).

    Returns
    -------
    NearestGrouping or None
        None if no moments are cached. Of columns that differ equally, the one with the fewest categories.
    """
    masks = [of_rows(matrix, mask) for mask in masks]
    best: tuple[int, int] | None = None
    found: NearestGrouping | None = None
    for name, codes, k in _cached_columns(dataset, matrix):
        sizes = np.bincount(codes, minlength=k)
        inside = np.array([np.bincount(codes[mask], minlength=k) for mask in masks])
        differ = int(np.minimum(inside, sizes - inside).sum())
        if best is None or (differ, k) < best:
            best = differ, k
            found = NearestGrouping(matrix, masks, name, codes, 2 * inside > sizes, differ)
    return found


def _cached_columns(dataset: Dataset, matrix: Matrix) -> Iterator[tuple[str, NDArray[Any], int]]:
    """Yield name, codes and number of groups of each column that has moments, missing values being a group."""
    for info in dataset.obs:
        if info.kind in {Kind.CATEGORICAL, Kind.BOOLEAN} and matrix.moments(info.name) is not None:
            codes, categories = dataset.obs_column(info.name).as_codes()
            groups = of_rows(matrix, codes).astype(np.int32)
            groups[groups < 0] = len(categories)
            yield info.name, groups, len(categories) + 1


def _remove(found: Moments, group: int, part: Moments) -> NDArray[np.bool_]:
    """Remove a part from a group, in place, and return the genes for which too few digits are left."""
    n, removed = float(found.n[group]), float(part.n[0])
    left = n - removed
    mean, m2 = found.mean[:, group], found.m2[:, group]
    with np.errstate(invalid="ignore", over="ignore"):
        off = mean - part.mean[:, 0]
        step = off * (removed / left)
        least_mean = _LEAST_SHARE * (np.abs(mean) + np.abs(step))
        least_m2 = _LEAST_SHARE * m2
        mean += step
        m2 -= part.m2[:, 0]
        m2 -= off**2 * (removed * n / left)
        amount = found.expm1[:, group]
        least_amount = _LEAST_SHARE * np.abs(amount)
        # infinite amounts, of values that are no logarithms, leave nothing to be exact about
        is_finite = np.isfinite(amount)
        amount -= part.expm1[:, 0]
        # written so that NaN is inexact
        inexact: NDArray[np.bool_] = ~((m2 >= least_m2) & (np.abs(mean) >= least_mean))
        inexact |= is_finite & ~(np.abs(amount) >= least_amount)
    found.n[group] -= part.n[0]
    found.positive[:, group] -= part.positive[:, 0]
    return inexact


def _add(found: Moments, group: int, part: Moments) -> None:
    """Add a part to a group, in place."""
    mean, m2 = found.mean[:, group], found.m2[:, group]
    merge_moments(found.n[group], mean, m2, part.n[0], part.mean[:, 0], part.m2[:, 0])
    found.n[group] += part.n[0]
    found.positive[:, group] += part.positive[:, 0]
    found.expm1[:, group] += part.expm1[:, 0]
