"""Store: the SQLite database of one dataset's annotations, gene sets and saved items.

The table ``records`` holds the records, deleted ones included, so that they can be restored; ``blobs`` their large
parts; ``changes`` the history with what undoes each change; ``usage`` the bytes of each user. A change is on the disk
when ``write`` returns. Several threads and processes may use one file.

Invariant: numbers of changes increase and are never reused, so that the order of changes needs no clock.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from starcyte.curation.database.migrations import MIGRATIONS
from starcyte.curation.database.transaction import ReadTransaction, WriteTransaction
from starcyte.errors import Forbidden, StarcyteError, StorageFull, StorageUnusable
from starcyte.settings import Settings

log = logging.getLogger(__name__)

_BUSY_TIMEOUT_SECONDS = 20.0
# less than the smallest change and its log need
_MIN_FREE_BYTES = 256 << 10


def data_folder(settings: Settings) -> Path:
    """Return the folder of the databases, which may not exist yet."""
    if settings.data_dir:
        return Path(settings.data_dir)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "starcyte"


def utc_now() -> str:
    """Return the current time in UTC as ISO 8601, with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_open_stores: weakref.WeakSet[Store] = weakref.WeakSet()


class Store:
    """The database of one dataset.

    Parameters
    ----------
    path
        The file; created with its folder if it does not exist.
    settings
        ``read_only`` and ``max_user_bytes`` are used.
    now
        Returns the time of a change.
    migrations
        The schema.

    Raises
    ------
    StorageUnusable
        If the database cannot be used.
    """

    def __init__(
        self,
        path: Path,
        settings: Settings,
        now: Callable[[], str] = utc_now,
        migrations: Sequence[Sequence[str]] = MIGRATIONS,
    ) -> None:
        self.path = path
        self._settings = settings
        self._now = now
        self._callbacks: list[Callable[[str], None]] = []
        self._reset_connections()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageUnusable(
                f"The data folder {str(path.parent)!r} cannot be created: {error.strerror}.",
                "Choose another folder with --data-dir.",
            ) from None
        with self._translated_errors(), self._connection() as connection:
            _migrate(connection, path, self._now(), migrations)
            _sync_folder(path.parent)
        self._file = _identity(path)
        _open_stores.add(self)

    def _reset_connections(self) -> None:
        """Start without connections; also in a forked process, which must not use or close those of its parent."""
        # referenced, because closing a connection would release the locks of the parent
        self._abandoned = [*getattr(self, "_abandoned", []), *getattr(self, "_idle", [])]
        self._idle: list[sqlite3.Connection] = []
        self._idle_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._thread_state = threading.local()
        self._closed = False

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Call a function with the user after each committed change."""
        self._callbacks.append(callback)

    @contextmanager
    def read(self) -> Iterator[ReadTransaction]:
        """Open a read transaction."""
        with self._translated_errors(), self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield ReadTransaction(connection)
            finally:
                _roll_back(connection)

    @contextmanager
    def write(self, user: str) -> Iterator[WriteTransaction]:
        """Open a write transaction, which is committed to the disk on leaving and rolled back on an exception.

        Within another write transaction of the same thread, it is a part of that one.

        Parameters
        ----------
        user
            The user whose records are changed.

        Raises
        ------
        Forbidden
            If the server is read-only.
        StorageFull
            If the disk is full.
        StorageUnusable
            If the database cannot be written.
        """
        if self._settings.read_only:
            raise Forbidden("This server is read-only (read_only).", "Export what you need as a file.")
        outer: WriteTransaction | None = getattr(self._thread_state, "transaction", None)
        if outer is not None:
            assert outer.user == user
            yield outer
            return
        callbacks: list[Callable[[], None]] = []
        changed = False
        with self._write_lock, self._translated_errors(), self._connection() as connection:
            if _identity(self.path) != self._file:
                raise StorageUnusable(
                    f"The database {str(self.path)!r} was removed or replaced while in use.", "Restart starcyte."
                )
            connection.execute("BEGIN IMMEDIATE")
            try:
                before = connection.total_changes
                transaction = WriteTransaction(connection, user, self._settings, self._now())
                self._thread_state.transaction = transaction
                yield transaction
                changed = connection.total_changes > before
                connection.execute("COMMIT")
                callbacks = transaction.commit_callbacks
            finally:
                self._thread_state.transaction = None
                _roll_back(connection)
        for callback in callbacks:
            callback()
        if changed:
            self._notify(user)

    def close(self) -> None:
        """Close all connections."""
        with self._idle_lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _notify(self, user: str) -> None:
        for callback in self._callbacks:
            try:
                callback(user)
            except Exception:  # the change is committed, and its request must not fail
                log.exception("a callback after a change failed")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._idle_lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = _connect(self.path)
        reusable = False
        try:
            yield connection
            reusable = True
        except StarcyteError:
            reusable = True
            raise
        finally:
            with self._idle_lock:
                reusable = reusable and not self._closed
                if reusable:
                    self._idle.append(connection)
            if not reusable:
                connection.close()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Raise StorageError subclasses in place of the errors of SQLite."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            _raise_storage_error(error, self.path)


def _reset_all_connections() -> None:
    for store in list(_open_stores):
        store._reset_connections()


os.register_at_fork(after_in_child=_reset_all_connections)


def _connect(path: Path) -> sqlite3.Connection:
    # the transactions are explicit; a connection is used by one thread at a time
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        if _execute_when_free(connection, "PRAGMA journal_mode = WAL") != "wal":
            raise StorageUnusable(
                f"The file system of {str(path.parent)!r} does not support the write-ahead log of SQLite.",
                "Choose a folder on a local disk with --data-dir.",
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_size_limit = 16777216")
    except BaseException:
        connection.close()
        raise
    return connection


def _execute_when_free(connection: sqlite3.Connection, statement: str) -> Any:
    """Return the first value of a statement for which SQLite's busy timeout has no effect."""
    end = time.monotonic() + _BUSY_TIMEOUT_SECONDS
    while True:
        try:
            return connection.execute(statement).fetchone()[0]
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > end:
                raise
        time.sleep(0.02)


