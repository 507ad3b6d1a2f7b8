"""Coordinates for a first picture over a slow line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Steps of the extent; a screen has fewer pixels
_STEPS = 12


def coarse(axes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return coordinates rounded to multiples of a power of two, whose last bits are zeros that compress well.

    Parameters
    ----------
    axes : ndarray of float32, shape (k, n)
        Coordinates; NaN for cells without any.

    Returns
    -------
    ndarray of float32, shape (k, n)
        The coordinates, each within 1/4,096 of the largest extent of an axis.
    """
    known = axes[np.isfinite(axes)]
    extent = float(known.max()) - float(known.min()) if known.size else 0.0
    if not extent > 0 or not np.isfinite(extent):
        return axes
    step = np.float32(2.0 ** (np.floor(np.log2(extent)) - _STEPS + 1))
    if step < np.finfo(np.float32).tiny:
        # a quotient by a subnormal number may be infinite
        return axes
    # + 0 turns -0 into 0
    return np.round(axes / step) * step + np.float32(0)
