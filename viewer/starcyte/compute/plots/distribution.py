"""The distribution of values in groups of cells: quantiles, and densities for violins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.kernel_density import bandwidth, kernel_density

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
# points of a density: more for a group with a long tail, whose bandwidth is a small part of its range
_LEAST_POINTS, _MOST_POINTS = 128, 512


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
    range
        The lowest and the highest value of all groups; 0 and 1 without values.
    density
        Gaussian kernel density of each group at even steps from its lowest to its highest value, float64; None for a
        group that does not vary.
    """

    groups: Sequence[str]
    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    range: tuple[float, float]
    density: Sequence[NDArray[np.float64] | None]


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
    whole = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 1.0)
    mean, quantiles = np.full(n.size, np.nan), np.full((n.size, len(QUANTILES)), np.nan)
    density: list[NDArray[np.float64] | None] = [None] * n.size
    for g in np.flatnonzero(n).tolist():
        mine = numbers[ends[g] - n[g] : ends[g]]
        mean[g], quantiles[g] = mine.mean(), np.quantile(mine, QUANTILES)
        density[g] = _density(mine)
    return Distribution(groups, n, mean, quantiles, whole, density)


def _density(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the density of some values on a grid of their own; None if they do not vary."""
    low, high = float(values.min()), float(values.max())
    width = bandwidth(values)
    if width == 0 or low == high:
        return None
    points = int(np.clip(2 * (high - low) / width, _LEAST_POINTS, _MOST_POINTS))
    return kernel_density(values, np.linspace(low, high, points))


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
