"""Robust locally weighted regression, as R's ``lowess`` (Cleveland 1979, doi:10.1080/01621459.1979.10481038)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROBUST_STEPS = 3
# the share of the range of x within which fits are interpolated
_DELTA = 0.01


@dataclass(frozen=True, eq=False)
class _Point:
    """A point at which a line is fitted.

    Parameters
    ----------
    x
        Its position.
    stop
        The end of the points with the same position.
    window
        The points that influence it.
    moments
        Their tricube weights, and these times the distance and its square, shape (3, points).
    """

    x: float
    stop: int
    window: slice
    moments: NDArray[np.float64]


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
    corners = np.array([point.x for point in points])
    weights = np.ones(n)
    for step in range(_ROBUST_STEPS + 1):
        weighted = weights * y
        fitted = np.array([_fit(point, weights, weighted, x, y) for point in points])
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


def _points(x: NDArray[np.float64], width: int) -> list[_Point]:
    """Return points about 1 % of the range apart, each with a window of so many points."""
    n, delta, points = x.size, _DELTA * (x[-1] - x[0]), list[_Point]()
    sums = x[: n - width] + x[width:]  # of the ends of a window of width + 1 points
    left, i = 0, 0
    while True:
        # the window moves right while the next point beyond it is nearer than its first one
        left = max(left, int(np.searchsorted(sums, 2 * x[i])) - 1)
        while left + width < n and x[i] - x[left] > x[left + width] - x[i]:
            left += 1
        points.append(_point(x, i, left, left + width - 1))
        # points with the same x have the same value
        last = points[-1].stop - 1
        if last >= n - 1:
            return points
        beyond = int(np.searchsorted(x, x[last] + delta, "right"))
        i = max(last + 1, beyond - 1)


def _point(x: NDArray[np.float64], i: int, left: int, right: int) -> _Point:
    at = float(x[i])
    h = max(at - x[left], x[right] - at)
    # points beyond the window that are as near as its last one belong to it
    stop = int(np.searchsorted(x, at + 0.999 * h, "right"))
    offset = x[left:stop] - at
    if h > 0:
        distance = np.abs(offset)
        # powers of floats are slow in numpy
        share = distance / h
        w = 1 - share * share * share
        w = np.where(distance <= 0.999 * h, w * w * w, 0.0)
        w[distance <= 0.001 * h] = 1.0
    else:
        w = np.ones(offset.size)
    first = w * offset
    return _Point(at, int(np.searchsorted(x, at, "right")), slice(left, stop), np.stack([w, first, first * offset]))


def _fit(
    point: _Point,
    weights: NDArray[np.float64],
    weighted: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> float:
    """Return the value of the weighted line at a point.

    Parameters
    ----------
    point
        The point.
    weights
        The weight of each y by its residual, shape (n,).
    weighted
        y times these weights, shape (n,).
    x, y
        Shape (n,).
    """
    robust, values = weights[point.window], weighted[point.window]
    # not by BLAS, whose threads wait for each other on a busy machine
    total, of_distance, of_square = np.einsum("kp,p->k", point.moments, robust).tolist()
    if total <= 0:
        return float(y[point.stop - 1])
    of_value, of_product = np.einsum("kp,p->k", point.moments[:2], values).tolist()
    mean = of_value / total
    # distances from the point, of which the mean and the variance are small
    center = of_distance / total
    spread = of_square / total - center * center
    if spread <= 0 or np.sqrt(spread) <= 0.001 * (x[-1] - x[0]):
        return float(mean)
    return float(mean - center * (of_product / total - center * mean) / spread)
