"""Wilcoxon's rank-sum test (Wilcoxon 1945, doi:10.2307/3001968; Mann and Whitney 1947, doi:10.1214/aoms/1177730491)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.methods.method import Contrasts, Method, Statistics

if TYPE_CHECKING:
    from starcyte.store.dataset import Tick


def run(contrasts: Contrasts, workers: int, tick: Tick) -> Statistics:
    """Return z, p-value and AUC of every gene.

    Equal to scanpy's ``rank_genes_groups(method="wilcoxon", tie_correct=True)``.
    """
    from starcyte.compute.rank_sums import rank_sums

    sums = rank_sums(contrasts.matrix, contrasts.codes, contrasts.n_groups, workers, tick)
    shape = (sums.mean.shape[0], contrasts.n_contrasts)
    score, p_value, auc = (np.full(shape, np.nan) for _ in range(3))
    n = int(sums.n.sum())
    for g in range(contrasts.n_contrasts):
        n_a = int(sums.n[g])
        if 0 < n_a < n:
            score[:, g], p_value[:, g], auc[:, g] = rank_sum_test(sums.ranks[:, g], sums.ties, n_a, n - n_a)
    return Statistics(sums.n, sums.mean, sums.positive, score, p_value, auc)


METHOD = Method(
    id="wilcoxon",
    label="Wilcoxon",
    name="Wilcoxon rank sums",
    description="Rank-sum test: robust to outliers; slower",
    fewest_cells=1,
    needs_index=True,
    uses_moments=False,
    has_auc=True,
    run=run,
)


def rank_sum_test(
    ranks: NDArray[np.float64], ties: NDArray[np.float64], n_a: int, n_b: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return z, two-sided p-value and AUC of the rank-sum test, corrected for ties, without continuity correction.

    The normal approximation: with n = n_a + n_b, z = (ranks - n_a (n + 1) / 2) / sd, where the variance is
    n_a n_b (n + 1) / 12 times 1 - ties / (n^3 - n). AUC = (ranks - n_a (n_a + 1) / 2) / (n_a n_b), Mann and Whitney's
    U as a share.

    Parameters
    ----------
    ranks
        Sum of the ranks of group a among the cells of both groups, float64, shape (genes,).
    ties
        Sum of t^3 - t over runs of t equal values, float64, shape (genes,).
    n_a, n_b
        Cells in each group.

    Returns
    -------
    z, p_value, auc
        float64, shape (genes,). If all values are equal, z is 0 and p 1, as in scanpy; NaN if a value is NaN.
    """
    from scipy.special import ndtr

    n = n_a + n_b
    correction = 1 - ties / (float(n) ** 3 - n)
    deviation = np.sqrt(np.maximum(correction, 0) * n_a * n_b * (n + 1) / 12)
    excess = ranks - n_a * (n + 1) / 2
    z = np.divide(excess, deviation, out=np.zeros_like(excess), where=deviation != 0)
    return z, 2 * ndtr(-np.abs(z)), (ranks - n_a * (n_a + 1) / 2) / (float(n_a) * n_b)
