"""Marker genes: each category of a column compared with all other cells, from one pass over the matrix or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# methods and corrections import it in their functions; imported here, it delays a first request but no job
import scipy.stats  # noqa: F401
from numpy.typing import NDArray

from starcyte.compute.diffexp import known_scale, unmeasured_warnings
from starcyte.compute.fold_change import Expression
from starcyte.compute.methods.method import Contrasts
from starcyte.compute.options import Options
from starcyte.store.cell_rows import measured
from starcyte.store.dataset import Column, Dataset, Matrix, Tick, no_tick
from starcyte.store.moments import Moments
from starcyte.store.scale import Scale


@dataclass(frozen=True, eq=False)
class GroupMarkers:
    """The genes with the highest scores of one category, by decreasing score; each array has the shape (genes listed,).

    Parameters
    ----------
    name
        The category.
    n, n_rest
        Cells inside and outside it.
    n_tested
        The number of tested genes: those that enough cells express.
    warnings
        Warnings about the sizes of the groups.
    genes
        Positions of the genes in the matrix; the other arrays are float64.
    """

    name: str
    n: int
    n_rest: int
    n_tested: int
    warnings: Sequence[str]
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

    options: Options
    matrix: str
    group_by: str
    scale: Scale
    n_genes: int
    groups: Sequence[GroupMarkers]
    warnings: Sequence[str] = ()


def find_markers(
    dataset: Dataset,
    matrix: Matrix,
    column: Column,
    limit: int,
    options: Options = Options(),  # noqa: B008  it is frozen
    workers: int = 1,
    tick: Tick = no_tick,
    within: NDArray[np.bool_] | None = None,
) -> Markers:
    """Compare every category of a column with all other cells, those without a category included.

    Parameters
    ----------
    dataset
        The dataset.
    matrix
        The matrix.
    column
        A column that has categories.
    limit
        The number of genes to list for each category: those with the highest score.
    options
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
        Categories with fewer cells inside or outside than the method needs have none.

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

    chosen = options.test
    scale = options.scale_of(known_scale(dataset, matrix))
    contrasts = Contrasts(matrix, groups, len(categories) + 1, against_rest=True, cached_moments=cached, scale=scale)
    found = chosen.run(contrasts, workers, tick)
    scale = options.scale_of(known_scale(dataset, matrix))
    n_cells, expressing = int(found.n.sum()), found.positive.sum(axis=1, dtype=np.int64)
    tables = []
    for g, name in enumerate(categories):
        n, n_rest = int(found.n[g]), n_cells - int(found.n[g])
        enough = min(n, n_rest) >= chosen.fewest_cells
        fraction_a = found.positive[:, g] / max(n, 1)
        fraction_b = (expressing - found.positive[:, g]) / max(n_rest, 1)
        tested = options.tested(fraction_a, fraction_b, scale)
        p_adjusted = options.adjusted(found.p_value[:, g], tested)
        strength = np.where(np.isnan(found.score[:, g]), -np.inf, found.score[:, g])
        order = np.argsort(-strength, kind="stable")
        best = order[tested[order]][: limit if enough else 0]
        undefined = np.full(best.size, np.nan)
        rest = found.of_genes(best).rest()
        sides = (
            Expression(n, found.mean[best, g], found.expm1[best, g]),
            Expression(n_rest, rest.mean[:, g], rest.expm1[:, g]),
        )
        tables.append(
            GroupMarkers(
                name=name,
                n=n,
                n_rest=n_rest,
                n_tested=int(tested.sum()) if enough else 0,
                warnings=options.warnings(n, n_rest, "The category", "The rest") if enough else (),
                genes=best,
                log2_fold_change=options.formula.log2(*sides, scale) if chosen.has_fold_change else undefined,
                score=found.score[best, g],
                p_value=found.p_value[best, g],
                p_adjusted=p_adjusted[best],
                mean_a=sides[0].mean,
                mean_b=sides[1].mean,
                fraction_a=fraction_a[best],
                fraction_b=fraction_b[best],
                auc=undefined if found.auc is None else found.auc[best, g],
            )
        )
    considered = np.ones(dataset.n_obs, np.bool_) if within is None else within
    n_unmeasured = int(considered.sum()) - int(measured(matrix, considered).sum())
    warnings = unmeasured_warnings(matrix.name, n_unmeasured)
    return Markers(options, matrix.name, column.info.name, scale, matrix.shape[1], tables, warnings)
