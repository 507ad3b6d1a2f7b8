"""The columns of obs that a comparison over samples reads: samples, covariates, and categories to compare within."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.pseudobulk.design import MIN_CELLS, Covariate, Design, build_design
from starcyte.store.index.sums import Groups

# with more combinations, those that occur are found by sorting
_MOST_BINS = 1 << 24


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples of a comparison, and what it adjusts for.

    Parameters
    ----------
    column
        The name of the column of samples.
    codes
        The sample of each cell, integers of shape (n_obs,); -1 for a cell of unknown sample.
    names
        The name of each sample.
    covariates
        Columns to adjust for.
    min_cells
        Samples with fewer cells on a side are left out.
    """

    column: str
    codes: NDArray[np.signedinteger]
    names: tuple[str, ...]
    covariates: tuple[Covariate, ...] = ()
    min_cells: int = MIN_CELLS

    def design(self, a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Design:
        """Return the design of a comparison of two groups of cells.

        Parameters
        ----------
        a, b
            The cells of each group, bool, shape (n_obs,); no cell in both.
        """
        return build_design(self.codes, self.names, sides_of(a, b), self.covariates, self.column, self.min_cells)

    def parts(self, sides: NDArray[np.integer], categories: NDArray[np.signedinteger] | None = None) -> Groups:
        """Return the cells of each sample as groups, divided by category, and by side where they are on several.

        Units of this comparison are unions of them, and so are those of others of the same samples.

        Parameters
        ----------
        sides
            0 for cells of a, 1 for cells of b, 2 for neither; shape (n_obs,).
        categories
            The category of each cell, shape (n_obs,); -1 for none.
        """
        cells = np.flatnonzero(self.codes >= 0)
        key, size = self.codes[cells].astype(np.int64), len(self.names)
        if categories is not None:
            n_categories = int(categories.max(initial=-1)) + 2
            key, size = key * n_categories + categories[cells] + 1, size * n_categories
        occurring, number = _renumbered(key, size)
        side = sides[cells].astype(np.int64)
        side_of = np.zeros(occurring.size, np.int64)
        side_of[number] = side
        is_divided = np.zeros(occurring.size, np.bool_)
        is_divided[number[side_of[number] != side]] = True
        occurring, number = _renumbered(number * 3 + np.where(is_divided[number], side, 0), occurring.size * 3)
        codes = np.full(self.codes.shape, occurring.size, np.min_scalar_type(occurring.size))
        codes[cells] = number
        return Groups(codes, occurring.size)


def sides_of(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Return 0 for cells of a, 1 for cells of b, 2 for others."""
    # by arithmetic, which takes a tenth of the time of assignments by masks
    return np.int8(2) - np.int8(2) * (a & ~b).view(np.int8) - b.view(np.int8)


@dataclass(frozen=True, eq=False)
class CellSets:
    """The cells of one sample on one side in one category, as sets: designs of many categories need not read cells.

    Parameters
    ----------
    samples
        The samples that occur, and covariates.
    sample, side, category
        Those of each set, shape (sets,). Sets of unknown sample come last; their sample is -1.
    n
        The number of cells, shape (sets,).
    codes
        The set of each cell, shape (n_obs,); the number of sets of known sample for cells in none of these.
    first
        A cell of each set, shape (sets,).
    differing
        Pairs of a set and a cell of it that differs from the first one in a covariate.
    """

    samples: Samples
    sample: NDArray[np.int64]
    side: NDArray[np.int64]
    category: NDArray[np.int64]
    n: NDArray[np.int64]
    codes: NDArray[np.integer]
    first: NDArray[np.intp]
    differing: tuple[tuple[int, int], ...]

    @property
    def n_known(self) -> int:
        """The number of sets of known sample."""
        return int((self.sample >= 0).sum())

    def design(self, category: int) -> tuple[Design, list[int]]:
        """Return the design within one category.

        Parameters
        ----------
        category
            The code of the category.

        Returns
        -------
        design, sets
            The design, and the set of each of its units that are used.
        """
        sets = np.flatnonzero(self.category == category)
        more = [(k, cell) for k, cell in self.differing if self.category[k] == category]
        # the differing cells are in the sets already: they count 0
        rows = np.r_[sets, np.array([k for k, _ in more], np.intp)]
        cells = np.r_[self.first[sets], np.array([cell for _, cell in more], np.intp)]
        n = np.r_[self.n[sets], np.zeros(len(more), np.int64)]
        known = self.samples
        covariates = [Covariate(c.name, c.values[cells], c.categories) for c in known.covariates]
        design = build_design(
            self.sample[rows], known.names, self.side[rows], covariates, known.column, known.min_cells, n
        )
        units = design.codes[: sets.size]
        return design, [int(sets[np.flatnonzero(units == unit)[0]]) for unit in range(len(design.used))]


def cell_sets(
    samples: Samples, sides: NDArray[np.integer], categories: NDArray[np.signedinteger], n_categories: int
) -> CellSets:
    """Return the sets of cells of one sample on one side in one category.

    Parameters
    ----------
    samples
        The samples.
    sides
        0 for cells of a, 1 for cells of b, 2 for neither; shape (n_obs,).
    categories
        The category of each cell, shape (n_obs,); -1 for none.
    n_categories
        The number of categories.
    """
    cells = np.flatnonzero((sides < 2) & (categories >= 0))
    sample = samples.codes[cells].astype(np.int64)
    occurring, sample = _renumbered(np.where(sample < 0, len(samples.names), sample), len(samples.names) + 1)
    n_samples = int((occurring < len(samples.names)).sum())
    key = (sample * 2 + sides[cells]) * n_categories + categories[cells]
    keys, sets = _renumbered(key, 2 * occurring.size * n_categories)
    pairs, category = np.divmod(keys, max(n_categories, 1))
    known = pairs // 2 < n_samples
    first = np.zeros(keys.size, np.intp)
    # in reverse, so that the first cell of each set is the last that is written
    first[sets[::-1]] = cells[::-1]
    codes = np.full(sides.shape, known.sum(), np.min_scalar_type(keys.size))
    codes[cells] = np.minimum(sets, known.sum())
    differing: dict[tuple[int, int], None] = {}
    for covariate in samples.covariates:
        of_cells, of_first = covariate.values[cells], covariate.values[first][sets]
        differs = of_cells != of_first
        if covariate.categories is None:
            differs &= ~(np.isnan(of_cells.astype(np.float64)) & np.isnan(of_first.astype(np.float64)))
        some = np.flatnonzero(differs)
        _, places = np.unique(sets[some], return_index=True)
        differing.update(((int(sets[k]), int(cells[k])), None) for k in some[places])
    return CellSets(
        replace(samples, names=tuple(samples.names[k] for k in occurring[:n_samples].tolist())),
        np.where(known, pairs // 2, -1),
        pairs % 2,
        category,
        np.bincount(sets, minlength=keys.size),
        codes,
        first,
        tuple(differing),
    )


def _renumbered(codes: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the codes below size that occur, increasing, and the place of each code among them."""
    if size > _MOST_BINS:
        occurring, places = np.unique(codes, return_inverse=True)
        return occurring, places.astype(np.int64)
    occurring = np.flatnonzero(np.bincount(codes, minlength=size))
    number = np.zeros(size, np.int64)
    number[occurring] = np.arange(occurring.size)
    return occurring, number[codes]
