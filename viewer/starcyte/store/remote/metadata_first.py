"""Download the metadata of an h5ad file before its matrices: all that a page shows initially.

HDF5 itself finds their ranges, by reading the file. It does so in a process of its own: it would hold its global lock
while it waits for the network, and after a failed read the library is in an undefined state.
"""

from __future__ import annotations

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
from typing import Any

from starcyte import errors
from starcyte.errors import Cancelled, DatasetInvalid, StarcyteError
from starcyte.settings import Settings
from starcyte.store.fingerprint import SAMPLE_BYTES, sample_positions
from starcyte.store.remote.byte_ranges import MissingRanges
from starcyte.store.remote.partial_file import PartialFile, ReadAhead, read_with_retries, write_at
from starcyte.store.remote.schemes import open_source
from starcyte.store.remote.source import RemoteSource, TransferError

_SAMPLE_THREADS = 8
_POLL_SECONDS = 0.1
_PROGRESS_SECONDS = 0.25
_SAVE_SECONDS = 3.0


@dataclass(frozen=True)
class PartialDownload:
    """A file that is being downloaded.

    Parameters
    ----------
    url
        Its URL.
    version
        The version that is downloaded.
    path
        The path that the complete file will have.
    part
        The path of its part: of the size of the file, with each byte at its offset.
    gaps
        The path of the missing ranges.
    size
        Size of the file in bytes.
    """

    url: str
    version: str
    path: Path
    part: Path
    gaps: Path
    size: int


def fetch_metadata(
    partial: PartialDownload,
    settings: Settings,
    progress: Callable[[int], None],
    is_cancelled: Callable[[], bool],
    target: Callable[..., Any] | None = None,
) -> None:
    """Download the metadata of a file in a new process.

    Parameters
    ----------
    partial
        The file.
    settings
        ``open_deadline``, ``remote_*`` and the settings of opening are used.
    progress
        Called with the number of bytes that are downloaded.
    is_cancelled
        Called several times a second; True ends the process.
    target
        The function that the process runs.

    Raises
    ------
    StarcyteError
        If the file cannot be shown; DatasetInvalid if it crashed the process, or occupied it for longer than
        ``open_deadline`` without waiting for the network.
    TransferError
        If the download failed.
    Cancelled
        If it was cancelled.
    """
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=target or _run, args=(sender, partial, settings, os.getpid()), daemon=True)
    process.start()
    sender.close()
    last_message = time.monotonic()
    failure: StarcyteError | TransferError | None = None
    is_done = False
    try:
        while True:
            if is_cancelled():
                raise Cancelled("The download was cancelled.")
            if not receiver.poll(_POLL_SECONDS):
                if time.monotonic() - last_message > settings.open_deadline:
                    raise DatasetInvalid(
                        f"Opening {partial.path.name!r} takes longer than {settings.open_deadline:g} s "
                        "(open_deadline).",
                        "The file is damaged; copy or download it again.",
                    )
                continue
            last_message = time.monotonic()
            try:
                message = receiver.recv()
            except EOFError:
                break
            if isinstance(message, int):
                progress(message)
            elif message is None:
                is_done = True
            else:
                failure = _failure(*message)
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
            f"{partial.path.name!r} makes the HDF5 library crash ({signal.Signals(-code).name}).",
            "The file is damaged; copy or download it again.",
        )
    if not is_done:
        raise TransferError(f"the process that reads the metadata ended with status {code}")


def _failure(kind: str, message: str, hint: str, restart: bool) -> StarcyteError | TransferError:
    if kind == TransferError.__name__:
        return TransferError(message, restart)
    error: StarcyteError = getattr(errors, kind)(message, hint)
    return error


