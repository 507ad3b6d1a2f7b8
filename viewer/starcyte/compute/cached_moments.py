"""Moments of groups of cells from those kept with the index, without a pass over the matrix.

Groups that are unions of categories of one column need nothing more. Of groups that nearly are, the rows of the cells
that differ are read: so a lasso against all other cells costs the rows of the lasso. What is taken away from a group is
the formula of Chan, Golub and LeVeque (see ``store.moments``) solved for one of its parts. That is a difference; genes
of which it would leave too few digits, as where the cells taken away have nearly all there is of a gene, are read whole
instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.rows import by_rows, row_moments, rows_of
from starcyte.store.dataset import Dataset, Kind, Matrix, Tick, no_tick
from starcyte.store.moments import Moments, chan

# a difference below this share of what it is taken from has lost three of its sixteen digits
_LEAST_SHARE = 1e-3
# so many genes are read in the time that a pass over all of them takes
_MOST_GENES = 2000
# read in a tenth or two of a second
_QUICK_ENTRIES = 1 << 23


@dataclass(frozen=True, eq=False)
class NearestGrouping:
    """How near some groups of cells are to unions of categories of one column whose moments are kept.

    Parameters
    ----------
    matrix
        The matrix.
    masks
        The groups, each of shape (n_obs,).
    column
        The column of obs.
    codes
        The category of each cell, shape (n_obs,).
    whole
        For each group, of which categories most cells are in it, shape (groups, categories).
    differ
        In how many cells the groups differ from the unions of these, added up.
    """

    matrix: Matrix
    masks: list[NDArray[np.bool_]]
    column: str
    codes: NDArray[Any]
    whole: NDArray[np.bool_]
    differ: int

    @property
    def is_quick(self) -> bool:
        """Whether the moments are a matter of a moment."""
        if self.differ == 0:
            return True
        rows = rows_of(self.matrix)
        if rows is None or not self.whole.any():
            return False
        of_a_row = max(-(-(rows.nnz or 0) // rows.shape[0]), 2 * rows.piece)
        return self.differ * of_a_row <= _QUICK_ENTRIES

    def moments(self, workers: int = 1, tick: Tick = no_tick) -> Moments | None:
        """Return the moments of the groups; None where a pass over the matrix costs less.

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
        if kept is None or not (self.whole.any() or self.differ == 0):
            return None
        whole = [np.flatnonzero(w).tolist() for w in self.whole]
        if self.differ == 0:
            return kept.merged(whole)
        codes, changes = self._changes()
        rows = by_rows(self.matrix, codes, len(changes))
        if rows is None:
            return None
        found, unsure = kept.merged(whole), np.zeros(self.matrix.shape[1], np.bool_)
        parts = row_moments(rows, codes, len(changes), workers, tick)
        for group, change in enumerate(changes.T):
            leaving, coming = np.flatnonzero(change < 0), np.flatnonzero(change > 0)
            if leaving.size:
                unsure |= _take(found, group, parts.merged([leaving.tolist()]))
            if coming.size:
                _give(found, group, parts.merged([coming.tolist()]))
        genes = np.flatnonzero(unsure)
        if genes.size > _MOST_GENES:
            return None
        for gene in genes.tolist():
            tick(1.0)
            self._read(gene, found)
        return found

    def _changes(self) -> tuple[NDArray[Any], NDArray[np.int8]]:
        """Return what becomes of the cells that differ.

        Returns
        -------
        codes
            Of each cell, which of the changes it takes part in, shape (n_obs,); their number for none.
        changes
            For each and each group, 1 where its cells come to the group, -1 where they leave it, else 0; shape
            (changes, groups).
        """
        # the digits of a number of base 3: it leaves, stays, comes
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


def nearest(dataset: Dataset, matrix: Matrix, masks: list[NDArray[np.bool_]]) -> NearestGrouping | None:
    """Find the column whose categories are nearest to some groups of cells.

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
    Near or None
        None where no moments are kept. Of columns that are equally near, that of the fewest categories.
    """
    best: tuple[int, int] | None = None
    found: NearestGrouping | None = None
    for name, codes, k in _kept_columns(dataset, matrix):
        sizes = np.bincount(codes, minlength=k)
        inside = np.array([np.bincount(codes[mask], minlength=k) for mask in masks])
        differ = int(np.minimum(inside, sizes - inside).sum())
        if best is None or (differ, k) < best:
            best = differ, k
            found = NearestGrouping(matrix, masks, name, codes, 2 * inside > sizes, differ)
    return found


def _kept_columns(dataset: Dataset, matrix: Matrix) -> Iterator[tuple[str, NDArray[Any], int]]:
    for info in dataset.obs:
        if info.kind in {Kind.CATEGORICAL, Kind.BOOLEAN} and matrix.moments(info.name) is not None:
            codes, categories = dataset.obs_column(info.name).as_codes()
            groups = codes.astype(np.int32)
            groups[groups < 0] = len(categories)
            yield info.name, groups, len(categories) + 1


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
        unsure: NDArray[np.bool_] = ~((m2 >= least_m2) & (np.abs(mean) >= least_mean))
    found.n[group] -= part.n[0]
    found.positive[:, group] -= part.positive[:, 0]
    return unsure


def _give(found: Moments, group: int, part: Moments) -> None:
    """Add a part to a group, in place."""
    mean, m2 = found.mean[:, group], found.m2[:, group]
    chan(found.n[group], mean, m2, part.n[0], part.mean[:, 0], part.m2[:, 0])
    found.n[group] += part.n[0]
    found.positive[:, group] += part.positive[:, 0]
