"""Curation: the annotations, gene sets and saved items of one dataset, over one database."""

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

_CHANGES_PER_ANSWER = 1000


class Curation:
    """The annotations, gene sets and saved items of all users of one dataset. Thread-safe.

    Parameters
    ----------
    store_path
        The database file; created if it does not exist.
    settings
        The settings in force.
    n_obs
        The number of cells of the dataset.
    now
        Returns the time of a change.

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
        """Return all annotations, gene sets and saved items of a user."""
        with self.store.read() as transaction:
            return Snapshot(
                user,
                transaction.latest_revision(user),
                self.annotations.all(user, transaction),
                self.gene_sets.all(user, transaction),
                self.saved_items.all(user, transaction),
            )

    def users(self) -> list[str]:
        """Return the users who have changed anything."""
        with self.store.read() as transaction:
            return transaction.users()

    def latest_revision(self, user: str) -> int:
        """Return the revision of a user's latest change; 0 if there is none."""
        with self.store.read() as transaction:
            return transaction.latest_revision(user)

    def changes(self, user: str, since: int) -> tuple[int, list[Change]]:
        """Return a user's changes after a revision, oldest first, and the revision after them.

        If there are many, this is not the latest revision: call again with it.
        """
        with self.store.read() as transaction:
            found = transaction.changes(user, since, _CHANGES_PER_ANSWER)
            return (found[-1].number if found else transaction.latest_revision(user)), found

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Call a function with the user after each committed change, without holding a lock."""
        self.store.on_change(callback)

    def close(self) -> None:
        """Close the database."""
        self.store.close()
