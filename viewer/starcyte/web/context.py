"""The state that the requests of an application share."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from flask import current_app, has_request_context, request

from starcyte.errors import Cancelled, Forbidden, NotFound, StarcyteError, StorageUnusable
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starcyte.compute.jobs import Jobs, ScopedJobs
    from starcyte.compute.pseudobulk.sums_cache import SumsCache
    from starcyte.curation.annotations.terms import Terms
    from starcyte.curation.cell_names import CellNames
    from starcyte.curation.curation import Curation
    from starcyte.curation.files.autosave import Autosave
    from starcyte.curation.files.downloads import Downloads
    from starcyte.store.dataset import Dataset, Matrix
    from starcyte.store.index.stored_dataset import StoredDataset
    from starcyte.web.monitoring.idle import IdleClock

# a request to a dataset that was closed waits for its opening, so that pages need not retry; most open in less
_PATIENCE_SECONDS = 2.0
# Galaxy kills the process a second after SIGTERM
_LAST_SAVE_SECONDS = 0.3

#: Key of the WSGI environment: the dataset of a catalog that the request is for
MOUNT = "starcyte.mount"
#: Key of the WSGI environment: the function of the server that returns whether the client has left
CLIENT_LEFT = "waitress.client_disconnected"


@dataclass
class Context:
    """The dataset, the jobs and the settings of an application.

    Parameters
    ----------
    settings
        The settings in force.
    loader
        The dataset, open or not yet.
    jobs
        The pool for long work.
    patience
        Seconds that a request waits for a dataset that is opening.
    stopping
        Set when the server is to end.
    on_end
        Ends the server, told why.
    idle
        The time since it was used, where that ends it.
    autosave
        The export to the outputs folder, once the curation is open.
    problem
        Why annotations cannot be saved; empty if they can.
    finish_key
        A secret that the page sends to end the server.
    """

    settings: Settings
    loader: DatasetLoader
    jobs: Jobs | ScopedJobs
    patience: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)
    on_end: Callable[[str], None] = lambda reason: None
    idle: IdleClock | None = None
    autosave: Autosave | None = None
    problem: str = ""
    finish_key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    _session_problem: str = ""
    _curation: Curation | None = None
    _cell_names: CellNames | None = None
    _downloads: Downloads | None = None
    _terms: Terms | None = None
    _sums: SumsCache | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def dataset(self) -> Dataset:
        """Return the dataset; raise DatasetLoading, or the error that prevents opening it."""
        return self.loader.dataset(self.patience)

    def matrix(self, name: str) -> Matrix:
        """Return a matrix by name and request its index; raise NotFound if the dataset lacks it."""
        matrix = self.dataset().matrix(name)
        self.loader.request_index(name)
        return matrix

    def curation(self) -> Curation:
        """Return the curation of the dataset, which the first call opens.

        Raises
        ------
        StorageUnusable
            If its database cannot be used; ``problem`` then has the reason.
        Forbidden
            If annotations are disabled, or the server is read-only and has none.
        """
        from starcyte.curation.curation import Curation
        from starcyte.curation.database.store import data_folder

        if self.settings.disable_annotations:
            raise Forbidden(
                "Annotations are disabled on this server (disable_annotations).",
                "Ask the operator of this server.",
            )
        dataset = self.dataset()
        with self._lock:
            if self._curation is None:
                path = data_folder(self.settings) / f"{dataset.fingerprint}.sqlite"
                try:
                    self._import_session(path, dataset)
                    self._curation = Curation(path, self.settings, dataset.n_obs)
                except StorageUnusable as error:
                    if self.settings.read_only:
                        raise Forbidden("This server is read-only and has no annotations (read_only).") from None
                    self.problem = f"Annotations and gene sets cannot be saved. {error}"
                    raise
                self.problem = ""
                if self.settings.outputs_dir and not self.settings.read_only:
                    from starcyte.curation.files.autosave import Autosave

                    self.autosave = Autosave(self._curation, dataset, Path(self.settings.outputs_dir))
                    self.autosave.start()
            return self._curation

    def begin(self) -> None:
        """Import the session file and export to the outputs folder as soon as the dataset is open."""
        if self.settings.outputs_dir or self.settings.session_file:
            threading.Thread(target=self._begin, name="begin", daemon=True).start()

    def _begin(self) -> None:
        while self.loader.state == "loading":
            if self.stopping.wait(0.1):
                return
        if self.loader.state == "ready" and not self.stopping.is_set():
            _ = self.has_curation

    def _import_session(self, path: Path, dataset: Dataset) -> None:
        """Import the session file of the settings, unless the database has changes already, as after a restart."""
        if not self.settings.session_file:
            return
        from starcyte.curation.curation import Curation
        from starcyte.curation.files.importer import import_session
        from starcyte.curation.files.read_tables import session_annotations
        from starcyte.curation.files.session import read_session

        # imported also by a read-only server
        curation = Curation(path, Settings(**vars(self.settings) | {"read_only": False}), dataset.n_obs)
        try:
            if curation.latest_revision(""):
                return
            session = read_session(Path(self.settings.session_file).read_bytes())
            table = session_annotations(session, dataset, self._names(dataset))
            import_session(curation, "", session, table.annotations)
            omitted = table.unmatched + table.duplicated
            if omitted:
                self._session_problem = f"{omitted} cells of the session file are not in this dataset, or ambiguous."
        except (OSError, StarcyteError) as error:
            reason = error if isinstance(error, StarcyteError) else f"{error.strerror}."
            self._session_problem = f"The session file was not imported: {reason}"
        finally:
            curation.close()

    @property
    def problems(self) -> list[str]:
        """Messages of problems with which the server continues to run."""
        of_outputs = self.autosave.problem if self.autosave else ""
        return [p for p in (*self.loader.problems, self.problem, self._session_problem, of_outputs) if p]

    def cell_names(self) -> CellNames:
        """Return the cached names of the cells."""
        dataset = self.dataset()
        with self._lock:
            return self._names(dataset)

    def _names(self, dataset: Dataset) -> CellNames:
        from starcyte.curation.cell_names import CellNames

        if self._cell_names is None:
            self._cell_names = CellNames(dataset)
        return self._cell_names

    def sums(self) -> SumsCache:
        """Return the sums by sample of the dataset that are kept."""
        from starcyte.compute.pseudobulk.sums_cache import SumsCache

        dataset = cast("StoredDataset", self.dataset())
        with self._lock:
            if self._sums is None:
                self._sums = SumsCache(dataset, self.settings)
            return self._sums

    def downloads(self) -> Downloads:
        """Return the files for download."""
        from starcyte.curation.files.downloads import Downloads
        from starcyte.store.cache import cache_folder

        self.curation()
        dataset = self.dataset()
        with self._lock:
            if self._downloads is None:
                folder = cache_folder(self.settings) / "downloads"
                self._downloads = Downloads(dataset, self.settings, folder, self.autosave)
            return self._downloads

    @property
    def has_curation(self) -> bool:
        """Whether annotations, gene sets and saved items can be read."""
        try:
            self.curation()
        except (StorageUnusable, Forbidden):
            return False
        return True

    def terms(self) -> Terms | None:
        """Return the ontology terms of the settings, or None."""
        from starcyte.curation.annotations.terms import Terms

        if not self.settings.terms_file:
            return None
        with self._lock:
            if self._terms is None:
                self._terms = Terms(Path(self.settings.terms_file))
            return self._terms

    def tick(self, done: float) -> None:
        """Raise Cancelled when the server stops, or when the client of the present request has left."""
        if self.stopping.is_set():
            raise Cancelled("The server is stopping.", "Start it again.")
        if has_request_context() and request.environ.get(CLIENT_LEFT, bool)():
            raise Cancelled("The client has closed the connection.")

    def hurry(self) -> None:
        """End all requests, and save the outputs folder in the background."""
        self.stopping.set()
        if self.autosave is not None:
            self.autosave.hurry()

    def stop(self) -> None:
        """Cancel all requests and jobs, which stop after their current block."""
        self.stopping.set()
        self.jobs.close()

    def close(self) -> None:
        """Close the curation and its files, after the last request."""
        with self._lock:
            if self.autosave is not None:
                self.autosave.close(_LAST_SAVE_SECONDS)
            if self._downloads is not None:
                self._downloads.close()
            if self._curation is not None:
                self._curation.close()


@dataclass
class ContextFactory:
    """A factory of the contexts of a catalog's datasets.

    Parameters
    ----------
    on_end
        Ends the server, given the reason.
    idle
        The clock that ends an unused server; None if it runs on.
    """

    on_end: Callable[[str], None] = lambda reason: None
    idle: IdleClock | None = None

    def __call__(self, settings: Settings, loader: DatasetLoader, jobs: ScopedJobs) -> Context:
        """Return the context of a dataset that is being opened."""
        return Context(settings, loader, jobs, _PATIENCE_SECONDS, on_end=self.on_end, idle=self.idle)


class Mount(Protocol):
    """A dataset of a catalog, as seen by one request."""

    @property
    def title(self) -> str:
        """The title of the dataset."""

    @property
    def roles(self) -> Mapping[str, str] | None:
        """The roles of this dataset by user; None if it has none of its own."""

    @property
    def not_found(self) -> NotFound:
        """The error for users who may not see it."""

    @property
    def summary(self) -> str:
        """A line that describes it; empty if little is known."""

    @property
    def thumbnail(self) -> str:
        """The URL of its thumbnail, relative to the page of the catalog; empty without one."""

    @property
    def catalog_title(self) -> str:
        """The title of the catalog."""

    @property
    def exists(self) -> bool:
        """Whether the catalog has this dataset."""

    @property
    def problem(self) -> StarcyteError | None:
        """The reason that it cannot be shown, if known."""

    @property
    def is_closed(self) -> bool:
        """Whether it exists and is closed."""

    @property
    def idle(self) -> IdleClock | None:
        """The clock that ends an unused server; None if it runs on."""

    def context(self) -> Context:
        """Return its context, which stays open until the answer is sent; the dataset is opened if needed."""

    def is_stale(self) -> bool:
        """Whether the file has changed since it was opened."""

    def revision(self) -> str:
        """Return the revision of the file if it is known without opening it; else an empty text."""


def current_mount() -> Mount | None:
    """Return the dataset of a catalog that the current request is for; None on a server of one dataset."""
    return cast("Mount | None", request.environ.get(MOUNT))


def context() -> Context:
    """Return the context of the dataset that the current request is for."""
    one = current_mount()
    return cast(Context, current_app.extensions["starcyte"]) if one is None else one.context()
