"""Saved items: views, results and figures that the page keeps, in the database. They have no history but its rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from starcyte.curation.database.record import Record
from starcyte.curation.database.revisions import ANY, check_revision, no_such, too_many
from starcyte.curation.database.store import Store
from starcyte.curation.database.transaction import Reading
from starcyte.curation.models import SavedItem
from starcyte.curation.names import check_name
from starcyte.errors import BadRequest, Conflict, LimitExceeded
from starcyte.settings import Settings

KINDS = ("view", "result", "figure")
_THUMBNAIL = re.compile(r"data:image/(png|jpeg|webp);base64,[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True)
class SavedItemInfo:
    """A saved item without its body, as lists show it.

    Parameters
    ----------
    kind, name, revision, author, time, media_type
        As of a saved item.
    n_bytes
        Length of its body.
    thumbnail
        A small picture as a ``data:`` address, empty where it has none.
    """

    kind: str
    name: str
    revision: int
    author: str
    time: str
    media_type: str
    n_bytes: int
    thumbnail: str = ""


class SavedItems:
    """The views, results and figures of all users of one dataset.

    Parameters
    ----------
    store
        The database.
    settings
        ``max_saved_items``, ``max_saved_item_bytes`` and ``max_text`` are used.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def listed(self, user: str, kind: str) -> list[SavedItemInfo]:
        """Return all saved items of a kind without their bodies."""
        with self._store.read() as reading:
            return [_info(t) for t in reading.things(user, kind)]

    def all(self, user: str, reading: Reading) -> list[SavedItem]:
        """Return all saved items of a user in a read transaction."""
        return [kept for kind in KINDS for kept in self.of(user, kind, reading)]

    def of(self, user: str, kind: str, reading: Reading) -> list[SavedItem]:
        """Return all saved items of a kind in a read transaction."""
        return [read_saved_item(reading, t) for t in reading.things(user, kind)]

    def get(self, user: str, kind: str, name: str) -> SavedItem:
        """Return a saved item by name; raise NotFound where there is none."""
        with self._store.read() as reading:
            thing = reading.thing(user, kind, name)
            if thing is None:
                raise no_such(kind, name)
            return read_saved_item(reading, thing)

    def put(
        self,
        user: str,
        kind: str,
        name: str,
        media_type: str,
        body: bytes,
        thumbnail: str = "",
        expected: int | None = None,
    ) -> SavedItemInfo:
        """Keep something.

        Parameters
        ----------
        user, kind, name
            Which one.
        media_type, body
            What to keep.
        thumbnail
            A small picture as a ``data:`` address, for lists.
        expected
            The revision that it replaces; None makes a new one, ANY makes or replaces it.

        Raises
        ------
        Conflict
            If it is there already, or has changed since the expected revision.
        BadRequest, LimitExceeded
            If the name cannot be, or the body is empty or too large.
        """
        check_name(name, f"the {kind}", self._settings)
        most = self._settings.max_saved_item_bytes
        if len(body) > most:
            raise LimitExceeded(
                f"The {kind} has {len(body)} bytes, more than {most} (setting max_saved_item_bytes).",
                "Make it smaller.",
            )
        if not body:
            raise BadRequest(f"The {kind} is empty.", "Send what to keep as the body.")
        header: dict[str, Any] = {"media_type": media_type, "bytes": len(body), "thumbnail": thumbnail}
        with self._store.write(user) as writing:
            thing = writing.thing(user, kind, name)
            if expected is None and thing is not None:
                raise Conflict(
                    f"There is a {kind} {name!r} already.", "Choose another name, or send If-Match.", _info(thing)
                )
            if expected is not None and expected != ANY:
                check_revision(thing, expected, name, _info)
            if thing is not None and expected not in {ANY, thing.revision}:
                raise _changed(thing)
            if thing is None and len(writing.things(user, kind)) >= self._settings.max_saved_items:
                raise too_many(f"{kind}s", self._settings.max_saved_items, "max_saved_items")
            action = "create" if thing is None else "edit"
            thing = thing or writing.gone(user, kind, name)
            return _info(writing.save(thing, kind, name, header, action, len(body), parts={0: body}))

    def delete(self, user: str, kind: str, name: str, expected: int = ANY) -> int:
        """Delete a saved item for good, and return the revision of that.

        Raises
        ------
        NotFound
            If there is none.
        Conflict
            If it has changed since the expected revision.
        """
        with self._store.write(user) as writing:
            thing = writing.thing(user, kind, name)
            if thing is None:
                raise no_such(kind, name)
            if expected not in {ANY, thing.revision}:
                raise _changed(thing)
            return writing.save(thing, kind, name, {}, "delete", 0, parts={0: None}, gone=True).revision


def read_saved_item(reading: Reading, thing: Record) -> SavedItem:
    """Return a saved item with its body, in the read transaction in which it was found."""
    media_type = thing.header["media_type"]
    return SavedItem(
        thing.kind, thing.name, thing.revision, media_type, reading.part(thing, 0), thing.author, thing.time
    )


def thumbnail_of(body: Any) -> str | None:
    """Return the small picture in the body of a view; empty where it has none, None where it is no picture."""
    given = body.get("thumbnail") if isinstance(body, dict) else None
    if given is None:
        return ""
    return given if isinstance(given, str) and _THUMBNAIL.fullmatch(given) else None


def _info(thing: Record) -> SavedItemInfo:
    header = thing.header
    return SavedItemInfo(
        thing.kind,
        thing.name,
        thing.revision,
        thing.author,
        thing.time,
        header["media_type"],
        header["bytes"],
        header["thumbnail"],
    )


def _changed(thing: Record) -> Conflict:
    return Conflict(
        f"The {thing.kind} {thing.name!r} has changed since (it is at {thing.revision}).",
        "Look at it again.",
        _info(thing),
    )
