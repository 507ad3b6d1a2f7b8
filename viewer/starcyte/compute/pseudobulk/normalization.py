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
    with np.errstate(divide="ignore"):
        logs = np.log2(of_samples / sizes[:, None])
    factors = np.array([_factor(of_samples, logs, sizes, j, reference) for j in range(n)])
    return np.asarray(factors / np.exp(np.log(factors).mean()))


def _upper_quartiles(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the upper quartile of each sample, as ``np.quantile`` does, without its cost for many genes."""
    place = 0.75 * (counts.shape[0] - 1)
    low = int(place)
    around = [low, min(low + 1, counts.shape[0] - 1)]
    lower, upper = np.partition(np.ascontiguousarray(counts.T), around, axis=1)[:, around].T
    return np.asarray(lower + (upper - lower) * (place - low))


def _factor(
    counts: NDArray[np.float64], logs: NDArray[np.float64], sizes: NDArray[np.float64], sample: int, reference: int
) -> float:
    """Return the factor of one sample relative to the reference.

    Parameters
    ----------
    counts
        Shape (samples, genes).
    logs
        Logarithms of the counts divided by the library sizes, shape (samples, genes).
    sizes
        Library sizes, shape (samples,).
    sample, reference
        The numbers of both samples.
    """
    both = np.flatnonzero((counts[sample] > 0) & (counts[reference] > 0))
    a, b = counts[sample].take(both), counts[reference].take(both)
    size, reference_size = sizes[sample], sizes[reference]
    # not the difference of the logarithms, which would break ties
    ratio = np.log2((a / size) / (b / reference_size))
    if not ratio.size or np.abs(ratio).max() < _NO_RATIO:
        return 1.0
    mean_log = (logs[sample].take(both) + logs[reference].take(both)) / 2
    kept = np.flatnonzero(_untrimmed(ratio, LOG_RATIO_TRIM) & _untrimmed(mean_log, SUM_TRIM))
    a, b, ratio = a[kept], b[kept], ratio[kept]
    variance = (size - a) / size / a + (reference_size - b) / reference_size / b
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (ratio / variance).sum() / (1 / variance).sum()
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