def _migrate(connection: sqlite3.Connection, path: Path, now: str, migrations: Sequence[Sequence[str]]) -> None:
    """Apply the migrations that the database does not have yet."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, time TEXT NOT NULL)")
        done = connection.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone()[0]
        if done > len(migrations):
            raise StorageUnusable(
                f"The database {str(path)!r} was created by a newer starcyte (its schema is number {done}, this version"
                f" knows {len(migrations)}).",
                "Use that version, or choose another folder with --data-dir.",
            )
        for number, statements in enumerate(migrations[done:], done + 1):
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
    """Write the folder's entries to the disk, so that a new database survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _raise_storage_error(error: sqlite3.DatabaseError, path: Path) -> NoReturn:
    name, database = getattr(error, "sqlite_errorname", ""), f"The database {str(path)!r}"
    if name.startswith("SQLITE_IOERR") and _is_full(path.parent):
        name = "SQLITE_FULL"
    if name == "SQLITE_FULL":
        raise StorageFull(
            f"The disk of {str(path.parent)!r} is full. The change was not saved.", "Free some space and try again."
        ) from error
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        raise StorageUnusable(
            f"{database} cannot be written: {error}.", "Allow writing there, or choose another --data-dir."
        ) from error
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        raise StorageUnusable(f"{database} is locked by another process.", "Try again in some seconds.") from error
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        raise StorageUnusable(
            f"{database} is damaged: {error}.", "Restore it from a copy, or move it away and restart."
        ) from error
    if name.startswith("SQLITE_IOERR"):
        raise StorageUnusable(f"{database} cannot be read or written: {error}.", "Check the disk.") from error
    raise error


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _MIN_FREE_BYTES
    except OSError:
        return False
