"""The catalog as a service: rescans its sources, and opens and closes datasets as requests need them."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Generic, Literal, Protocol, TypeVar

from starcyte.catalog import resource_usage
from starcyte.catalog.catalog import Catalog
from starcyte.catalog.entry import CatalogEntry
from starcyte.catalog.pool import Pool
from starcyte.catalog.summary import DatasetSummary
from starcyte.catalog.summary_worker import SummaryRequest, SummaryResult, SummaryWorker
from starcyte.compute.jobs import Jobs, ScopedJobs
from starcyte.errors import DatasetInvalid, FilterMissing, InputError, NotFound, StarcyteError
from starcyte.settings import Settings
from starcyte.store.fingerprint import content_bytes, file_state
from starcyte.store.loader import DatasetLoader
from starcyte.store.names import has_dataset_name
from starcyte.store.open import detect_format
from starcyte.store.remote.file import RemoteFile

log = logging.getLogger(__name__)

State = Literal["waiting", "opening", "indexing", "ready", "error"]

_SWEEP_SECONDS = 2.0


class DatasetContext(Protocol):
    """An open dataset with all that its requests share, which the layer above makes and closes."""

    @property
    def loader(self) -> DatasetLoader:
        """The loader of the dataset."""

    def begin(self) -> None:
        """Start the work that follows the opening."""

    def hurry(self) -> None:
        """End all requests, and start to save what is unsaved, without waiting."""

    def stop(self) -> None:
        """End all requests and jobs."""

    def close(self) -> None:
        """Save what is unsaved, and close all files but the dataset's."""


C = TypeVar("C", bound=DatasetContext)


@dataclass(frozen=True)
class DatasetStatus:
    """The status of a dataset.

    Parameters
    ----------
    state
        waiting: its summary is not computed yet; opening, or shown during its download; indexing: open, and an index is
        built; ready; error.
    progress
        The fraction done of the current work; None if unknown.
    message
        A description of the current work.
    error
        The reason that it cannot be shown.
    summary
        Its summary, if known.
    is_open
        Whether it is open.
    """

    state: State
    progress: float | None = None
    message: str = ""
    error: StarcyteError | None = None
    summary: DatasetSummary | None = None
    is_open: bool = False


@dataclass(frozen=True, eq=False)
class OpenDataset(Generic[C]):
    """An open dataset, and the entry it was opened for."""

    entry: CatalogEntry
    context: C
    jobs: ScopedJobs

    def matches(self, entry: CatalogEntry) -> bool:
        """Return whether an entry, which may have changed since, still has the content that was opened."""
        return bool(self.entry.content == entry.content)


