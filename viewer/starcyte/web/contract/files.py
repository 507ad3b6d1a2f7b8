"""Exports and imports."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.annotation import Annotation
from starcyte.web.contract.base import Answer, Count, Request
from starcyte.web.contract.gene_set import GeneSet
from starcyte.web.contract.selection import Selection

FileId = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]


class AnnotationTableQuery(Request):
    """The columns of the table."""

    name: Annotated[list[str], Meta(description="Annotations; may be repeated; by default all")] = msgspec.field(
        default_factory=list
    )


class ExportRequest(Request):
    """The cells of a new file."""

    selection: Annotated[Selection, Meta(description="By default all cells")] | UnsetType = UNSET


class GeneSetsImportQuery(Request):
    """The name of a gene set that has none."""

    name: Annotated[str, Meta(description="Of a plain list of genes")] = ""


MatchedBy = Annotated[
    dict[Literal["name", "barcode and lane", "barcode"], Count],
    Meta(description="Rows with a cell, by what was compared: the whole name, or its barcode; empty for a session"),
]


class CellMatches(Answer):
    """The cells of a file that are not in the dataset."""

    unmatched: Annotated[Count, Meta(description="Cells that the dataset lacks")]
    duplicated: Annotated[Count, Meta(description="Omitted: the name is that of several cells, or it is repeated")]
    examples: Annotated[list[str], Meta(description="Some of their names")]


class AnnotationsImportQuery(Request):
    """The columns of a table that are imported."""

    columns: Annotated[
        list[str], Meta(description="The columns that become annotations; may be repeated; by default all with labels")
    ] = msgspec.field(default_factory=list)
    cells: (
        Annotated[str, Meta(description="The column with the names of the cells; by default the one with most of them")]
        | UnsetType
    ) = UNSET


class AnnotationsPreviewQuery(Request):
    """The column of a table with the names of the cells."""

    cells: Annotated[str, Meta(description="By default the one with most of them")] | UnsetType = UNSET


class TableColumn(Answer):
    """A column of a table."""

    name: str
    kind: Annotated[
        Literal["labels", "numbers", "text"],
        Meta(description="labels: can be imported; numbers and text: they are no labels, or too many"),
    ]
    n: Annotated[Count, Meta(description="Different values")]
    more: Annotated[bool, Meta(description="Whether there are more, which were not counted")]
    examples: Annotated[list[str], Meta(description="Some of its values")]
    problem: Annotated[str, Meta(description="Why it cannot be imported; empty if it can")]


class AnnotationsPreview(CellMatches):
    """What an import of a table would do. Nothing was changed."""

    titles: Annotated[list[str], Meta(description="The names of all columns, in the file's order")]
    cells: Annotated[str, Meta(description="The column with the names of the cells")]
    columns: Annotated[list[TableColumn], Meta(description="The other columns")]
    rows: Annotated[Count, Meta(description="The rows of the table")]
    matched: Annotated[Count, Meta(description="The cells of the dataset that have a row")]
    by: MatchedBy
    own: Annotated[list[str], Meta(description="Some names of this dataset, for comparison")]


class LeftOutColumn(Answer):
    """A column that is no annotation."""

    name: str
    reason: str


class AnnotationsImported(CellMatches):
    """The imported annotations."""

    annotations: list[Annotation]
    matched: Count
    by: MatchedBy
    left_out: Annotated[list[LeftOutColumn], Meta(description="Columns that were not imported, such as numbers")]


class GeneSetsImported(Answer):
    """The imported gene sets."""

    genesets: list[GeneSet]
    missing: Annotated[dict[str, list[str]], Meta(description="Of each set, the genes that the dataset lacks")]
    renamed: Annotated[
        dict[str, str], Meta(description="Aliases, synonyms and other spellings, with the names in the dataset")
    ]


class SessionImported(CellMatches):
    """The imported annotations, gene sets and saved items."""

    annotations: list[Annotation]
    genesets: list[GeneSet]
    views: list[str]
    results: list[str]