class _Reporter(threading.Thread):
    """Sends the progress while the network is waited for, and saves the missing ranges, so that a kill loses little."""

    def __init__(
        self, sender: Connection, partial: PartialDownload, descriptor: int, missing: MissingRanges, parent: int
    ) -> None:
        super().__init__(name="reporter", daemon=True)
        self._sender, self._partial, self._descriptor, self._missing = sender, partial, descriptor, missing
        self._parent = parent
        self._ended = threading.Event()
        self.waiting = threading.Event()

    def run(self) -> None:
        """Report until ``end``; exit if the parent process has ended."""
        saved = time.monotonic()
        while not self._ended.wait(_PROGRESS_SECONDS):
            if os.getppid() != self._parent:
                os._exit(1)
            if self.waiting.is_set():
                with suppress(OSError):
                    self._sender.send(self._missing.n_present)
            if time.monotonic() - saved > _SAVE_SECONDS:
                with suppress(OSError):
                    self.save()
                saved = time.monotonic()

    def end(self) -> None:
        """Stop reporting, and save the missing ranges."""
        self._ended.set()
        self.join()
        self.save()

    def save(self) -> None:
        """Save the missing ranges, unless the parent process has replaced the part by another."""
        missing = self._missing.copy()
        os.fdatasync(self._descriptor)
        if os.fstat(self._descriptor).st_ino == self._partial.part.stat().st_ino:
            missing.save(self._partial.gaps)


def _run(sender: Connection, partial: PartialDownload, settings: Settings, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    missing = MissingRanges.load(partial.gaps, partial.size) or MissingRanges(partial.size)
    failure: tuple[str, str, str, bool] | None = None
    try:
        descriptor = os.open(partial.part, os.O_RDWR)
        reporter = _Reporter(sender, partial, descriptor, missing, parent)
        reporter.start()
        try:
            read_metadata(partial, settings, descriptor, missing, waiting=reporter.waiting)
        finally:
            reporter.end()
    except TransferError as error:
        failure = TransferError.__name__, str(error), "", error.restart
    except StarcyteError as error:
        failure = type(error).__name__, error.message, error.hint, False
    except Exception as error:
        failure = TransferError.__name__, f"{type(error).__name__}: {error}", "", False
    with suppress(OSError):
        sender.send(failure)
        sender.close()
    # without cleaning up: HDF5 may have been interrupted
    os._exit(0)


def read_metadata(
    partial: PartialDownload,
    settings: Settings,
    descriptor: int,
    missing: MissingRanges,
    source: RemoteSource | None = None,
    read_ahead: ReadAhead | None = None,
    waiting: threading.Event | None = None,
) -> None:
    """Download the metadata of a file in this process.

    Parameters
    ----------
    partial
        The file.
    settings
        ``remote_*`` and the settings of opening are used.
    descriptor
        Descriptor of the part.
    missing
        The missing ranges, which are updated.
    source
        Where the file is read from; by default that of the URL's scheme.
    read_ahead
        How much is downloaded beyond the requested ranges.
    waiting
        Set while the network is waited for, or modules are imported.

    Raises
    ------
    DatasetInvalid
        If the file cannot be shown.
    TransferError
        If the download failed.
    """
    waiting = waiting or threading.Event()
    # the imports too are no sign of a damaged file
    waiting.set()
    from starcyte.store.open import open_dataset

    source = source or open_source(partial.url, settings)
    _fetch_samples(source, partial, descriptor, missing, settings)
    waiting.clear()
    reader = source.range_reader(partial.version)
    stream = PartialFile(descriptor, missing, reader, settings, read_ahead or ReadAhead(), waiting)
    try:
        open_dataset(partial.path, settings, partial.part, stream).prefetch()
    except (StarcyteError, OSError, RuntimeError, KeyError, ValueError) as error:
        if stream.failure is None:
            reader.close()  # raises if the error is due to a mixture of two versions
        raise stream.failure or error from None
    if stream.failure is not None:
        raise stream.failure
    reader.close()


def _fetch_samples(
    source: RemoteSource, partial: PartialDownload, descriptor: int, missing: MissingRanges, settings: Settings
) -> None:
    """Download the samples of the fingerprint, which are spread over the file, in several threads."""
    gaps = {gap for p in sample_positions(partial.size) for gap in missing.gaps(p, min(p + SAMPLE_BYTES, partial.size))}
    ordered = sorted(gaps)

    def fetch(share: list[tuple[int, int]]) -> None:
        reader = source.range_reader(partial.version)
        for start, stop in share:
            write_at(descriptor, start, read_with_retries(reader, start, stop, settings))
        reader.close()

    with ThreadPoolExecutor(_SAMPLE_THREADS, thread_name_prefix="samples") as pool:
        for future in [pool.submit(fetch, ordered[i::_SAMPLE_THREADS]) for i in range(_SAMPLE_THREADS)]:
            future.result()
    for start, stop in ordered:
        missing.add(start, stop)
