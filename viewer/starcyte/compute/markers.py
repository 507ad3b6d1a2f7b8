"""Markers: for one column, every category against all other cells, in one pass or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.compute import Correction, Method
from starcyte.compute.blocks import each
from starcyte.compute.diffexp import Scale, adjust, log2_fold_change, scale_of, welch
from starcyte.compute.moments import group_moments
from starcyte.compute.ranks import rank_sums, wilcoxon
from starcyte.store.dataset import Column, Matrix, Tick, no_tick
from starcyte.store.moments import Moments

_GENES_AT_ONCE = 2048


@dataclass(frozen=True, eq=False)
class GroupMarkers:
    """The best genes of one category, best first; each array has the shape (genes listed,).

    Parameters
    ----------
    name
        The category.
    n, n_rest
        Cells in it, and outside.
    genes
        Their positions.
    """

    name: str
    n: int
    n_rest: int
    genes: NDArray[np.intp]
    log2_fold_change: NDArray[np.float64]
    score: NDArray[np.float64]
    p_value: NDArray[np.float64]
    p_adjusted: NDArray[np.float64]
    mean_a: NDArray[np.float64]
    mean_b: NDArray[np.float64]
    fraction_a: NDArray[np.float64]
    fraction_b: NDArray[np.float64]
    auc: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Markers:
    """Markers of every category of a column."""

    method: Method
    correction: Correction
    matrix: str
    group_by: str
    scale: Scale
    n_genes: int
    groups: Sequence[GroupMarkers]


def find_markers(
    matrix: Matrix,
    column: Column,
    limit: int,
    method: Method = "t-test",
    correction: Correction = "benjamini-hochberg",
    workers: int = 1,
    tick: Tick = no_tick,
) -> Markers:
    """Compare every category of a column with all other cells, those without a category among them.

    Parameters
    ----------
    matrix
        The matrix.
    column
        A column of obs that has categories.
    limit
        How many genes to list for each category: those with the highest score.
    method, correction
        As in ``compare``.
    workers
        Threads to use.
    tick
        Called between blocks; raises to stop.

    Returns
    -------
    Markers
        Categories with fewer than two cells inside or outside have none.

    Raises
    ------
    BadRequest
        If the column has no categories.
    """
    codes, categories = column.as_categories()
    groups = codes.astype(np.int32)
    groups[groups < 0] = len(categories)
    k = len(categories) + 1
    auc: NDArray[np.float64] | None = None
    if method == "t-test":
        moments = matrix.moments(column.info.name) or group_moments(matrix, groups, k, workers, tick)
        score, p_value = _t_tests(moments, workers, lambda _: tick(1.0))
    else:
        sums = rank_sums(matrix, groups, k, workers, tick)
        moments = Moments(sums.n, sums.mean, np.zeros_like(sums.mean), sums.positive.astype(np.uint32))
        score, p_value, auc = (np.full(sums.mean.shape, np.nan) for _ in range(3))
        for g in np.flatnonzero((sums.n > 0) & (sums.n < sums.n.sum())).tolist():
            n_a, n_b = int(sums.n[g]), int(sums.n.sum() - sums.n[g])
            score[:, g], p_value[:, g], auc[:, g] = wilcoxon(sums.ranks[:, g], sums.ties, n_a, n_b)
    scale = scale_of(matrix, moments.mean)
    found = []
    for g, name in enumerate(categories):
        n, n_rest = int(moments.n[g]), int(moments.n.sum() - moments.n[g])
        strength = np.where(np.isnan(score[:, g]), -np.inf, score[:, g])
        best = np.argsort(-strength, kind="stable")[: limit if min(n, n_rest) >= 2 else 0]
        mine = moments.of_genes(best)
        rest = mine.rest()
        found.append(
            GroupMarkers(
                name=name,
                n=n,
                n_rest=n_rest,
                genes=best,
                log2_fold_change=log2_fold_change(mine.mean[:, g], rest.mean[:, g], scale),
                score=score[best, g],
                p_value=p_value[best, g],
                p_adjusted=adjust(p_value[:, g], correction)[best],
                mean_a=mine.mean[:, g],
                mean_b=rest.mean[:, g],
                fraction_a=mine.positive[:, g] / max(n, 1),
                fraction_b=rest.positive[:, g] / max(n_rest, 1),
                auc=np.full(best.size, np.nan) if auc is None else auc[best, g],
            )
        )
    return Markers(method, correction, matrix.name, column.info.name, scale, matrix.shape[1], found)


def _t_tests(moments: Moments, workers: int, tick: Tick) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return score and p-value of every group against its rest, some genes at a time so that memory stays small."""
    score, p_value = np.empty_like(moments.m2), np.empty_like(moments.m2)

    def work(number: int) -> None:
        genes = slice(number * _GENES_AT_ONCE, (number + 1) * _GENES_AT_ONCE)
        some = moments.of_genes(genes)
        score[genes], p_value[genes] = welch(some, some.rest(), slice(None), slice(None))

    each(-(-score.shape[0] // _GENES_AT_ONCE), work, workers, tick)
    return score, p_value
