"""Proportions of cells over samples, as propeller tests them (Phipson 2022, doi:10.1093/bioinformatics/btac582)."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Transform(StrEnum):
    """The scale of proportions on which their variances are stable."""

    LOGIT = "logit"
    ARCSINE = "arcsine"


def transformed_proportions(counts: NDArray[np.float64], transform: Transform) -> NDArray[np.float64]:
    """Return the transformed share of each category in each sample.

    Parameters
    ----------
    counts
        Cells, shape (categories, samples).
    transform
        ``logit``: log(p / (1 - p)) with 0.5 added to each count; ``arcsine``: arcsin(sqrt(p)).

    Returns
    -------
    ndarray of float64
        Shape (categories, samples).
    """
    if transform is Transform.LOGIT:
        shares = (counts + 0.5) / (counts + 0.5).sum(axis=0)
        return np.asarray(np.log(shares / (1 - shares)))
    return np.asarray(np.arcsin(np.sqrt(counts / counts.sum(axis=0))))
