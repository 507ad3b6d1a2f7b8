"""The histogram of a gene or a column of obs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def histogram(values: NDArray[Any], bins: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the histogram of values in bins of equal width.

    Parameters
    ----------
    values
        Numbers of any dtype, shape (n_obs,); those that are not finite are left out.
    bins
        The number of bins.

    Returns
    -------
    counts, edges
        int64 of shape (bins,), float64 of shape (bins + 1,).
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    counts, edges = np.histogram(finite, bins)
    return counts.astype(np.int64), edges
