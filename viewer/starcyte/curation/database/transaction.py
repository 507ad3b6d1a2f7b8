"""Transactions of the database: the SQL of reading and changing records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from starcyte.curation.database.record import Change, Record
from starcyte.errors import LimitExceeded
from starcyte.settings import Settings

_COLUMNS = "id, kind, name, revision, deleted, user, time, header"
# an estimate of a change's row without its name and its undo
_ROW_BYTES = 100
_ROWS_PER_DELETE = 1000


class Connection(Protocol):
    """A database connection with an open transaction."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any:
        """Run one statement and return its cursor."""


class ReadTransaction:
    """A read transaction: all methods see the same state of the database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, user: str, kind: str, name: str) -> Record | None:
        """Return the record of this name, or None."""
        return self._one("user = ? AND kind = ? AND name = ? AND NOT deleted", user, kind, name)

    def deleted_record(self, user: str, kind: str, name: str) -> Record | None:
        """Return the most recently deleted record of this name, or None."""
        return self._one(
            "user = ? AND kind = ? AND name = ? AND deleted ORDER BY revision DESC LIMIT 1", user, kind, name
        )

    def record_at(self, user: str, kind: str, revisions: Sequence[int], name: str) -> Record | None:
        """Return the record that a revision belongs to and that had this name at one of the revisions, or None."""
        marks = ",".join("?" * len(revisions))
        record = self._one(
            "user = ? AND kind = ? AND id = (SELECT record FROM changes WHERE number = ?)", user, kind, revisions[0]
        )
        if record is None or record.name == name:
            return record
        names = self._connection.execute(
            f"SELECT name FROM changes WHERE record = ? AND number IN ({marks})",  # noqa: S608
            (record.id, *revisions),
        )
        return record if (name,) in names.fetchall() else None

    def change_numbers(self, record: Record, since: int) -> list[int]:
        """Return the revisions of a record after one, oldest first."""
        rows = self._connection.execute(
            "SELECT number FROM changes WHERE record = ? AND number > ? ORDER BY number", (record.id, since)
        )
        return [row[0] for row in rows]

    def records(self, user: str, kind: str) -> list[Record]:
        """Return the records of a kind in order of creation, without deleted ones."""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM records WHERE user = ? AND kind = ? AND NOT deleted ORDER BY id",  # noqa: S608
            (user, kind),
        )
        return [_record(row) for row in rows]

    def blobs(self, record: Record) -> dict[int, bytes]:
        """Return the blobs of a record by number."""
        rows = self._connection.execute("SELECT number, content FROM blobs WHERE record = ?", (record.id,))
        return dict(rows.fetchall())

    def blob(self, record: Record, number: int) -> bytes:
        """Return one blob of a record."""
        row = self._connection.execute(
            "SELECT content FROM blobs WHERE record = ? AND number = ?", (record.id, number)
        ).fetchone()
        return bytes(row[0])

    def history(self, record: Record) -> list[Change]:
        """Return the changes of a record, the latest first, without their undo."""
        rows = self._connection.execute(
            "SELECT number, kind, name, action, user, time, size FROM changes WHERE record = ? ORDER BY number DESC",
            (record.id,),
        )
        return [Change(*row) for row in rows]

    def changes_with_undo(self, record: Record, since: int) -> Iterator[Change]:
        """Yield the changes of a record after a revision, the latest first, with their undo."""
        rows = self._connection.execute(
            "SELECT number, kind, name, action, user, time, size, undo FROM changes"
            " WHERE record = ? AND number > ? ORDER BY number DESC",
            (record.id, since),
        )
        for row in rows:
            yield Change(*row)

    def first_revision(self, record: Record) -> int:
        """Return the first revision of a record."""
        row = self._connection.execute("SELECT min(number) FROM changes WHERE record = ?", (record.id,)).fetchone()
        return int(row[0])

    def changes(self, user: str, since: int, limit: int) -> list[Change]:
        """Return the changes of a user after a revision, oldest first, without their undo."""
        rows = self._connection.execute(
            "SELECT number, kind, name, action, user, time, size FROM changes"
            " WHERE user = ? AND number > ? ORDER BY number LIMIT ?",
            (user, since, limit),
        )
        return [Change(*row) for row in rows]

    def latest_revision(self, user: str) -> int:
        """Return the revision of a user's latest change; 0 if there is none."""
        row = self._connection.execute("SELECT max(number) FROM changes WHERE user = ?", (user,)).fetchone()
        return row[0] or 0

    def users(self) -> list[str]:
        """Return the users who have changed anything."""
        return [row[0] for row in self._connection.execute("SELECT user FROM usage ORDER BY user")]

    def _one(self, where: str, *values: Any) -> Record | None:
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM records WHERE {where}", values).fetchone()  # noqa: S608
        return None if row is None else _record(row)


