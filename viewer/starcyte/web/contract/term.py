"""Terms of an ontology, which complete the names of labels."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from starcyte.web.contract.base import Answer, Count, Request


class TermsQuery(Request):
    """A search."""

    q: Annotated[str, Meta(description="Part of a name, a synonym or an id")] = ""
    limit: Annotated[Count, Meta(description="At most so many terms")] = 20


class Term(Answer):
    """A term."""

    id: str
    name: str
    synonyms: list[str]


class Terms(Answer):
    """Terms that match, best first."""

    terms: list[Term]
