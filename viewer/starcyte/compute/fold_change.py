"""The scale of a matrix's values, and the log2 fold change of two means on that scale."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from starcyte.store.dataset import Matrix

Scale = Literal["log1p", "linear", "signed"]

# added to both means, as scanpy does, so that a gene absent from one group has a finite fold change
_PSEUDO_MEAN = 1e-9
# log1p of counts per cell stays below this (log1p(1e13) = 30); linear counts of real cells do not
_LARGEST_LOG1P = 30.0


def scale_of(matrix: Matrix, mean: NDArray[np.float64]) -> Scale:
    """Return the scale of a matrix, guessed from its dtype and the range of some means of its genes.

    Parameters
    ----------
    matrix
        The matrix.
    mean
        Means of its values, of any shape; NaN is ignored.

    Returns
    -------
    Scale
        ``signed`` if any mean is below 0; else ``linear`` for integers or a mean above 30; else ``log1p``.
    """
    low, high = np.nanmin(mean, initial=0.0), np.nanmax(mean, initial=0.0)
    if low < 0:
        return "signed"
    return "linear" if matrix.dtype.kind in "iub" or high > _LARGEST_LOG1P else "log1p"


def log2_fold_change(mean_a: NDArray[np.float64], mean_b: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Return the log2 fold change of a against b, float64, of the means' shape; NaN for signed values.

    For log1p values this is the formula of scanpy's ``rank_genes_groups``,
    log2((expm1(mean_a) + 1e-9) / (expm1(mean_b) + 1e-9)); for linear ones the same without expm1.
    """
    if scale == "signed":
        return np.full(mean_a.shape, np.nan)
    if scale == "log1p":
        mean_a, mean_b = np.expm1(mean_a), np.expm1(mean_b)
    fold: NDArray[np.float64] = np.log2((mean_a + _PSEUDO_MEAN) / (mean_b + _PSEUDO_MEAN))
    return fold
