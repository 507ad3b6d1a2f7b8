"""How the tables of the database came to be: each migration is applied once, in this order, and never changed."""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE things (
            id INTEGER PRIMARY KEY,
            user TEXT NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            revision INTEGER NOT NULL,
            gone INTEGER NOT NULL,
            time TEXT NOT NULL,
            header TEXT NOT NULL)""",
        "CREATE UNIQUE INDEX standing ON things (user, kind, name) WHERE NOT gone",
        "CREATE INDEX past ON things (user, kind, name, revision) WHERE gone",
        """CREATE TABLE parts (
            thing INTEGER NOT NULL REFERENCES things (id),
            number INTEGER NOT NULL,
            content BLOB NOT NULL,
            PRIMARY KEY (thing, number))""",
        """CREATE TABLE changes (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            thing INTEGER NOT NULL REFERENCES things (id),
            user TEXT NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            action TEXT NOT NULL,
            time TEXT NOT NULL,
            size INTEGER NOT NULL,
            undo BLOB)""",
        "CREATE INDEX of_thing ON changes (thing, number)",
        "CREATE INDEX of_user ON changes (user, number)",
        "CREATE INDEX undoable ON changes (user, number) WHERE undo IS NOT NULL",
        "CREATE TABLE usage (user TEXT PRIMARY KEY, standing INTEGER NOT NULL, history INTEGER NOT NULL)",
    ),
)
