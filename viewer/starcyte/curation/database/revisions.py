"""What stands under a name, against what a change was made for."""

from __future__ import annotations

from collections.abc import Callable

from starcyte.curation.database.record import Record
from starcyte.errors import Conflict, LimitExceeded, NotFound

ANY = -1
"""In place of a revision: whatever stands."""


def check_revision(thing: Record | None, expected: int, name: str, show: Callable[[Record], object]) -> None:
    """Refuse a change that is made for what is not there, or for a revision that is yet to come.

    Parameters
    ----------
    thing
        What stands.
    expected
        The revision that the change is made for.
    name
        What it is called.
    show
        Makes of a thing what the answer shows.

    Raises
    ------
    Conflict
        If nothing stands, or it is older than expected.
    """
    if thing is None:
        raise Conflict(f"There is no {name!r} any more.", "Ask for the list again.")
    if expected > thing.revision:
        raise Conflict(f"{name!r} is at revision {thing.revision}, not {expected}.", "Look at it again.", show(thing))


def no_such(what: str, name: str) -> NotFound:
    """Return the error for a name under which nothing stands."""
    return NotFound(f"There is no {what} {name!r}.", "Ask for the list again.")


def too_many(what: str, most: int, setting: str) -> LimitExceeded:
    """Return the error for one more than a user may keep."""
    return LimitExceeded(f"You keep {most} {what}, and no more fit (setting {setting}).", "Delete some first.")
