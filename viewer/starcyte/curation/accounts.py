"""Accounts: users with a password and a role, in one SQLite file for all datasets of a server.

Passwords are stored as argon2id hashes. Several processes may use one file: ``starcyte user`` changes it while the
server runs. The server reads it with every request, so that a removed account loses access immediately.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from starcyte.errors import InputError, StorageUnusable

ROLES = ("read", "annotate", "admin")
_SHORTEST_PASSWORD, _LONGEST_PASSWORD, _LONGEST_NAME = 8, 1000, 200
# the minimum that OWASP recommends; two at a time, for the memory of a small machine
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = threading.BoundedSemaphore(2)
_TABLES = (
    """CREATE TABLE IF NOT EXISTS accounts (
        name TEXT PRIMARY KEY,
        role TEXT NOT NULL,
        hash TEXT NOT NULL,
        generation TEXT NOT NULL) STRICT""",
    "CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS ended_logins (id TEXT PRIMARY KEY, until REAL NOT NULL) STRICT",
)


@dataclass(frozen=True)
class Account:
    """A user with a password.

    Parameters
    ----------
    name
        Any printable text.
    role
        One of ROLES.
    generation
        Changes with the password, which ends all logins made before.
    """

    name: str
    role: str
    generation: str


class Accounts:
    """The accounts of a server.

    Parameters
    ----------
    path
        The database file; created, readable by its owner only, if it does not exist.

    Raises
    ------
    StorageUnusable
        If it cannot be created or read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with self._storage_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
            for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", *_TABLES):
                self._db.execute(statement)
            self._db.execute("INSERT OR IGNORE INTO secrets VALUES ('logins', ?)", (secrets.token_urlsafe(32),))
            self.secret: str = self._db.execute("SELECT value FROM secrets WHERE name = 'logins'").fetchone()[0]
        # verified for an unknown name, so that the time of an answer does not reveal which names exist
        self._dummy_hash = _HASHER.hash(secrets.token_urlsafe(16))

    def get(self, name: str) -> Account | None:
        """Return an account by name, or None."""
        row = self._one("SELECT name, role, generation FROM accounts WHERE name = ?", name)
        return Account(*row) if row else None

    def all(self) -> list[Account]:
        """Return all accounts, by name."""
        with self._lock, self._storage_errors():
            rows = self._db.execute("SELECT name, role, generation FROM accounts ORDER BY name").fetchall()
        return [Account(*row) for row in rows]

    def check(self, name: str, password: str) -> Account | None:
        """Return the account of this name and password, or None."""
        if len(password) > _LONGEST_PASSWORD:
            return None
        row = self._one("SELECT hash FROM accounts WHERE name = ?", name)
        with _AT_ONCE:
            try:
                _HASHER.verify(row[0] if row else self._dummy_hash, password)
            except (VerificationError, InvalidHashError):
                return None
        return self.get(name) if row else None

    def add(self, name: str, password: str, role: str) -> None:
        """Create an account.

        Raises
        ------
        InputError
            If the name is taken, or name, password or role are invalid.
        """
        if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise InputError(f"Invalid account name: {name!r}.", "Use printable text without spaces around it.")
        _check_role(role)
        hashed = _hash(password)
        try:
            self._change(
                "INSERT INTO accounts (role, hash, generation, name) VALUES (?, ?, ?, ?)",
                *(role, hashed, secrets.token_hex(8), name),
            )
        except sqlite3.IntegrityError:
            raise InputError(
                f"Account {name!r} exists already.", "`starcyte user password` changes its password."
            ) from None

    def set_password(self, name: str, password: str) -> None:
        """Change a password, which ends all logins of the account."""
        self._change(
            "UPDATE accounts SET hash = ?, generation = ? WHERE name = ?", _hash(password), secrets.token_hex(8), name
        )

    def set_role(self, name: str, role: str) -> None:
        """Change the role of an account, from its next request on."""
        _check_role(role)
        self._change("UPDATE accounts SET role = ? WHERE name = ?", role, name)

    def remove(self, name: str) -> None:
        """Remove an account; its annotations, gene sets and saved items stay."""
        self._change("DELETE FROM accounts WHERE name = ?", name)

    def ended_logins(self) -> list[tuple[str, float]]:
        """Return the ids of logins that were ended before their time, and the time until which they are of interest."""
        with self._lock, self._storage_errors():
            self._db.execute("DELETE FROM ended_logins WHERE until < ?", (time.time(),))
            return self._db.execute("SELECT id, until FROM ended_logins").fetchall()

    def end_login(self, login: str, until: float) -> None:
        """Record that a login was ended."""
        with self._lock, self._storage_errors():
            self._db.execute("INSERT OR REPLACE INTO ended_logins VALUES (?, ?)", (login, until))

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _one(self, statement: str, *values: str) -> tuple[str, ...] | None:
        with self._lock, self._storage_errors():
            row: tuple[str, ...] | None = self._db.execute(statement, values).fetchone()
        return row

    def _change(self, statement: str, *values: str) -> None:
        with self._lock, self._storage_errors():
            changed = self._db.execute(statement, values).rowcount
        if changed == 0:
            raise InputError(f"No such account: {values[-1]!r}.", "`starcyte user list` lists all accounts.")

    @contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except (OSError, sqlite3.Error) as error:
            raise StorageUnusable(
                f"The accounts file {str(self._path)!r} cannot be used: {error}.", "Check --accounts-file."
            ) from None


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise InputError(f"No such role: {role!r}.", f"Roles: {', '.join(ROLES)}.")


def _hash(password: str) -> str:
    if not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise InputError(
            f"A password of {len(password)} characters is not allowed.",
            f"Use {_SHORTEST_PASSWORD} to {_LONGEST_PASSWORD:,} characters.",
        )
    with _AT_ONCE:
        return _HASHER.hash(password)
