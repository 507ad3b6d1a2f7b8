"""Differential expression: two groups of cells, gene by gene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from starcyte.compute import Correction, Method
from starcyte.compute.cached_moments import nearest
from starcyte.compute.moments import group_moments
from starcyte.compute.ranks import rank_sums, wilcoxon
from starcyte.errors import BadRequest
from starcyte.store.dataset import Dataset, Matrix, Tick, no_tick
from starcyte.store.moments import Moments

Scale = Literal["log1p", "linear", "signed"]

# added to both means, as scanpy does, so that a gene absent from one group has a finite fold change
_PSEUDO_MEAN = 1e-9
# log1p of counts per cell stays below this (log1p(1e13) = 30); linear counts of real cells do not
_LARGEST_LOG1P = 30.0


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result for all genes, in the matrix's order; each array has the shape (genes,).

    NaN where a value is undefined: a fold change of signed data, a p-value of a gene without variance, the AUC of a
    t-test.
    """

    method: Method
    matrix: str
    correction: Correction
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
        """Return the genes best first: the largest score in either direction, undefined ones last."""
        strength = np.where(np.isnan(self.score), -1.0, np.abs(self.score))
        return np.argsort(-strength, kind="stable")


def compare(
    dataset: Dataset,
    matrix: Matrix,
    a: NDArray[np.bool_],
    b: NDArray[np.bool_],
    method: Method = "t-test",
    correction: Correction = "benjamini-hochberg",
    workers: int = 1,
    tick: Tick = no_tick,
) -> Comparison:
    """Compare two groups of cells.

    Parameters
    ----------
    dataset
        The dataset.
    matrix
        The matrix to compare in.
    a, b
        Which cells are in each group, shape (n_obs,); no cell in both.
    method
        ``t-test`` (Welch's) or ``wilcoxon`` (rank sums, corrected for ties).
    correction
        How p-values are adjusted for the number of genes.
    workers
        Threads to use.
    tick
        Called between blocks; raises to stop.

    Returns
    -------
    Comparison
        Equal, for each gene, to ``scipy.stats.ttest_ind(a, b, equal_var=False)`` or to scanpy's ``wilcoxon`` with
        ``tie_correct=True``.

    Raises
    ------
    BadRequest
        If a group has too few cells, or the groups share cells.
    DatasetInvalid
        If the matrix contradicts itself.
    """
    codes = _codes(a, b, method)
    n_a, n_b = int(a.sum()), int(b.sum())
    if method == "t-test":
        near = nearest(dataset, matrix, [a, b])
        moments = None if near is None else near.moments(workers, tick)
        if moments is None:
            moments = group_moments(matrix, codes, 2, workers, tick)
        score, p_value = welch(moments, moments, 0, 1)
        auc = np.full(score.shape, np.nan)
        mean, positive = moments.mean, moments.positive.astype(np.int64)
    else:
        sums = rank_sums(matrix, codes, 2, workers, tick)
        score, p_value, auc = wilcoxon(sums.ranks[:, 0], sums.ties, n_a, n_b)
        mean, positive = sums.mean, sums.positive
    scale = scale_of(matrix, mean)
    return Comparison(
        method=method,
        matrix=matrix.name,
        correction=correction,
        n_a=n_a,
        n_b=n_b,
        scale=scale,
        log2_fold_change=log2_fold_change(mean[:, 0], mean[:, 1], scale),
        score=score,
        p_value=p_value,
        p_adjusted=adjust(p_value, correction),
        mean_a=mean[:, 0],
        mean_b=mean[:, 1],
        fraction_a=positive[:, 0] / n_a,
        fraction_b=positive[:, 1] / n_b,
        auc=auc,
    )


