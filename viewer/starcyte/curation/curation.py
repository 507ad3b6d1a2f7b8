"""Curation: all that users make of one dataset; what web and export hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starcyte.curation.annotations.annotations import Annotations
from starcyte.curation.database.record import Change
from starcyte.curation.database.store import Store, utc_now
from starcyte.curation.gene_sets import GeneSets
from starcyte.curation.models import Snapshot
from starcyte.curation.saved_items import SavedItems
from starcyte.settings import Settings

_CHANGES_AT_ONCE = 1000


class Curation:
    """What users make of one dataset. Safe for use from several threads.

    Parameters
    ----------
    store_path
        The database; it is made if it is not there.
    settings
        The settings in force.
    n_obs
        How many cells the dataset has.
    now
        Says the time.

    Raises
    ------
    StorageUnusable
        If the database cannot be used.
    """

    def __init__(self, store_path: Path, settings: Settings, n_obs: int, now: Callable[[], str] = utc_now) -> None:
        self.store = Store(store_path, settings, now)
        self.settings = settings
        self.n_obs = n_obs
        self.annotations = Annotations(self.store, settings, n_obs)
        self.gene_sets = GeneSets(self.store, settings)
        self.saved_items = SavedItems(self.store, settings)

    def snapshot(self, user: str) -> Snapshot:
        """Return all that a user has made, at one moment."""
        with self.store.read() as reading:
            return Snapshot(
                user,
                reading.newest(user),
                self.annotations.all(user, reading),
                self.gene_sets.all(user, reading),
                self.saved_items.all(user, reading),
            )

    def users(self) -> list[str]:
        """Return who has ever made anything."""
        with self.store.read() as reading:
            return reading.users()

    def newest(self, user: str) -> int:
        """Return the revision of a user's newest change; 0 where there is none."""
        with self.store.read() as reading:
            return reading.newest(user)

    def changes(self, user: str, since: int) -> tuple[int, list[Change]]:
        """Return what a user has changed after a revision, oldest first, and the revision that this leads to.

        Where much has changed, it leads to a revision before the newest: ask again from there.
        """
        with self.store.read() as reading:
            found = reading.changes(user, since, _CHANGES_AT_ONCE)
            return (found[-1].number if found else reading.newest(user)), found

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Have a function called with the user after each change, when it is on the disk, outside any lock."""
        self.store.on_change(callback)

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()
