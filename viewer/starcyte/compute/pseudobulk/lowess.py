"""Robust locally weighted regression, as R's ``lowess`` (Cleveland 1979, doi:10.1080/01621459.1979.10481038)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROBUST_STEPS = 3
# the share of the range of x within which fits are interpolated
_DELTA = 0.01


def lowess(x: NDArray[np.float64], y: NDArray[np.float64], span: float = 0.5) -> NDArray[np.float64]:
    """Return the smoothed y at each x.

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
    ndarray of float64
        Shape (n,).
    """
    n = x.size
    if n < 2:
        return y.astype(np.float64)
    width = max(2, min(n, int(span * n + 1e-7)))
    delta = _DELTA * (x[-1] - x[0])
    weights: NDArray[np.float64] | None = None
    for step in range(_ROBUST_STEPS + 1):
        fitted = _pass(x, y, width, delta, weights)
        residual = np.abs(y - fitted)
        if step == _ROBUST_STEPS:
            break
        # six times the median
        middle = np.partition(residual, [n // 2, n - n // 2 - 1])
        scale = 3 * (middle[n // 2] + middle[n - n // 2 - 1])
        if scale < 1e-7 * residual.mean():
            break
        share = residual / scale if scale > 0 else residual
        weights = np.where(residual <= 0.999 * scale, (1 - share**2) ** 2, 0.0)
        weights[residual <= 0.001 * scale] = 1.0
    return fitted


def _pass(
    x: NDArray[np.float64], y: NDArray[np.float64], width: int, delta: float, weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Fit at points at most delta apart, and interpolate between them."""
    n = x.size
    fitted = np.empty(n)
    sums = x[: n - width] + x[width:]  # of the ends of a window of width + 1 points
    left, last, i = 0, -1, 0
    while True:
        # the window moves right while the next point beyond it is nearer than its first one
        left = max(left, int(np.searchsorted(sums, 2 * x[i])) - 1)
        while left + width < n and x[i] - x[left] > x[left + width] - x[i]:
            left += 1
        fitted[i] = _fit(x, y, x[i], left, left + width - 1, weights, y[i])
        if last < i - 1:
            share = (x[last + 1 : i] - x[last]) / (x[i] - x[last])
            fitted[last + 1 : i] = share * fitted[i] + (1 - share) * fitted[last]
        # points with the same x have the same value
        same = int(np.searchsorted(x, x[i], "right"))
        fitted[i:same] = fitted[i]
        last = same - 1
        if last >= n - 1:
            return fitted
        beyond = int(np.searchsorted(x, x[last] + delta, "right"))
        i = max(last + 1, beyond - 1)


def _fit(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    at: float,
    left: int,
    right: int,
    weights: NDArray[np.float64] | None,
    otherwise: float,
) -> float:
    """Return the value of the weighted line at a point."""
    h = max(at - x[left], x[right] - at)
    # points beyond the window that are as near as its last one belong to it
    stop = int(np.searchsorted(x, at + 0.999 * h, "right"))
    part = x[left:stop]
    distance = np.abs(part - at)
    if h > 0:
        w = np.where(distance <= 0.999 * h, (1 - (distance / h) ** 3) ** 3, 0.0)
        w[distance <= 0.001 * h] = 1.0
    else:
        w = np.ones(part.size)
    if weights is not None:
        w *= weights[left:stop]
    total = w.sum()
    if total <= 0:
        return otherwise
    w /= total
    if h > 0:
        center = w @ part
        spread = w @ (part - center) ** 2
        if np.sqrt(spread) > 0.001 * (x[-1] - x[0]):
            w *= (at - center) / spread * (part - center) + 1
    return float(w @ y[left:stop])
