"""Means of all genes in groups of cells."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count, Name, Request
from starcyte.web.contract.columns import MatrixName
from starcyte.web.contract.selection import Within


class MeansRequest(Request):
    """The groups whose means are wanted."""

    group_by: Annotated[Name, Meta(description="A column of obs with categories, annotation:NAME, or level:1:NAME")]
    within: Within | UnsetType = UNSET
    matrix: MatrixName = "X"


class MeansTable(Answer):
    """A table of genes by groups: means, and fractions of cells with a value above 0. The job gives it as CSV."""

    matrix: str
    group_by: str
    groups: list[str]
    n: Annotated[list[Count], Meta(description="Cells in each group")]
    n_genes: Count
    fingerprint: str
    job_id: str
