"""The distribution of values in groups of cells: quantiles, and densities for violins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.kernel_density import kernel_density

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_GRID = 128


@dataclass(frozen=True, eq=False)
class Distribution:
    """The distribution of values in groups of cells.

    Parameters
    ----------
    groups
        Names of the groups.
    n
        Finite values in each, int64, shape (groups,).
    mean
        float64, shape (groups,); NaN for a group without values.
    quantiles
        float64, shape (groups, len(QUANTILES)), linear between values as numpy's; NaN for a group without values.
    grid
        The values at which the density is given, float64, shape (points,).
    density
        Gaussian kernel density, float64, shape (groups, points); NaN for a group that does not vary.
    """

    groups: Sequence[str]
    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    grid: NDArray[np.float64]
    density: NDArray[np.float64]


def distribution(values: NDArray[Any], codes: NDArray[Any], groups: Sequence[str]) -> Distribution:
    """Return the distribution of values in each group.

    Parameters
    ----------
    values
        Numbers of any dtype, shape (n_obs,); NaN and infinite values are left out.
    codes
        The group of each cell, integers of shape (n_obs,); -1 for none.
    groups
        Names of the groups.
    """
    kept = np.flatnonzero((codes >= 0) & np.isfinite(values))
    order = kept[np.argsort(codes[kept], kind="stable")]
    numbers = values[order].astype(np.float64)
    n = np.bincount(codes[kept], minlength=len(groups)).astype(np.int64)
    ends = np.cumsum(n)
    low, high = (numbers.min(), numbers.max()) if numbers.size else (0.0, 1.0)
    grid = np.linspace(low, high, _GRID)
    mean, quantiles = np.full(n.size, np.nan), np.full((n.size, len(QUANTILES)), np.nan)
    density = np.full((n.size, _GRID), np.nan)
    for g in np.flatnonzero(n).tolist():
        mine = numbers[ends[g] - n[g] : ends[g]]
        mean[g], quantiles[g] = mine.mean(), np.quantile(mine, QUANTILES)
        density[g] = kernel_density(mine, grid)
    return Distribution(groups, n, mean, quantiles, grid, density)


def crossed(codes: NDArray[Any], parts: NDArray[Any], n_parts: int) -> NDArray[np.int64]:
    """Return the codes of the cross product of two columns, ``code * n_parts + part``; -1 if either is missing.

    Parameters
    ----------
    codes, parts
        Categories of each cell, integers of shape (n_obs,); -1 for none.
    n_parts
        The number of categories of the second column.

    Returns
    -------
    array
        int64, shape (n_obs,).
    """
    both: NDArray[np.int64] = codes.astype(np.int64) * n_parts + parts
    both[(codes < 0) | (parts < 0)] = -1
    return both
