"""Marker genes: each category of a column compared with all other cells, from one pass over the matrix or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# methods and corrections import it in their functions; imported here, it delays a first request but no job
import scipy.stats  # noqa: F401
from numpy.typing import NDArray

from starcyte.compute.corrections import CORRECTIONS, DEFAULT_CORRECTION
from starcyte.compute.fold_change import Scale, log2_fold_change, scale_of
from starcyte.compute.methods import DEFAULT_METHOD, METHODS
from starcyte.compute.methods.method import Contrasts
from starcyte.store.dataset import Column, Matrix, Tick, no_tick
from starcyte.store.moments import Moments

# a category of one cell has no markers, whatever the method
_FEWEST_CELLS = 2


@dataclass(frozen=True, eq=False)
class GroupMarkers:
    """The genes with the highest scores of one category, by decreasing score; each array has the shape (genes listed,).

    Parameters
    ----------
    name
        The category.
    n, n_rest
        Cells inside and outside it.
    genes
        Positions of the genes in the matrix; the other arrays are float64.
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

    method: str
    correction: str
    matrix: str
    group_by: str
    scale: Scale
    n_genes: int
    groups: Sequence[GroupMarkers]


def find_markers(
    matrix: Matrix,
    column: Column,
    limit: int,
    method: str = DEFAULT_METHOD,
    correction: str = DEFAULT_CORRECTION,
    workers: int = 1,
    tick: Tick = no_tick,
    within: NDArray[np.bool_] | None = None,
) -> Markers:
    """Compare every category of a column with all other cells, those without a category included.

    Parameters
    ----------
    matrix
        The matrix.
    column
        A column that has categories.
    limit
        The number of genes to list for each category: those with the highest score.
    method, correction
        As in ``compare``.
    workers
        The number of threads to use.
    tick
        Called between blocks with the fraction done; raises to stop.
    within
        The cells that are considered, bool, shape (n_obs,); None for all.

    Returns
    -------
    Markers
        Categories with fewer than two cells inside or outside have none.

    Raises
    ------
    BadRequest
        If the column has no categories.
    DatasetInvalid
        If the matrix contradicts itself.
    """
    codes, categories = column.as_categories()
    groups = codes.astype(np.int32)
    groups[groups < 0] = len(categories)
    if within is not None:
        # in no group, and not in the rest
        groups[~within] = len(categories) + 1

    def cached(workers: int, tick: Tick) -> Moments | None:
        # cached moments are those of all cells
        return matrix.moments(column.info.name) if within is None else None

    chosen = METHODS[method]
    contrasts = Contrasts(matrix, groups, len(categories) + 1, against_rest=True, cached_moments=cached)
    found = chosen.run(contrasts, workers, tick)
    scale = scale_of(matrix, found.mean)
    n_cells, fewest = int(found.n.sum()), max(chosen.fewest_cells, _FEWEST_CELLS)
    tables = []
    for g, name in enumerate(categories):
        n, n_rest = int(found.n[g]), n_cells - int(found.n[g])
        strength = np.where(np.isnan(found.score[:, g]), -np.inf, found.score[:, g])
        best = np.argsort(-strength, kind="stable")[: limit if min(n, n_rest) >= fewest else 0]
        undefined = np.full(best.size, np.nan)
        mean, positive = found.mean[best], found.positive[best]
        rest = Moments(found.n, mean, np.zeros_like(mean), positive.astype(np.uint32)).rest()
        change = log2_fold_change(mean[:, g], rest.mean[:, g], scale)
        tables.append(
            GroupMarkers(
                name=name,
                n=n,
                n_rest=n_rest,
                genes=best,
                log2_fold_change=change if chosen.has_fold_change else undefined,
                score=found.score[best, g],
                p_value=found.p_value[best, g],
                p_adjusted=CORRECTIONS[correction](found.p_value[:, g])[best],
                mean_a=mean[:, g],
                mean_b=rest.mean[:, g],
                fraction_a=positive[:, g] / max(n, 1),
                fraction_b=rest.positive[:, g] / max(n_rest, 1),
                auc=undefined if found.auc is None else found.auc[best, g],
            )
        )
    return Markers(method, correction, matrix.name, column.info.name, scale, matrix.shape[1], tables)
