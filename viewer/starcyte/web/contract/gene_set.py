"""Gene sets."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count, Name, Request
from starcyte.web.contract.error import Error


class GeneSet(Answer):
    """A gene set."""

    name: str
    revision: Count
    author: str
    time: str
    genes: list[str]
    description: str
    missing: Annotated[list[str], Meta(description="Genes that the dataset lacks")]


class GeneSets(Answer):
    """All gene sets of the user."""

    genesets: list[GeneSet]
    revision: Count


class GeneSetSaved(Answer):
    """The gene set after the change."""

    revision: Count
    geneset: GeneSet


class GeneSetRestored(Answer):
    """The gene set, null if it was deleted at that revision."""

    revision: Count
    geneset: GeneSet | None


class GeneSetConflict(Answer):
    """The current gene set, null if there is none, and the body of the request."""

    error: Error
    current: GeneSet | None
    yours: Any


class GeneSetEdit(Request):
    """A new gene set, or the changes of one; omitted fields stay as they are."""

    genes: list[str] | UnsetType = UNSET
    description: str | UnsetType = UNSET
    name: Annotated[Name, Meta(description="Its new name")] | UnsetType = UNSET
