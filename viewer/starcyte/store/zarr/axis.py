"""The parts of chunks that a selection of an array touches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

MOST_CHUNKS = 200_000
"""Chunks that are looked for at once, at most: each may be a file."""

Choice: TypeAlias = "tuple[tuple[int, slice, Any], ...]"
"""For each axis the number of a chunk, the part of the result, and the part of the chunk."""


def place_of(choice: Choice) -> tuple[int, ...]:
    """Return the position of a chunk among the chunks of its array."""
    return tuple(number for number, _, _ in choice)


class Axis:
    """The part of a selection on one axis.

    Parameters
    ----------
    part
        An index, a slice, or increasing positions.
    size, chunk
        The elements of the axis, and of a chunk on it.
    """

    def __init__(self, part: int | slice | list[int], size: int, chunk: int) -> None:
        self.is_single = not isinstance(part, slice | list)
        self.touched: list[tuple[int, slice, Any]] = []
        "For each chunk its number, the part of the result, and the part of the chunk."
        if isinstance(part, slice):
            run = range(*part.indices(size))
            if run.step < 0:
                raise IndexError("a slice runs backwards")
            self.length = len(run)
            # more than are ever read are counted and not listed
            self.touched = list(itertools.islice(_runs(run, chunk), MOST_CHUNKS + 1))
            return
        positions = np.atleast_1d(np.asarray(part, np.int64))
        if positions.size and not (-size <= int(positions.min()) and int(positions.max()) < size):
            raise IndexError(f"an index is out of bounds for an axis of {size}")
        positions = np.where(positions < 0, positions + size, positions)
        self.length = positions.size
        numbers = positions // chunk
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        for start, stop in itertools.pairwise([*starts.tolist(), positions.size]):
            number = int(numbers[start])
            self.touched.append((number, slice(start, stop), positions[start:stop] - number * chunk))
        if isinstance(part, list):
            return
        self.touched = [(number, into, slice(int(at[0]), int(at[0]) + 1)) for number, into, at in self.touched]


def _runs(run: range, chunk: int) -> Iterator[tuple[int, slice, slice]]:
    done = 0
    while done < len(run):
        number, first = divmod(run[done], chunk)
        n = min((chunk - first + run.step - 1) // run.step, len(run) - done)
        yield number, slice(done, done + n), slice(first, first + (n - 1) * run.step + 1, run.step)
        done += n
