"""Summaries of the datasets of a catalog, computed one after the other in a process of their own.

A damaged file may crash a library or keep it busy forever: that ends only this process. The file is reported as
damaged, and another process continues with the next.

Invariant: while the lock is not held, a key that was requested has an answer, is in the queue, or is being processed by
the thread.
"""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starcyte import __version__, errors
from starcyte.catalog.summary import DatasetSummary, read_summary, summarize
from starcyte.errors import Cancelled, DatasetInvalid, StarcyteError
from starcyte.settings import Settings
from starcyte.store.cache import cache_folder
from starcyte.store.fingerprint import FileState
from starcyte.store.open import crash_error
from starcyte.store.remote.source import is_url

if TYPE_CHECKING:
    from starcyte.store.index.stored_dataset import StoredDataset

log = logging.getLogger(__name__)

_HINT = "The file is damaged; copy or download it again."
# an idle process waits so long for the next file: it takes a second to start, and uses memory while it runs
_IDLE_SECONDS = 5.0
_MOST_ANSWERS = 4000


@dataclass(frozen=True)
class SummaryRequest:
    """A request for the summary of a dataset.

    Parameters
    ----------
    place
        Its path or URL.
    state
        The state of the file, or the ETag of the object, which changes with the content.
    settings
        The settings of the dataset that differ from the server's.
    path
        The file; None if it is not on this machine, so that only a stored summary can be returned.
    """

    place: str
    state: FileState | str | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @property
    def key(self) -> str:
        """The key of the summary, which changes with the content and the settings of the dataset."""
        identity = repr((self.place, self.state, sorted(self.settings.items()), __version__))
        return hashlib.blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


