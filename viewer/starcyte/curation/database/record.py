"""Records: the rows of the database, and the history of their changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """A row of the table ``records``: an annotation, a gene set or a saved item, also after its deletion.

    Parameters
    ----------
    id
        The primary key, which a renaming does not change.
    kind, name
        The kind of record and its name.
    revision
        The number of the latest change.
    deleted
        Whether the record is deleted.
    author, time
        Of the latest change.
    header
        The JSON of its kind, without blobs.
    """

    id: int
    kind: str
    name: str
    revision: int
    deleted: bool
    author: str
    time: str
    header: dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A row of the history.

    Parameters
    ----------
    number
        The revision that the change produced.
    kind, name
        Of the record, after the change.
    action
        One word, such as ``create``, ``edit`` or ``restore``.
    author, time
        The user, and the time by the server's clock.
    size
        The size of the record after the change: labelled cells, genes or bytes.
    undo
        The bytes from which the record's kind computes the state before the change; None if they are not stored.
    """

    number: int
    kind: str
    name: str
    action: str
    author: str
    time: str
    size: int
    undo: bytes | None = None
