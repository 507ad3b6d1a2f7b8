"""Linear models of all genes at once, as limma's ``lmFit``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Fit:
    """The fits of one design to all genes.

    Parameters
    ----------
    coefficients
        Shape (genes, coefficients).
    unscaled
        Standard errors of the coefficients divided by the residual standard deviation, shape (genes, coefficients).
    variance
        Residual variance, shape (genes,).
    df
        Residual degrees of freedom, those of every gene.
    mean
        Mean of each gene over the samples, shape (genes,).
    """

    coefficients: NDArray[np.float64]
    unscaled: NDArray[np.float64]
    variance: NDArray[np.float64]
    df: int
    mean: NDArray[np.float64]


def fit_linear_models(
    y: NDArray[np.float64], design: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> Fit:
    """Fit a linear model to each gene by (weighted) least squares.

    Parameters
    ----------
    y
        Values, usually log2 counts per million; shape (genes, samples).
    design
        The design matrix, of full column rank; shape (samples, coefficients).
    weights
        The weight of each value, shape (genes, samples); all 1 if None.
    """
    n, p = design.shape
    q, r = np.linalg.qr(design)
    inverse = np.linalg.inv(r)
    if weights is None:
        rotated = y @ q
        coefficients = rotated @ inverse.T
        residual = y - rotated @ q.T
        unscaled = np.broadcast_to(np.sqrt((inverse * inverse).sum(axis=1)), coefficients.shape)
        rss = (residual * residual).sum(axis=1)
    else:
        # in the orthonormal basis of the design, normal equations lose no digits
        gram = np.linalg.inv(np.einsum("gn,np,nq->gpq", weights, q, q, optimize=True))
        rotated = np.einsum("gpq,gq->gp", gram, (weights * y) @ q)
        coefficients = rotated @ inverse.T
        residual = y - rotated @ q.T
        unscaled = np.sqrt(np.einsum("kp,gpq,kq->gk", inverse, gram, inverse, optimize=True))
        rss = (weights * residual * residual).sum(axis=1)
    df = n - p
    variance = rss / df if df else np.full(y.shape[0], np.nan)
    return Fit(coefficients, unscaled, variance, df, y.mean(axis=1))
