"""MissingRanges: the byte ranges of a file that are not downloaded yet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

UNIT = 1 << 16
"""Bytes of a unit, which is either present as a whole or missing."""


class MissingRanges:
    """The units of a file that are missing. One thread may add, others may read.

    Parameters
    ----------
    size
        Size of the file in bytes.
    present
        For each unit, whether it is present; None: no unit is.
    unit
        Bytes of a unit.
    """

    def __init__(self, size: int, present: NDArray[np.bool_] | None = None, unit: int = UNIT) -> None:
        self.size, self.unit = size, unit
        self._present = np.zeros(-(-size // unit), bool) if present is None else present

    @classmethod
    def load(cls, path: Path, size: int) -> MissingRanges | None:
        """Return the ranges saved for a file of this size; None if there are none, or for another size."""
        try:
            packed = np.frombuffer(path.read_bytes(), np.uint8)
        except OSError:
            return None
        n = -(-size // UNIT)
        if packed.size != -(-n // 8):
            return None
        return cls(size, np.unpackbits(packed, count=n).astype(bool))

    def copy(self) -> MissingRanges:
        """Return a copy, which does not change when units are added."""
        return MissingRanges(self.size, self._present.copy(), self.unit)

    def save(self, path: Path) -> None:
        """Write the ranges to a file, replacing it."""
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.write_bytes(np.packbits(self._present).tobytes())
        part.replace(path)

    def add(self, start: int, stop: int) -> None:
        """Mark the bytes from start to stop (excluded) as present; partly covered units stay missing."""
        last = self._present.size if stop >= self.size else stop // self.unit
        self._present[-(-start // self.unit) : last] = True

    def has(self, start: int, stop: int) -> bool:
        """Return whether all bytes from start to stop (excluded) are present."""
        return start >= stop or bool(self._present[start // self.unit : -(-min(stop, self.size) // self.unit)].all())

    def gaps(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield the missing ranges between two offsets, in whole units."""
        first, last = start // self.unit, -(-min(stop, self.size) // self.unit)
        edges = np.flatnonzero(np.diff(np.r_[True, self._present[first:last], True].astype(np.int8))) + first
        for low, high in edges.reshape(-1, 2).tolist():
            yield low * self.unit, min(high * self.unit, self.size)

    def first(self, start: int = 0) -> int | None:
        """Return the offset of the first missing byte at or after an offset; None if no byte is missing."""
        begin = start // self.unit
        missing = np.flatnonzero(~self._present[begin:])
        return None if not missing.size else int(missing[0] + begin) * self.unit

    def end(self, start: int, bridge: int) -> int:
        """Return the end of the missing range at an offset, bridging present ranges of up to some bytes."""
        missing = np.flatnonzero(~self._present[start // self.unit :])
        far = np.flatnonzero((np.diff(missing) - 1) * self.unit > bridge)
        last = missing[far[0]] if far.size else missing[-1]
        return min((int(last) + start // self.unit + 1) * self.unit, self.size)

    @property
    def n_present(self) -> int:
        """Number of bytes that are present."""
        n = int(np.count_nonzero(self._present)) * self.unit
        return n - (-self.size % self.unit) if self._present.size and self._present[-1] else n
