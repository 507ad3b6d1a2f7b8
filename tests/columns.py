"""The binary columns read as their description says, by none of starcyte's code."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

DTYPES = {"int8": "<i1", "int16": "<i2", "int32": "<i4", "uint8": "<u1", "uint16": "<u2", "uint32": "<u4"} | {
    "float32": "<f4",
    "float64": "<f8",
}


@dataclass(frozen=True, eq=False)
class Column:
    """One column: what the header says of it, and the values of all rows."""

    entry: dict[str, Any]
    values: Any
    missing: Any = None

    def plain(self) -> list[Any]:
        """Return the values, None where missing; the categories' text where there are any."""
        values = list(self.values)
        if "categories" in self.entry:
            return [None if code < 0 else self.entry["categories"][code] for code in values]
        if self.missing is not None:
            return [None if m else v for v, m in zip(values, self.missing, strict=True)]
        return values


def decode(body: bytes) -> tuple[int, list[Column]]:
    """Return the number of rows and the columns; every rule of the form is asserted."""
    assert body[:4] == b"SCC1"
    (length,) = struct.unpack("<I", body[4:8])
    assert (8 + length) % 8 == 0, "the arrays start aligned"
    assert len(body) >= 8 + length
    text = body[8 : 8 + length].decode("utf-8")
    header = json.loads(text, parse_constant=_refuse)
    assert text == text.rstrip(" ") + " " * (len(text) - len(text.rstrip(" ")))
    arrays = memoryview(body)[8 + length :]
    taken: list[tuple[int, int]] = []
    columns = [_column(entry, header["n"], arrays, taken) for entry in header["columns"]]
    end = 0
    for start, stop in sorted(taken):
        assert 0 <= start - end < 8, "neither overlap nor a gap"
        end = stop
    assert 0 <= len(arrays) - end < 8
    return header["n"], columns


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def _array(entry: dict[str, Any], arrays: memoryview, taken: list[tuple[int, int]]) -> Any:
    dtype = np.dtype(DTYPES[entry["dtype"]])
    start = entry["offset"]
    stop = start + entry["length"] * dtype.itemsize
    assert start % 8 == 0
    assert 0 <= start <= stop <= len(arrays)
    taken.append((start, stop))
    return np.frombuffer(arrays[start:stop], dtype)


def _column(entry: dict[str, Any], n: int, arrays: memoryview, taken: list[tuple[int, int]]) -> Column:
    assert entry["layout"] in {"dense", "sparse"}
    if entry["dtype"] == "string":
        assert entry["length"] == 0
        assert len(entry["values"]) == n
        values: Any = entry["values"]
    else:
        values = _array(entry, arrays, taken)
    if entry["layout"] == "sparse":
        places = _array(entry["indices"], arrays, taken)
        assert entry["indices"]["dtype"] == "uint32"
        assert places.size == values.size
        assert np.all(np.diff(places.astype(np.int64)) > 0)
        full = np.zeros(n, values.dtype)
        full[places] = values
        values = full
    assert len(values) == n
    missing = None
    if "missing" in entry:
        assert entry["missing"]["dtype"] == "uint8"
        missing = _array(entry["missing"], arrays, taken)
        assert missing.size == n
        assert set(missing.tolist()) <= {0, 1}
    if "categories" in entry:
        assert entry["dtype"] in {"int8", "int16", "int32"}
        assert isinstance(entry["ordered"], bool)
        assert all(isinstance(c, str) for c in entry["categories"])
        assert all(-1 <= code < len(entry["categories"]) for code in values.tolist())
    return Column(entry, values, missing)
