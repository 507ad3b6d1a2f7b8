"""Welch's t-test (Welch 1947, doi:10.1093/biomet/34.1-2.28), from the moments of the groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.methods.method import Contrasts, Method, Statistics

if TYPE_CHECKING:
    from starcyte.store.dataset import Matrix, Tick
    from starcyte.store.moments import Moments

# the rest of each group is computed for so many genes at once, which bounds memory
_GENES_AT_ONCE = 2048
# if a group has fewer cells, the variance is overestimated
_SMALL = 50


def run(contrasts: Contrasts, workers: int, tick: Tick) -> Statistics:
    """Return Welch's t statistic and p-value of every gene.

    Equal to ``scipy.stats.ttest_ind(a, b, equal_var=False)`` and to scanpy's ``rank_genes_groups(method="t-test")``;
    if a group is small, to scanpy's ``t-test_overestim_var``.
    """
    moments = contrasts.moments(workers, tick)
    if contrasts.against_rest:
        score, p_value = _against_rest(moments, workers, lambda _: tick(1.0))
    else:
        score, p_value = welch(moments, moments, slice(0, 1), slice(1, 2))
    return Statistics(moments.n, moments.mean, moments.positive, moments.expm1, score, p_value)


def run_within(
    matrix: Matrix, sides: NDArray[Any], strata: NDArray[Any], n_strata: int, workers: int, tick: Tick
) -> list[Statistics]:
    """Return the same of two groups within each stratum; see ``RunWithin``."""
    from starcyte.compute.moments import group_moments

    n_groups = 2 * n_strata
    codes = np.full(sides.size, n_groups, np.int32)
    grouped = np.flatnonzero(sides < 2)
    codes[grouped] = 2 * strata[grouped].astype(np.int32) + sides[grouped]
    moments = group_moments(matrix, codes, n_groups, workers, tick)
    made = []
    for stratum in range(n_strata):
        pair = slice(2 * stratum, 2 * stratum + 2)
        a, b = slice(2 * stratum, 2 * stratum + 1), slice(2 * stratum + 1, 2 * stratum + 2)
        of_cells = moments.mean[:, pair], moments.positive[:, pair], moments.expm1[:, pair]
        made.append(Statistics(moments.n[pair], *of_cells, *welch(moments, moments, a, b)))
    return made


METHOD = Method(
    id="t-test",
    label="t-test",
    name="Welch’s t-test",
    description="Welch’s t-test: fast; compares means",
    fewest_cells=3,
    needs_index=False,
    uses_moments=True,
    has_auc=False,
    suits_selections=False,
    small_groups="The variance is overestimated: the larger group counts as many cells as the smaller one has, as in"
    " scanpy’s t-test_overestim_var.",
    run=run,
    run_within=run_within,
)


def _against_rest(moments: Moments, workers: int, tick: Tick) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return score and p-value of every group against all other groups."""
    from starcyte.compute.blocks import parallel_for

    score, p_value = np.empty_like(moments.m2), np.empty_like(moments.m2)

    def work(number: int) -> None:
        genes = slice(number * _GENES_AT_ONCE, (number + 1) * _GENES_AT_ONCE)
        some = moments.of_genes(genes)
        score[genes], p_value[genes] = welch(some, some.rest(), slice(None), slice(None))

    parallel_for(-(-score.shape[0] // _GENES_AT_ONCE), work, workers, tick)
    return score, p_value


def welch(
    moments_a: Moments, moments_b: Moments, a: slice, b: slice
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Welch's t statistic and its two-sided p-value.

    With v = m2 / (n - 1) / n of each group, t = (mean_a - mean_b) / sqrt(v_a + v_b). The degrees of freedom are those
    of Welch and Satterthwaite, (v_a + v_b)^2 / (v_a^2 / (n_a - 1) + v_b^2 / (n_b - 1)). If a group has fewer than 50
    cells, both numbers of cells but those of the variances (n - 1) are the smaller one: as few cells say little about
    the spread of their kind, too many genes would differ significantly.

    Parameters
    ----------
    moments_a, moments_b
        Moments that hold the groups.
    a, b
        The groups in each to compare, of equal number.

    Returns
    -------
    score, p_value
        float64, shape (genes, groups). NaN if neither group varies and the means are equal; infinite and 0 if neither
        varies and the means differ.
    """
    from scipy.special import stdtr

    n_a, n_b = moments_a.n[a].astype(np.float64), moments_b.n[b].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        v_a, v_b = moments_a.m2[:, a] / (n_a - 1), moments_b.m2[:, b] / (n_b - 1)
        fewer = np.minimum(n_a, n_b)
        n_a, n_b = (np.where(fewer < _SMALL, fewer, n) for n in (n_a, n_b))
        v_a /= n_a
        v_b /= n_b
        v = v_a + v_b
        score = (moments_a.mean[:, a] - moments_b.mean[:, b]) / np.sqrt(v)
        dof = v**2 / (v_a**2 / (n_a - 1) + v_b**2 / (n_b - 1))
    # without any variance the degrees of freedom are 0/0; scipy takes 1, which gives p = 0 for an infinite score
    dof = np.where(np.isnan(dof), 1.0, dof)
    return score, 2 * stdtr(dof, -np.abs(score))
