"""Genes with enough counts to be tested, as edgeR's ``filterByExpr`` (Chen, Lun and Smyth 2016)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIN_COUNT = 10.0
MIN_TOTAL_COUNT = 15.0
LARGE_N = 10.0
MIN_PROPORTION = 0.7
_TOLERANCE = 1e-14


def filter_by_expression(
    counts: NDArray[np.float64],
    design: NDArray[np.float64],
    library_sizes: NDArray[np.float64],
    min_count: float = MIN_COUNT,
    min_total_count: float = MIN_TOTAL_COUNT,
) -> NDArray[np.bool_]:
    """Return the genes with worthwhile counts in about as many samples as the smallest group has.

    doi:10.12688/f1000research.8987.2. A gene is kept if its counts per million reach those of ``min_count`` in a sample
    of median library size in enough samples, and its counts sum up to ``min_total_count``. Enough samples is the
    inverse of the largest leverage of the design, in place of which large groups need only 70 % of their samples.

    Parameters
    ----------
    counts
        Shape (genes, samples).
    design
        The design matrix, shape (samples, coefficients).
    library_sizes
        The total count of each sample, shape (samples,).
    min_count
        The count in a sample of median library size.
    min_total_count
        The sum over all samples.

    Returns
    -------
    ndarray of bool
        Shape (genes,).
    """
    q, _ = np.linalg.qr(design)
    smallest = 1 / (q * q).sum(axis=1).max()
    if smallest > LARGE_N:
        smallest = LARGE_N + (smallest - LARGE_N) * MIN_PROPORTION
    cutoff = min_count / np.median(library_sizes) * 1e6
    reached = (counts / library_sizes * 1e6 >= cutoff).sum(axis=1)
    return np.asarray((reached >= smallest - _TOLERANCE) & (np.einsum("gn->g", counts) >= min_total_count - _TOLERANCE))
