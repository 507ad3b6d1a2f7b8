"""The database schema, as a list of migrations: each is applied once, in order, and never edited after a release."""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE records (
            id INTEGER PRIMARY KEY,
            user TEXT NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            revision INTEGER NOT NULL,
            deleted INTEGER NOT NULL,
            time TEXT NOT NULL,
            header TEXT NOT NULL)""",
        "CREATE UNIQUE INDEX existing_records ON records (user, kind, name) WHERE NOT deleted",
        "CREATE INDEX deleted_records ON records (user, kind, name, revision) WHERE deleted",
        """CREATE TABLE blobs (
            record INTEGER NOT NULL REFERENCES records (id),
            number INTEGER NOT NULL,
            content BLOB NOT NULL,
            PRIMARY KEY (record, number))""",
        """CREATE TABLE changes (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            record INTEGER NOT NULL REFERENCES records (id),
            user TEXT NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            action TEXT NOT NULL,
            time TEXT NOT NULL,
            size INTEGER NOT NULL,
            undo BLOB)""",
        "CREATE INDEX changes_of_record ON changes (record, number)",
        "CREATE INDEX changes_of_user ON changes (user, number)",
        "CREATE INDEX undoable_changes ON changes (user, number) WHERE undo IS NOT NULL",
        "CREATE TABLE usage (user TEXT PRIMARY KEY, record_bytes INTEGER NOT NULL, history_bytes INTEGER NOT NULL)",
    ),
)
