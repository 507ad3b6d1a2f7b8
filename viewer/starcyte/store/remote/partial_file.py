"""PartialFile: a partial download as a Python file, which downloads the missing ranges as they are read."""

from __future__ import annotations

import io
import os
import threading
import time
from typing import NamedTuple

from starcyte.errors import StarcyteError
from starcyte.settings import Settings
from starcyte.store.remote.byte_ranges import UNIT, MissingRanges
from starcyte.store.remote.source import RangeReader, TransferError


class ReadAhead(NamedTuple):
    """Bytes that are downloaded beyond the requested ones."""

    #: After a seek
    least: int = 4 * UNIT
    #: During sequential reads, for which it is doubled each time
    most: int = 128 * UNIT


class PartialFile(io.RawIOBase):
    """A partial download, for one thread.

    Parameters
    ----------
    descriptor
        Descriptor of the part.
    missing
        The missing ranges, which are updated.
    reader
        Reads ranges of the remote file.
    settings
        ``remote_attempts`` and ``remote_pause`` are used.
    read_ahead
        How much is downloaded beyond the requested ranges.
    waiting
        Set while the network is waited for.

    Attributes
    ----------
    failure
        The error of the first failed download, after which all reads fail. HDF5 reports only that a read failed.
    """

    failure: Exception | None = None

    def __init__(
        self,
        descriptor: int,
        missing: MissingRanges,
        reader: RangeReader,
        settings: Settings,
        read_ahead: ReadAhead,
        waiting: threading.Event,
    ) -> None:
        self._descriptor, self._missing, self._reader = descriptor, missing, reader
        self._settings, self._read_ahead, self._waiting = settings, read_ahead, waiting
        self._position = self._next = 0
        self._ahead = read_ahead.least

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position, and return it."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._missing.size}[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read into a buffer, downloading the missing ranges first; raise OSError if that fails."""
        stop = min(self._position + len(buffer), self._missing.size)
        if self.failure is None and not self._missing.has(self._position, stop):
            try:
                self._download(self._position, stop)
            except (TransferError, StarcyteError, OSError) as error:
                self.failure = error
        if self.failure is not None:
            raise OSError("the download failed")
        n = os.preadv(self._descriptor, [buffer], self._position)
        self._position += n
        return n

    def _download(self, start: int, stop: int) -> None:
        is_sequential = start == self._next
        self._ahead = min(2 * self._ahead, self._read_ahead.most) if is_sequential else self._read_ahead.least
        self._waiting.set()
        for first, last in self._missing.gaps(start, stop + self._ahead):
            for begin in range(first, last, self._read_ahead.most):
                end = min(begin + self._read_ahead.most, last)
                write_at(self._descriptor, begin, read_with_retries(self._reader, begin, end, self._settings))
                self._missing.add(begin, end)
            self._next = last
        self._waiting.clear()


def write_at(descriptor: int, offset: int, data: bytes) -> None:
    """Write bytes at an offset of a file, all of them."""
    view = memoryview(data)
    while view:
        n = os.pwrite(descriptor, view, offset)
        view, offset = view[n:], offset + n


def read_with_retries(reader: RangeReader, start: int, stop: int, settings: Settings) -> bytes:
    """Return a range, in up to ``remote_attempts`` attempts with ``remote_pause`` seconds between them at most."""
    failures = 0
    while True:
        try:
            return reader.read(start, stop)
        except TransferError as error:
            failures += 1
            if error.restart or failures >= settings.remote_attempts:
                raise
            time.sleep(min(0.25 * 2**failures, settings.remote_pause))
