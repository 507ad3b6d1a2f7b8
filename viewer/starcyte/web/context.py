"""What the requests of one application share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flask import current_app

from starcyte.errors import Cancelled, Forbidden, StorageUnusable
from starcyte.settings import Settings
from starcyte.store.opening import Opening

if TYPE_CHECKING:
    from starcyte.compute.jobs import Jobs
    from starcyte.curation.curation import Curation
    from starcyte.curation.terms import Terms
    from starcyte.store.base import Dataset, Matrix


@dataclass
class Context:
    """The dataset, the jobs and the settings of an application.

    Parameters
    ----------
    settings
        The settings in force.
    opening
        The dataset, open or not yet.
    jobs
        The pool for long work.
    """

    settings: Settings
    opening: Opening
    jobs: Jobs
    stopping: threading.Event = field(default_factory=threading.Event)
    problem: str = ""
    _curation: Curation | None = None
    _terms: Terms | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def dataset(self) -> Dataset:
        """Return the open dataset; raise DatasetLoading, or why it cannot be opened."""
        return self.opening.dataset()

    def matrix(self, name: str) -> Matrix:
        """Return a matrix by name, and have its index made if there is none; raise NotFound where there is none."""
        matrix = self.dataset().matrix(name)
        self.opening.want_index(name)
        return matrix

    def curation(self) -> Curation:
        """Return what users make of the dataset; it is opened when it is first asked for.

        Raises
        ------
        StorageUnusable
            If nothing can be kept; ``problem`` says why from then on, until it can.
        Forbidden
            If nothing is kept and nothing may be.
        """
        from starcyte.curation.curation import Curation
        from starcyte.curation.db import data_folder

        if self.settings.disable_annotations:
            raise Forbidden("Nothing is kept here (setting disable_annotations).", "Ask the operator of this server.")
        dataset = self.dataset()
        with self._lock:
            if self._curation is None:
                path = data_folder(self.settings) / f"{dataset.fingerprint}.sqlite"
                try:
                    self._curation = Curation(path, self.settings, dataset.n_obs)
                except StorageUnusable as error:
                    if self.settings.read_only:
                        raise Forbidden("Nothing is kept here (setting read_only).") from None
                    self.problem = f"Labels and gene sets cannot be kept. {error}"
                    raise
                self.problem = ""
            return self._curation

    @property
    def keeps(self) -> bool:
        """Whether what users make can be kept, or read."""
        try:
            self.curation()
        except (StorageUnusable, Forbidden):
            return False
        return True

    def terms(self) -> Terms | None:
        """Return the terms to complete names with; None where none are given."""
        from starcyte.curation.terms import Terms

        if not self.settings.terms_file:
            return None
        with self._lock:
            if self._terms is None:
                self._terms = Terms(Path(self.settings.terms_file))
            return self._terms

    def tick(self, done: float) -> None:
        """Stop reading for a request when the server stops."""
        if self.stopping.is_set():
            raise Cancelled("The server is stopping.", "Start it again.")

    def stop(self) -> None:
        """Give up all work under way; the next block of each is its last."""
        self.stopping.set()
        self.jobs.close()

    def close(self) -> None:
        """Let go of what users make, when nobody asks any more."""
        with self._lock:
            if self._curation is not None:
                self._curation.close()


def context() -> Context:
    """Return the context of the application that answers the present request."""
    return cast(Context, current_app.extensions["starcyte"])
