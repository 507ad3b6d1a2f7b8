"""A catalogue that runs: it knows which datasets there are, and opens and closes them."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from starcyte.catalog import memory_usage as footprint
from starcyte.catalog.catalog import Catalog, CatalogEntry
from starcyte.catalog.pool import Pool
from starcyte.catalog.scan import is_called_dataset
from starcyte.catalog.summary import DatasetSummary
from starcyte.catalog.summary_worker import SummaryRequest, SummaryResult, SummaryWorker
from starcyte.compute.jobs import Jobs, ScopedJobs
from starcyte.errors import DatasetInvalid, FilterMissing, InputError, NotFound, StarcyteError
from starcyte.settings import Settings
from starcyte.store.fingerprint import file_state
from starcyte.store.hdf5.signature import check_signature
from starcyte.store.loader import DatasetLoader
from starcyte.store.remote.file import RemoteFile
from starcyte.web.context import Context
from starcyte.web.idle import IdleClock

log = logging.getLogger(__name__)

State = Literal["waiting", "opening", "indexing", "ready", "error"]

# a request that comes to a dataset that was closed waits for it, so that no page has to know; most open within this
_PATIENCE_SECONDS = 2.0
_SWEEP_SECONDS = 2.0


@dataclass(frozen=True)
class DatasetStatus:
    """How a dataset is.

    Parameters
    ----------
    state
        waiting: not looked at yet; opening, or shown while it comes; indexing: open, an index is made; ready; error.
    progress
        Fraction done of what goes on; None: nobody knows.
    message
        What goes on.
    error
        Why it cannot be shown.
    survey
        What is known of it.
    is_open
        Whether it is open.
    """

    state: State
    progress: float | None = None
    message: str = ""
    error: StarcyteError | None = None
    survey: DatasetSummary | None = None
    is_open: bool = False


@dataclass(frozen=True, eq=False)
class Opened:
    """A dataset that is open, and the entry it was opened for."""

    entry: CatalogEntry
    context: Context

    def is_of(self, entry: CatalogEntry) -> bool:
        """Say whether it is what an entry means, which may have changed since."""
        return bool(self.entry.content == entry.content)


class CatalogService:
    """Datasets of one server.

    Parameters
    ----------
    catalog
        Says which there are.
    settings
        Those of the server.
    on_end
        Ends the server, told why.
    """

    def __init__(
        self, catalog: Catalog, settings: Settings, on_end: Callable[[str], None] = lambda reason: None
    ) -> None:
        self._catalog, self._settings, self._on_end = catalog, settings, on_end
        self.idle: IdleClock | None = None
        "The time since anything was used, where that ends the server."
        self.jobs = Jobs(settings)
        self._surveyor = SummaryWorker(settings)
        self._turn = threading.Semaphore()
        self._shelf: Pool[Opened] = Pool(
            settings.max_open, settings.close_idle, self._close, self._is_busy, self._is_over
        )
        self._entries: dict[str, CatalogEntry] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._number = 0
        self.is_complete = False
        "Whether all files have been found once."
        self.problem = ""
        "Why the files could not be looked for."

    @property
    def title(self) -> str:
        """What to call it."""
        return self._catalog.title

    @property
    def description(self) -> str:
        """What is said of it, in Markdown."""
        return self._catalog.about.description

    @property
    def notes(self) -> list[str]:
        """What was found wrong, for the operator."""
        refused = self._catalog.links_refused
        links = [f"{refused} links lead out of the folder, and are not followed."] if refused else []
        return [*([self.problem] if self.problem else []), *self._catalog.notes, *links]

    def start(self) -> None:
        """Begin to look for datasets, and keep looking."""
        threading.Thread(target=self._run, name="catalogue", daemon=True).start()

    def refresh(self) -> None:
        """Look for new, changed and removed files."""
        try:
            found = self._catalog.scan()
        except InputError as error:
            if self.problem != str(error):
                log.warning("%s", error)
            self.problem = str(error)
            return
        finally:
            self.is_complete = True
        self.problem = ""
        with self._lock:
            self._entries = found
        for entry in found.values():
            if entry.path is not None and entry.problem is None:
                answer = self._surveyor.ask(self._asked(entry))
                if isinstance(answer, StarcyteError) and not isinstance(answer, DatasetInvalid | FilterMissing):
                    self._surveyor.forget(self._asked(entry))  # what fails for another reason may do better later
        for key, opened in self._shelf.items():
            now = found.get(key)
            if now is None or not opened.is_of(now) or opened.context.loader.state == "error":
                self._shelf.drop(key, opened)

    def entries(self) -> list[CatalogEntry]:
        """Return all datasets; HDF5 files that turn out to be something else are none, unless they are called so."""
        return [entry for entry in list(self._entries.values()) if not self._is_other(entry)]

    def _is_other(self, entry: CatalogEntry) -> bool:
        if entry.root is None or entry.path is None or entry.problem or is_called_dataset(entry.place):
            return False
        return isinstance(self._surveyor.ask(self._asked(entry)), DatasetInvalid)

    def entry(self, key: str) -> CatalogEntry | None:
        """Return a dataset as it is now; None where there is none, or no more."""
        entry = self._entries.get(key)
        if entry is None or entry.is_current():
            return entry
        path, again = entry.path, None
        assert path is not None
        state = file_state(path)
        if state is not None and (entry.root is None or path.resolve().is_relative_to(entry.root)):
            problem: StarcyteError | None = None
            try:
                check_signature(path)
            except StarcyteError as error:
                problem = error
            again = replace(entry, state=state, size=state.size, problem=problem)
        with self._lock:
            if self._entries.get(key) is entry:
                if again is None:
                    del self._entries[key]
                else:
                    self._entries[key] = again
        self._shelf.drop(key)
        self._wake.set()
        return again

    def hold(self, key: str) -> tuple[Context, Callable[[], None]]:
        """Return the context of a dataset, which is opened if it is not open, and what lets it go.

        Raises
        ------
        NotFound
            If there is no such dataset.
        """
        while True:
            entry = self.entry(key)
            if entry is None:
                raise absent(key)
            copy = self._shelf.take(key, lambda entry=entry: self._open(entry))  # type: ignore[misc]
            opened = copy.thing
            if opened.is_of(entry):
                self._wake.set()
                return opened.context, partial(self._shelf.give_back, copy)
            self._shelf.drop(key, opened)
            self._shelf.give_back(copy)

    def standing(self, entry: CatalogEntry) -> DatasetStatus:
        """Say how a dataset is."""
        known = self._surveyor.ask(self._asked(entry)) if entry.problem is None else None
        survey = known if isinstance(known, DatasetSummary) else None
        if entry.problem is not None:
            return DatasetStatus("error", error=entry.problem)
        opened = self._shelf.look(entry.id)
        if opened is not None and opened.is_of(entry):
            loader = opened.context.loader
            if loader.state == "loading":
                return DatasetStatus("opening", loader.progress, loader.message, None, survey)
            if loader.state == "error":
                return DatasetStatus("error", error=loader.error, survey=survey)
            if loader.downloaded is not None:
                return DatasetStatus("opening", loader.downloaded, "Downloading", None, survey, True)
            indexing = loader.indexing
            if indexing:
                return DatasetStatus("indexing", indexing.done, f"Indexing {indexing.matrix}", None, survey, True)
            return DatasetStatus("ready", survey=survey, is_open=True)
        if isinstance(known, StarcyteError):
            return DatasetStatus("error", error=known)
        if entry.path is not None and survey is None:
            return DatasetStatus("waiting", message="Not looked at yet")
        return DatasetStatus("ready", survey=survey)

    def title_of(self, entry: CatalogEntry) -> str:
        """Return what to call a dataset."""
        known = self._surveyor.ask(self._asked(entry)) if entry.problem is None and not entry.title else None
        found = known.title if isinstance(known, DatasetSummary) else ""
        return entry.title or found or PurePosixPath(entry.place).stem or entry.id

    def picture(self, entry: CatalogEntry) -> Path | None:
        """Return the file of the thumbnail of a dataset; None where there is none."""
        standing = self.standing(entry)
        return self._surveyor.picture(self._asked(entry)) if standing.survey and standing.survey.has_picture else None

    def opened(self) -> list[tuple[str, Opened]]:
        """Return what is open, the least used first."""
        return self._shelf.items()

    def is_opening(self) -> bool:
        """Say whether any dataset is being opened."""
        return any(one.context.loader.state == "loading" for _, one in self._shelf.items())

    def is_open(self, key: str) -> bool:
        """Say whether a dataset is open, or opening."""
        return self._shelf.look(key) is not None

    @property
    def counts(self) -> Mapping[str, int]:
        """How many datasets were opened and closed, and how many files are still to be looked at."""
        return {"opened": self._shelf.opened, "closed": self._shelf.closed, "waiting": self._surveyor.waiting}

    def stop(self) -> None:
        """Give up all work under way."""
        self._stopping.set()
        self._wake.set()
        self._surveyor.close()
        for _, opened in self._shelf.items():
            opened.context.stopping.set()
            if opened.context.autosave is not None:
                # all at once: there is no time for one after the other
                opened.context.autosave.hurry()
        self.jobs.close()

    def close(self) -> None:
        """Let go of all that is open."""
        self._shelf.clear()

    def sweep(self) -> None:
        """Close what is not used, as far as the budgets ask for it."""
        self._shelf.sweep()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(Exception):
                self._round()
            rest = self._settings.rescan
            while rest > 0 and not self._stopping.is_set():
                self._wake.wait(min(rest, _SWEEP_SECONDS))
                self._wake.clear()
                rest -= _SWEEP_SECONDS
                self._shelf.sweep()
                self._survey_copies()

    def _round(self) -> None:
        try:
            self.refresh()
        except Exception:
            log.exception("looking for datasets failed")
            self.problem = "Looking for datasets failed: a defect of starcyte; see the server's log."
            raise

    def _survey_copies(self) -> None:
        """Look at what came from elsewhere, once it is here."""
        for _, opened in self._shelf.items():
            if opened.entry.url is not None and opened.context.loader.is_complete:
                asked = self._asked(opened.entry)
                if self._surveyor.ask(asked) is None:
                    self._surveyor.ask(replace(asked, path=opened.context.dataset().path))

    def _asked(self, entry: CatalogEntry) -> SummaryRequest:
        place = entry.url or str(entry.path)
        return SummaryRequest(place, entry.state or entry.version, self._own(entry), entry.path)

    def _own(self, entry: CatalogEntry) -> dict[str, Any]:
        """Return the settings that are the dataset's own; what the server is called is no name for a dataset."""
        own = {"title": entry.title, "session_file": "", **entry.settings}
        if self._settings.outputs_dir:
            own["outputs_dir"] = str(Path(self._settings.outputs_dir) / entry.id)
        return own

    def _open(self, entry: CatalogEntry) -> Opened:
        settings = self._settings.with_values(self._own(entry))
        self._number += 1
        remote: RemoteFile | None = None
        problem = entry.problem
        if entry.url is not None and problem is None:
            try:
                remote = RemoteFile(entry.url, settings)
            except InputError as error:
                problem = error
        guarantee = SummaryResult(self._surveyor, self._asked(entry)) if entry.path is not None else None
        loader = DatasetLoader(
            None if remote else entry.path or Path(PurePosixPath(entry.place).name),
            settings,
            indexing=True,
            probe=_Broken(problem) if problem else guarantee,
            remote=remote,
            turn=self._turn,
        )
        loader.title = self.title_of(entry)
        context = Context(settings, loader, ScopedJobs(self.jobs, f"{entry.id} {self._number}"), _PATIENCE_SECONDS)
        context.on_end, context.idle = self._on_end, self.idle
        loader.start()
        context.begin()
        return Opened(entry, context)

    def _close(self, opened: Opened) -> None:
        opened.context.stop()
        opened.context.close()
        opened.context.loader.close()

    @staticmethod
    def _is_busy(opened: Opened) -> bool:
        loader, jobs = opened.context.loader, opened.context.jobs
        busy: bool = isinstance(jobs, ScopedJobs) and jobs.busy
        # one whose source is away may be closed; it goes on when it is opened again
        comes = loader.state == "loading" or (loader.downloaded is not None and not loader.problems)
        return bool(busy or comes or loader.indexing is not None)

    def _is_over(self) -> bool:
        most_bytes, most_files = int(self._settings.open_bytes), int(self._settings.open_files)
        if footprint.memory() > most_bytes:
            gc.collect()
            footprint.trim()
        return footprint.memory() > most_bytes or footprint.files() > most_files


class _Broken:
    """What makes opening a file that is known to be broken fail at once."""

    def __init__(self, problem: StarcyteError) -> None:
        self._problem = problem

    def wait(self) -> None:
        """Raise what is wrong with it."""
        raise self._problem


def absent(key: str) -> NotFound:
    """Return what is told of a dataset that is not there, or not for who asks: nothing tells these apart."""
    return NotFound(
        f"There is no dataset {key!r} here.", "It may have been removed; the catalogue lists what there is."
    )
