"""Comparison over samples: limma-voom of sums of counts, or limma-trend of means where a matrix has no counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from starcyte.compute.methods.method import Contrasts, Fitted, FittedChange, Method, Statistics
from starcyte.errors import BadRequest

if TYPE_CHECKING:
    from starcyte.compute.pseudobulk.analysis import SampleStatistics
    from starcyte.compute.pseudobulk.design import Design
    from starcyte.store.dataset import Tick
    from starcyte.store.moments import Moments
    from starcyte.store.scale import Scale


def run(contrasts: Contrasts, workers: int, tick: Tick) -> Statistics:
    """Return limma's moderated t-statistic and its p-value of every gene that has enough counts.

    Raises
    ------
    BadRequest
        If there is no design, it allows no comparison, or the matrix is scaled.
    """
    from starcyte.compute.moments import group_moments

    design = contrasts.design
    if design is None:
        raise BadRequest("A comparison over samples needs a column of samples.", "Give the column as sample.")
    design.check()
    sides = [[k for k, unit in enumerate(design.used) if unit.side == side] for side in (0, 1)]
    moments = group_moments(contrasts.matrix, design.codes, len(design.used), workers, tick)
    found = _compare(moments, contrasts.scale, design)
    of_sides = moments.merged(sides)
    return Statistics(
        of_sides.n,
        np.stack([found.mean_a, found.mean_b], axis=1),
        of_sides.positive,
        of_sides.expm1,
        found.t[:, None],
        found.p_value[:, None],
        fitted=Fitted(found.tested, found.log2_fold_change, found.values),
    )


def _compare(moments: Moments, scale: Scale, design: Design) -> SampleStatistics:
    from starcyte.compute.pseudobulk.analysis import compare_means, compare_sums

    match scale.kind:
        case "counts":
            # whole numbers again, which the mean times the number of cells misses by rounding
            return compare_sums(np.rint(moments.mean * moments.n), design)
        case "log1p":
            return compare_means(moments.mean, design, scale.base)
        case "linear":
            return compare_means(np.log2(moments.mean + 1), design, 2.0)
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
    over_samples=True,
)
