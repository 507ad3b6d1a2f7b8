"""Columns of numbers or text, and the queries that select them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count, Request

MatrixName = Annotated[str, Meta(description="Name of a matrix of the schema")]
GeneList = Annotated[
    str, Meta(description='Names of genes, comma-separated; a name with a comma in double quotes: CD3D,"a,b"')
]


class EmbeddingQuery(Request):
    """The columns of an embedding."""

    dims: (
        Annotated[
            str,
            Meta(
                pattern=r"^[0-9]{1,15}(,[0-9]{1,15}){0,2}$",
                description="One to three column numbers, such as 0,1; by default the first two",
            ),
        ]
        | UnsetType
    ) = UNSET
    precision: Annotated[
        Literal["exact", "coarse"],
        Meta(
            description="coarse: rounded to 1/4,096 of the extent, which compresses to about half; for a first picture"
        ),
    ] = "exact"


class ObspQuery(Request):
    """A cell."""

    cell: Annotated[Count, Meta(description="Row number of the cell, from 0")]


class ExpressionQuery(Request):
    """One gene or several."""

    gene: Annotated[str, Meta(description="Name or id of a gene; this or genes is needed")] | UnsetType = UNSET
    genes: GeneList | UnsetType = UNSET
    matrix: MatrixName = "X"


ScoreMethod = Annotated[
    Literal["mean", "score"], Meta(description="The mean, or scanpy's score_genes against control genes")
]


class ScoreQuery(Request):
    """A set of genes."""

    genes: GeneList
    method: ScoreMethod = "mean"
    matrix: MatrixName = "X"


class ScoreRequest(Request):
    """A set of genes, of any size that a gene set may have."""

    genes: Annotated[list[str], Meta(description="Names or ids of genes; at most the setting max_gene_set_genes")]
    method: ScoreMethod = "mean"
    matrix: MatrixName = "X"


class NamedValues(Answer):
    """One column; missing values and those that are not finite are null."""

    name: str
    values: list[str | int | float | bool | None]
    ordered: Annotated[bool, Meta(description="Of a categorical column")] | UnsetType = UNSET
    unit: Annotated[Literal["ms"], Meta(description="Of dates: milliseconds since 1970 UTC")] | UnsetType = UNSET
    missing_genes: Annotated[list[str], Meta(description="Of a score: names that no gene has")] | UnsetType = UNSET


class Columns(Answer):
    """One or several columns."""

    n: Annotated[Count, Meta(description="Rows of each column")]
    columns: list[NamedValues]
