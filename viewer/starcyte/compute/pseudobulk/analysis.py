"""Tests of a design: of every gene from sums of counts or means of logarithms, and of proportions of cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.corrections import benjamini_hochberg
from starcyte.compute.pseudobulk.design import Design
from starcyte.compute.pseudobulk.filtering import filter_by_expression
from starcyte.compute.pseudobulk.linear_model import Fit, fit_linear_models
from starcyte.compute.pseudobulk.moderation import Moderated, moderate
from starcyte.compute.pseudobulk.normalization import normalization_factors
from starcyte.compute.pseudobulk.proportions import Transform, transformed_proportions
from starcyte.compute.pseudobulk.voom import log_counts_per_million, voom
from starcyte.errors import BadRequest

_SIDE = 1


@dataclass(frozen=True, eq=False)
class SampleStatistics:
    """The result of a comparison over samples for all genes or categories; arrays of shape (genes,) but for values.

    Parameters
    ----------
    values
        The value of each gene in each unit that was used, shape (genes, units): log2 counts per million, means of
        logarithms to base 2, or proportions.
    tested
        The genes that were tested; the statistics of others are NaN.
    log2_fold_change
        The coefficient of the side: a minus b. Of proportions, the log2 ratio of their means.
    t, p_value
        The moderated t-statistic, and its two-sided p-value.
    mean_a, mean_b
        The mean of the values over the units of each side.
    df
        Degrees of freedom of the t-statistics.
    """

    values: NDArray[np.float64]
    tested: NDArray[np.bool_]
    log2_fold_change: NDArray[np.float64]
    t: NDArray[np.float64]
    p_value: NDArray[np.float64]
    mean_a: NDArray[np.float64]
    mean_b: NDArray[np.float64]
    df: float

    @cached_property
    def p_adjusted(self) -> NDArray[np.float64]:
        """The p-values adjusted by Benjamini and Hochberg for all genes that were tested."""
        adjusted = np.full(self.tested.size, np.nan)
        adjusted[self.tested] = benjamini_hochberg(self.p_value[self.tested])
        return adjusted


def compare_sums(sums: NDArray[np.float64], design: Design) -> SampleStatistics:
    """Compare sums of counts by limma-voom, with edgeR's filter and normalisation.

    Parameters
    ----------
    sums
        The sum of each gene over the cells of each unit that is used, shape (genes, units).
    design
        The design; it allows a comparison.

    Raises
    ------
    BadRequest
        If a sample has no counts.
    """
    sizes = sums.sum(axis=0)
    empty = [unit.sample for unit, size in zip(design.used, sizes.tolist(), strict=True) if not size > 0]
    if empty:
        raise BadRequest(f"Sample {empty[0]!r} has no counts.", "Leave it out, or choose another matrix.")
    tested = filter_by_expression(sums, design.matrix, sizes)
    library_sizes = sizes * normalization_factors(sums[tested], sizes)
    log_counts, weights = voom(sums[tested], design.matrix, library_sizes)
    fit = fit_linear_models(log_counts, design.matrix, weights)
    values = log_counts_per_million(sums, library_sizes)
    return _statistics(values, tested, fit, moderate(fit, _SIDE), design)


def compare_means(means: NDArray[np.float64], design: Design, log_base: float | None = None) -> SampleStatistics:
    """Compare means of logarithms by limma-trend: where a dataset has no counts.

    Parameters
    ----------
    means
        The mean of each gene over the cells of each unit that is used, shape (genes, units).
    design
        The design; it allows a comparison.
    log_base
        The base of the logarithms; None: natural ones.
    """
    values = means / (np.log(2) if log_base is None else np.log(2) / np.log(log_base))
    tested = (np.isfinite(values).all(axis=1)) & (np.ptp(values, axis=1) > 0)
    fit = fit_linear_models(values[tested], design.matrix)
    return _statistics(values, tested, fit, moderate(fit, _SIDE, trend=True), design)


def compare_proportions(
    counts: NDArray[np.float64], design: Design, transform: Transform = Transform.LOGIT
) -> SampleStatistics:
    """Compare the proportions of categories of cells by moderated t-tests of transformed proportions.

    Parameters
    ----------
    counts
        Cells of each category in each unit that is used, shape (categories, units).
    design
        The design; it allows a comparison.
    transform
        The scale on which variances are stable.
    """
    fit = fit_linear_models(transformed_proportions(counts, transform), design.matrix)
    values = counts / counts.sum(axis=0)
    found = _statistics(values, np.ones(counts.shape[0], bool), fit, moderate(fit, _SIDE), design)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log2(found.mean_a / found.mean_b)
    return SampleStatistics(**{**vars(found), "log2_fold_change": change})


def _statistics(
    values: NDArray[np.float64], tested: NDArray[np.bool_], fit: Fit, moderated: Moderated, design: Design
) -> SampleStatistics:
    def of_all(some: NDArray[np.float64]) -> NDArray[np.float64]:
        every = np.full(tested.size, np.nan)
        every[tested] = some
        return every

    on_a = design.matrix[:, _SIDE] > 0
    return SampleStatistics(
        values,
        tested,
        of_all(fit.coefficients[:, _SIDE]),
        of_all(moderated.t),
        of_all(moderated.p_value),
        np.einsum("gn->g", values[:, on_a]) / on_a.sum(),
        np.einsum("gn->g", values[:, ~on_a]) / (~on_a).sum(),
        moderated.df,
    )
