"""Comparisons over samples: the columns that look like samples, and what a design allows."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from starcyte.compute.pseudobulk.design import MIN_CELLS
from starcyte.web.contract.base import Answer, Count, Request
from starcyte.web.contract.selection import Selection, Within

Sample = Annotated[str, Meta(description="A column of obs with the sample of each cell, or annotation:NAME")]
Covariates = Annotated[
    list[str], Meta(description="Columns to adjust for, constant within each sample on a side", max_length=20)
]
MinCells = Annotated[Count, Meta(description="Samples with fewer cells on a side are left out")]


class SampleColumnInfo(Answer):
    """A column of obs that looks like samples."""

    name: str
    samples: list[str]
    constant: Annotated[list[str], Meta(description="Columns with one value in each sample, and not the same in all")]


class SampleColumns(Answer):
    """The columns that look like samples, the likeliest first."""

    columns: list[SampleColumnInfo]


class DesignRequest(Request):
    """Two groups of cells, and their samples."""

    a: Selection
    sample: Sample
    b: Selection | Literal["rest"] = "rest"
    within: Within | UnsetType = UNSET
    covariates: Covariates = msgspec.field(default_factory=list)
    min_cells: MinCells = MIN_CELLS


class DesignUnit(Answer):
    """The cells of one sample in one of the groups."""

    sample: str
    side: Literal["a", "b"]
    n: Count
    covariates: list[str | float | None]
    left_out: Annotated[str | None, Meta(description="Why it is not used; null if it is")]


class DesignOfSamples(Answer):
    """The samples of a comparison, and whether they allow it."""

    sample: str
    covariates: list[str]
    units: list[DesignUnit]
    is_paired: Annotated[bool, Meta(description="Whether the same samples are in both groups")]
    coefficients: Annotated[list[str], Meta(description="Of the linear model; `side` is a minus b")]
    warnings: list[str]
    problem: Annotated[str | None, Meta(description="Why it allows no comparison; null if it allows one")]
