"""What a page shows of a file at first, fetched before the rest: all but the values of the matrices.

HDF5 says by what it reads where these bytes are. It reads in a process of its own: while it waits for the network, it
holds the one lock of the library, and what fails within it leaves the library in a state that nobody should build on.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from starcyte import errors
from starcyte.errors import Cancelled, DatasetInvalid, StarcyteError
from starcyte.settings import Settings
from starcyte.store.fingerprint import SAMPLE_BYTES, sample_places
from starcyte.store.remote.byte_ranges import UNIT, MissingRanges
from starcyte.store.remote.schemes import source_of
from starcyte.store.remote.source import Parts, RemoteSource, TransferError

_AT_ONCE = 8
# how much is asked for beyond what is wanted: at first, and at most where one part after the other is wanted
_AHEAD = 4 * UNIT
_MOST_AHEAD = 128 * UNIT
_POLL_SECONDS = 0.1
_TELL_SECONDS = 0.25
_SAVE_SECONDS = 3.0
_MAX_PAUSE = 4.0


@dataclass(frozen=True)
class PartialDownload:
    """A file on its way.

    Parameters
    ----------
    url
        Where it comes from.
    version
        Which version of it comes.
    path
        Where it will be.
    part
        Where its bytes are put, each at its place, until all are there.
    gaps
        Where it is written down what is missing.
    size
        Its bytes.
    """

    url: str
    version: str
    path: Path
    part: Path
    gaps: Path
    size: int


class PartFile(io.RawIOBase):
    """A file that fetches what it is asked for, where that is missing. For one thread.

    Parameters
    ----------
    descriptor
        Of the file that what comes is written to.
    gaps
        What is missing of it.
    parts
        Where it comes from.
    attempts
        How often a part is asked for.
    waiting
        Set while something is waited for.

    Attributes
    ----------
    failure
        What kept a part from coming; from then on nothing is read. HDF5 says of it only that something failed.
    """

    failure: Exception | None = None

    def __init__(
        self, descriptor: int, gaps: MissingRanges, parts: Parts, attempts: int, waiting: threading.Event | None = None
    ) -> None:
        self._descriptor, self._gaps, self._parts = descriptor, gaps, parts
        self._attempts, self._waiting = attempts, waiting or threading.Event()
        self._position = self._next = 0
        self._ahead = _AHEAD

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._gaps.size}[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """Return the place that is read next."""
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read, having fetched what is missing; raise OSError where that did not come."""
        stop = min(self._position + len(buffer), self._gaps.size)
        if self.failure is None and not self._gaps.has(self._position, stop):
            try:
                self._fetch(self._position, stop)
            except (TransferError, StarcyteError, OSError) as error:
                self.failure = error
        if self.failure is not None:
            raise OSError("it did not come")
        n = os.preadv(self._descriptor, [buffer], self._position)
        self._position += n
        return n

    def _fetch(self, start: int, stop: int) -> None:
        # what follows is soon wanted, the more surely the longer that was so
        self._ahead = min(2 * self._ahead, _MOST_AHEAD) if start == self._next else _AHEAD
        self._waiting.set()
        for first, last in self._gaps.within(start, stop + self._ahead):
            for begin in range(first, last, _MOST_AHEAD):
                end = min(begin + _MOST_AHEAD, last)
                put(self._descriptor, begin, _persistent(self._parts, begin, end, self._attempts))
                self._gaps.add(begin, end)
            self._next = last
        self._waiting.clear()


def put(descriptor: int, start: int, body: bytes) -> None:
    """Write bytes to a place of a file, all of them."""
    view = memoryview(body)
    while view:
        n = os.pwrite(descriptor, view, start)
        view, start = view[n:], start + n


def _persistent(parts: Parts, start: int, stop: int, attempts: int) -> bytes:
    failures = 0
    while True:
        try:
            return parts.read(start, stop)
        except TransferError as broken:
            failures += 1
            if broken.begin_again or failures >= attempts:
                raise
            time.sleep(min(0.25 * 2**failures, _MAX_PAUSE))


def fetch_metadata(
    coming: PartialDownload, settings: Settings, tell: Callable[[int], None], stopped: Callable[[], bool]
) -> None:
    """Fetch what a page shows at first, in a process made for it.

    Parameters
    ----------
    coming
        The file.
    settings
        ``open_deadline``, ``remote_*`` and what opening uses.
    tell
        Told how many bytes of the file are there.
    stopped
        Asked now and then; true ends it.

    Raises
    ------
    StarcyteError
        Why the file cannot be shown; DatasetInvalid if it ended the process, or kept it busy for longer than
        ``open_deadline`` with nothing to wait for.
    TransferError
        If not all came.
    Cancelled
        If it was stopped.
    """
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_child, args=(sender, coming, settings, os.getpid()), daemon=True)
    process.start()
    sender.close()
    heard = time.monotonic()
    failure: StarcyteError | TransferError | None = None
    is_done = False
    try:
        while True:
            if stopped():
                raise Cancelled("The download was given up.")
            if not receiver.poll(_POLL_SECONDS):
                if time.monotonic() - heard > settings.open_deadline:
                    raise DatasetInvalid(
                        f"Opening {coming.path.name!r} takes longer than {settings.open_deadline:g} s "
                        "(setting open_deadline).",
                        "The file is damaged; copy or download it again.",
                    )
                continue
            heard = time.monotonic()
            try:
                said = receiver.recv()
            except EOFError:
                break
            if isinstance(said, int):
                tell(said)
            elif said is None:
                is_done = True
            else:
                failure = _failure(*said)
    finally:
        receiver.close()
        if not is_done and failure is None:
            process.kill()
        process.join()
        code = process.exitcode or 0
        process.close()
    if failure is not None:
        raise failure
    if code < 0 and not is_done:
        raise DatasetInvalid(
            f"{coming.path.name!r} makes the HDF5 library crash ({signal.Signals(-code).name}).",
            "The file is damaged; copy or download it again.",
        )
    if not is_done:
        raise TransferError(f"the process that looks at it ended with {code}")


