"""Differential expression and markers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from starcyte.compute.corrections import CORRECTIONS, DEFAULT_CORRECTION
from starcyte.compute.fold_change import DEFAULT_FOLD_CHANGE, FOLD_CHANGES
from starcyte.compute.methods import DEFAULT_METHOD, METHODS
from starcyte.compute.methods.method import RESULT_COLUMNS
from starcyte.compute.options import DEFAULT_MIN_FRACTION
from starcyte.store.scale import ScaleKind
from starcyte.web.contract.base import REGISTERED, Answer, Count, Fraction, Request
from starcyte.web.contract.columns import MatrixName
from starcyte.web.contract.design import Covariates, MinCells, Sample
from starcyte.web.contract.selection import Selection, Within

if TYPE_CHECKING:
    MethodId: TypeAlias = str
    CorrectionId: TypeAlias = str
    FoldChangeId: TypeAlias = str
    ResultColumn: TypeAlias = str
else:
    # the registries list the choices
    MethodId = Annotated[Literal[tuple(METHODS)], REGISTERED]
    CorrectionId = Annotated[Literal[tuple(CORRECTIONS)], REGISTERED]
    FoldChangeId = Annotated[Literal[tuple(FOLD_CHANGES)], REGISTERED]
    ResultColumn = Literal[RESULT_COLUMNS]

Scale = Annotated[
    ScaleKind,
    Meta(
        description="log1p: logarithms of 1 + the amount; counts: whole numbers; linear: other amounts;"
        " signed: of either sign, without fold changes"
    ),
]
LogBase = Annotated[float | None, Meta(description="Base of the logarithm, of the scale log1p")]
MinFraction = Annotated[
    Fraction,
    Meta(description="Genes are tested that at least this fraction of the cells of one group express; not if signed"),
]
ChosenScale = Annotated[Scale, Meta(description="By default the scale that the schema states")]
Warnings = Annotated[list[str], Meta(description="About groups of few cells")]
Limit = Annotated[Count, Meta(description="At most so many genes; by default all")]
Offset = Annotated[Count, Meta(description="Omit so many of the best genes")]


class MethodInfo(Answer):
    """A method of comparison."""

    id: MethodId
    label: str
    name: Annotated[str, Meta(description="As in a sentence: by Welch’s t-test")]
    description: str
    fewest_cells: Annotated[Count, Meta(description="Of each group")]
    needs_index: bool
    has_auc: bool
    has_fold_change: bool
    over_samples: Annotated[bool, Meta(description="Compares samples, and needs a column of them; not of markers")]
    suits_selections: Annotated[bool, Meta(description="The page's default for cells that were selected by hand")]
    columns: list[ResultColumn]


class FoldChangeInfo(Answer):
    """A formula of the log2 fold change."""

    id: FoldChangeId
    label: str
    name: Annotated[str, Meta(description="As in a sentence")]
    pseudo_count: float


class FoldChangeUsed(Answer):
    """The formula of the fold changes of a result."""

    id: Annotated[str, Meta(description="Of a formula of the schema, or of the coefficient of a model")]
    name: str
    formula: Annotated[str, Meta(description="Of a group: the fold change is the log2 of the ratio of two of these")]
    pseudo_count: float


class Page(Request):
    """A part of the genes of a result."""

    limit: Limit | UnsetType = UNSET
    offset: Offset | UnsetType = UNSET


class DiffexpRequest(Request):
    """Two groups of cells to compare."""

    a: Selection
    b: Selection | Literal["rest"] = "rest"
    within: (
        Annotated[Selection, Meta(description="Both groups, and the rest, are of these cells; by default of all")]
        | UnsetType
    ) = UNSET
    method: MethodId = DEFAULT_METHOD
    correction: CorrectionId = DEFAULT_CORRECTION
    matrix: MatrixName = "X"
    min_fraction: MinFraction = DEFAULT_MIN_FRACTION
    fold_change: FoldChangeId = DEFAULT_FOLD_CHANGE
    scale: ChosenScale | UnsetType = UNSET
    sample: Annotated[Sample, Meta(description="With a method over samples")] | UnsetType = UNSET
    covariates: Covariates | UnsetType = UNSET
    min_cells: MinCells | UnsetType = UNSET
    limit: Limit | UnsetType = UNSET
    offset: Offset | UnsetType = UNSET


class MarkersRequest(Request):
    """A column whose categories are each compared with all other cells."""

    group_by: Annotated[str, Meta(description="A column of obs with categories, annotation:NAME, or level:1:NAME")]
    method: MethodId = DEFAULT_METHOD
    correction: CorrectionId = DEFAULT_CORRECTION
    matrix: MatrixName = "X"
    min_fraction: MinFraction = DEFAULT_MIN_FRACTION
    fold_change: FoldChangeId = DEFAULT_FOLD_CHANGE
    scale: ChosenScale | UnsetType = UNSET
    limit: Annotated[Count, Meta(description="Genes of each category")] = 50
    within: Within | UnsetType = UNSET


class DiffexpGene(Answer):
    """A gene of a comparison; a number that is undefined or infinite is null."""

    gene: str
    gene_id: Annotated[str | None, Meta(description="Such as ENSG00000167286; null if the file has only names")]
    log2_fold_change: float | None
    score: float | None
    p_value: float | None
    p_adjusted: float | None
    mean_a: float | None
    mean_b: float | None
    fraction_a: float | None
    fraction_b: float | None
    auc: Annotated[float | None, Meta(description="Of Wilcoxon's test")]
    of_samples: Annotated[list[float | None], Meta(description="Of a comparison over samples")] | UnsetType = UNSET


class SampleUsed(Answer):
    """The cells of a sample on one side of a comparison over samples."""

    sample: str
    side: Literal["a", "b"]
    n: Count


class DiffexpResult(Answer):
    """A comparison of two groups of cells, best genes first."""

    method: MethodId
    matrix: str
    correction: CorrectionId
    scale: Scale
    log_base: LogBase
    fold_change: Annotated[FoldChangeUsed | None, Meta(description="null if there are no fold changes")]
    min_fraction: Annotated[Fraction, Meta(description="The one in force: 0 if the values are signed")]
    warnings: Warnings
    fingerprint: str
    n_a: Count
    n_b: Count
    n_tested: Annotated[Count, Meta(description="Genes that p-values are adjusted for")]
    n_genes: Annotated[Count, Meta(description="Genes of the whole result")]
    genes: list[DiffexpGene]
    job_id: str
    samples: Annotated[list[SampleUsed], Meta(description="In the order of the genes' `of_samples`")] | UnsetType = (
        UNSET
    )
    sample: str | UnsetType = UNSET
    coefficients: Annotated[list[str], Meta(description="Of the linear model")] | UnsetType = UNSET


class MarkerGroup(Answer):
    """The best genes of a category."""

    name: str
    n: Count
    n_rest: Count
    n_tested: Annotated[Count, Meta(description="Genes that p-values are adjusted for")]
    warnings: Warnings
    genes: list[DiffexpGene]


class MarkersResult(Answer):
    """The best genes of every category."""

    method: MethodId
    matrix: str
    correction: CorrectionId
    scale: Scale
    log_base: LogBase
    fold_change: Annotated[FoldChangeUsed | None, Meta(description="null if there are no fold changes")]
    min_fraction: Annotated[Fraction, Meta(description="The one in force: 0 if the values are signed")]
    fingerprint: str
    group_by: str
    n_genes: Count
    warnings: Warnings
    groups: list[MarkerGroup]
    job_id: str
