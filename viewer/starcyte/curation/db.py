"""The database of what users make: one SQLite file for each dataset, in which every change is a row.

``things`` holds what stands (and what is gone, so that it can come back), ``parts`` their larger pieces, ``changes``
what was done and how to undo it, ``usage`` how much each user keeps. A change is on the disk before ``write`` returns.
Several threads and several processes may use one file.

Invariant: numbers of changes increase and are never given twice, so that their order needs no clock.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from starcyte.curation.migrations import MIGRATIONS
from starcyte.errors import Forbidden, LimitExceeded, StarcyteError, StorageFull, StorageUnusable
from starcyte.settings import Settings

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 20.0
# what a change takes beside its name and its undoing
_ROW_BYTES = 100
_ROWS_AT_ONCE = 1000
# less than the smallest change with its log needs
_LITTLE_ROOM = 256 << 10


def data_folder(settings: Settings) -> Path:
    """Return the folder of what users make; it may not be there yet."""
    given = settings.data_dir
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "starcyte"


def utc_now() -> str:
    """Return the time as text, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Thing:
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


class Reading:
    """What stands at one moment: a read transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def thing(self, user: str, kind: str, name: str) -> Thing | None:
        """Return what stands under a name."""
        return self._one("user = ? AND kind = ? AND name = ? AND NOT gone", user, kind, name)

    def gone(self, user: str, kind: str, name: str) -> Thing | None:
        """Return what stood under a name last."""
        return self._one("user = ? AND kind = ? AND name = ? AND gone ORDER BY revision DESC LIMIT 1", user, kind, name)

    def things(self, user: str, kind: str) -> list[Thing]:
        """Return what stands, in the order in which it was first made."""
        rows = self._connection.execute(
            f"SELECT {_THING} FROM things WHERE user = ? AND kind = ? AND NOT gone ORDER BY id",  # noqa: S608
            (user, kind),
        )
        return [_thing(row) for row in rows]

    def parts(self, thing: Thing) -> dict[int, bytes]:
        """Return the larger pieces of a thing, by number."""
        rows = self._connection.execute("SELECT number, content FROM parts WHERE thing = ?", (thing.id,))
        return dict(rows.fetchall())

    def part(self, thing: Thing, number: int) -> bytes:
        """Return one larger piece."""
        row = self._connection.execute(
            "SELECT content FROM parts WHERE thing = ? AND number = ?", (thing.id, number)
        ).fetchone()
        return bytes(row[0])

    def history(self, thing: Thing) -> list[Change]:
        """Return all changes of a thing, the newest first, without what undoes them."""
        rows = self._connection.execute(
            "SELECT number, kind, name, action, user, time, size FROM changes WHERE thing = ? ORDER BY number DESC",
            (thing.id,),
        )
        return [Change(*row) for row in rows]

    def undoing(self, thing: Thing, since: int) -> Iterator[Change]:
        """Yield the changes of a thing after a revision, the newest first, with what undoes them."""
        rows = self._connection.execute(
            "SELECT number, kind, name, action, user, time, size, undo FROM changes"
            " WHERE thing = ? AND number > ? ORDER BY number DESC",
            (thing.id, since),
        )
        for row in rows:
            yield Change(*row)

    def first(self, thing: Thing) -> int:
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

    def _one(self, where: str, *values: Any) -> Thing | None:
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

    def __init__(self, connection: sqlite3.Connection, user: str, settings: Settings, now: str) -> None:
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
        thing: Thing | None,
        kind: str,
        name: str,
        header: dict[str, Any],
        action: str,
        size: int,
        undo: bytes | None = None,
        parts: dict[int, bytes | None] | None = None,
        gone: bool = False,
    ) -> Thing:
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
        return Thing(thing_id, kind, name, number, gone, self.user, self._now, header)

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
                "Delete labels, results or figures that you do not need.",
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


_THING = "id, kind, name, revision, gone, user, time, header"


def _thing(row: tuple[Any, ...]) -> Thing:
    thing_id, kind, name, revision, gone, author, when, header = row
    return Thing(thing_id, kind, name, revision, bool(gone), author, when, json.loads(header))


_open_stores: weakref.WeakSet[Store] = weakref.WeakSet()


class Store:
    """The database of one dataset.

    Parameters
    ----------
    path
        The file; it is made if it is not there, and its folder too.
    settings
        ``read_only`` and ``max_user_bytes`` are used.
    now
        Says the time.

    Raises
    ------
    StorageUnusable
        If it cannot be used.
    """

    def __init__(self, path: Path, settings: Settings, now: Callable[[], str] = utc_now) -> None:
        self.path = path
        self._settings = settings
        self._now = now
        self._callbacks: list[Callable[[str], None]] = []
        self._begin()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageUnusable(
                f"The folder for what users make, {str(path.parent)!r}, cannot be made: {error.strerror}.",
                "Choose another with --data-dir.",
            ) from None
        with self._told(), self._connection() as connection:
            _migrate(connection, path, self._now())
            _sync_folder(path.parent)
        self._file = _identity(path)
        _open_stores.add(self)

    def _begin(self) -> None:
        """Start without connections; in a forked process too, where those of the parent must not be touched."""
        # kept, as Python would close what nobody holds, and with it drop the parent's locks
        self._abandoned = [*getattr(self, "_abandoned", []), *getattr(self, "_idle", [])]
        self._idle: list[sqlite3.Connection] = []
        self._idle_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._under_way = threading.local()
        self._closed = False

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Have a function called with the user after each change, when it is on the disk."""
        self._callbacks.append(callback)

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """Read what stands at one moment."""
        with self._told(), self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield Reading(connection)
            finally:
                _roll_back(connection)

    @contextmanager
    def write(self, user: str) -> Iterator[Writing]:
        """Change something; left without an exception, it is on the disk, and otherwise nothing has changed.

        Within another change of the same thread it is a part of that one.

        Parameters
        ----------
        user
            Whose things are changed.

        Raises
        ------
        Forbidden
            If nothing can be made here.
        StorageFull
            If the disk is full.
        StorageUnusable
            If the database cannot be written.
        """
        if self._settings.read_only:
            raise Forbidden("Nothing can be made here (setting read_only).", "Save what you need as a file.")
        around: Writing | None = getattr(self._under_way, "writing", None)
        if around is not None:
            assert around.user == user
            yield around
            return
        kept: list[Callable[[], None]] = []
        changed = False
        with self._write_lock, self._told(), self._connection() as connection:
            if _identity(self.path) != self._file:
                raise StorageUnusable(
                    f"The database {str(self.path)!r} was removed or replaced while in use.", "Start starcyte again."
                )
            connection.execute("BEGIN IMMEDIATE")
            try:
                before = connection.total_changes
                writing = Writing(connection, user, self._settings, self._now())
                self._under_way.writing = writing
                yield writing
                changed = connection.total_changes > before
                connection.execute("COMMIT")
                kept = writing.kept
            finally:
                self._under_way.writing = None
                _roll_back(connection)
        for callback in kept:
            callback()
        if changed:
            self._tell(user)

    def close(self) -> None:
        """Let go of the file."""
        with self._idle_lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _tell(self, user: str) -> None:
        for callback in self._callbacks:
            try:
                callback(user)
            except Exception:  # the change stands: whoever made it must hear so
                log.exception("what follows a change failed")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._idle_lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = _connect(self.path)
        keep = False
        try:
            yield connection
            keep = True
        except StarcyteError:
            keep = True
            raise
        finally:
            with self._idle_lock:
                keep = keep and not self._closed
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what is wrong with the disk or the file in place of SQLite's own errors."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            _tell_problem(error, self.path)


