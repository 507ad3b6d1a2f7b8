"""Column indexes made in the background: one after the other, in a process of their own, while everything works.

A process, so that the answers do not wait for it, and so that what goes wrong with it goes wrong with nothing else.
It ends with ours, however ours ends: it looks for its parent between blocks.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from starcyte.errors import Cancelled, InputError, StarcyteError
from starcyte.settings import Settings
from starcyte.store.cache import index_folder, make_room
from starcyte.store.dataset import StoredDataset, Tick
from starcyte.store.index.build import build_index
from starcyte.store.index.column_index import UNUSABLE, ColumnIndex, Source
from starcyte.store.index.malloc import keep_freed_memory
from starcyte.store.open import open_dataset

log = logging.getLogger(__name__)

_REPORT_SECONDS = 0.1


@dataclass(frozen=True)
class Progress:
    """How far the index is that is being made.

    Parameters
    ----------
    matrix
        The matrix it is of.
    done
        Fraction done.
    """

    matrix: str
    done: float


class BackgroundIndexing:
    """Makes the indexes of a dataset that are asked for.

    Parameters
    ----------
    dataset
        The dataset.
    settings
        The settings in force.
    turn
        Held while an index is made: datasets of one server take turns.
    """

    def __init__(self, dataset: StoredDataset, settings: Settings, turn: threading.Semaphore | None = None) -> None:
        self._dataset, self._settings = dataset, settings
        self._turn = turn or threading.Semaphore()
        self._wanted: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._asked: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: multiprocessing.process.BaseProcess | None = None
        self._closed = False
        self.progress: Progress | None = None
        self.problems: list[str] = []

    def want(self, name: str) -> None:
        """Ask for the index of a matrix; return at once, whatever happens.

        A small matrix needs none: it is read faster than an index could be opened.
        """
        if self._is_small(name) and not self._settings.index_file:
            return
        with self._lock:
            if name in self._asked or self._closed:
                return
            self._asked[name] = threading.Event()
            self._wanted.put(name)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="preparing", daemon=True)
                self._thread.start()

    def _is_small(self, name: str) -> bool:
        matrix = self._dataset.matrix(name)
        n = matrix.nnz if matrix.nnz is not None else matrix.shape[0] * matrix.shape[1]
        return bool(n < self._settings.index_least)

    def wait(self, name: str, tick: Tick) -> None:
        """Wait until the index of a matrix stands, or will not.

        Parameters
        ----------
        name
            The matrix.
        tick
            Called with the fraction of the index that is done; raises to wait no longer.
        """
        self.want(name)
        ended = self._asked.get(name)
        while ended is not None and not ended.wait(_REPORT_SECONDS):
            progress = self.progress
            tick(progress.done if progress and progress.matrix == name else 0.0)

    def close(self) -> None:
        """Stop; what is half made is thrown away when room is made for the next."""
        with self._lock:
            self._closed = True
            process = self._process
        self._wanted.put(None)
        if process is not None:
            process.kill()

    def _run(self) -> None:
        while (name := self._wanted.get()) is not None:
            try:
                self._dataset.matrix(name).index = self._given(name) or self._open(name) or self._make(name)
            except StarcyteError as error:
                if not self._closed:
                    self._complain(str(error))
            except Exception:
                self.problems.append(f"The index of {name} could not be made: a defect of starcyte; see its log.")
                log.exception("the index of a matrix could not be made")
            finally:
                self.progress = None
                self._asked[name].set()

    def _given(self, name: str) -> ColumnIndex | None:
        """Return the index of the archive that was given, if it is of this dataset."""
        path = self._settings.index_file
        if not path:
            return None
        try:
            return ColumnIndex(Path(path), self._dataset.source(name))
        except UNUSABLE as error:
            why = (error.strerror or error) if isinstance(error, OSError) else error.args[0]
            self._complain(f"The index of {name} that was given is not used: {why}. `starcyte prepare` makes one.")
            return None

    def _complain(self, problem: str) -> None:
        self.problems.append(problem)
        log.warning("%s", problem)

    def _open(self, name: str) -> ColumnIndex | None:
        source = self._dataset.source(name)
        folder = index_folder(self._settings) / source.folder_name
        try:
            index = ColumnIndex(folder, source)
        except UNUSABLE:
            return None
        with suppress(OSError):  # a cache made ahead may be read-only
            os.utime(folder)
        return index

    def _make(self, name: str) -> ColumnIndex | None:
        if self._is_small(name):
            return None
        while not self._turn.acquire(timeout=_REPORT_SECONDS):
            if self._closed:
                raise Cancelled("The viewer is stopping.")
        try:
            # another viewer of the same file may have made it meanwhile
            return self._open(name) or self._make_now(name)
        finally:
            self._turn.release()

    def _make_now(self, name: str) -> ColumnIndex:
        self.progress = Progress(name, 0.0)
        spawn = multiprocessing.get_context("spawn")
        receiver, sender = spawn.Pipe(duplex=False)
        process = spawn.Process(
            target=_child,
            args=(sender, self._dataset.path, self._settings, self._dataset.source(name), os.getpid()),
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
                said = receiver.recv()
            except EOFError:
                break
            if isinstance(said, float):
                self.progress = Progress(name, said)
            else:
                failure = InputError(*said)
        process.join()
        index = self._open(name)
        if index is None:
            raise failure or InputError(
                f"The index of {name} was not made: its process ended with {process.exitcode}.",
                "The viewer works without it, slower.",
            )
        return index


def prepare(dataset: StoredDataset, settings: Settings, name: str, tick: Tick) -> ColumnIndex:
    """Make the index of a matrix in this process, or open the one that is there.

    Raises
    ------
    InputError
        If it cannot be written, or the matrix contradicts itself.
    """
    keep_freed_memory()
    folder, source, matrix = index_folder(settings), dataset.source(name), dataset.matrix(name)
    with suppress(OSError):  # what keeps old ones from being removed need not keep a new one from being made
        make_room(folder, settings.cache_bytes, keep=source.folder_name)
    index = build_index(matrix.base, dataset.grouping_columns(), folder, source, settings.cores, tick)
    with suppress(OSError):
        make_room(folder, settings.cache_bytes, keep=source.folder_name)
    return index


def _child(sender: Connection, path: Path, settings: Settings, source: Source, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: it stops us
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
        if dataset.source(source.matrix) != source:
            raise InputError(f"{source.matrix} gets no index: the file has been replaced.", "Open it anew.")
        prepare(dataset, settings, source.matrix, tick)
    except StarcyteError as error:
        failure = (error.message, error.hint)
    with suppress(BrokenPipeError):
        if failure:
            sender.send(failure)
        sender.close()
