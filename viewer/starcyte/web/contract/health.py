"""The loading status of a dataset, and the end of its server."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Fraction, Request
from starcyte.web.contract.error import Error


class Idle(Answer):
    """The time until an unused server ends."""

    timeout: float
    left: Annotated[float, Meta(description="Seconds until the server ends")]


class Indexing(Answer):
    """The progress of a column index."""

    matrix: str
    progress: Fraction


class Health(Answer):
    """The loading status of a dataset; without the role read, only app, version and state."""

    app: Literal["starcyte"]
    version: str
    state: Literal["loading", "ready", "error"]
    progress: Fraction | UnsetType | None = UNSET
    message: str | UnsetType = UNSET
    title: str | UnsetType = UNSET
    error: Error | UnsetType = UNSET
    downloaded: (
        Annotated[Fraction, Meta(description="Fraction of the file that is downloaded, until all of it is")] | UnsetType
    ) = UNSET
    indexing: Indexing | UnsetType = UNSET
    problems: Annotated[list[str], Meta(description="Warnings: what failed while the server went on")] | UnsetType = (
        UNSET
    )
    idle: Annotated[Idle, Meta(description="Only if the server ends when it is unused")] | UnsetType = UNSET


class ServerHealth(Answer):
    """The status of a server of a catalog."""

    app: Literal["starcyte"]
    version: str
    state: Literal["ready"]


class Nothing(Request):
    """An empty object."""


class FinishRequest(Request):
    """The end of a session."""

    key: Annotated[str, Meta(description="finish_key of the schema, by which the page of this server is known")]


class Finished(Answer):
    """The server ends after this answer."""

    state: Literal["finished"]


class KeptOpen(Answer):
    """The time until the server ends; null if it does not end by itself."""

    idle: Idle | None