def _failure(kind: str, message: str, hint: str, begin_again: bool) -> StarcyteError | TransferError:
    if kind == TransferError.__name__:
        return TransferError(message, begin_again)
    error: StarcyteError = getattr(errors, kind)(message, hint)
    return error


class _Note(threading.Thread):
    """Tells how much has come while more is waited for, and writes it down now and then: a kill loses little."""

    def __init__(
        self, sender: Connection, coming: PartialDownload, descriptor: int, gaps: MissingRanges, parent: int
    ) -> None:
        super().__init__(name="note", daemon=True)
        self._sender, self._coming, self._descriptor, self._gaps = sender, coming, descriptor, gaps
        self._parent = parent
        self._ended = threading.Event()
        self.waiting = threading.Event()

    def run(self) -> None:
        """Tell and write until it is ended; end the process with that which it works for."""
        saved = time.monotonic()
        while not self._ended.wait(_TELL_SECONDS):
            if os.getppid() != self._parent:
                os._exit(1)
            if self.waiting.is_set():
                with suppress(OSError):
                    self._sender.send(self._gaps.n_here)
            if time.monotonic() - saved > _SAVE_SECONDS:
                with suppress(OSError):
                    self.save()
                saved = time.monotonic()

    def end(self) -> None:
        """Stop, and write down what has come."""
        self._ended.set()
        self.join()
        self.save()

    def save(self) -> None:
        """Write down what has come, unless the part is another by now: its owner has begun anew."""
        here = self._gaps.copy()
        os.fdatasync(self._descriptor)
        if os.fstat(self._descriptor).st_ino == self._coming.part.stat().st_ino:
            here.save(self._coming.gaps)


def _child(sender: Connection, coming: PartialDownload, settings: Settings, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: it stops us
    gaps = MissingRanges.load(coming.gaps, coming.size) or MissingRanges(coming.size)
    failure: tuple[str, str, str, bool] | None = None
    try:
        descriptor = os.open(coming.part, os.O_RDWR)
        note = _Note(sender, coming, descriptor, gaps, parent)
        note.start()
        try:
            read_metadata(coming, settings, descriptor, gaps, note.waiting)
        finally:
            note.end()
    except TransferError as broken:
        failure = TransferError.__name__, str(broken), "", broken.begin_again
    except StarcyteError as error:
        failure = type(error).__name__, error.message, error.hint, False
    except Exception as error:
        failure = TransferError.__name__, f"{type(error).__name__}: {error}", "", False
    with suppress(OSError):
        sender.send(failure)
        sender.close()
    # what HDF5 was interrupted in must not be cleaned up
    os._exit(0)


def read_metadata(
    coming: PartialDownload,
    settings: Settings,
    descriptor: int,
    gaps: MissingRanges,
    waiting: threading.Event | None = None,
    origin: RemoteSource | None = None,
) -> None:
    """Fetch what a page shows at first, in this process.

    Raises
    ------
    DatasetInvalid
        If the file cannot be shown.
    TransferError
        If not all came.
    """
    from starcyte.store.open import open_dataset

    origin = origin or source_of(coming.url, settings)
    waiting = waiting or threading.Event()
    waiting.set()
    _fetch_samples(origin, coming, descriptor, gaps, settings.remote_attempts)
    waiting.clear()
    parts = origin.parts(coming.version)
    stream = PartFile(descriptor, gaps, parts, settings.remote_attempts, waiting)
    try:
        open_dataset(coming.path, settings, coming.part, stream).prefetch()
    except (StarcyteError, OSError, RuntimeError, KeyError, ValueError) as error:
        if stream.failure is None:
            parts.close()  # of two versions mixed, nothing can be read
        raise stream.failure or error from None
    if stream.failure is not None:
        raise stream.failure
    parts.close()


def _fetch_samples(
    origin: RemoteSource, coming: PartialDownload, descriptor: int, gaps: MissingRanges, attempts: int
) -> None:
    """Fetch the places that tell this file from others, which are far apart, several at once."""
    wanted = {gap for p in sample_places(coming.size) for gap in gaps.within(p, min(p + SAMPLE_BYTES, coming.size))}
    missing = sorted(wanted)

    def fetch(share: list[tuple[int, int]]) -> None:
        parts = origin.parts(coming.version)
        for start, stop in share:
            put(descriptor, start, _persistent(parts, start, stop, attempts))
        parts.close()

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="samples") as pool:
        for future in [pool.submit(fetch, missing[i::_AT_ONCE]) for i in range(_AT_ONCE)]:
            future.result()
    for start, stop in missing:
        gaps.add(start, stop)
