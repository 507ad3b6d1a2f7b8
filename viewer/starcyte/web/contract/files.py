"""Exports and imports."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from starcyte.web.contract.annotation import Annotation
from starcyte.web.contract.base import Answer, Count, Request
from starcyte.web.contract.gene_set import GeneSet

FileId = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]


class AnnotationTableQuery(Request):
    """The columns of the table."""

    name: Annotated[list[str], Meta(description="Annotations; may be repeated; by default all")] = msgspec.field(
        default_factory=list
    )


class GeneSetsImportQuery(Request):
    """The name of a gene set that has none."""

    name: Annotated[str, Meta(description="Of a plain list of genes")] = ""


class CellMatches(Answer):
    """The cells of a file that are not in the dataset."""

    unmatched: Annotated[Count, Meta(description="Cells that the dataset lacks")]
    duplicated: Annotated[Count, Meta(description="Omitted: the name is that of several cells, or it is repeated")]
    examples: Annotated[list[str], Meta(description="Some of their names")]


class LeftOutColumn(Answer):
    """A column that is no annotation."""

    name: str
    reason: str


class AnnotationsImported(CellMatches):
    """The imported annotations."""

    annotations: list[Annotation]
    matched: Count
    left_out: Annotated[list[LeftOutColumn], Meta(description="Columns that were not imported, such as numbers")]


class GeneSetsImported(Answer):
    """The imported gene sets."""

    genesets: list[GeneSet]
    missing: Annotated[dict[str, list[str]], Meta(description="Of each set, the genes that the dataset lacks")]


class SessionImported(CellMatches):
    """The imported annotations, gene sets and saved items."""

    annotations: list[Annotation]
    genesets: list[GeneSet]
    views: list[str]
    results: list[str]
