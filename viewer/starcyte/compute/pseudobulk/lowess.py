"""Robust locally weighted regression, as R's ``lowess`` (Cleveland 1979, doi:10.1080/01621459.1979.10481038)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.pseudobulk.products import MULTIPLICATIONS

_ROBUST_STEPS = 3
# the share of the range of x within which fits are interpolated
_DELTA = 0.01


# sums of weights, times powers of x, and times y
_SUMS = 5


@dataclass(frozen=True, eq=False)
class _Points:
    """Neighbouring points at which lines are fitted.

    Parameters
    ----------
    x
        Their positions, shape (points,).
    last
        The last value at each position, shape (points,).
    window
        The values that influence any of them.
    kernel
        The tricube weight of each value of the window for each point, shape (points, values).
    """

    x: NDArray[np.float64]
    last: NDArray[np.intp]
    window: slice
    kernel: NDArray[np.float64]


def lowess(x: NDArray[np.float64], y: NDArray[np.float64], span: float = 0.5) -> NDArray[np.float64]:
    """Return the smoothed y at each x.

    Parameters
    ----------
    x
        Increasing, shape (n,).
    y
        Shape (n,).
    span
        The share of the points that influences each fit.

    Returns
    -------
    ndarray of float64
        Shape (n,).
    """
    return np.asarray(np.interp(x, *lowess_curve(x, y, span)))


def lowess_curve(
    x: NDArray[np.float64], y: NDArray[np.float64], span: float = 0.5
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of the smoothed curve, between which it is straight.

    Written after Cleveland's own routine, which fits a line at points about 1 % of the range apart and interpolates
    between them: limma's weights depend on these interpolated values.

    Parameters
    ----------
    x
        Increasing, shape (n,).
    y
        Shape (n,).
    span
        The share of the points that influences each fit.

    Returns
    -------
    x, y
        Shape (corners,), x strictly increasing.
    """
    n = x.size
    if n < 2:
        return x, y.astype(np.float64)
    points = _points(x, max(2, min(n, int(span * n + 1e-7))))
    corners = np.concatenate([some.x for some in points])
    center = float(x.mean())
    centred = x - center
    factors = np.stack([np.ones(n), centred, centred * centred, y, centred * y])
    weights = np.ones(n)
    for step in range(_ROBUST_STEPS + 1):
        weighted = factors * weights
        fitted = np.concatenate([_fit(some, weighted, center, x, y) for some in points])
        if step == _ROBUST_STEPS:
            break
        residual = np.abs(y - np.interp(x, corners, fitted))
        # six times the median
        middle = np.partition(residual, [n // 2, n - n // 2 - 1])
        scale = 3 * (middle[n // 2] + middle[n - n // 2 - 1])
        if scale < 1e-7 * residual.mean():
            break
        share = residual / scale if scale > 0 else residual
        weights = 1 - share * share
        weights = np.where(residual <= 0.999 * scale, weights * weights, 0.0)
        weights[residual <= 0.001 * scale] = 1.0
    return corners, fitted


def _points(x: NDArray[np.float64], width: int) -> list[_Points]:
    """Return points about 1 % of the range apart, each with a window of so many values."""
    n, delta, points = x.size, _DELTA * (x[-1] - x[0]), list[_Points]()
    sums = x[: n - width] + x[width:]  # of the ends of a window of width + 1 values
    at_once = max(MULTIPLICATIONS // (_SUMS * width), 1)
    left, i, some = 0, 0, list[tuple[int, int, int]]()
    while True:
        # the window moves right while the next value beyond it is nearer than its first one
        left = max(left, int(np.searchsorted(sums, 2 * x[i])) - 1)
        while left + width < n and x[i] - x[left] > x[left + width] - x[i]:
            left += 1
        # values with the same x have the same point
        last = int(np.searchsorted(x, x[i], "right")) - 1
        some.append((i, last, left))
        if last >= n - 1 or len(some) == at_once:
            points.append(_with_kernel(x, width, some))
            some = []
        if last >= n - 1:
            return points
        beyond = int(np.searchsorted(x, x[last] + delta, "right"))
        i = max(last + 1, beyond - 1)


def _with_kernel(x: NDArray[np.float64], width: int, points: list[tuple[int, int, int]]) -> _Points:
    """Return points with their weights, from the first and last value at each, and the first of its window."""
    at = np.array([x[i] for i, _, _ in points])
    starts = [left for _, _, left in points]
    reach = [max(x[i] - x[left], x[left + width - 1] - x[i]) for i, _, left in points]
    # values beyond a window that are as near as its last one belong to it
    stops = [int(np.searchsorted(x, x[i] + 0.999 * h, "right")) for (i, _, _), h in zip(points, reach, strict=True)]
    window = slice(starts[0], max(stops))
    kernel = np.zeros((at.size, window.stop - window.start))
    for row, (start, stop, h) in enumerate(zip(starts, stops, reach, strict=True)):
        part = kernel[row, start - window.start : stop - window.start]
        np.subtract(x[start:stop], at[row], out=part)
        _to_tricube(part, h)
    return _Points(at, np.array([last for _, last, _ in points]), window, kernel)


def _to_tricube(deviation: NDArray[np.float64], h: float) -> None:
    """Replace deviations from a point, which increase, by their tricube weights (1 - (|d| / h)³)³."""
    if h <= 0:
        deviation[:] = 1.0
        return
    outer = np.searchsorted(deviation, -0.999 * h), np.searchsorted(deviation, 0.999 * h, "right")
    inner = np.searchsorted(deviation, -0.001 * h), np.searchsorted(deviation, 0.001 * h, "right")
    share = np.abs(deviation)
    share /= h
    # powers of floats are slow in numpy
    np.multiply(share, share, out=deviation)
    deviation *= share
    np.subtract(1, deviation, out=deviation)
    np.multiply(deviation, deviation, out=share)
    deviation *= share
    deviation[inner[0] : inner[1]] = 1.0
    deviation[: outer[0]] = 0.0
    deviation[outer[1] :] = 0.0


def _fit(
    points: _Points, weighted: NDArray[np.float64], center: float, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the values of the weighted lines at some points, shape (points,).

    Parameters
    ----------
    points
        The points.
    weighted
        1, x and x² of x less its center, y, and x times y, each times the weight by the residual; shape (5, n).
    center
        The center of x.
    x, y
        Shape (n,).
    """
    total, of_x, of_square, of_y, of_product = weighted[:, points.window] @ points.kernel.T
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_x, mean_y = of_x / total, of_y / total
        spread = of_square / total - mean_x * mean_x
        slope = (of_product / total - mean_x * mean_y) / spread
    is_flat = ~(spread > 0) | (np.sqrt(np.maximum(spread, 0)) <= 0.001 * (x[-1] - x[0]))
    fitted = np.where(is_flat, mean_y, mean_y + (points.x - center - mean_x) * slope)
    return np.where(total <= 0, y[points.last], fitted)
