"""Differential expression and markers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from starcyte.compute.corrections import CORRECTIONS, DEFAULT_CORRECTION
from starcyte.compute.methods import DEFAULT_METHOD, METHODS
from starcyte.compute.methods.method import RESULT_COLUMNS
from starcyte.web.contract.base import REGISTERED, Answer, Count, Request
from starcyte.web.contract.columns import MatrixName
from starcyte.web.contract.selection import Selection, Within

if TYPE_CHECKING:
    MethodId: TypeAlias = str
    CorrectionId: TypeAlias = str
    ResultColumn: TypeAlias = str
else:
    # the registries list the choices
    MethodId = Annotated[Literal[tuple(METHODS)], REGISTERED]
    CorrectionId = Annotated[Literal[tuple(CORRECTIONS)], REGISTERED]
    ResultColumn = Literal[RESULT_COLUMNS]

Scale = Literal["log1p", "linear", "signed"]
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
    columns: list[ResultColumn]


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
    limit: Limit | UnsetType = UNSET
    offset: Offset | UnsetType = UNSET


class MarkersRequest(Request):
    """A column whose categories are each compared with all other cells."""

    group_by: Annotated[str, Meta(description="A column of obs with categories, or annotation:NAME")]
    method: MethodId = DEFAULT_METHOD
    correction: CorrectionId = DEFAULT_CORRECTION
    matrix: MatrixName = "X"
    limit: Annotated[Count, Meta(description="Genes of each category")] = 50
    within: Within | UnsetType = UNSET


class DiffexpGene(Answer):
    """A gene of a comparison; a number that is undefined or infinite is null."""

    gene: str
    log2_fold_change: float | None
    score: float | None
    p_value: float | None
    p_adjusted: float | None
    mean_a: float | None
    mean_b: float | None
    fraction_a: float | None
    fraction_b: float | None
    auc: Annotated[float | None, Meta(description="Of Wilcoxon's test")]


class DiffexpResult(Answer):
    """A comparison of two groups of cells, best genes first."""

    method: MethodId
    matrix: str
    correction: CorrectionId
    scale: Scale
    fingerprint: str
    n_a: Count
    n_b: Count
    n_genes: Annotated[Count, Meta(description="Genes of the whole result")]
    genes: list[DiffexpGene]
    job_id: str


class MarkerGroup(Answer):
    """The best genes of a category."""

    name: str
    n: Count
    n_rest: Count
    genes: list[DiffexpGene]


class MarkersResult(Answer):
    """The best genes of every category."""

    method: MethodId
    matrix: str
    correction: CorrectionId
    scale: Scale
    fingerprint: str
    group_by: str
    n_genes: Count
    groups: list[MarkerGroup]
    job_id: str
