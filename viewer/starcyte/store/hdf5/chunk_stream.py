"""The bytes of one chunk of HDF5 that is too large to unpack as a whole, unpacked as a stream."""

from __future__ import annotations

import os
import threading
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

_READ_BYTES = 1 << 16
_UNPACKED_BYTES = 1 << 20
# a copy of the state of a decompressor takes some 40 KB
_MOST_STATES = 256
# streams that go on from one place each: the bytes of a shuffled chunk are read in as many places as a value has bytes
_MOST_CURSORS = 24


@dataclass
class _Cursor:
    """A decompressor, its position in the unpacked and in the packed bytes, and packed bytes that it has not taken."""

    position: int
    packed: int
    state: Any
    rest: bytes = b""

    def copy(self) -> _Cursor:
        return _Cursor(self.position, self.packed - len(self.rest), self.state.copy())


class ChunkStream:
    """A chunk compressed with deflate, of which ranges of bytes are read. Safe for use from several threads.

    Ranges that follow each other, even several sequences of them in turn, unpack the chunk once. The state of the
    decompressor is kept at even steps, so that a range at any place that was passed costs one step at most.

    Parameters
    ----------
    descriptor
        The file.
    offset, size
        The packed bytes in the file.
    n_bytes
        The number of bytes that it unpacks to.
    """

    least_step = 4 << 20
    "The least number of unpacked bytes between two kept states."

    def __init__(self, descriptor: int, offset: int, size: int, n_bytes: int) -> None:
        self._descriptor, self._offset, self._size, self._n_bytes = descriptor, offset, size, n_bytes
        self._step = max(self.least_step, -(-n_bytes // _MOST_STATES))
        self._passed = [_Cursor(0, 0, zlib.decompressobj())]
        self._cursors: list[_Cursor] = []
        self._lock = threading.Lock()

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill an array of bytes with those from a position.

        Raises
        ------
        OSError
            If the chunk is damaged or ends before.
        """
        with self._lock:
            cursor = self._cursor(start)
            try:
                self._advance(cursor, start - cursor.position, None)
                self._advance(cursor, out.size, memoryview(out.data).cast("B"))
            except zlib.error as error:
                raise OSError(f"a chunk cannot be unpacked ({error})") from None
            self._cursors.append(cursor)
            del self._cursors[:-_MOST_CURSORS]

    def _cursor(self, start: int) -> _Cursor:
        """Return the nearest cursor before a position: one that is taken along, or a copy."""
        passed = self._passed[bisect_right(self._passed, start, key=lambda cursor: cursor.position) - 1]
        near = max((c for c in self._cursors if c.position <= start), key=lambda c: c.position, default=None)
        if near is None or near.position < passed.position:
            return passed.copy()
        if start > near.position:
            return near.copy()  # the sequence of ranges that it belongs to may go on
        self._cursors.remove(near)
        return near

    def _advance(self, cursor: _Cursor, n: int, out: memoryview | None) -> None:
        """Unpack some bytes from a cursor on, into a buffer or to be skipped."""
        done = 0
        while done < n:
            part = self._unpack(cursor, n - done)
            if out is not None:
                out[done : done + len(part)] = part
            done += len(part)
            cursor.position += len(part)
            if cursor.position >= self._passed[-1].position + self._step and not cursor.state.eof:
                self._passed.append(cursor.copy())
        # the checksum follows the last byte
        while cursor.position == self._n_bytes and not cursor.state.eof:
            if self._unpack(cursor, 1):
                raise OSError("a chunk is longer than it should be")

    def _unpack(self, cursor: _Cursor, n: int) -> bytes:
        """Return at most n of the next bytes; none if more packed bytes are needed."""
        if not cursor.rest and cursor.packed < self._size:
            wanted = min(_READ_BYTES, self._size - cursor.packed)
            cursor.rest = os.pread(self._descriptor, wanted, self._offset + cursor.packed)
            if not cursor.rest:
                raise OSError("the file ends before it should")
            cursor.packed += len(cursor.rest)
        was_empty = not cursor.rest
        part: bytes = cursor.state.decompress(cursor.rest, min(n, _UNPACKED_BYTES))
        cursor.rest = cursor.state.unconsumed_tail
        if not part and (was_empty or (cursor.state.eof and cursor.position < self._n_bytes)):
            raise OSError("a chunk is shorter than it should be")
        return part


class PlainChunk:
    """A chunk that is not compressed.

    Parameters
    ----------
    descriptor
        The file.
    offset
        Its bytes in the file.
    """

    def __init__(self, descriptor: int, offset: int) -> None:
        self._descriptor, self._offset = descriptor, offset

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill an array of bytes with those from a position; raise OSError if the file ends before."""
        view, position = memoryview(out.data).cast("B"), self._offset + start
        while len(view):
            n = os.preadv(self._descriptor, [view], position)
            if n == 0:
                raise OSError("the file ends before it should")
            view, position = view[n:], position + n
