"""Normalisation factors of libraries: trimmed mean of M values, as edgeR's ``calcNormFactors``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOG_RATIO_TRIM = 0.3
SUM_TRIM = 0.05
# log ratios below it do not differ from zero
_NO_RATIO = 1e-6
_NO_COUNTS = 1e-20


def normalization_factors(
    counts: NDArray[np.float64], library_sizes: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the factors by which library sizes are multiplied to be comparable, with a geometric mean of 1.

    Trimmed mean of M values (Robinson and Oshlack 2010, doi:10.1186/gb-2010-11-3-r25): the mean log ratio of each
    sample to a reference sample, weighted by the inverse of its variance, without the 30 % of the genes with the
    largest and smallest ratios and the 5 % with the highest and lowest expression.

    Parameters
    ----------
    counts
        Shape (genes, samples).
    library_sizes
        Shape (samples,); the sums of the counts if None.

    Returns
    -------
    ndarray of float64
        Shape (samples,).
    """
    sizes = counts.sum(axis=0) if library_sizes is None else library_sizes
    expressed = counts[(counts > 0).any(axis=1)]
    n = counts.shape[1]
    if not expressed.size or n == 1:
        return np.ones(n)
    quartiles = _upper_quartiles(expressed) / sizes
    if np.median(quartiles) < _NO_COUNTS:
        reference = int(np.sqrt(expressed).sum(axis=0).argmax())
    else:
        reference = int(np.abs(quartiles - quartiles.mean()).argmin())
    # samples in rows: each is read several times
    of_samples = np.ascontiguousarray(expressed.T)
    factors = np.array([_factor(of_samples[j], of_samples[reference], sizes[j], sizes[reference]) for j in range(n)])
    return np.asarray(factors / np.exp(np.log(factors).mean()))


def _upper_quartiles(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the upper quartile of each sample, as ``np.quantile`` does, without its cost for many genes."""
    place = 0.75 * (counts.shape[0] - 1)
    low = int(place)
    around = [low, min(low + 1, counts.shape[0] - 1)]
    lower, upper = np.partition(np.ascontiguousarray(counts.T), around, axis=1)[:, around].T
    return np.asarray(lower + (upper - lower) * (place - low))


def _factor(sample: NDArray[np.float64], reference: NDArray[np.float64], size: float, reference_size: float) -> float:
    """Return the factor of one sample relative to the reference."""
    both = (sample > 0) & (reference > 0)
    a, b = sample[both], reference[both]
    log_a, log_b = np.log2(a / size), np.log2(b / reference_size)
    ratio = np.log2((a / size) / (b / reference_size))
    if not ratio.size or np.abs(ratio).max() < _NO_RATIO:
        return 1.0
    variance = (size - a) / size / a + (reference_size - b) / reference_size / b
    kept = _untrimmed(ratio, LOG_RATIO_TRIM) & _untrimmed((log_a + log_b) / 2, SUM_TRIM)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (ratio[kept] / variance[kept]).sum() / (1 / variance[kept]).sum()
    return float(2 ** (0.0 if np.isnan(mean) else mean))


def _untrimmed(values: NDArray[np.float64], trim: float) -> NDArray[np.bool_]:
    """Return which values are not among the lowest and highest of a share, by their ranks, ties having the mean one."""
    n = values.size
    low = int(n * trim) + 1
    high = n + 1 - low
    # only values equal to those at the limits need their rank
    least, most = np.partition(values, [low - 1, high - 1])[[low - 1, high - 1]]
    kept: NDArray[np.bool_] = (values > least) & (values < most)
    for limit in (least, most):
        equal = values == limit
        rank = (values < limit).sum() + (equal.sum() + 1) / 2
        if low <= rank <= high:
            kept |= equal
    return kept
