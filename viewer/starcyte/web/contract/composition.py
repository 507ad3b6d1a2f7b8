"""Differences of the composition of samples."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from starcyte.compute.pseudobulk.design import MIN_CELLS
from starcyte.compute.pseudobulk.proportions import Transform
from starcyte.web.contract.base import Answer, Fraction, Name, Request
from starcyte.web.contract.comparison import SampleUsed, Warnings
from starcyte.web.contract.design import Covariates, MinCells, Sample
from starcyte.web.contract.selection import Selection, Within

TransformName = Annotated[
    Transform, Meta(description="logit: of the proportion, 0.5 added to each count; arcsine: of its square root")
]


class CompositionRequest(Request):
    """Two groups of cells, and a column whose categories' proportions are compared over samples."""

    a: Selection
    column: Annotated[Name, Meta(description="A column of obs with categories, annotation:NAME, or level:1:NAME")]
    sample: Sample
    b: Selection | Literal["rest"] = "rest"
    within: Within | UnsetType = UNSET
    covariates: Covariates = msgspec.field(default_factory=list)
    min_cells: MinCells = MIN_CELLS
    transform: TransformName = Transform.LOGIT


class CategoryProportions(Answer):
    """The proportions of one category."""

    name: str
    proportions: Annotated[list[Fraction], Meta(description="Of each of the `samples`")]
    mean_a: Fraction
    mean_b: Fraction
    log2_ratio: Annotated[float | None, Meta(description="Of the means; null if one is 0")]
    score: Annotated[float | None, Meta(description="The moderated t-statistic")]
    p_value: float | None
    p_adjusted: Annotated[float | None, Meta(description="By Benjamini and Hochberg, for all categories")]


class CompositionResult(Answer):
    """The composition of samples on two sides, and the tests of each category, in the order of the column."""

    column: str
    sample: str
    covariates: list[str]
    samples: list[SampleUsed]
    is_paired: bool
    coefficients: Annotated[list[str], Meta(description="Of the linear model; `side` is a minus b")]
    transform: TransformName
    df: Annotated[float, Meta(description="Degrees of freedom of the statistics")]
    warnings: Warnings
    categories: list[CategoryProportions]
    fingerprint: str
