"""The correlation of two genes or columns of obs over cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


def correlation(x: NDArray[Any], y: NDArray[Any]) -> tuple[int, float, float]:
    """Return Pearson's and Spearman's correlation of two values of each cell.

    Spearman's is Pearson's of the ranks, ties sharing their mean rank; as ``scipy.stats.pearsonr`` and ``spearmanr``.

    Parameters
    ----------
    x, y
        Numbers of any dtype, shape (n_obs,); cells with a value that is not finite are left out.

    Returns
    -------
    n, pearson, spearman
        The number of cells that have both values; correlations are NaN if one of the values does not vary.
    """
    both = np.isfinite(x) & np.isfinite(y)
    a, b = x[both].astype(np.float64), y[both].astype(np.float64)
    return a.size, _pearson(a, b), _pearson(rankdata(a), rankdata(b))


def _pearson(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if a.size < 2:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(np.clip(a @ b / size, -1, 1)) if size > 0 else float("nan")
