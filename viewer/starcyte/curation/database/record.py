"""What users keep: things under names, and the changes that made them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """What stands, or stood, under a name.

    Parameters
    ----------
    id
        Its own for ever, whatever it is called.
    kind, name
        What it is, and what it is called.
    revision
        The number of its newest change.
    gone
        Whether it was deleted.
    author, time
        Of the newest change.
    header
        What its kind keeps of it, as JSON.
    """

    id: int
    kind: str
    name: str
    revision: int
    gone: bool
    author: str
    time: str
    header: dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A row of the history.

    Parameters
    ----------
    number
        The revision that it made.
    kind, name
        Of the thing, as it was called after the change.
    action
        One word: what was done.
    author, time
        Who did it, and when by the server's clock.
    size
        How much there was after it: cells labelled, genes, bytes.
    undo
        What its kind needs to undo it; None where that is not kept.
    """

    number: int
    kind: str
    name: str
    action: str
    author: str
    time: str
    size: int
    undo: bytes | None = None