class WriteTransaction(ReadTransaction):
    """A write transaction: one or several changes, of which all or none are committed.

    Parameters
    ----------
    connection
        A connection with an open write transaction.
    user
        The user whose records are changed.
    settings
        ``max_user_bytes`` is used.
    now
        The time of the changes.
    """

    def __init__(self, connection: Connection, user: str, settings: Settings, now: str) -> None:
        super().__init__(connection)
        self.user = user
        self.commit_callbacks: list[Callable[[], None]] = []
        self._settings = settings
        self._now = now

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call a function after the commit; not if the transaction fails."""
        self.commit_callbacks.append(callback)

    def save(
        self,
        record: Record | None,
        kind: str,
        name: str,
        header: dict[str, Any],
        action: str,
        size: int,
        undo: bytes | None = None,
        blobs: dict[int, bytes | None] | None = None,
        deleted: bool = False,
    ) -> Record:
        """Insert or update a record and add the change to the history.

        Parameters
        ----------
        record
            The record as read in this transaction; None inserts one.
        kind, name, header, deleted
            Of the record after the change.
        action, size, undo
            Of the change.
        blobs
            The blobs that change, by number; None deletes one.

        Raises
        ------
        LimitExceeded
            If the user's records take more than ``max_user_bytes``.
        """
        run = self._connection.execute
        text = json.dumps(header, separators=(",", ":"))
        grown = len(text) + len(name)
        if record is None:
            record_id = run(
                "INSERT INTO records (user, kind, name, revision, deleted, time, header) VALUES (?, ?, ?, 0, ?, ?, ?)",
                (self.user, kind, name, deleted, self._now, text),
            ).lastrowid
        else:
            record_id = record.id
            grown -= run("SELECT length(header) + length(name) FROM records WHERE id = ?", (record_id,)).fetchone()[0]
        number = run(
            "INSERT INTO changes (record, user, kind, name, action, time, size, undo) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (record_id, self.user, kind, name, action, self._now, size, undo),
        ).lastrowid
        run(
            "UPDATE records SET name = ?, revision = ?, deleted = ?, time = ?, header = ? WHERE id = ?",
            (name, number, deleted, self._now, text, record_id),
        )
        for blob, content in (blobs or {}).items():
            key = record_id, blob
            old = run("SELECT length(content) FROM blobs WHERE record = ? AND number = ?", key).fetchone()
            grown += len(content or b"") - (old[0] if old else 0)
            if content is None:
                run("DELETE FROM blobs WHERE record = ? AND number = ?", key)
            else:
                run("INSERT OR REPLACE INTO blobs (record, number, content) VALUES (?, ?, ?)", (*key, content))
        self._count_usage(grown, len(undo or b"") + len(name) + _ROW_BYTES)
        assert record_id is not None
        assert number is not None
        return Record(record_id, kind, name, number, deleted, self.user, self._now, header)

    def _count_usage(self, record_bytes: int, history_bytes: int) -> None:
        """Add to the user's usage; delete the oldest history if the total is over the limit."""
        run = self._connection.execute
        run(
            "INSERT INTO usage (user, record_bytes, history_bytes) VALUES (?, ?, ?) ON CONFLICT (user) DO UPDATE"
            " SET record_bytes = record_bytes + excluded.record_bytes,"
            " history_bytes = history_bytes + excluded.history_bytes",
            (self.user, record_bytes, history_bytes),
        )
        records, history = run("SELECT record_bytes, history_bytes FROM usage WHERE user = ?", (self.user,)).fetchone()
        limit = self._settings.max_user_bytes
        if record_bytes > 0 and records > limit:
            raise LimitExceeded(
                f"Your annotations, gene sets and saved items would take {records} bytes."
                f" The limit is {limit} (max_user_bytes).",
                "Delete annotations, results or figures that you do not need.",
            )
        if records + history <= limit or not history:
            return
        oldest = run(
            "SELECT number, length(undo) FROM changes WHERE user = ? AND undo IS NOT NULL ORDER BY number",
            (self.user,),
        ).fetchall()
        for number, size in oldest:
            if records + history <= limit:
                break
            run("UPDATE changes SET undo = NULL WHERE number = ?", (number,))
            history -= size
        if records + history > limit:
            # no undo is left to delete: delete rows, except the one that gives a record its revision
            rows = run(
                "SELECT number, length(name) FROM changes WHERE user = ? AND undo IS NULL AND number NOT IN"
                " (SELECT revision FROM records WHERE user = ?) ORDER BY number LIMIT ?",
                (self.user, self.user, _ROWS_PER_DELETE),
            ).fetchall()
            run(f"DELETE FROM changes WHERE number IN ({','.join(str(n) for n, _ in rows)})")  # noqa: S608
            history -= sum(size + _ROW_BYTES for _, size in rows)
        run("UPDATE usage SET history_bytes = ? WHERE user = ?", (max(history, 0), self.user))


def _record(row: tuple[Any, ...]) -> Record:
    record_id, kind, name, revision, deleted, author, time, header = row
    return Record(record_id, kind, name, revision, bool(deleted), author, time, json.loads(header))
