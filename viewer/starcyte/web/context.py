"""What the requests of one application share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import current_app

from starcyte.errors import Cancelled
from starcyte.settings import Settings
from starcyte.store.opening import Opening

if TYPE_CHECKING:
    from starcyte.compute.jobs import Jobs
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

    def dataset(self) -> Dataset:
        """Return the open dataset; raise DatasetLoading, or why it cannot be opened."""
        return self.opening.dataset()

    def matrix(self, name: str) -> Matrix:
        """Return a matrix by name, and have its index made if there is none; raise NotFound where there is none."""
        matrix = self.dataset().matrix(name)
        self.opening.want_index(name)
        return matrix

    def tick(self, done: float) -> None:
        """Stop reading for a request when the server stops."""
        if self.stopping.is_set():
            raise Cancelled("The server is stopping.", "Start it again.")

    def stop(self) -> None:
        """Give up all work under way; the next block of each is its last."""
        self.stopping.set()
        self.jobs.close()


def context() -> Context:
    """Return the context of the application that answers the present request."""
    return cast(Context, current_app.extensions["starcyte"])
