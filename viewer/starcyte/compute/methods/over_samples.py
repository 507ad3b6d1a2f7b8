"""Comparison of two groups of cells by a model of their samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from starcyte.compute.methods.method import Contrasts, Fit, Fitted, Statistics
from starcyte.compute.pseudobulk.sums import merged_sums
from starcyte.errors import BadRequest
from starcyte.store.index.sums import Groups

if TYPE_CHECKING:
    from starcyte.store.dataset import Tick


def compare_samples(contrasts: Contrasts, fit: Fit, workers: int, tick: Tick) -> Statistics:
    """Return the statistics of a model of sums by sample.

    Parameters
    ----------
    contrasts
        Two groups, with their design.
    fit
        The model.
    workers
        The number of threads to use.
    tick
        Called between blocks with the fraction done; raises to stop.

    Raises
    ------
    BadRequest
        If there is no design, or it allows no comparison.
    """
    design = contrasts.design
    if design is None:
        raise BadRequest("A comparison over samples needs a column of samples.", "Give the column as sample.")
    design.check()
    groups = Groups(design.codes, len(design.used))
    read = contrasts.sums or (lambda groups, tick: merged_sums(contrasts.matrix, groups, workers, tick))
    sums = read(groups, tick).read()
    found = fit(sums, contrasts.scale, design)
    of_sides = sums.merged([[k for k, unit in enumerate(design.used) if unit.side == side] for side in (0, 1)])
    mean = np.stack([found.mean_a, found.mean_b], axis=1)
    return Statistics(
        of_sides.n,
        mean,
        of_sides.positive,
        np.full(mean.shape, np.nan),
        found.t[:, None],
        found.p_value[:, None],
        fitted=Fitted(found.tested, found.log2_fold_change, found.values),
    )
