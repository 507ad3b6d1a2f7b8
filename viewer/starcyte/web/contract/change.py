"""The changes of a user's annotations, gene sets and saved items."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from starcyte.web.contract.base import Answer, Count, Request

Kind = Literal["annotation", "geneset", "view", "result", "figure"]


class ChangesQuery(Request):
    """A revision."""

    since: Count = 0


class Change(Answer):
    """A change of one thing."""

    revision: Count
    kind: Kind
    name: str
    action: str
    time: str


class Changes(Answer):
    """The changes since a revision, oldest first, and the revision to continue from."""

    revision: Annotated[Count, Meta(description="Of the last change that is listed")]
    changes: list[Change]


class Deleted(Answer):
    """The revision of the deletion."""

    revision: Count
