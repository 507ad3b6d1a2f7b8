"""DatasetLoader: opens a dataset in a thread, while the page and its requests are answered already."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from starcyte.errors import DatasetLoading, InputError, StarcyteError
from starcyte.settings import Settings
from starcyte.store.names import dataset_stem
from starcyte.store.open import open_dataset

if TYPE_CHECKING:
    from starcyte.store.anndata.dataset import AnnDataDataset
    from starcyte.store.dataset import Dataset, Tick
    from starcyte.store.index.background import BackgroundIndexing, Progress
    from starcyte.store.index.stored_dataset import StoredDataset
    from starcyte.store.remote.file import RemoteFile

log = logging.getLogger(__name__)

State = Literal["loading", "ready", "error"]


class OpeningProbe(Protocol):
    """A check that a file can be opened without crashing the process."""

    def wait(self) -> None:
        """Wait for the result; raise DatasetInvalid if the file cannot be opened."""


class DatasetLoader:
    """Opens a dataset in a thread, and has its loading status.

    Once ``state`` is ready or error it does not change any more, except during a partial download (``downloaded`` is
    not None) and of a store that is read in place: if it is replaced at its URL, a dataset that was ready becomes an
    error.

    Parameters
    ----------
    path
        The file; None if it is downloaded (``remote``) or written (``make``) first.
    settings
        The settings in force.
    on_error
        Called with the error if the dataset cannot be opened.
    indexing
        Whether to build column indexes in the background.
    probe
        A check that opening the file does not crash the process.
    remote
        The file at a URL, in place of a path.
    index_lock
        Held while an index is built: the datasets of one server share it.
    make
        Writes the file of the demo dataset and returns its path.
    retry_seconds
        Seconds after which a failed partial download is resumed.
    """

    def __init__(
        self,
        path: Path | None,
        settings: Settings,
        on_error: Callable[[StarcyteError], None] = lambda error: None,
        indexing: bool = False,
        probe: OpeningProbe | None = None,
        remote: RemoteFile | None = None,
        index_lock: threading.Semaphore | None = None,
        make: Callable[[Settings], Path] | None = None,
        retry_seconds: float = 30.0,
    ) -> None:
        self._make = make
        self._probe = probe
        self._remote = remote
        self._index_lock = index_lock
        self._retry_seconds = retry_seconds
        self._closed = threading.Event()
        self._indexing = indexing
        self._path = path
        self._settings = settings
        self._on_error = on_error
        self._dataset: StoredDataset | None = None
        self._download_problem = ""
        self._background: BackgroundIndexing | None = None
        # the matrices that get an index unasked; None: all
        self._indexed: frozenset[str] | None = None
        self._done = threading.Event()
        self.error: StarcyteError | None = None
        self.progress: float | None = None
        self.downloaded: float | None = None
        "Fraction of the file that is downloaded, while a partial download is shown; None: all of it."
        demo = "Making the demo dataset (once, some ten seconds)"
        self.message = "Connecting" if remote else "Opening the file" if path else demo
        self.title: str = settings.title or (
            dataset_stem(remote.name) if remote else dataset_stem(path.name) if path else "Demo"
        )

    @property
    def state(self) -> State:
        """The loading status of the dataset."""
        if not self._done.is_set():
            return "loading"
        return "error" if self.error else "ready"

    @property
    def is_complete(self) -> bool:
        """Whether the dataset is open and completely downloaded."""
        return self.state == "ready" and self.downloaded is None

    def adopt(self, dataset: StoredDataset) -> None:
        """Show a dataset that is open already, in place of opening one."""
        self._dataset, self.title = dataset, dataset.title
        self._done.set()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self.run, name="opening", daemon=True).start()

    def run(self) -> None:
        """Open the dataset; an error is kept in ``error``."""
        try:
            # imported late, so that the port answers before the scientific libraries are imported
            if self._remote is not None:
                self._run_remote(self._remote)
                return
            path = self._path
            if path is None:
                assert self._make is not None
                path = self._make(self._settings)
                self.message = "Opening the file"
            if self._probe is not None:
                self._probe.wait()
            self._open(path)
            self._start_indexing()
        except StarcyteError as error:
            self.error = error.anew()
            self.message = error.message
        except Exception:
            log.exception("opening failed")
            self.error = StarcyteError("The file could not be opened: a defect of starcyte.", "See the server's log.")
            self.message = self.error.message
        finally:
            self.downloaded = None
            was_shown = self._done.is_set()
            self._done.set()
            if self._closed.is_set():
                self.close()
            elif self.error and not was_shown:
                self._on_error(self.error)

    def _run_remote(self, remote: RemoteFile) -> None:
        from starcyte.store.in_place.open import fetch_or_open
        from starcyte.store.probe import probe_in_new_process

        path = None
        while path is None:
            try:
                on_metadata = None if self._dataset else self._open
                found = fetch_or_open(
                    remote, self._settings, self._set_progress, self._closed.is_set, on_metadata, self._end
                )
                if not isinstance(found, Path):
                    self._show_in_place(found, remote)
                    return
                path = found
            except InputError as error:
                if self._dataset is None:
                    raise
                # the partial download stays open, and is resumed later
                self._download_problem = str(error)
                log.warning("%s", error)
                if self._closed.wait(self._retry_seconds):
                    return
        self._download_problem = ""
        self._set_progress(None, "Opening the file")
        if self._dataset is None:
            probe_in_new_process(path, self._settings, self._closed.is_set)
            self._open(path)
        else:
            self._dataset.complete(open_dataset(path, self._settings))
        self._start_indexing()

    def _end(self, error: StarcyteError) -> None:
        """Show the error from now on, in place of a dataset that is there no more."""
        self.error, self.message = error.anew(), error.message

    def _show_in_place(self, dataset: AnnDataDataset, remote: RemoteFile) -> None:
        """Show a dataset that is read where it lies; an index is built only of what needs one."""
        from starcyte.store.anndata.matrix import needs_index
        from starcyte.store.in_place.open import open_to_index

        self._dataset, self.title = dataset, dataset.title
        default = dataset.default_matrix
        if self._indexing:
            dataset.await_indexes()
            self._begin_indexing(functools.partial(open_to_index, remote.url))
            self._indexed = frozenset(m.name for m in dataset.matrices if needs_index(m.base))
            if default:
                self.request_index(default)
        self.message = ""
        self._done.set()
        dataset.warm()

    def _open(self, path: Path, part: Path | None = None) -> None:
        """Open the file, or the metadata in its part."""
        dataset = open_dataset(path, self._settings, part)
        self.title = dataset.title
        self._dataset = dataset
        if part is not None:
            self.downloaded = 0.0
            self._done.set()

    def _start_indexing(self) -> None:
        dataset = self._dataset
        assert dataset is not None
        if self._indexing:
            self._begin_indexing(open_dataset)
            if dataset.default_matrix:
                self.request_index(dataset.default_matrix)
        self.message = ""

    def _begin_indexing(self, open_again: Callable[[Path, Settings], StoredDataset]) -> None:
        from starcyte.store.index.background import BackgroundIndexing

        assert self._dataset is not None
        self._background = BackgroundIndexing(self._dataset, self._settings, open_again, self._index_lock)

    def _set_progress(self, progress: float | None, message: str) -> None:
        self.progress, self.message = progress, message
        if self.downloaded is not None and progress is not None:
            self.downloaded = progress

    def dataset(self, patience: float = 0.0) -> Dataset:
        """Return the open dataset.

        Parameters
        ----------
        patience
            Seconds to wait for it.

        Raises
        ------
        DatasetLoading
            If it is not open yet.
        StarcyteError
            If it cannot be opened.
        """
        if not self._done.wait(patience):
            raise DatasetLoading("The dataset is not open yet.", "Try again in a second.")
        if self.error:
            raise self.error.anew()
        assert self._dataset is not None
        return self._dataset

    def wait(self) -> Dataset:
        """Wait until the dataset is open, and return it; raise the error if it cannot be opened."""
        self._done.wait()
        return self.dataset()

    def check_complete(self) -> None:
        """Raise DatasetLoading if the file is not completely downloaded."""
        if self.downloaded is not None:
            raise DatasetLoading(
                f"The dataset is still being downloaded ({self.downloaded:.0%}).", "Try again in a few seconds."
            )

    def request_index(self, matrix: str) -> None:
        """Have the index of a matrix built in the background, unless it exists, or would take what it saves.

        A matrix in the network of which a gene is read directly is not read as a whole before that is asked for.
        """
        if self._background is not None and (self._indexed is None or matrix in self._indexed):
            self._background.request(matrix)

    def wait_for_index(self, matrix: str, tick: Tick) -> None:
        """Wait until the index of a matrix is built, if indexes are built in the background."""
        if self._background is not None:
            self._background.wait(matrix, tick)

    @property
    def indexing(self) -> Progress | None:
        """Progress of the index that is being built; None if none is."""
        return self._background.progress if self._background else None

    @property
    def problems(self) -> list[str]:
        """Messages about a partial download or an index that failed."""
        download = [self._download_problem] if self._download_problem else []
        return [*download, *(self._background.problems if self._background else [])]

    def close(self) -> None:
        """Stop the threads and close the file; a dataset that is loading is closed once it is open."""
        self._closed.set()
        if not self._done.is_set():
            return
        if self._background is not None:
            self._background.close()
        if self._dataset is not None:
            self._dataset.close()
        if self._remote is not None:
            self._remote.release()
