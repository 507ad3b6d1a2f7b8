"""The index of a shard, and the runs of its chunks that are read at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

INDEX_ENTRY = 16
"""Bytes of the index for each chunk."""

NOT_STORED = 2**64 - 1
"""The offset, and the length, of a chunk that is not stored."""


class Run(NamedTuple):
    """Chunks of a shard that are read at once."""

    #: The first of them, among those that are asked for
    first: int
    #: Where their bytes lie in the shard; no bytes: one chunk that is not stored
    offset: int
    length: int
    #: The offset and the length of each
    ranges: list[tuple[int, int]]


def runs_of(ranges: list[tuple[int, int]], gap: int, at_once: int) -> list[Run]:
    """Return the runs of chunks that are read at once; one without bytes for each chunk that is not stored.

    Parameters
    ----------
    ranges
        The offset and the length of each chunk, in the order in which they are asked for.
    gap
        Bytes between two chunks that are read as well.
    at_once
        Bytes that are read at once, at most, unless a chunk has more.
    """
    runs: list[Run] = []
    at = 0
    while at < len(ranges):
        offset, length = ranges[at]
        if offset == length == NOT_STORED:
            runs.append(Run(at, 0, 0, []))
            at += 1
            continue
        last, end = at, offset + length
        while last + 1 < len(ranges):
            following, more = ranges[last + 1]
            if not (end <= following <= end + gap and following + more - offset <= at_once):
                break
            last, end = last + 1, following + more
        runs.append(Run(at, offset, end - offset, ranges[at : last + 1]))
        at = last + 1
    return runs


def index_of(ends: NDArray[np.int64], first: int, n: int) -> NDArray[np.uint64]:
    """Return the index of a shard of n chunks from the ends of all chunks, which lie side by side."""
    index = np.full((n, 2), NOT_STORED, np.uint64)
    stops = ends[first : first + n]
    start = int(ends[first - 1]) if first else 0
    starts = np.concatenate([np.full(min(stops.size, 1), start, np.int64), stops[:-1]])
    index[: stops.size, 0], index[: stops.size, 1] = starts - start, stops - starts
    return index
