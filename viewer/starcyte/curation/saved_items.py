"""SavedItems: the saved views, results and figures of users, in the database.

Their changes are listed in the history but cannot be undone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from starcyte.compute.json_lists import check_utf8
from starcyte.curation.database.record import Record
from starcyte.curation.database.revisions import ANY, changed_since, check_revision, no_such, too_many
from starcyte.curation.database.store import Store
from starcyte.curation.database.transaction import ReadTransaction
from starcyte.curation.models import SavedItem
from starcyte.curation.names import check_name
from starcyte.errors import BadRequest, Conflict, LimitExceeded
from starcyte.settings import Settings

KINDS = ("view", "result", "figure")
_THUMBNAIL = re.compile(r"data:image/(png|jpeg|webp);base64,[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True)
class SavedItemInfo:
    """A saved item with a thumbnail in place of its body.

    Parameters
    ----------
    kind, name, revision, author, time, media_type
        As of a saved item.
    n_bytes
        The length of its body.
    thumbnail
        A small picture as a ``data:`` URL; empty if it has none.
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
        with self._store.read() as transaction:
            return [_info(record) for record in transaction.records(user, kind)]

    def all(self, user: str, transaction: ReadTransaction) -> list[SavedItem]:
        """Return all saved items of a user in a read transaction."""
        return [item for kind in KINDS for item in self.of_kind(user, kind, transaction)]

    def of_kind(self, user: str, kind: str, transaction: ReadTransaction) -> list[SavedItem]:
        """Return all saved items of a kind in a read transaction."""
        return [read_saved_item(transaction, record) for record in transaction.records(user, kind)]

    def get(self, user: str, kind: str, name: str) -> SavedItem:
        """Return a saved item by name; raise NotFound if there is none."""
        with self._store.read() as transaction:
            record = transaction.record(user, kind, name)
            if record is None:
                raise no_such(kind, name)
            return read_saved_item(transaction, record)

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
        """Save a view, a result or a figure.

        Parameters
        ----------
        user, kind, name
            The item.
        media_type, body
            Its content.
        thumbnail
            A small picture as a ``data:`` URL, for lists.
        expected
            The revision that it replaces; None only creates, ANY creates or replaces.

        Raises
        ------
        Conflict
            If it exists already, or was changed since the expected revision.
        BadRequest, LimitExceeded
            If the name is invalid, or the body empty or too large.
        """
        check_name(name, f"the {kind}", self._settings)
        limit = self._settings.max_saved_item_bytes
        if len(body) > limit:
            raise LimitExceeded(
                f"A {kind} of {len(body)} bytes is too large. The limit is {limit} (max_saved_item_bytes).",
                "Make it smaller.",
            )
        if not body:
            raise BadRequest(f"The {kind} is empty.", "Send its content as the body.")
        header: dict[str, Any] = {"media_type": media_type, "bytes": len(body), "thumbnail": thumbnail}
        with self._store.write(user) as transaction:
            record = transaction.record(user, kind, name)
            if expected is None and record is not None:
                raise Conflict(
                    f"{kind.capitalize()} {name!r} exists already.",
                    "Choose another name, or send If-Match.",
                    _info(record),
                )
            if expected is not None and expected != ANY:
                check_revision(record, expected, name, _info)
            if record is not None and expected is not None and expected not in {ANY, record.revision}:
                raise _changed(record, expected)
            if record is None and len(transaction.records(user, kind)) >= self._settings.max_saved_items:
                raise too_many(f"{kind}s", self._settings.max_saved_items, "max_saved_items")
            action = "create" if record is None else "edit"
            record = record or transaction.deleted_record(user, kind, name)
            return _info(transaction.save(record, kind, name, header, action, len(body), blobs={0: body}))

    def delete(self, user: str, kind: str, name: str, expected: int = ANY) -> int:
        """Delete a saved item permanently, and return the revision of the deletion.

        Raises
        ------
        NotFound
            If there is none.
        Conflict
            If it was changed since the expected revision.
        """
        with self._store.write(user) as transaction:
            record = transaction.record(user, kind, name)
            if record is None:
                raise no_such(kind, name)
            if expected not in {ANY, record.revision}:
                raise _changed(record, expected)
            return transaction.save(record, kind, name, {}, "delete", 0, blobs={0: None}, deleted=True).revision


def read_saved_item(transaction: ReadTransaction, record: Record) -> SavedItem:
    """Return a saved item with its body."""
    media_type = record.header["media_type"]
    return SavedItem(
        record.kind, record.name, record.revision, media_type, transaction.blob(record, 0), record.author, record.time
    )


class _Document(msgspec.Struct):
    """The body of a view or a result, of which nothing else is decoded: it may be long."""

    thumbnail: msgspec.Raw = msgspec.Raw(b"null")


def thumbnail_of(body: bytes) -> str | None:
    """Return the thumbnail in the body of a view or a result: empty if there is none, None if it is invalid.

    Raises
    ------
    msgspec.DecodeError, UnicodeDecodeError, RecursionError
        If the body is not JSON.
    """
    check_utf8(body)
    msgspec.json.decode(body, type=msgspec.Raw)
    if body.lstrip()[:1] != b"{":
        return ""
    try:
        given = msgspec.json.decode(msgspec.json.decode(body, type=_Document).thumbnail, type=str | None)
    except msgspec.ValidationError:
        return None
    return "" if given is None else given if _THUMBNAIL.fullmatch(given) else None


def _info(record: Record) -> SavedItemInfo:
    header = record.header
    return SavedItemInfo(
        record.kind,
        record.name,
        record.revision,
        record.author,
        record.time,
        header["media_type"],
        header["bytes"],
        header["thumbnail"],
    )


def _changed(record: Record, expected: int) -> Conflict:
    return changed_since(record, record.kind.capitalize(), expected, None if record.deleted else _info(record))
