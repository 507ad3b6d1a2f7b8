"""Names of genes."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count, Request


class GenesQuery(Request):
    """A search, or a list of names."""

    q: Annotated[
        str, Meta(description="Part of a name or id, or the start of an alias; empty: all genes in the file's order")
    ] = ""
    names: (
        Annotated[
            str,
            Meta(description="Whole names, ids or aliases, comma-separated; q and limit are ignored if it is given"),
        ]
        | UnsetType
    ) = UNSET
    limit: Annotated[Count, Meta(description="At most so many genes")] = 20
    matrix: Annotated[str, Meta(description="Name of a matrix; by default the genes are those of var")] | UnsetType = (
        UNSET
    )


class Gene(Answer):
    """A gene."""

    name: str
    id: str | None
    index: Annotated[Count, Meta(description="Its position in the matrix")]
    matrix: Annotated[str | None, Meta(description="The matrix that has it, if that is one of another modality")]
    alias: Annotated[str | None, Meta(description="The alias or synonym that matched, if neither name nor id did")]


class GeneMatches(Answer):
    """Genes that match, best first, or in the order of the names."""

    n: Annotated[Count, Meta(description="Genes of the matrix, and of the other modalities")]
    total: Annotated[Count, Meta(description="Genes that match, listed or not")]
    genes: list[Gene]
    missing: Annotated[list[str], Meta(description="Of a list of names: those that no gene has")] | UnsetType = UNSET
