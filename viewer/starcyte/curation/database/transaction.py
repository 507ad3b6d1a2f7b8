"""What is asked and changed in one transaction of the database, in SQL and no more of SQLite than that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from starcyte.curation.database.record import Change, Record
from starcyte.errors import LimitExceeded
from starcyte.settings import Settings

_THING = "id, kind, name, revision, gone, user, time, header"
# what a change takes beside its name and its undoing
_ROW_BYTES = 100
_ROWS_AT_ONCE = 1000


class Connection(Protocol):
    """A connection to the database, in a transaction."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any:
        """Run one statement, and return its cursor."""


class Reading:
    """What stands at one moment: a read transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def thing(self, user: str, kind: str, name: str) -> Record | None:
        """Return what stands under a name."""
        return self._one("user = ? AND kind = ? AND name = ? AND NOT gone", user, kind, name)

    def gone(self, user: str, kind: str, name: str) -> Record | None:
        """Return what stood under a name last."""
        return self._one("user = ? AND kind = ? AND name = ? AND gone ORDER BY revision DESC LIMIT 1", user, kind, name)

    def things(self, user: str, kind: str) -> list[Record]:
        """Return what stands, in the order in which it was first made."""
        rows = self._connection.execute(
            f"SELECT {_THING} FROM things WHERE user = ? AND kind = ? AND NOT gone ORDER BY id",  # noqa: S608
            (user, kind),
        )
        return [_thing(row) for row in rows]

    def parts(self, thing: Record) -> dict[int, bytes]:
        """Return the larger pieces of a thing, by number."""
        rows = self._connection.execute("SELECT number, content FROM parts WHERE thing = ?", (thing.id,))
        return dict(rows.fetchall())

    def part(self, thing: Record, number: int) -> bytes:
        """Return one larger piece."""
        row = self._connection.execute(
            "SELECT content FROM parts WHERE thing = ? AND number = ?", (thing.id, number)
        ).fetchone()
        return bytes(row[0])

    def history(self, thing: Record) -> list[Change]:
        """Return all changes of a thing, the newest first, without what undoes them."""
        rows = self._connection.execute(
            "SELECT number, kind, name, action, user, time, size FROM changes WHERE thing = ? ORDER BY number DESC",
            (thing.id,),
        )
        return [Change(*row) for row in rows]

    def undoing(self, thing: Record, since: int) -> Iterator[Change]:
        """Yield the changes of a thing after a revision, the newest first, with what undoes them."""
        rows = self._connection.execute(
            "SELECT number, kind, name, action, user, time, size, undo FROM changes"
            " WHERE thing = ? AND number > ? ORDER BY number DESC",
            (thing.id, since),
        )
        for row in rows:
            yield Change(*row)

    def first(self, thing: Record) -> int:
        """Return the number of the first change of a thing."""
        row = self._connection.execute("SELECT min(number) FROM changes WHERE thing = ?", (thing.id,)).fetchone()
        return int(row[0])

    def changes(self, user: str, since: int, most: int) -> list[Change]:
        """Return the changes of a user after a number, oldest first."""
        rows = self._connection.execute(
            "SELECT number, kind, name, action, user, time, size FROM changes"
            " WHERE user = ? AND number > ? ORDER BY number LIMIT ?",
            (user, since, most),
        )
        return [Change(*row) for row in rows]

    def newest(self, user: str) -> int:
        """Return the number of the newest change of a user, 0 where there is none."""
        row = self._connection.execute("SELECT max(number) FROM changes WHERE user = ?", (user,)).fetchone()
        return row[0] or 0

    def users(self) -> list[str]:
        """Return who has made anything."""
        return [row[0] for row in self._connection.execute("SELECT user FROM usage ORDER BY user")]

    def _one(self, where: str, *values: Any) -> Record | None:
        row = self._connection.execute(f"SELECT {_THING} FROM things WHERE {where}", values).fetchone()  # noqa: S608
        return None if row is None else _thing(row)


class Writing(Reading):
    """One change, or several that stand or fall together.

    Parameters
    ----------
    connection
        In a transaction that may write.
    user
        Whose things are changed.
    settings
        ``max_user_bytes`` is used.
    now
        The time to note.
    """

    def __init__(self, connection: Connection, user: str, settings: Settings, now: str) -> None:
        super().__init__(connection)
        self.user = user
        self._settings = settings
        self._now = now
        self.kept: list[Callable[[], None]] = []

    def when_kept(self, callback: Callable[[], None]) -> None:
        """Have a function called when the change is on the disk; never if it fails."""
        self.kept.append(callback)

    def save(
        self,
        thing: Record | None,
        kind: str,
        name: str,
        header: dict[str, Any],
        action: str,
        size: int,
        undo: bytes | None = None,
        parts: dict[int, bytes | None] | None = None,
        gone: bool = False,
    ) -> Record:
        """Make a thing what it is to be, and note the change.

        Parameters
        ----------
        thing
            As it was read in this transaction; None makes a new one.
        kind, name, header
            What it is to be.
        action, size, undo
            Of the change.
        parts
            The larger pieces that change; None removes one.
        gone
            Whether it is deleted by this.

        Raises
        ------
        LimitExceeded
            If the user's things take more than ``max_user_bytes``.
        """
        run = self._connection.execute
        text = json.dumps(header, separators=(",", ":"))
        head_bytes = len(text) + len(name)
        if thing is None:
            grown = head_bytes
            thing_id = run(
                "INSERT INTO things (user, kind, name, revision, gone, time, header) VALUES (?, ?, ?, 0, ?, ?, ?)",
                (self.user, kind, name, gone, self._now, text),
            ).lastrowid
        else:
            thing_id = thing.id
            old = run("SELECT length(header) + length(name) FROM things WHERE id = ?", (thing_id,)).fetchone()[0]
            grown = head_bytes - old
        number = run(
            "INSERT INTO changes (thing, user, kind, name, action, time, size, undo) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (thing_id, self.user, kind, name, action, self._now, size, undo),
        ).lastrowid
        run(
            "UPDATE things SET name = ?, revision = ?, gone = ?, time = ?, header = ? WHERE id = ?",
            (name, number, gone, self._now, text, thing_id),
        )
        for part, content in (parts or {}).items():
            old = run("SELECT length(content) FROM parts WHERE thing = ? AND number = ?", (thing_id, part)).fetchone()
            grown += len(content or b"") - (old[0] if old else 0)
            if content is None:
                run("DELETE FROM parts WHERE thing = ? AND number = ?", (thing_id, part))
            else:
                run("INSERT OR REPLACE INTO parts (thing, number, content) VALUES (?, ?, ?)", (thing_id, part, content))
        self._count(grown, len(undo or b"") + len(name) + _ROW_BYTES)
        assert thing_id is not None
        assert number is not None
        return Record(thing_id, kind, name, number, gone, self.user, self._now, header)

    def _count(self, standing: int, history: int) -> None:
        """Note how much more the user keeps, and let the oldest history go where that is too much."""
        run = self._connection.execute
        run(
            "INSERT INTO usage (user, standing, history) VALUES (?, ?, ?) ON CONFLICT (user) DO UPDATE"
            " SET standing = standing + excluded.standing, history = history + excluded.history",
            (self.user, standing, history),
        )
        stands, past = run("SELECT standing, history FROM usage WHERE user = ?", (self.user,)).fetchone()
        most = self._settings.max_user_bytes
        if standing > 0 and stands > most:
            raise LimitExceeded(
                f"What you keep would take {stands} bytes, more than {most} (setting max_user_bytes).",
                "Delete annotations, results or figures that you do not need.",
            )
        if stands + past <= most or not past:
            return
        oldest = run(
            "SELECT number, length(undo) FROM changes WHERE user = ? AND undo IS NOT NULL ORDER BY number",
            (self.user,),
        ).fetchall()
        for number, size in oldest:
            if stands + past <= most:
                break
            run("UPDATE changes SET undo = NULL WHERE number = ?", (number,))
            past -= size
        if stands + past > most:
            # none can be undone any more: that they were made goes too, but for what things are now
            rows = run(
                "SELECT number, length(name) FROM changes WHERE user = ? AND undo IS NULL AND number NOT IN"
                " (SELECT revision FROM things WHERE user = ?) ORDER BY number LIMIT ?",
                (self.user, self.user, _ROWS_AT_ONCE),
            ).fetchall()
            run(f"DELETE FROM changes WHERE number IN ({','.join(str(n) for n, _ in rows)})")  # noqa: S608
            past -= sum(size + _ROW_BYTES for _, size in rows)
        run("UPDATE usage SET history = ? WHERE user = ?", (max(past, 0), self.user))


def _thing(row: tuple[Any, ...]) -> Record:
    thing_id, kind, name, revision, gone, author, when, header = row
    return Record(thing_id, kind, name, revision, bool(gone), author, when, json.loads(header))
