"""Differential expression between two groups of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# methods and corrections import it in their functions; imported here, it delays a first request but no job
import scipy.stats  # noqa: F401
from numpy.typing import NDArray

from starcyte.compute.cached_moments import nearest_grouping
from starcyte.compute.corrections import CORRECTIONS, DEFAULT_CORRECTION
from starcyte.compute.fold_change import Scale, log2_fold_change, scale_of
from starcyte.compute.methods import DEFAULT_METHOD, METHODS
from starcyte.compute.methods.method import Contrasts, Method
from starcyte.errors import BadRequest
from starcyte.store.dataset import Dataset, Matrix, Tick, no_tick
from starcyte.store.moments import Moments


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result for all genes, in the matrix's order; each array is float64 of shape (genes,).

    NaN if a value is undefined: a fold change of signed data, a p-value of a gene without variance, the AUC of a
    method that has none.
    """

    method: str
    matrix: str
    correction: str
    n_a: int
    n_b: int
    scale: Scale
    log2_fold_change: NDArray[np.float64]
    score: NDArray[np.float64]
    p_value: NDArray[np.float64]
    p_adjusted: NDArray[np.float64]
    mean_a: NDArray[np.float64]
    mean_b: NDArray[np.float64]
    fraction_a: NDArray[np.float64]
    fraction_b: NDArray[np.float64]
    auc: NDArray[np.float64]

    def order(self) -> NDArray[np.intp]:
        """Return the positions of the genes by decreasing absolute score, undefined scores last."""
        strength = np.where(np.isnan(self.score), -1.0, np.abs(self.score))
        return np.argsort(-strength, kind="stable")


def compare(
    dataset: Dataset,
    matrix: Matrix,
    a: NDArray[np.bool_],
    b: NDArray[np.bool_],
    method: str = DEFAULT_METHOD,
    correction: str = DEFAULT_CORRECTION,
    workers: int = 1,
    tick: Tick = no_tick,
) -> Comparison:
    """Compare two groups of cells gene by gene.

    Parameters
    ----------
    dataset
        The dataset.
    matrix
        The matrix to compare in.
    a, b
        The cells of each group, bool, shape (n_obs,); no cell in both.
    method
        A key of METHODS.
    correction
        A key of CORRECTIONS: the adjustment of p-values for the number of genes.
    workers
        The number of threads to use.
    tick
        Called between blocks with the fraction done; raises to stop.

    Raises
    ------
    BadRequest
        If a group has too few cells for the method, or the groups share cells.
    DatasetInvalid
        If the matrix contradicts itself.
    """
    chosen = METHODS[method]
    codes = _codes(a, b, chosen)
    n_a, n_b = int(a.sum()), int(b.sum())

    def cached(workers: int, tick: Tick) -> Moments | None:
        grouping = nearest_grouping(dataset, matrix, [a, b])
        return None if grouping is None else grouping.moments(workers, tick)

    found = chosen.run(Contrasts(matrix, codes, 2, against_rest=False, cached_moments=cached), workers, tick)
    score, p_value, mean = found.score[:, 0], found.p_value[:, 0], found.mean
    undefined = np.full(score.shape, np.nan)
    scale = scale_of(matrix, mean)
    return Comparison(
        method=method,
        matrix=matrix.name,
        correction=correction,
        n_a=n_a,
        n_b=n_b,
        scale=scale,
        log2_fold_change=log2_fold_change(mean[:, 0], mean[:, 1], scale) if chosen.has_fold_change else undefined,
        score=score,
        p_value=p_value,
        p_adjusted=CORRECTIONS[correction](p_value),
        mean_a=mean[:, 0],
        mean_b=mean[:, 1],
        fraction_a=found.positive[:, 0] / n_a,
        fraction_b=found.positive[:, 1] / n_b,
        auc=undefined if found.auc is None else found.auc[:, 0],
    )


def is_quick(dataset: Dataset, matrix: Matrix, a: NDArray[np.bool_], b: NDArray[np.bool_], method: str) -> bool:
    """Return whether cached moments answer a comparison within a fraction of a second."""
    if not METHODS[method].uses_moments:
        return False
    grouping = nearest_grouping(dataset, matrix, [a, b])
    return grouping is not None and grouping.is_quick


def _codes(a: NDArray[np.bool_], b: NDArray[np.bool_], method: Method) -> NDArray[np.int8]:
    """Return the group of each cell: 0 in a, 1 in b, 2 in neither."""
    for name, mask in (("a", a), ("b", b)):
        n = int(mask.sum())
        if n < method.fewest_cells:
            raise BadRequest(
                f"Group {name} has {n} cell{'s' if n != 1 else ''}; {method.name} needs at least"
                f" {method.fewest_cells} in each group.",
                "Select more cells.",
            )
    shared = int((a & b).sum())
    if shared:
        raise BadRequest(
            f"The groups share {shared} cell{'s' if shared != 1 else ''}.",
            "Remove them from one group, or compare with the rest.",
        )
    codes = np.full(a.shape, 2, np.int8)
    codes[a], codes[b] = 0, 1
    return codes
