"""Comparisons within each category of a column."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from starcyte.compute.corrections import DEFAULT_CORRECTION
from starcyte.compute.fold_change import DEFAULT_FOLD_CHANGE
from starcyte.compute.options import DEFAULT_MIN_FRACTION
from starcyte.web.contract.base import Answer, Count, Fraction, Name, Request
from starcyte.web.contract.columns import MatrixName
from starcyte.web.contract.comparison import (
    ChosenScale,
    CorrectionId,
    DiffexpGene,
    FoldChangeId,
    FoldChangeUsed,
    LogBase,
    MethodId,
    MinFraction,
    Scale,
    Warnings,
)
from starcyte.web.contract.design import Covariates, MinCells, Sample
from starcyte.web.contract.selection import Selection, Within

#: The adjusted p-value below which a gene counts as changed
SIGNIFICANT = 0.05


class ByCategoryRequest(Request):
    """Two groups of cells to compare, by their cells or over samples, within each category of a column."""

    a: Selection
    each: Annotated[Name, Meta(description="A column of obs with categories, annotation:NAME, or level:1:NAME")]
    b: Selection | Literal["rest"] = "rest"
    within: Within | UnsetType = UNSET
    sample: Annotated[Sample, Meta(description="With a method over samples")] | UnsetType = UNSET
    covariates: Covariates | UnsetType = UNSET
    min_cells: MinCells | UnsetType = UNSET
    method: MethodId = "pseudobulk"
    correction: CorrectionId = DEFAULT_CORRECTION
    matrix: MatrixName = "X"
    min_fraction: MinFraction = DEFAULT_MIN_FRACTION
    fold_change: FoldChangeId = DEFAULT_FOLD_CHANGE
    scale: ChosenScale | UnsetType = UNSET
    limit: Annotated[Count, Meta(description="Genes of each category; the CSV has all")] = 50


class CategoryResult(Answer):
    """The comparison within one category."""

    name: str
    n_a: Annotated[Count, Meta(description="Cells; over samples, of the samples that are used")]
    n_b: Count
    n_samples_a: Annotated[Count | None, Meta(description="null if cells were compared")]
    n_samples_b: Count | None
    is_paired: bool
    coefficients: Annotated[list[str], Meta(description="Of the linear model; `side` is a minus b; none of cells")]
    problem: Annotated[str | None, Meta(description="Why it was not compared; null if it was")]
    warnings: Warnings
    n_tested: Annotated[Count, Meta(description="Genes that p-values are adjusted for")]
    n_up: Annotated[Count, Meta(description=f"Genes that are higher in a, at an adjusted p-value below {SIGNIFICANT}")]
    n_down: Annotated[Count, Meta(description="Genes that are higher in b")]
    genes: Annotated[list[DiffexpGene], Meta(description="The best genes")]


class TopGenes(Answer):
    """The fold changes of the best genes of all categories, in every category."""

    genes: list[str]
    log2_fold_change: Annotated[
        list[list[float | None]], Meta(description="For each category, of each gene; null where it was not tested")
    ]
    p_adjusted: list[list[float | None]]


class ByCategoryResult(Answer):
    """A comparison within each category, in the order of the column."""

    method: MethodId
    matrix: str
    correction: CorrectionId
    scale: Scale
    log_base: LogBase
    fold_change: FoldChangeUsed | None
    min_fraction: Annotated[Fraction | None, Meta(description="The one in force; null over samples")]
    fingerprint: str
    each: str
    sample: Annotated[str | None, Meta(description="The column of samples; null if cells were compared")]
    covariates: list[str]
    warnings: Annotated[list[str], Meta(description="About cells that the matrix lacks")]
    categories: list[CategoryResult]
    top: TopGenes
    job_id: str
