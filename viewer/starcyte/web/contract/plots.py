"""Summaries for plots."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count, Request
from starcyte.web.contract.columns import GeneList, MatrixName
from starcyte.web.contract.selection import Within

GroupBy = Annotated[str, Meta(description="A column of obs with categories, annotation:NAME, or level:1:NAME")]
GeneName = Annotated[str, Meta(description="Name or id of a gene; this or a column is needed")]
ColumnName = Annotated[str, Meta(description="A column of obs that holds numbers; this or a gene is needed")]


class SummaryQuery(Request):
    """Genes, and the column that cells are grouped by."""

    genes: GeneList
    group_by: GroupBy
    matrix: MatrixName = "X"


class GeneSummary(Answer):
    """A gene in each group; null for a group without cells."""

    gene: str
    gene_id: Annotated[str | None, Meta(description="null if the file has only names")]
    matrix: Annotated[str | None, Meta(description="The matrix that has it, if that is one of another modality")]
    mean: Annotated[list[float | None], Meta(description="null also if a cell of the group has no value (NaN)")]
    fraction: Annotated[list[float | None], Meta(description="The fraction of cells with a value above 0")]


class SummaryRequest(SummaryQuery):
    """The same, of some cells."""

    within: Within | UnsetType = UNSET


class Summary(Answer):
    """Mean and fraction expressing, per gene and group."""

    matrix: str
    group_by: str
    groups: list[str]
    n: Annotated[list[Count], Meta(description="Cells of each group")]
    genes: list[GeneSummary]


class DistributionQuery(Request):
    """A gene or a column of obs, and the columns that cells are grouped and split by."""

    gene: GeneName | UnsetType = UNSET
    column: ColumnName | UnsetType = UNSET
    matrix: MatrixName = "X"
    group_by: GroupBy | UnsetType = UNSET
    split_by: (
        Annotated[str, Meta(description="A second column, by whose categories those of group_by are split")] | UnsetType
    ) = UNSET


class GroupDistribution(Answer):
    """The distribution in a group, or in a part of it."""

    name: str
    part: Annotated[str | None, Meta(description="Category of split_by")]
    n: Count
    mean: float | None
    quantiles: list[float | None]
    density: Annotated[
        list[float] | None,
        Meta(description="At even steps from the lowest to the highest value; null for a group that does not vary"),
    ]


class DistributionRequest(DistributionQuery):
    """The same, of some cells."""

    within: Within | UnsetType = UNSET


class Distribution(Answer):
    """Quantiles at the levels, and a density, of each group."""

    group_by: str | None
    split_by: str | None
    levels: list[float]
    range: Annotated[list[float], Meta(description="The lowest and the highest value of all groups")]
    groups: list[GroupDistribution]


class HistogramQuery(Request):
    """A gene or a column of obs."""

    gene: GeneName | UnsetType = UNSET
    column: ColumnName | UnsetType = UNSET
    matrix: MatrixName = "X"
    bins: Annotated[Count, Meta(description="Number of bins")] = 50


class HistogramRequest(HistogramQuery):
    """The same, of some cells."""

    within: Within | UnsetType = UNSET


class Histogram(Answer):
    """The number of cells in each bin, and the edges of the bins."""

    counts: list[Count]
    edges: list[float]


class CorrelationQuery(Request):
    """Two genes or columns of obs."""

    x: GeneName | UnsetType = UNSET
    x_column: ColumnName | UnsetType = UNSET
    y: GeneName | UnsetType = UNSET
    y_column: ColumnName | UnsetType = UNSET
    matrix: MatrixName = "X"


class CorrelationRequest(CorrelationQuery):
    """The same, of some cells."""

    within: Within | UnsetType = UNSET


class Correlation(Answer):
    """The correlation coefficients over the cells that have both values."""

    n: Count
    pearson: float | None
    spearman: float | None
