"""Comparison over samples: limma-voom of sums of counts, or limma-trend of means where a matrix has no counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from starcyte.compute.methods.method import Contrasts, FittedChange, Method, Statistics
from starcyte.errors import BadRequest

if TYPE_CHECKING:
    from starcyte.compute.pseudobulk.analysis import SampleStatistics
    from starcyte.compute.pseudobulk.design import Design
    from starcyte.store.dataset import Tick
    from starcyte.store.index.sums import Sums
    from starcyte.store.scale import Scale


def run(contrasts: Contrasts, workers: int, tick: Tick) -> Statistics:
    """Return limma's moderated t-statistic and its p-value of every gene that has enough counts.

    Raises
    ------
    BadRequest
        If there is no design, it allows no comparison, or the matrix is scaled.
    """
    from starcyte.compute.methods.over_samples import compare_samples

    return compare_samples(contrasts, fit, workers, tick)


def fit(sums: Sums, scale: Scale, design: Design) -> SampleStatistics:
    """Return limma's statistics of sums of counts, or of means.

    Raises
    ------
    BadRequest
        If the matrix is scaled.
    """
    from starcyte.compute.pseudobulk.analysis import compare_means, compare_sums

    # one order in memory, so that sums of floats are the same whichever way the counts came
    total = np.ascontiguousarray(sums.total)
    match scale.kind:
        case "counts":
            return compare_sums(total, design)
        case "log1p":
            return compare_means(total / sums.n, design, scale.base)
        case "linear":
            return compare_means(np.log2(total / sums.n + 1), design, 2.0)
        case "signed":
            raise BadRequest(
                "The matrix has negative values, as scaled data do: their sums over cells mean nothing.",
                "Choose a matrix of counts, or of logarithms.",
            )


METHOD = Method(
    id="pseudobulk",
    label="Samples",
    name="limma-voom over samples",
    description="limma-voom over samples: p-values that hold for new donors; needs at least 2 samples a side",
    fewest_cells=3,
    needs_index=False,
    uses_moments=False,
    has_auc=False,
    suits_selections=False,
    small_groups="",
    run=run,
    fitted_change=FittedChange(
        id="limma",
        name="the coefficient of limma’s linear model",
        formulas={
            "counts": "(sum of counts of a sample + 0.5) / (its normalised library size + 1)",
            "log1p": "base^(mean of the logarithms of a sample’s cells)",
            "linear": "mean of a sample’s cells + 1",
        },
        pseudo_count=0.5,
    ),
    fit=fit,
    normalization="trimmed mean of M values",
)
