"""Wilcoxon's rank-sum test (Wilcoxon 1945, doi:10.2307/3001968; Mann and Whitney 1947, doi:10.1214/aoms/1177730491)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.methods.method import Contrasts, Method, Statistics

if TYPE_CHECKING:
    from starcyte.store.dataset import Matrix, Tick

# the p-values of groups that both have fewer cells are exact
_SMALL = 50


def run(contrasts: Contrasts, workers: int, tick: Tick) -> Statistics:
    """Return z, p-value and AUC of every gene.

    Equal to scanpy's ``rank_genes_groups(method="wilcoxon", tie_correct=True)``, but for the p-values of small groups.
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
    return Statistics(sums.n, sums.mean, sums.positive, sums.expm1, score, p_value, auc)


def run_within(
    matrix: Matrix, sides: NDArray[Any], strata: NDArray[Any], n_strata: int, workers: int, tick: Tick
) -> list[Statistics]:
    """Return the same of two groups within each stratum; see ``RunWithin``."""
    from starcyte.compute.rank_sums import rank_sums_within

    made = []
    for sums in rank_sums_within(matrix, sides, 2, strata, n_strata, workers, tick):
        n_a, n_b = sums.n.tolist()
        score, p_value, auc = (
            values[:, None] for values in rank_sum_test(np.ascontiguousarray(sums.ranks[:, 0]), sums.ties, n_a, n_b)
        )
        made.append(Statistics(sums.n, sums.mean, sums.positive, sums.expm1, score, p_value, auc))
    return made


METHOD = Method(
    id="wilcoxon",
    label="Wilcoxon",
    name="Wilcoxon rank sums",
    description="Rank-sum test: robust to outliers; slower",
    fewest_cells=3,
    needs_index=True,
    uses_moments=False,
    has_auc=True,
    suits_selections=True,
    small_groups="p-values of genes without ties are exact if both groups are small.",
    run=run,
    run_within=run_within,
)


def rank_sum_test(
    ranks: NDArray[np.float64], ties: NDArray[np.float64], n_a: int, n_b: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return z, two-sided p-value and AUC of the rank-sum test, corrected for ties, without continuity correction.

    With n = n_a + n_b, z = (ranks - n_a (n + 1) / 2) / sd, where the variance is n_a n_b (n + 1) / 12 times
    1 - ties / (n^3 - n). The p-value is that of the normal approximation; it is exact, as scipy's
    ``mannwhitneyu(method="exact")``, for a gene without ties if both groups are small. None is below that of the most
    extreme of all divisions into groups of these sizes, 2 n_a! n_b! / n!. AUC = (ranks - n_a (n_a + 1) / 2) /
    (n_a n_b), Mann and Whitney's U as a share.

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
    from scipy.special import gammaln, ndtr

    n = n_a + n_b
    correction = 1 - ties / (float(n) ** 3 - n)
    deviation = np.sqrt(np.maximum(correction, 0) * n_a * n_b * (n + 1) / 12)
    excess = ranks - n_a * (n + 1) / 2
    z = np.divide(excess, deviation, out=np.zeros_like(excess), where=deviation != 0)
    p_value = 2 * ndtr(-np.abs(z))
    u = ranks - n_a * (n_a + 1) / 2
    if max(n_a, n_b) < _SMALL:
        untied = np.flatnonzero(ties == 0)
        tail = _tails(min(n_a, n_b), max(n_a, n_b))
        p_value[untied] = np.minimum(2 * tail[np.maximum(u[untied], n_a * n_b - u[untied]).astype(np.int64)], 1.0)
    least = 2 * np.exp(gammaln(n_a + 1) + gammaln(n_b + 1) - gammaln(n + 1))
    return z, np.maximum(p_value, min(least, 1.0)), u / (float(n_a) * n_b)


@lru_cache(maxsize=64)
def _tails(m: int, n: int) -> NDArray[np.float64]:
    """Return the probability of U >= u without ties, for groups of m and n cells and u = 0, 1, ..., m n.

    By the recurrence of Mann and Whitney on whether the highest value is in the first or the second group:
    p(u; i, j) = i / (i + j) p(u - j; i - 1, j) + j / (i + j) p(u; i, j - 1), which only adds.
    """
    # the row of i = 0: all of the probability is at u = 0
    row = [np.ones(1) for _ in range(n + 1)]
    for i in range(1, m + 1):
        new = [np.ones(1)]
        for j in range(1, n + 1):
            p = np.zeros(i * j + 1)
            p[j:] = row[j] * (i / (i + j))
            p[: new[j - 1].size] += new[j - 1] * (j / (i + j))
            new.append(p)
        row = new
    tails: NDArray[np.float64] = np.cumsum(row[n][::-1])[::-1]
    return tails
