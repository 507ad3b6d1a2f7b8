"""Accounts: who may come in by a password, and what they may do. One SQLite file for all datasets of a server.

Passwords are kept as argon2id hashes. Several processes may use one file: `starcyte user` changes it under
a running server, which asks it anew with every request, so that an account that is removed ends at once.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from starcyte.errors import InputError, StorageUnusable

ROLES = ("read", "annotate", "admin")
_SHORTEST_PASSWORD, _LONGEST_PASSWORD, _LONGEST_NAME = 8, 1000, 200
# the least that OWASP recommends: a small machine may have two of them under way
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = threading.BoundedSemaphore(2)
_TABLES = (
    """CREATE TABLE IF NOT EXISTS accounts (
        name TEXT PRIMARY KEY,
        role TEXT NOT NULL,
        hash TEXT NOT NULL,
        generation TEXT NOT NULL) STRICT""",
    "CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
)


@dataclass(frozen=True)
class Account:
    """One who may come in.

    Parameters
    ----------
    name
        Any printable text.
    role
        One of ROLES.
    generation
        Another one after each change of the password: sessions begun before are over.
    """

    name: str
    role: str
    generation: str


class Accounts:
    """The accounts of a server.

    Parameters
    ----------
    path
        The database; made, readable by its owner alone, if it is not there.

    Raises
    ------
    StorageUnusable
        If it cannot be made or read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with self._failing():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
            for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", *_TABLES):
                self._db.execute(statement)
            self._db.execute("INSERT OR IGNORE INTO secrets VALUES ('sessions', ?)", (secrets.token_urlsafe(32),))
            self.secret: str = self._db.execute("SELECT value FROM secrets WHERE name = 'sessions'").fetchone()[0]
        # verified in place of one that is not there, so that the time taken does not tell which names are
        self._nobody = _HASHER.hash(secrets.token_urlsafe(16))

    def get(self, name: str) -> Account | None:
        """Return an account by name."""
        row = self._one("SELECT name, role, generation FROM accounts WHERE name = ?", name)
        return Account(*row) if row else None

    def all(self) -> list[Account]:
        """Return all accounts, by name."""
        with self._lock, self._failing():
            rows = self._db.execute("SELECT name, role, generation FROM accounts ORDER BY name").fetchall()
        return [Account(*row) for row in rows]

    def check(self, name: str, password: str) -> Account | None:
        """Return the account whose password this is; None where there is none or it is another."""
        if len(password) > _LONGEST_PASSWORD:
            return None
        row = self._one("SELECT hash FROM accounts WHERE name = ?", name)
        with _AT_ONCE:
            try:
                _HASHER.verify(row[0] if row else self._nobody, password)
            except (VerificationError, InvalidHashError):
                return None
        return self.get(name) if row else None

    def add(self, name: str, password: str, role: str) -> None:
        """Make an account.

        Raises
        ------
        InputError
            If there is one of this name, or name, password or role cannot be used.
        """
        if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise InputError(f"{name!r} is no name for an account.", "Give printable text without spaces around it.")
        _check_role(role)
        hashed = _hash(password)
        try:
            self._change(
                "INSERT INTO accounts (role, hash, generation, name) VALUES (?, ?, ?, ?)",
                *(role, hashed, secrets.token_hex(8), name),
            )
        except sqlite3.IntegrityError:
            raise InputError(
                f"There is an account {name!r}.", "`starcyte user password` changes its password."
            ) from None

    def set_password(self, name: str, password: str) -> None:
        """Change a password; whoever came in by the old one is out."""
        self._change(
            "UPDATE accounts SET hash = ?, generation = ? WHERE name = ?", _hash(password), secrets.token_hex(8), name
        )

    def set_role(self, name: str, role: str) -> None:
        """Change what an account may do, from its next request on."""
        _check_role(role)
        self._change("UPDATE accounts SET role = ? WHERE name = ?", role, name)

    def remove(self, name: str) -> None:
        """Remove an account; what it made stays."""
        self._change("DELETE FROM accounts WHERE name = ?", name)

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    def _one(self, statement: str, *values: str) -> tuple[str, ...] | None:
        with self._lock, self._failing():
            row: tuple[str, ...] | None = self._db.execute(statement, values).fetchone()
        return row

    def _change(self, statement: str, *values: str) -> None:
        with self._lock, self._failing():
            changed = self._db.execute(statement, values).rowcount
        if changed == 0:
            raise InputError(f"There is no account {values[-1]!r}.", "`starcyte user list` lists them.")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except (OSError, sqlite3.Error) as error:
            raise StorageUnusable(
                f"The accounts in {str(self._path)!r} cannot be used: {error}.", "Check --accounts-file."
            ) from None


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise InputError(f"There is no role {role!r}.", f"Roles: {', '.join(ROLES)}.")


def _hash(password: str) -> str:
    if not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise InputError(
            f"The password has {len(password)} characters.", f"Give {_SHORTEST_PASSWORD} to {_LONGEST_PASSWORD:,}."
        )
    with _AT_ONCE:
        return _HASHER.hash(password)
