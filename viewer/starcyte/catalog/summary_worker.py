"""Datasets looked through for a catalogue, one after the other, in a process of their own.

A damaged file may crash the HDF5 library or keep it busy for ever: then it is that process which is lost, the file is
called broken, and another process takes up the next.

Invariant: while the lock is not held, a key that was asked for has an answer, or is in the queue, or is being looked at
by the thread.
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
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from starcyte import __version__, errors
from starcyte.catalog.summary import DatasetSummary, read_summary, survey
from starcyte.errors import Cancelled, DatasetInvalid, StarcyteError
from starcyte.settings import Settings
from starcyte.store.cache import cache_folder
from starcyte.store.fingerprint import FileState

log = logging.getLogger(__name__)

_HINT = "The file is damaged; copy or download it again."
# how long an idle process is kept for the next file: it takes a second to start, and memory while it is there
_KEPT_SECONDS = 5.0
_MOST_KEPT = 4000


@dataclass(frozen=True)
class SummaryRequest:
    """A file to look through.

    Parameters
    ----------
    place
        Where it is: a path or a URL.
    state
        What tells this content of it from another.
    settings
        Those of the dataset, as far as they are not the server's.
    path
        The file; None where it is not on this machine, so that only what is known of it already can be told.
    """

    place: str
    state: FileState | str | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @property
    def key(self) -> str:
        """What tells this question from another: the same file in another state, or shown otherwise, is another."""
        said = repr((self.place, self.state, sorted(self.settings.items()), __version__))
        return hashlib.blake2b(said.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


class SummaryWorker:
    """Looks datasets through. Safe for use from several threads.

    Parameters
    ----------
    settings
        ``cache_dir``, ``open_deadline`` and what opening uses.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.folder = cache_folder(settings) / "catalog"
        self._changed = threading.Condition()
        self._queue: OrderedDict[str, SummaryRequest] = OrderedDict()
        self._answers: dict[str, DatasetSummary | StarcyteError] = {}
        self._closed = False
        self._thread: threading.Thread | None = None
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def ask(self, asked: SummaryRequest, first: bool = False) -> DatasetSummary | StarcyteError | None:
        """Return what is known of a file; None, and it will be looked at, where nothing is.

        Parameters
        ----------
        asked
            The file.
        first
            Whether somebody waits for it, so that it comes before the others.
        """
        key = asked.key
        with self._changed:
            if key in self._answers or self._closed:
                return self._answers.get(key)
            if asked.path is None:
                known = read_summary(self.folder, key)
                if known is not None:
                    self._answers[key] = known
                return known
            if key not in self._queue:
                self._queue[key] = asked
            if first:
                self._queue.move_to_end(key, last=False)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="surveying", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return None

    def wait(self, asked: SummaryRequest) -> DatasetSummary:
        """Return what is known of a file, looked at before all others if nothing is.

        Raises
        ------
        StarcyteError
            Why it cannot be shown.
        Cancelled
            If the server stops.
        """
        answer = self.ask(asked, first=True)
        with self._changed:
            while answer is None:
                if self._closed:
                    raise Cancelled("The viewer is stopping.")
                self._changed.wait(1.0)
                answer = self._answers.get(asked.key)
        if isinstance(answer, StarcyteError):
            raise answer
        return answer

    def forget(self, asked: SummaryRequest) -> None:
        """Look at a file anew when it is asked for again, where it could not be shown."""
        with self._changed:
            if isinstance(self._answers.get(asked.key), StarcyteError):
                del self._answers[asked.key]

    @property
    def waiting(self) -> int:
        """How many files are still to be looked at."""
        return len(self._queue)

    def picture(self, asked: SummaryRequest) -> Path:
        """Return where the thumbnail of a file lies."""
        return self.folder / f"{asked.key}.png"

    def close(self) -> None:
        """Stop."""
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
                    self._changed.wait(_KEPT_SECONDS if self._process else None)
                if self._closed:
                    return
                key, asked = next(iter(self._queue.items()), ("", None))
            if asked is None:
                self._end_process()
                continue
            try:
                answer = read_summary(self.folder, key) or self._look(key, asked)
            except StarcyteError as error:
                answer = error
            except Exception:
                log.exception("a dataset of the catalogue could not be looked at")
                answer = StarcyteError(
                    "The file could not be looked at: a defect of starcyte.", "See the server's log."
                )
            with self._changed:
                self._queue.pop(key, None)
                while len(self._answers) >= max(_MOST_KEPT, 2 * self._settings.max_datasets):
                    del self._answers[next(iter(self._answers))]
                self._answers[key] = answer
                self._changed.notify_all()

    def _look(self, key: str, asked: SummaryRequest) -> DatasetSummary | StarcyteError:
        assert asked.path is not None
        pipe = self._started()
        end = time.monotonic() + self._settings.open_deadline
        try:
            pipe.send((self.folder, key, asked.path, dict(asked.settings)))
            while not pipe.poll(0.25):
                if self._closed:
                    raise Cancelled("The viewer is stopping.")
                if time.monotonic() > end:
                    self._end_process()
                    return DatasetInvalid(
                        f"Opening {asked.path.name!r} takes longer than {self._settings.open_deadline:g} s"
                        " (setting open_deadline).",
                        _HINT,
                    )
            said = pipe.recv()
        except (EOFError, OSError):
            code = self._end_process()
            reason = signal.Signals(-code).name if code and code < 0 else f"status {code}"
            return DatasetInvalid(f"{asked.path.name!r} makes the HDF5 library crash ({reason}).", _HINT)
        if isinstance(said, DatasetSummary):
            return said
        kind, message, hint = said
        return getattr(errors, kind, StarcyteError)(message, hint)

    def _started(self) -> Connection:
        if self._pipe is not None and self._process is not None and self._process.is_alive():
            return self._pipe
        self._end_process()
        self.folder.mkdir(parents=True, exist_ok=True)
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_child, args=(theirs, self._settings), daemon=True)
        with self._changed:
            if self._closed:
                raise Cancelled("The viewer is stopping.")
            process.start()
            self._process, self._pipe = process, ours
        theirs.close()
        return ours

    def _end_process(self) -> int | None:
        """End the process, and return how it ended."""
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
    """What opening a dataset waits for: that the file was looked through, by a process that may be lost.

    Parameters
    ----------
    surveyor
        Who looks.
    asked
        The file.
    """

    def __init__(self, surveyor: SummaryWorker, asked: SummaryRequest) -> None:
        self._surveyor, self._asked = surveyor, asked

    def wait(self) -> None:
        """Wait; raise why the file cannot be shown."""
        self._surveyor.wait(self._asked)


def _child(pipe: Connection, settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which stops us
    os.nice(5)
    from starcyte.store.anndata.dataset import AnnDataDataset

    with suppress(EOFError, BrokenPipeError):
        while True:
            folder, key, path, own = pipe.recv()
            chosen = settings.with_values(own)
            answer: Any
            try:
                dataset = AnnDataDataset(path, chosen)
                try:
                    answer = survey(dataset, chosen, folder, key)
                finally:
                    dataset.close()
            except StarcyteError as error:
                answer = (type(error).__name__, error.message, error.hint)
            except Exception as error:
                log.exception("a dataset of the catalogue could not be looked at")
                answer = ("StarcyteError", f"{path.name!r} cannot be looked at: {type(error).__name__}.", _HINT)
            pipe.send(answer)
