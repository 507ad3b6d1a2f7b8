"""Differences of the composition of samples: the proportions of the categories of a column, tested over samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.pseudobulk.analysis import SampleStatistics, compare_proportions
from starcyte.compute.pseudobulk.design import Design
from starcyte.compute.pseudobulk.proportions import Transform
from starcyte.compute.pseudobulk.samples import Samples
from starcyte.errors import BadRequest
from starcyte.store.dataset import Column


@dataclass(frozen=True, eq=False)
class Composition:
    """The composition of samples on two sides.

    Parameters
    ----------
    column
        The column of the categories.
    categories
        The categories that have cells, in the order of the column.
    counts
        Cells, float64, shape (categories, units of the design that are used).
    statistics
        The tests; arrays of shape (categories,), and the proportions as ``values``.
    design
        The design.
    transform
        The scale of the tests.
    n_without
        Cells of the groups that have no category, and are left out.
    """

    column: str
    categories: tuple[str, ...]
    counts: NDArray[np.float64]
    statistics: SampleStatistics
    design: Design
    transform: Transform
    n_without: int

    @property
    def warnings(self) -> list[str]:
        """What to know of the result, in sentences."""
        without = [f"{self.n_without:,} cells have no {self.column!r} and are left out."] if self.n_without else []
        return [*without, *self.design.warnings]


def compare_composition(
    a: NDArray[np.bool_], b: NDArray[np.bool_], samples: Samples, column: Column, transform: Transform
) -> Composition:
    """Compare the proportions of the categories of a column over samples, as propeller does.

    Parameters
    ----------
    a, b
        The cells of each group, bool, shape (n_obs,); no cell in both.
    samples
        The samples, and what to adjust for.
    column
        A column that has categories.
    transform
        The scale on which variances are stable.

    Raises
    ------
    BadRequest
        If the column has no categories, or fewer than two in these cells, or the samples allow no comparison.
    """
    codes, names = column.as_categories()
    known = codes >= 0
    design = samples.design(a & known, b & known)
    design.check()
    n = len(design.used)
    cells = np.flatnonzero((design.codes < n) & known)
    numbers = np.bincount(codes[cells].astype(np.int64) * n + design.codes[cells], minlength=len(names) * n)
    counts = numbers.reshape(len(names), n).astype(np.float64)
    present = np.flatnonzero(counts.sum(axis=1))
    if present.size < 2:
        raise BadRequest(
            f"These cells have {present.size} categor{'y' if present.size == 1 else 'ies'} of {column.info.name!r}:"
            " proportions need at least 2.",
            "Choose another column, or more cells.",
        )
    counts = counts[present]
    return Composition(
        column.info.name,
        tuple(names[k] for k in present.tolist()),
        counts,
        compare_proportions(counts, design, transform),
        design,
        transform,
        int(((a | b) & ~known).sum()),
    )
