"""Precision weights of log counts, as limma's ``voom`` (Law et al. 2014, doi:10.1186/gb-2014-15-2-r29)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.pseudobulk.linear_model import fit_linear_models
from starcyte.compute.pseudobulk.lowess import lowess_curve
from starcyte.compute.pseudobulk.products import tall_product

SPAN = 0.5
PRIOR_COUNT = 0.5


def log_counts_per_million(counts: NDArray[np.float64], library_sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log2((count + 0.5) / (library size + 1) * 10^6).

    Parameters
    ----------
    counts
        Shape (genes, samples).
    library_sizes
        Multiplied by the normalisation factors, shape (samples,).
    """
    return np.asarray(np.log2((counts + PRIOR_COUNT) / (library_sizes + 1) * 1e6))


def voom(
    counts: NDArray[np.float64], design: NDArray[np.float64], library_sizes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return log2 counts per million, and the weight of each from the trend of the variance with the mean.

    Parameters
    ----------
    counts
        Shape (genes, samples).
    design
        Shape (samples, coefficients), of full column rank.
    library_sizes
        Multiplied by the normalisation factors, shape (samples,).

    Returns
    -------
    log_counts, weights
        Shape (genes, samples).
    """
    y = log_counts_per_million(counts, library_sizes)
    fit = fit_linear_models(y, design)
    log_sizes = np.log2(library_sizes + 1)
    expressed = np.einsum("gn->g", counts) > 0
    if not fit.df or expressed.sum() < 2:
        return y, np.ones_like(y)
    x = fit.mean[expressed] + log_sizes.mean() - np.log2(1e6)
    order = np.argsort(x)
    # powers of floats are slow in numpy
    curve = lowess_curve(x[order], np.sqrt(np.sqrt(fit.variance[expressed][order])), SPAN)
    fitted = tall_product(fit.coefficients, design.T) + log_sizes - np.log2(1e6)
    squared = np.square(np.interp(fitted, *curve))
    return y, 1 / (squared * squared)
