"""Linear models of all genes at once, as limma's ``lmFit``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.pseudobulk.products import tall_product


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
        rotated = tall_product(y, q)
        coefficients = tall_product(rotated, inverse.T)
        residual = y - tall_product(rotated, q.T)
        unscaled = np.broadcast_to(np.sqrt((inverse * inverse).sum(axis=1)), coefficients.shape)
        rss = np.einsum("gn,gn->g", residual, residual)
    else:
        # in the orthonormal basis of the design, normal equations lose no digits
        products = (q[:, :, None] * q[:, None, :]).reshape(n, p * p)
        factor = _inverse_cholesky(tall_product(weights, products).T.reshape(p, p, -1))
        half = np.einsum("pqg,gq->pg", factor, tall_product(weights * y, q))
        rotated = np.einsum("pqg,pg->gq", factor, half)
        coefficients = tall_product(rotated, inverse.T)
        residual = y - tall_product(rotated, q.T)
        # the columns of the factor times the inverse: its squares sum up to the variances of the coefficients
        scaled = np.tensordot(inverse, factor, (1, 1))
        unscaled = np.sqrt(np.einsum("kpg,kpg->gk", scaled, scaled))
        rss = np.einsum("gn,gn,gn->g", weights, residual, residual)
    # sums over few samples: einsum takes a fifth of the time of sum
    df = n - p
    variance = rss / df if df else np.full(y.shape[0], np.nan)
    return Fit(coefficients, unscaled, variance, df, np.einsum("gn->g", y) / n)


def _inverse_cholesky(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverses of the lower Cholesky factors of matrices, all genes at once.

    Designs have few coefficients and there are many genes: LAPACK, called gene by gene, takes ten times as long.

    Parameters
    ----------
    gram
        Symmetric and positive definite, shape (p, p, genes).

    Returns
    -------
    ndarray of float64
        Lower triangular matrices L⁻¹ with L Lᵀ = gram, shape (p, p, genes).
    """
    p = gram.shape[0]
    lower, inverse = np.zeros_like(gram), np.zeros_like(gram)
    for i in range(p):
        for j in range(i):
            lower[i, j] = (gram[i, j] - np.einsum("kg,kg->g", lower[i, :j], lower[j, :j])) * inverse[j, j]
        pivot = np.sqrt(gram[i, i] - np.einsum("kg,kg->g", lower[i, :i], lower[i, :i]))
        inverse[i, i] = 1 / pivot
        for j in range(i):
            inverse[i, j] = -np.einsum("kg,kg->g", lower[i, j:i], inverse[j:i, j]) * inverse[i, i]
    return inverse
