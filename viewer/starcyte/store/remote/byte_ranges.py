"""What is missing of a file that comes in pieces, in any order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

UNIT = 1 << 16
"""Bytes of a unit, which is there as a whole or not."""


class MissingRanges:
    """The units of a file that are missing. One thread says what has come; others may look.

    Parameters
    ----------
    size
        Bytes of the whole file.
    here
        For each unit, whether it is there; None: none is.
    """

    def __init__(self, size: int, here: NDArray[np.bool_] | None = None) -> None:
        self.size = size
        self._here = np.zeros(-(-size // UNIT), bool) if here is None else here

    @classmethod
    def load(cls, path: Path, size: int) -> MissingRanges | None:
        """Return what was saved of a file of this size; None where nothing was, or of another size."""
        try:
            packed = np.frombuffer(path.read_bytes(), np.uint8)
        except OSError:
            return None
        n = -(-size // UNIT)
        if packed.size != -(-n // 8):
            return None
        return cls(size, np.unpackbits(packed, count=n).astype(bool))

    def copy(self) -> MissingRanges:
        """Return what is missing now, which stays so."""
        return MissingRanges(self.size, self._here.copy())

    def save(self, path: Path) -> None:
        """Write down what is there, in place of what was written before."""
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.write_bytes(np.packbits(self._here).tobytes())
        part.replace(path)

    def add(self, start: int, stop: int) -> None:
        """Say that the bytes from start up to stop are there; units that they cover in part are not counted."""
        last = self._here.size if stop >= self.size else stop // UNIT
        self._here[-(-start // UNIT) : last] = True

    def has(self, start: int, stop: int) -> bool:
        """Say whether all bytes from start up to stop are there."""
        return start >= stop or bool(self._here[start // UNIT : -(-min(stop, self.size) // UNIT)].all())

    def within(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield the gaps between two places, in whole units."""
        first, last = start // UNIT, -(-min(stop, self.size) // UNIT)
        edges = np.flatnonzero(np.diff(np.r_[True, self._here[first:last], True].astype(np.int8))) + first
        for low, high in edges.reshape(-1, 2).tolist():
            yield low * UNIT, min(high * UNIT, self.size)

    def first(self, start: int = 0) -> int | None:
        """Return the place of the first missing byte from a place on; None where none is missing."""
        begin = start // UNIT
        missing = np.flatnonzero(~self._here[begin:])
        return None if not missing.size else int(missing[0] + begin) * UNIT

    def end(self, start: int, leap: int) -> int:
        """Return where a run of missing bytes from a place on ends, not counting what is there for up to some bytes."""
        missing = np.flatnonzero(~self._here[start // UNIT :])
        far = np.flatnonzero((np.diff(missing) - 1) * UNIT > leap)
        last = missing[far[0]] if far.size else missing[-1]
        return min((int(last) + start // UNIT + 1) * UNIT, self.size)

    @property
    def n_here(self) -> int:
        """How many bytes are there."""
        n = int(np.count_nonzero(self._here)) * UNIT
        return n - (-self.size % UNIT) if self._here.size and self._here[-1] else n
