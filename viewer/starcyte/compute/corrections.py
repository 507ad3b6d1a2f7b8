"""Corrections for multiple testing, and CORRECTIONS, their registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

PValues = NDArray[np.float64]


def benjamini_hochberg(p_value: PValues) -> PValues:
    """Return p-values adjusted for the false discovery rate (Benjamini and Hochberg 1995), shape (genes,).

    Undefined ones (NaN) count as tests with p = 1, as in scanpy, and stay undefined.
    """
    from scipy.stats import false_discovery_control

    undefined = np.isnan(p_value)
    # scipy refuses values that rounding has left above 1
    adjusted = false_discovery_control(np.where(undefined, 1.0, np.minimum(p_value, 1.0)))
    return np.where(undefined, np.nan, adjusted)


def bonferroni(p_value: PValues) -> PValues:
    """Return p-values times the number of genes, at most 1, shape (genes,); undefined ones (NaN) stay undefined."""
    return np.minimum(p_value * p_value.size, 1.0)


#: The corrections by their name in requests and results; the first is the default
CORRECTIONS: Mapping[str, Callable[[PValues], PValues]] = {
    "benjamini-hochberg": benjamini_hochberg,
    "bonferroni": bonferroni,
}
DEFAULT_CORRECTION = next(iter(CORRECTIONS))
