"""Gaussian kernel densities of many values in little time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# the density is computed on a grid of so many points or more, finer than the one it is returned on
_FINE = 1024


def bandwidth(values: NDArray[np.float64]) -> float:
    """Return the bandwidth of Scott's rule (1992), sd n^(-1/5); 0 if the values do not vary."""
    return float(values.std(ddof=1)) * values.size ** (-1 / 5) if values.size > 1 else 0.0


def kernel_density(values: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Gaussian kernel density of values on an even grid.

    The bandwidth is Scott's rule (1992), sd n^(-1/5), as ``scipy.stats.gaussian_kde``. Values are binned linearly on a
    fine grid and the counts convolved with the kernel, so that the time depends little on their number; the error
    against the exact sum is below a hundredth of the peak.

    Parameters
    ----------
    values
        Finite, float64, shape (n,).
    grid
        Even and increasing, float64, shape (points,).

    Returns
    -------
    array
        float64, shape (points,); NaN if the values or the grid do not vary.
    """
    width = bandwidth(values)
    if width == 0 or grid[0] == grid[-1]:
        return np.full(grid.size, np.nan)
    low, high = values.min() - 4 * width, values.max() + 4 * width
    step = min((high - low) / (_FINE - 1), width / 4)
    place = (values - low) / step
    left = np.floor(place).astype(np.int64)
    share = place - left
    points = int(np.ceil((high - low) / step)) + 2
    counts = np.bincount(left, 1 - share, points) + np.bincount(left + 1, share, points)
    reach = int(np.ceil(4 * width / step))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / width) ** 2)
    smooth = np.convolve(counts, kernel / (kernel.sum() * step * values.size), "same")
    return np.interp(grid, low + step * np.arange(points), smooth, left=0.0, right=0.0)