def _codes(a: NDArray[np.bool_], b: NDArray[np.bool_], method: Method) -> NDArray[np.int8]:
    least = 2 if method == "t-test" else 1
    for name, mask in (("a", a), ("b", b)):
        n = int(mask.sum())
        if n < least:
            raise BadRequest(
                f"Group {name} has {n} cell{'s' if n != 1 else ''}; a {method} needs at least {least} in each group.",
                "Select more cells.",
            )
    shared = int((a & b).sum())
    if shared:
        raise BadRequest(f"The groups share {shared} cells.", "Take them out of one group, or compare with the rest.")
    codes = np.full(a.shape, 2, np.int8)
    codes[a], codes[b] = 0, 1
    return codes


def welch(
    of_a: Moments, of_b: Moments, a: int | slice, b: int | slice
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Welch's t statistic and its two-sided p-value.

    Degrees of freedom by Welch and Satterthwaite (Welch 1947, doi:10.1093/biomet/34.1-2.28), as in scipy.

    Parameters
    ----------
    of_a, of_b
        Moments that hold the groups.
    a, b
        Which groups of them to compare; slices compare many at once.

    Returns
    -------
    score, p_value
        Shape (genes,) or (genes, groups). NaN where neither group varies and the means are equal; infinite and 0 where
        they differ.
    """
    n_a, n_b = of_a.n[a].astype(np.float64), of_b.n[b].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share_a = of_a.m2[:, a] / (n_a - 1) / n_a
        share_b = of_b.m2[:, b] / (n_b - 1) / n_b
        share = share_a + share_b
        score = (of_a.mean[:, a] - of_b.mean[:, b]) / np.sqrt(share)
        dof = share**2 / (share_a**2 / (n_a - 1) + share_b**2 / (n_b - 1))
    # without any variance the degrees of freedom are 0/0; scipy takes 1, which gives p = 0 for an infinite score
    dof = np.where(np.isnan(dof), 1.0, dof)
    return score, 2 * stdtr(dof, -np.abs(score))


def adjust(p_value: NDArray[np.float64], correction: Correction) -> NDArray[np.float64]:
    """Adjust p-values for the number of genes tested; undefined ones stay undefined.

    Parameters
    ----------
    p_value
        Shape (genes,).
    correction
        Benjamini and Hochberg's false discovery rate (1995), or Bonferroni's.
    """
    if correction == "bonferroni":
        return np.minimum(p_value * p_value.size, 1.0)
    return benjamini_hochberg(p_value)


def benjamini_hochberg(p_value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p-values for the false discovery rate (Benjamini and Hochberg 1995).

    Parameters
    ----------
    p_value
        Shape (genes,). Undefined ones (NaN) count as tests with p = 1, as in scanpy, and stay undefined.
    """
    p = np.where(np.isnan(p_value), 1.0, p_value)
    order = np.argsort(p)
    ranked = p[order] * p.size / np.arange(1, p.size + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum.accumulate(ranked[::-1])[::-1].clip(max=1.0)
    return np.where(np.isnan(p_value), np.nan, adjusted)


def scale_of(matrix: Matrix, mean: NDArray[np.float64]) -> Scale:
    """Say what kind of numbers the means are of: logarithms, linear amounts, or signed (scaled) values."""
    low, high = np.nanmin(mean, initial=0.0), np.nanmax(mean, initial=0.0)
    if low < 0:
        return "signed"
    return "linear" if matrix.dtype.kind in "iub" or high > _LARGEST_LOG1P else "log1p"


def log2_fold_change(mean_a: NDArray[np.float64], mean_b: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Return the log2 fold change of a against b, shape (genes,); NaN for signed values, which have none.

    For logarithms this is scanpy's: log2((expm1(mean_a) + 1e-9) / (expm1(mean_b) + 1e-9)).
    """
    if scale == "signed":
        return np.full(mean_a.shape, np.nan)
    if scale == "log1p":
        mean_a, mean_b = np.expm1(mean_a), np.expm1(mean_b)
    fold: NDArray[np.float64] = np.log2((mean_a + _PSEUDO_MEAN) / (mean_b + _PSEUDO_MEAN))
    return fold
