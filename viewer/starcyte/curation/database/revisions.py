"""Revisions: optimistic locking of records by the revision that a change was made for (If-Match in HTTP)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from starcyte.curation.database.record import Record
from starcyte.curation.database.transaction import ReadTransaction
from starcyte.errors import Conflict, LimitExceeded, NotFound

ANY = -1
"""In place of a revision: any revision."""


@dataclass(frozen=True)
class Resolution:
    """How the conflicts of a change are resolved.

    Parameters
    ----------
    revision
        The revision that the conflicts were reported for. If there is a later one, they are reported again.
    keep_mine
        The keys of the conflicts in which the change is kept; in the others the current value stays.
    """

    revision: int
    keep_mine: Collection[str] = ()


@dataclass(frozen=True)
class Seen:
    """The state that a change was made for.

    Parameters
    ----------
    revision
        The revision that the client has seen last, or ANY: the current one.
    own
        Later revisions that the client made itself. It may not have seen the changes of others between them.
    resolution
        None for a change that was not in conflict so far.
    """

    revision: int = ANY
    own: tuple[int, ...] = ()
    resolution: Resolution | None = None


def check_revision(record: Record | None, expected: int, name: str, describe: Callable[[Record], object]) -> None:
    """Raise Conflict if the record does not exist or is older than the expected revision.

    Parameters
    ----------
    record
        The current record; None if there is none.
    expected
        The revision that the change was made for.
    name
        The name in the request.
    describe
        Returns the record as the error reports it.
    """
    if record is None:
        raise Conflict(f"{name!r} was deleted or renamed.", "Reload the list.")
    if expected > record.revision:
        raise Conflict(
            f"{name!r} is at revision {record.revision}, not {expected}.", "Reload it and try again.", describe(record)
        )


def changed_since(
    record: Record, title: str, expected: int, current: object, conflicts: Sequence[object] = ()
) -> Conflict:
    """Return the error for a record that was changed since the expected revision.

    Parameters
    ----------
    record
        The current record.
    title
        What it is, as the start of the message: ``"Annotation"``.
    expected
        The revision that the change was made for.
    current
        The record as the error reports it; None if it is deleted.
    conflicts
        The parts of the change that cannot be merged.
    """
    done = "deleted" if record.deleted else "changed"
    return Conflict(
        f"{title} {record.name!r} was {done} since revision {expected} and is at revision {record.revision}.",
        "Choose what to keep." if conflicts else "Reload it and try again.",
        current,
        conflicts,
        record.revision,
    )


def no_such(kind: str, name: str) -> NotFound:
    """Return the error for a name without a record."""
    return NotFound(f"No such {kind}: {name!r}.", "Reload the list.")


def record_or_deleted(transaction: ReadTransaction, user: str, kind: str, name: str, title: str) -> Record:
    """Return a record, or else the most recently deleted one of its name; raise NotFound if there is neither."""
    record = transaction.record(user, kind, name) or transaction.deleted_record(user, kind, name)
    if record is None:
        raise no_such(title, name)
    return record


def too_many(kinds: str, limit: int, setting: str) -> LimitExceeded:
    """Return the error for one record more than a user may have."""
    return LimitExceeded(f"You already have {limit} {kinds}, the limit ({setting}).", "Delete some first.")