class CatalogService(Generic[C]):
    """The datasets of one server.

    Parameters
    ----------
    catalog
        The catalog.
    settings
        The settings of the server.
    make_context
        Returns the context of a dataset, given its settings, its loader and its jobs.
    """

    def __init__(
        self, catalog: Catalog, settings: Settings, make_context: Callable[[Settings, DatasetLoader, ScopedJobs], C]
    ) -> None:
        self._catalog, self._settings, self._make_context = catalog, settings, make_context
        self.jobs = Jobs(settings)
        self._summaries = SummaryWorker(settings)
        self._index_lock = threading.Semaphore()
        self._pool: Pool[OpenDataset[C]] = Pool(
            settings.max_open, settings.close_idle, self._close, self._is_busy, self._is_over
        )
        self._entries: dict[str, CatalogEntry] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self.is_complete = False
        "Whether the first scan has ended."
        self.problem = ""
        "The error of the last scan."

    @property
    def title(self) -> str:
        """The title of the catalog."""
        return self._catalog.title

    @property
    def description(self) -> str:
        """The description of the catalog, in Markdown."""
        return self._catalog.metadata.description

    @property
    def notes(self) -> list[str]:
        """Problems found by the last scan, for the operator."""
        n = self._catalog.n_refused_links
        links = [f"{n} links lead out of the folder, and are not followed."] if n else []
        return [*([self.problem] if self.problem else []), *self._catalog.notes, *links]

    def start(self) -> None:
        """Start to scan for datasets, repeatedly."""
        threading.Thread(target=self._run, name="catalog", daemon=True).start()

    def refresh(self) -> None:
        """Scan for new, changed and removed datasets."""
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
                known = self._summaries.get(self._request(entry))
                if isinstance(known, StarcyteError) and not isinstance(known, DatasetInvalid | FilterMissing):
                    # an error that is not the file's, such as a full disk, may have gone
                    self._summaries.forget_error(self._request(entry))
        for key, opened in self._pool.items():
            entry_now = found.get(key)
            if entry_now is None or not opened.matches(entry_now) or opened.context.loader.state == "error":
                self._pool.remove(key, opened)

    def entries(self) -> list[CatalogEntry]:
        """Return all datasets, without HDF5 files that are not AnnData, unless their names end as those of datasets."""
        return [entry for entry in list(self._entries.values()) if not self._is_other_hdf5(entry)]

    def _is_other_hdf5(self, entry: CatalogEntry) -> bool:
        if entry.root is None or entry.path is None or entry.problem or has_dataset_name(entry.place):
            return False
        return isinstance(self._summaries.get(self._request(entry)), DatasetInvalid)

    def entry(self, key: str) -> CatalogEntry | None:
        """Return the current entry of a dataset; None if it does not exist, or no longer."""
        entry = self._entries.get(key)
        if entry is None or entry.is_current():
            return entry
        path, changed = entry.path, None
        assert path is not None
        state = file_state(path)
        if state is not None and (entry.root is None or path.resolve().is_relative_to(entry.root)):
            problem: StarcyteError | None = None
            try:
                detect_format(path)
            except StarcyteError as error:
                problem = error.anew()
            changed = replace(entry, state=state, size=content_bytes(path, state), problem=problem)
        with self._lock:
            if self._entries.get(key) is entry:
                if changed is None:
                    del self._entries[key]
                else:
                    self._entries[key] = changed
        self._pool.remove(key)
        self._wake.set()
        return changed

    def acquire(self, key: str) -> tuple[C, Callable[[], None]]:
        """Return the context of a dataset, which is opened if needed, and the function that releases it.

        Raises
        ------
        NotFound
            If there is no such dataset.
        """
        while True:
            entry = self.entry(key)
            if entry is None:
                raise no_such_dataset(key)
            lease = self._pool.acquire(key, lambda entry=entry: self._open(entry))  # type: ignore[misc]
            opened = lease.value
            if opened.matches(entry):
                self._wake.set()
                return opened.context, partial(self._pool.release, lease)
            self._pool.remove(key, opened)
            self._pool.release(lease)

    def status(self, entry: CatalogEntry) -> DatasetStatus:
        """Return the status of a dataset."""
        known = self._summaries.get(self._request(entry)) if entry.problem is None else None
        summary = known if isinstance(known, DatasetSummary) else None
        if entry.problem is not None:
            return DatasetStatus("error", error=entry.problem)
        opened = self._pool.peek(entry.id)
        if opened is not None and opened.matches(entry):
            loader = opened.context.loader
            if loader.state == "loading":
                return DatasetStatus("opening", loader.progress, loader.message, None, summary)
            if loader.state == "error":
                return DatasetStatus("error", error=loader.error, summary=summary)
            if loader.downloaded is not None:
                return DatasetStatus("opening", loader.downloaded, "Downloading", None, summary, True)
            indexing = loader.indexing
            if indexing:
                return DatasetStatus("indexing", indexing.done, f"Indexing {indexing.matrix}", None, summary, True)
            return DatasetStatus("ready", summary=summary, is_open=True)
        if isinstance(known, StarcyteError):
            return DatasetStatus("error", error=known)
        if entry.path is not None and summary is None:
            return DatasetStatus("waiting", message="Not read yet")
        return DatasetStatus("ready", summary=summary)

    def title_of(self, entry: CatalogEntry) -> str:
        """Return the title of a dataset: the configured one, that of the file, or the name of the file."""
        known = self._summaries.get(self._request(entry)) if entry.problem is None and not entry.title else None
        title = known.title if isinstance(known, DatasetSummary) else ""
        return entry.title or title or PurePosixPath(entry.place).stem or entry.id

    def thumbnail(self, entry: CatalogEntry) -> Path | None:
        """Return the path of the thumbnail of a dataset; None if there is none."""
        summary = self.status(entry).summary
        return self._summaries.thumbnail(self._request(entry)) if summary and summary.has_thumbnail else None

    def opened(self) -> list[tuple[str, OpenDataset[C]]]:
        """Return the open datasets by id, the least recently used first."""
        return self._pool.items()

    def is_opening(self) -> bool:
        """Return whether any dataset is being opened."""
        return any(opened.context.loader.state == "loading" for _, opened in self._pool.items())

    def is_open(self, key: str) -> bool:
        """Return whether a dataset is open, or being opened."""
        return self._pool.peek(key) is not None

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of datasets opened and closed so far, and of those that wait for their summary."""
        return {"opened": self._pool.n_opened, "closed": self._pool.n_closed, "waiting": self._summaries.n_queued}

    def stop(self) -> None:
        """End all requests and jobs."""
        self._stopping.set()
        self._wake.set()
        self._summaries.close()
        for _, opened in self._pool.items():
            # all at the same time: there is no time for one after the other
            opened.context.hurry()
        self.jobs.close()

    def close(self) -> None:
        """Close all datasets."""
        self._pool.clear()

    def sweep(self) -> None:
        """Close unused datasets as the limits require."""
        self._pool.sweep()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(Exception):
                self._scan()
            rest = self._settings.rescan
            while rest > 0 and not self._stopping.is_set():
                self._wake.wait(min(rest, _SWEEP_SECONDS))
                self._wake.clear()
                rest -= _SWEEP_SECONDS
                self._pool.sweep()
                self._summarize_downloads()

    def _scan(self) -> None:
        try:
            self.refresh()
        except Exception:
            log.exception("the scan for datasets failed")
            self.problem = "The scan for datasets failed: a defect of starcyte; see the server's log."
            raise

    def _summarize_downloads(self) -> None:
        """Request the summaries of remote datasets that have been downloaded."""
        for _, opened in self._pool.items():
            if opened.entry.url is not None and opened.context.loader.is_complete:
                request = self._request(opened.entry)
                if self._summaries.get(request) is None:
                    self._summaries.get(replace(request, path=opened.context.loader.dataset().path))

    def _request(self, entry: CatalogEntry) -> SummaryRequest:
        place = entry.url or str(entry.path)
        return SummaryRequest(place, entry.state or entry.version, self._settings_of(entry), entry.path)

    def _settings_of(self, entry: CatalogEntry) -> dict[str, Any]:
        """Return the settings of a dataset that differ from the server's, whose title is not that of a dataset."""
        own = {"title": entry.title, "session_file": "", **entry.settings}
        if self._settings.outputs_dir:
            own["outputs_dir"] = str(Path(self._settings.outputs_dir) / entry.id)
        return own

    def _open(self, entry: CatalogEntry) -> OpenDataset[C]:
        settings = self._settings.with_values(self._settings_of(entry))
        remote: RemoteFile | None = None
        problem = entry.problem
        if entry.url is not None and problem is None:
            try:
                remote = RemoteFile(entry.url, settings)
            except InputError as error:
                problem = error.anew()
        summary = SummaryResult(self._summaries, self._request(entry)) if entry.path is not None else None
        loader = DatasetLoader(
            None if remote else entry.path or Path(PurePosixPath(entry.place).name),
            settings,
            indexing=True,
            probe=_FailedProbe(problem) if problem else summary,
            remote=remote,
            index_lock=self._index_lock,
        )
        loader.title = self.title_of(entry)
        jobs = ScopedJobs(self.jobs, f"{entry.id} {self._pool.n_opened}")
        context = self._make_context(settings, loader, jobs)
        loader.start()
        context.begin()
        return OpenDataset(entry, context, jobs)

    def _close(self, opened: OpenDataset[C]) -> None:
        opened.context.stop()
        opened.context.close()
        opened.context.loader.close()

    @staticmethod
    def _is_busy(opened: OpenDataset[C]) -> bool:
        loader = opened.context.loader
        # a download whose source does not answer is no reason to stay open: it is resumed after the next opening
        is_loading = loader.state == "loading" or (loader.downloaded is not None and not loader.problems)
        return bool(opened.jobs.busy or is_loading or loader.indexing is not None)

    def _is_over(self) -> bool:
        most_bytes, most_files = int(self._settings.open_bytes), int(self._settings.open_files)
        if resource_usage.memory() > most_bytes:
            gc.collect()
            resource_usage.trim_memory()
        return resource_usage.memory() > most_bytes or resource_usage.open_files() > most_files


class _FailedProbe:
    """A probe of a file that is known to be damaged: opening it fails at once."""

    def __init__(self, problem: StarcyteError) -> None:
        self._problem = problem

    def wait(self) -> None:
        """Raise the error."""
        raise self._problem.anew()


def no_such_dataset(key: str) -> NotFound:
    """Return the error for a dataset that does not exist, and likewise for one that the user may not see."""
    return NotFound(f"No such dataset: {key!r}.", "It may have been removed; the catalog lists all datasets.")