class SummaryWorker:
    """Computes summaries. Safe for use from several threads.

    Parameters
    ----------
    settings
        ``cache_dir``, ``open_deadline`` and the settings for opening a dataset are used.
    main
        The main function of the process, called with the pipe and the settings.
    """

    def __init__(self, settings: Settings, main: Callable[[Connection, Settings], None] | None = None) -> None:
        self._settings, self._main = settings, main or answer_requests
        self.folder = cache_folder(settings) / "catalog"
        self._changed = threading.Condition()
        self._queue: OrderedDict[str, SummaryRequest] = OrderedDict()
        self._answers: dict[str, DatasetSummary | StarcyteError] = {}
        self._closed = False
        self._thread: threading.Thread | None = None
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def get(self, request: SummaryRequest, first: bool = False) -> DatasetSummary | StarcyteError | None:
        """Return the summary of a dataset, or the error; None if it is not known yet, and is now queued.

        Parameters
        ----------
        request
            The dataset.
        first
            Whether to put it in front of the queue.
        """
        key = request.key
        with self._changed:
            if key in self._answers or self._closed:
                return self._answers.get(key)
            if request.path is None:
                known = read_summary(self.folder, key)
                if known is not None:
                    self._answers[key] = known
                return known
            if key not in self._queue:
                self._queue[key] = request
            if first:
                self._queue.move_to_end(key, last=False)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="summaries", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return None

    def wait(self, request: SummaryRequest) -> DatasetSummary:
        """Wait for the summary of a dataset, which goes in front of the queue, and return it.

        Raises
        ------
        StarcyteError
            If the dataset cannot be shown.
        Cancelled
            If the server stops.
        """
        answer = self.get(request, first=True)
        with self._changed:
            while answer is None:
                if self._closed:
                    raise Cancelled("The viewer is stopping.")
                self._changed.wait(1.0)
                answer = self._answers.get(request.key)
        if isinstance(answer, StarcyteError):
            raise answer
        return answer

    def forget_error(self, request: SummaryRequest) -> None:
        """Discard the error of a dataset, so that the next request tries again."""
        with self._changed:
            if isinstance(self._answers.get(request.key), StarcyteError):
                del self._answers[request.key]

    @property
    def n_queued(self) -> int:
        """The number of datasets in the queue."""
        return len(self._queue)

    def thumbnail(self, request: SummaryRequest) -> Path:
        """Return the path of the thumbnail of a dataset."""
        return self.folder / f"{request.key}.png"

    def close(self) -> None:
        """Stop the thread and the process."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            process = self._process
        if process is not None:
            process.kill()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._queue and not self._closed:
                    self._changed.wait(_IDLE_SECONDS if self._process else None)
                if self._closed:
                    return
                key, request = next(iter(self._queue.items()), ("", None))
            if request is None:
                self._end_process()
                continue
            try:
                answer = read_summary(self.folder, key) or self._compute(key, request)
            except StarcyteError as error:
                answer = error
            except Exception:
                log.exception("a dataset of the catalog could not be summarized")
                answer = StarcyteError("The file could not be read: a defect of starcyte.", "See the server's log.")
            with self._changed:
                self._queue.pop(key, None)
                while len(self._answers) >= max(_MOST_ANSWERS, 2 * self._settings.max_datasets):
                    del self._answers[next(iter(self._answers))]
                self._answers[key] = answer
                self._changed.notify_all()

    def _compute(self, key: str, request: SummaryRequest) -> DatasetSummary | StarcyteError:
        """Return the summary that the process computes, or the error."""
        assert request.path is not None
        pipe = self._connection()
        end = time.monotonic() + self._settings.open_deadline
        try:
            pipe.send((self.folder, key, request.path, request.place, dict(request.settings)))
            while not pipe.poll(0.25):
                if self._closed:
                    raise Cancelled("The viewer is stopping.")
                if time.monotonic() > end:
                    self._end_process()
                    return DatasetInvalid(
                        f"Opening {request.path.name!r} takes longer than {self._settings.open_deadline:g} s"
                        " (open_deadline).",
                        _HINT,
                    )
            answer = pipe.recv()
        except (EOFError, OSError):
            code = self._end_process()
            reason = signal.Signals(-code).name if code and code < 0 else f"status {code}"
            return crash_error(request.path, reason)
        if isinstance(answer, DatasetSummary):
            return answer
        kind, message, hint = answer
        return getattr(errors, kind, StarcyteError)(message, hint)

    def _connection(self) -> Connection:
        """Return the pipe to the process, which is started if it does not run."""
        if self._pipe is not None and self._process is not None and self._process.is_alive():
            return self._pipe
        self._end_process()
        with suppress(OSError):  # of a full or read-only cache: there are no thumbnails
            self.folder.mkdir(parents=True, exist_ok=True)
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=self._main, args=(theirs, self._settings), daemon=True)
        with self._changed:
            if self._closed:
                raise Cancelled("The viewer is stopping.")
            process.start()
            self._process, self._pipe = process, ours
        theirs.close()
        return ours

    def _end_process(self) -> int | None:
        """End the process and return its exit code; None if it did not end by itself."""
        process, self._process = self._process, None
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()
        if process is None:
            return None
        process.join(0.5)
        code = process.exitcode
        process.kill()
        process.join()
        process.close()
        return code


class SummaryResult:
    """A pending summary: before a dataset is opened, another process has proved that HDF5 can read it.

    Parameters
    ----------
    worker
        The worker that computes it.
    request
        The dataset.
    """

    def __init__(self, worker: SummaryWorker, request: SummaryRequest) -> None:
        self._worker, self._request = worker, request

    def wait(self) -> None:
        """Wait for the summary; raise the error if the dataset cannot be shown."""
        self._worker.wait(self._request)


def answer_requests(pipe: Connection, settings: Settings) -> None:
    """Compute the summaries that a pipe asks for: the main function of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops this process
    os.nice(5)
    with suppress(EOFError, BrokenPipeError):
        while True:
            folder, key, path, place, own = pipe.recv()
            chosen = settings.with_values(own)
            answer: Any
            try:
                dataset = _open(path, place, chosen)
                try:
                    answer = summarize(dataset, chosen, folder, key)
                finally:
                    dataset.close()
            except StarcyteError as error:
                answer = (type(error).__name__, error.message, error.hint)
            except Exception as error:
                log.exception("a dataset of the catalog could not be summarized")
                answer = ("StarcyteError", f"{path.name!r} cannot be read: {type(error).__name__}.", _HINT)
            pipe.send(answer)


def _open(path: Path, place: str, settings: Settings) -> StoredDataset:
    """Open a file, or what is at a URL and is no file: Zarr that is read in place."""
    if is_url(place) and not path.exists():
        from starcyte.store.in_place.open import open_in_place

        return open_in_place(place, settings)
    from starcyte.store.open import open_dataset

    return open_dataset(path, settings)