def _begin_all() -> None:
    for store in list(_open_stores):
        store._begin()


os.register_at_fork(after_in_child=_begin_all)


def _connect(path: Path) -> sqlite3.Connection:
    # without transactions of Python's own, and used by one thread at a time
    connection = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        if _patiently(connection, "PRAGMA journal_mode = WAL") != "wal":
            raise StorageUnusable(
                f"The folder {str(path.parent)!r} is on a file system without what SQLite's write-ahead log needs.",
                "Choose a folder on a local disk with --data-dir.",
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 16777216")
    except BaseException:
        connection.close()
        raise
    return connection


def _patiently(connection: sqlite3.Connection, statement: str) -> Any:
    """Return the first value of a statement for which SQLite itself does not wait while another process is at it."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return connection.execute(statement).fetchone()[0]
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > end:
                raise
        time.sleep(0.02)


def _migrate(connection: sqlite3.Connection, path: Path, now: str) -> None:
    """Bring the tables to what this version needs, whatever version made them."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, time TEXT NOT NULL)")
        done = connection.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone()[0]
        if done > len(MIGRATIONS):
            raise StorageUnusable(
                f"The database {str(path)!r} was made by a newer starcyte (its tables are number {done}, this version"
                f" knows {len(MIGRATIONS)}).",
                "Use that version, or another folder with --data-dir.",
            )
        for number, statements in enumerate(MIGRATIONS[done:], done + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, ?)", (number, now))
        connection.execute("COMMIT")
    finally:
        _roll_back(connection)


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _sync_folder(folder: Path) -> None:
    """Have the disk know the names of new files, as a power cut would otherwise take the database with its name."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _tell_problem(error: sqlite3.DatabaseError, path: Path) -> NoReturn:
    name, what = getattr(error, "sqlite_errorname", ""), f"The database {str(path)!r}"
    if name.startswith("SQLITE_IOERR") and _is_full(path.parent):
        name = "SQLITE_FULL"
    if name == "SQLITE_FULL":
        raise StorageFull(
            f"The disk with {str(path.parent)!r} is full: the change was not kept.", "Free some room, then try again."
        ) from error
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        raise StorageUnusable(
            f"{what} cannot be written: {error}.", "Give the right to write there, or choose another --data-dir."
        ) from error
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        raise StorageUnusable(f"{what} is held by another process.", "Try again in some seconds.") from error
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        raise StorageUnusable(
            f"{what} is damaged: {error}.", "Put a copy of it back, or move it away and start again."
        ) from error
    if name.startswith("SQLITE_IOERR"):
        raise StorageUnusable(f"{what} fails: {error}.", "See whether the disk is well.") from error
    raise error


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _LITTLE_ROOM
    except OSError:
        return False
