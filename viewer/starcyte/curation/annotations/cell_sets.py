"""Sets of cells as roaring bitmaps of rows of obs, and their encoding as bytes."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap


def from_rows(rows: NDArray[Any]) -> BitMap:
    """Return the set of these rows.

    Parameters
    ----------
    rows
        Whole numbers from 0.
    """
    numbers = array("I")
    numbers.frombytes(np.ascontiguousarray(rows, np.uint32).data.cast("B") if rows.size else b"")
    cells = BitMap(numbers)
    cells.run_optimize()
    return cells


def from_mask(mask: NDArray[np.bool_]) -> BitMap:
    """Return the set of the rows that are True."""
    return from_rows(np.flatnonzero(mask))


def from_codes(codes: NDArray[Any], n: int) -> list[BitMap]:
    """Return one set for each of n codes; cells with a negative code are in none.

    Parameters
    ----------
    codes
        Shape (n_obs,).
    n
        The number of codes.
    """
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(n + 1))
    return [from_rows(order[ends[k] : ends[k + 1]]) for k in range(n)]


def rows_of(cells: BitMap) -> NDArray[np.uint32]:
    """Return the rows of a set, increasing."""
    return np.frombuffer(cells.to_array(), np.uint32)


def pack(header: dict[str, Any], sets: Sequence[BitMap]) -> bytes:
    """Encode a JSON header and sets of cells: the header's length, the header with the sets' lengths, the sets."""
    bodies = [cells.serialize() for cells in sets]
    head = json.dumps([header, [len(b) for b in bodies]], separators=(",", ":")).encode()
    return b"".join((len(head).to_bytes(4, "little"), head, *bodies))


def unpack(packed: bytes) -> tuple[dict[str, Any], list[BitMap]]:
    """Decode the header and the sets of :func:`pack`."""
    start = 4 + int.from_bytes(packed[:4], "little")
    header, lengths = json.loads(packed[4:start])
    sets = []
    for length in lengths:
        sets.append(BitMap.deserialize(packed[start : start + length]))
        start += length
    return header, sets
