"""Comparison over samples by PyDESeq2, where it is installed (Love, Huber and Anders 2014, Muzellec et al. 2023)."""

from __future__ import annotations

import warnings
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

_SIDE = 1


def run(contrasts: Contrasts, workers: int, tick: Tick) -> Statistics:
    """Return the Wald statistic and its p-value of every gene that has enough counts.

    Raises
    ------
    BadRequest
        If there is no design, it allows no comparison, or the matrix has no counts.
    """
    from starcyte.compute.methods.over_samples import compare_samples

    return compare_samples(contrasts, fit, workers, tick)


def fit(sums: Sums, scale: Scale, design: Design) -> SampleStatistics:
    """Return PyDESeq2's statistics of sums of counts.

    The genes are those of ``filterByExpr``, as for limma-voom, in place of DESeq2's own filter; p-values of genes with
    an outlier by Cook's distance are NaN.

    Raises
    ------
    BadRequest
        If the matrix has no counts.
    """
    import pandas as pd
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.ds import DeseqStats

    from starcyte.compute.pseudobulk.analysis import SampleStatistics
    from starcyte.compute.pseudobulk.filtering import filter_by_expression

    if scale.kind != "counts":
        raise BadRequest("PyDESeq2 compares counts, and the matrix has none.", "Choose a matrix of counts, or limma.")
    total = np.ascontiguousarray(sums.total)
    tested = filter_by_expression(total, design.matrix, total.sum(axis=0))
    n_genes, n_units = total.shape
    change, score, p_value = (np.full(n_genes, np.nan) for _ in range(3))
    size_factors = np.ones(n_units)
    if tested.any():
        names = [f"unit {k}" for k in range(n_units)]
        counts = pd.DataFrame(total[tested].T.astype(np.int64), names, [str(g) for g in np.flatnonzero(tested)])
        columns = [f"x{k}" for k in range(design.matrix.shape[1])]
        matrix = pd.DataFrame(design.matrix, names, columns)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = DeseqDataSet(counts=counts, metadata=matrix, design=matrix, quiet=True, n_cpus=1)
            fitted.deseq2()
            contrast = np.eye(len(columns))[_SIDE]
            found = DeseqStats(fitted, contrast, independent_filter=False, quiet=True, n_cpus=1)
            found.summary()
        size_factors = np.asarray(fitted.obs["size_factors"], np.float64)
        change[tested], score[tested], p_value[tested] = (
            found.results_df[name].to_numpy(np.float64) for name in ("log2FoldChange", "stat", "pvalue")
        )
    values = np.log2(total / size_factors + 1)
    on_a = design.matrix[:, _SIDE] > 0
    return SampleStatistics(
        values,
        tested,
        change,
        score,
        p_value,
        values[:, on_a].mean(axis=1),
        values[:, ~on_a].mean(axis=1),
        np.inf,
    )


METHOD = Method(
    id="deseq2",
    label="DESeq2",
    name="PyDESeq2 over samples",
    description="PyDESeq2 of sums over samples: slower than limma-voom; needs counts and at least 2 samples a side",
    fewest_cells=3,
    needs_index=False,
    uses_moments=False,
    has_auc=False,
    suits_selections=False,
    small_groups="",
    run=run,
    fitted_change=FittedChange(
        id="deseq2",
        name="the maximum likelihood estimate of DESeq2’s model",
        formulas={"counts": "the mean of the counts of a side, divided by size factors"},
        pseudo_count=0.0,
    ),
    fit=fit,
    is_slow=True,
    normalization="size factors by the median of ratios",
    requires="pydeseq2",
)
