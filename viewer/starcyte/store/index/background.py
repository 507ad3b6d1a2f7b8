"""Column indexes built in the background, one after the other, each in a child process.

A process does not compete with requests for the GIL, and its failure is no failure of the server. It ends with the
server, even a killed one: between blocks it compares its parent's process id.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

from starcyte.errors import Cancelled, DatasetInvalid, InputError, StarcyteError
from starcyte.settings import Settings
from starcyte.store.cache import index_folder, make_room
from starcyte.store.dataset import Tick
from starcyte.store.index.build import build_index
from starcyte.store.index.column_index import UNUSABLE, ColumnIndex, IndexKey
from starcyte.store.index.malloc import keep_freed_memory
from starcyte.store.index.stored_dataset import StoredDataset

log = logging.getLogger(__name__)

Open: TypeAlias = Callable[[Path, Settings], StoredDataset]
"""Opens a dataset; a function of a module, as it is sent to a process of its own."""

_REPORT_SECONDS = 0.1


@dataclass(frozen=True)
class Progress:
    """The progress of an index that is being built.

    Parameters
    ----------
    matrix
        The name of the matrix.
    done
        The fraction done.
    """

    matrix: str
    done: float


class BackgroundIndexing:
    """A queue of matrices of one dataset to index, and the thread that works it off.

    Parameters
    ----------
    dataset
        The dataset.
    settings
        The settings in force.
    open_dataset
        Opens the dataset in the process that builds an index.
    semaphore
        Acquired while an index is built: it limits the builds of all datasets of one server.

    Attributes
    ----------
    progress
        The progress of the index that is being built; None if none is.
    problems
        Messages about indexes that could not be built or used.
    """

    def __init__(
        self,
        dataset: StoredDataset,
        settings: Settings,
        open_dataset: Open,
        semaphore: threading.Semaphore | None = None,
    ) -> None:
        self._dataset, self._settings, self._open_dataset = dataset, settings, open_dataset
        self._semaphore = semaphore or threading.Semaphore()
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._finished: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: multiprocessing.process.BaseProcess | None = None
        self._closed = False
        self.progress: Progress | None = None
        self.problems: list[str] = []

    def request(self, name: str) -> None:
        """Queue the index of a matrix, and return at once.

        A small matrix gets no index: the scan of all of it is faster than opening an index.
        """
        if self._is_small(name) and not self._settings.index_file:
            return
        with self._lock:
            if name in self._finished or self._closed:
                return
            self._finished[name] = threading.Event()
            self._queue.put(name)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="indexing", daemon=True)
                self._thread.start()

    def _is_small(self, name: str) -> bool:
        """Return whether a matrix needs no index: it is small, or the store has all that an index has."""
        matrix = self._dataset.matrix(name)
        if matrix.base.is_prepared:
            return True
        n = matrix.nnz if matrix.nnz is not None else matrix.shape[0] * matrix.shape[1]
        return bool(n < self._settings.index_least)

    def wait(self, name: str, tick: Tick) -> None:
        """Wait until the index of a matrix is built, or has failed.

        Parameters
        ----------
        name
            The matrix.
        tick
            Called with the fraction of the index that is done; raises to stop waiting.
        """
        self.request(name)
        finished = self._finished.get(name)
        while finished is not None and not finished.wait(_REPORT_SECONDS):
            progress = self.progress
            tick(progress.done if progress and progress.matrix == name else 0.0)

    def close(self) -> None:
        """Stop; an incomplete index is removed with the next clean-up of the cache."""
        with self._lock:
            self._closed = True
            process = self._process
        self._queue.put(None)
        if process is not None:
            process.kill()

    def _run(self) -> None:
        while (name := self._queue.get()) is not None:
            try:
                index = self._from_archive(name) or self._open(name) or self._build_if_needed(name)
                self._dataset.matrix(name).index = index
            except DatasetInvalid as error:
                self._report(self._dataset.leave_out(name, error))
            except StarcyteError as error:
                if not self._closed:
                    self._report(str(error))
            except Exception:
                self.problems.append(
                    f"The index of {name} could not be built: a defect of starcyte; see the server's log."
                )
                log.exception("the index of a matrix could not be built")
            finally:
                self.progress = None
                self._end_wait(name)
                self._finished[name].set()

    def _end_wait(self, name: str) -> None:
        """Let genes be read from a matrix that has its index, or none for good."""
        with suppress(StarcyteError):
            self._dataset.matrix(name).awaits_index = False

    def _from_archive(self, name: str) -> ColumnIndex | None:
        """Return the index in the archive of the setting ``index_file``, if it is of this dataset."""
        path = self._settings.index_file
        if not path:
            return None
        try:
            return ColumnIndex(Path(path), self._dataset.index_key(name))
        except UNUSABLE as error:
            why = (error.strerror or error) if isinstance(error, OSError) else error.args[0]
            self._report(f"The index of {name} (index_file) is not used: {why}. Run `starcyte prepare` to make one.")
            return None

    def _report(self, problem: str) -> None:
        self.problems.append(problem)
        log.warning("%s", problem)

    def _open(self, name: str) -> ColumnIndex | None:
        key = self._dataset.index_key(name)
        folder = index_folder(self._settings) / key.folder_name
        try:
            index = ColumnIndex(folder, key)
        except UNUSABLE:
            return None
        with suppress(OSError):  # a cache prepared in advance may be read-only
            os.utime(folder)
        return index

    def _build_if_needed(self, name: str) -> ColumnIndex | None:
        if self._is_small(name):
            return None
        while not self._semaphore.acquire(timeout=_REPORT_SECONDS):
            if self._closed:
                raise Cancelled("The viewer is stopping.")
        try:
            # another server of the same file may have built it in the meantime
            return self._open(name) or self._build(name)
        finally:
            self._semaphore.release()

    def _build(self, name: str) -> ColumnIndex:
        self.progress = Progress(name, 0.0)
        spawn = multiprocessing.get_context("spawn")
        receiver, sender = spawn.Pipe(duplex=False)
        process = spawn.Process(
            target=_index_in_child,
            args=(
                sender,
                self._open_dataset,
                self._dataset.path,
                self._settings,
                self._dataset.index_key(name),
                os.getpid(),
            ),
            daemon=True,
        )
        with self._lock:
            if self._closed:
                raise Cancelled("The viewer is stopping.")
            process.start()
            self._process = process
        sender.close()
        failure: StarcyteError | None = None
        while True:
            try:
                message = receiver.recv()
            except EOFError:
                break
            if isinstance(message, float):
                self.progress = Progress(name, message)
            else:
                is_invalid, *text = message
                failure = (DatasetInvalid if is_invalid else InputError)(*text)
        process.join()
        index = self._open(name)
        if index is None:
            raise failure or InputError(
                f"The index of {name} was not built: its process ended with exit status {process.exitcode}.",
                "The viewer works without it, slower.",
            )
        return index


def index_matrix(dataset: StoredDataset, settings: Settings, name: str, tick: Tick) -> ColumnIndex:
    """Build the index of a matrix in this process, or open it if the cache has it.

    Raises
    ------
    InputError
        If it cannot be written, or the matrix contradicts itself.
    """
    keep_freed_memory()
    folder, key, matrix = index_folder(settings), dataset.index_key(name), dataset.matrix(name)
    with suppress(OSError):  # a new index may fit although old ones cannot be removed
        make_room(folder, settings.cache_bytes, keep=key.folder_name)
    index = build_index(matrix.base, dataset.grouping_columns(name), folder, key, settings.cores, tick)
    with suppress(OSError):
        make_room(folder, settings.cache_bytes, keep=key.folder_name)
    return index


def _index_in_child(
    sender: Connection, open_dataset: Open, path: Path, settings: Settings, key: IndexKey, parent: int
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then stops this process
    os.nice(10)
    last = 0.0

    def tick(done: float) -> None:
        nonlocal last
        if os.getppid() != parent:
            raise Cancelled("The viewer has ended.")
        if time.monotonic() - last > _REPORT_SECONDS:
            last = time.monotonic()
            try:
                sender.send(done)
            except BrokenPipeError:
                raise Cancelled("The viewer has ended.") from None

    failure: Any = None
    try:
        dataset = open_dataset(path, settings)
        if dataset.index_key(key.matrix) != key:
            raise InputError(f"{key.matrix} was not indexed: the file has been replaced.", "Open it again.")
        index_matrix(dataset, settings, key.matrix, tick)
    except StarcyteError as error:
        failure = (isinstance(error, DatasetInvalid), error.message, error.hint)
    with suppress(BrokenPipeError):
        if failure:
            sender.send(failure)
        sender.close()
