"""The database of what users make: one SQLite file for each dataset, in which every change is a row.

``things`` holds what stands (and what is gone, so that it can come back), ``parts`` their larger pieces, ``changes``
what was done and how to undo it, ``usage`` how much each user keeps. A change is on the disk before ``write`` returns.
Several threads and several processes may use one file.

Invariant: numbers of changes increase and are never given twice, so that their order needs no clock.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from starcyte.curation.database.migrations import MIGRATIONS
from starcyte.curation.database.transaction import Reading, Writing
from starcyte.errors import Forbidden, StarcyteError, StorageFull, StorageUnusable
from starcyte.settings import Settings

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 20.0
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
