"""Sums by sample as a table."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count, Name, Request
from starcyte.web.contract.columns import MatrixName
from starcyte.web.contract.comparison import ChosenScale, Scale
from starcyte.web.contract.design import MinCells, Sample
from starcyte.web.contract.selection import Within


class PseudobulkRequest(Request):
    """The samples to sum the counts of, for programs such as edgeR and DESeq2."""

    sample: Sample
    each: (
        Annotated[
            Name, Meta(description="A column with categories, annotation:NAME or level:1:NAME, to divide samples by")
        ]
        | UnsetType
    ) = UNSET
    within: Within | UnsetType = UNSET
    min_cells: MinCells = 1
    matrix: MatrixName = "X"
    scale: ChosenScale | UnsetType = UNSET


class PseudobulkColumn(Answer):
    """A column of the table."""

    name: str
    sample: str
    category: str | None
    n: Annotated[Count, Meta(description="Cells")]
    values: Annotated[
        list[str | float | None], Meta(description="Of the obs columns that `constant` names, in their order")
    ]


class PseudobulkTable(Answer):
    """A table of genes by samples. The job gives it as CSV, and as columns."""

    matrix: str
    scale: Scale
    value: Annotated[Literal["sum", "mean"], Meta(description="Counts are summed, other values averaged")]
    sample: str
    each: str | None
    n_genes: Count
    constant: Annotated[list[str], Meta(description="Columns of obs with one value in each sample")]
    columns: list[PseudobulkColumn]
    fingerprint: str
    job_id: str
