"""Columns on the wire: binary for the page, JSON and CSV for scripts.

Binary (``application/vnd.starcyte.columns``): ``SCC1``, the header's length as a little-endian uint32 (a multiple of 8
less than 8, as it is padded with spaces), the header as JSON, then the arrays. ``offset`` counts bytes from the end of
the header and is a multiple of 8; ``length`` counts elements; numbers are little-endian::

    {"n": rows, "columns": [{"name", "dtype", "offset", "length", "layout": "dense" or "sparse", ...}]}

A sparse column has ``indices`` (dtype, offset, length) of the rows its values belong to; all others are 0. A
categorical column has ``categories`` and ``ordered``; its code -1 is missing. A column whose missing values are not
NaN has ``missing`` (a uint8 for each row). Text that does not repeat is in the header as ``values``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.curation.formulas import escape_formula
from starcyte.store.dataset import Column, Kind, Values
from starcyte.web.contract.columns import Columns, NamedValues
from starcyte.web.encoding.encode import encode
from starcyte.web.encoding.media import BINARY, CSV, JSON

_MAGIC = b"SCC1"
_ALIGNMENT = 8


@dataclass(frozen=True, eq=False)
class WireColumn:
    """A column in the types that a browser can hold.

    Parameters
    ----------
    name
        Its name.
    values
        Shape (n,), or (k,) with indices.
    indices
        Shape (k,), uint32: the rows that the values belong to.
    missing
        Shape (n,), bool; None if the values mark missing ones themselves.
    categories
        Text of each code.
    extra
        More of its header entry.
    """

    name: str
    values: NDArray[Any]
    indices: NDArray[np.uint32] | None = None
    missing: NDArray[np.bool_] | None = None
    categories: Sequence[str] | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(int(a.nbytes) for a in (self.values, self.indices, self.missing) if a is not None)


def from_column(column: Column) -> WireColumn:
    """Return an obs column in types that a browser can hold.

    Text with repeated values becomes codes, dates become milliseconds since 1970 UTC.
    """
    name, kind = column.info.name, column.info.kind
    if kind is Kind.DATETIME:
        stamps = column.values.astype("datetime64[ms]")
        milliseconds = stamps.astype(np.int64).astype(np.float64)
        milliseconds[np.isnat(stamps)] = np.nan
        return WireColumn(name, milliseconds, extra={"unit": "ms"})
    if kind is Kind.CONTINUOUS:
        return WireColumn(name, _browser_numbers(column.values), missing=column.missing)
    codes, categories = column.as_codes()
    if kind is Kind.STRING and len(categories) * 2 > max(codes.size, 64):
        return WireColumn(name, column.as_text(), missing=column.missing)
    return WireColumn(name, codes, categories=categories, extra={"ordered": column.info.ordered})


def from_values(name: str, values: Values) -> WireColumn:
    """Return a gene in types that a browser can hold, sparse if that is smaller."""
    numbers = _browser_numbers(values.values)
    if values.indices is None:
        stored = np.flatnonzero(numbers)
        if _sparse_is_smaller(stored.size, numbers):
            return WireColumn(name, numbers[stored], indices=stored.astype(np.uint32))
        return WireColumn(name, numbers)
    if stored_is_smaller(values.n, values.indices.size, numbers.dtype):
        return WireColumn(name, numbers, indices=values.indices)
    return WireColumn(name, _browser_numbers(values.dense()))


def stored_is_smaller(n: int, stored: int, dtype: np.dtype[Any]) -> bool:
    """Return whether the indices and values of the stored cells take fewer bytes than all values."""
    return stored * (4 + dtype.itemsize) < n * dtype.itemsize


def _sparse_is_smaller(stored: int, numbers: NDArray[Any]) -> bool:
    return stored_is_smaller(numbers.size, stored, numbers.dtype)


def _browser_numbers(values: NDArray[Any]) -> NDArray[Any]:
    dtype = values.dtype
    if dtype.kind == "b":
        return values.astype(np.uint8)
    if dtype.kind == "f":
        return values.astype(f"<f{min(max(dtype.itemsize, 4), 8)}", copy=False)
    if dtype.itemsize < 8:
        return values.astype(dtype.newbyteorder("<"), copy=False)
    if values.size and int(values.min()) >= -(2**31) and int(values.max()) < 2**31:
        return values.astype("<i4")
    return values.astype("<f8")


def encode_binary(n: int, columns: Sequence[WireColumn]) -> bytes:
    """Return columns in the binary form."""
    parts: list[bytes | memoryview] = []
    position = 0

    def place(array: NDArray[Any]) -> dict[str, Any]:
        nonlocal position
        contiguous = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        entry = {"dtype": str(array.dtype.newbyteorder("=")), "offset": position, "length": int(array.size)}
        padding = -contiguous.nbytes % _ALIGNMENT
        parts.extend((contiguous.data.cast("B") if contiguous.size else b"", bytes(padding)))
        position += contiguous.nbytes + padding
        return entry

    entries = []
    for column in columns:
        entry: dict[str, Any] = {"name": column.name}
        if column.values.dtype == object:
            entry |= {"dtype": "string", "offset": position, "length": 0, "values": column.values.tolist()}
        else:
            entry |= place(column.values)
        entry["layout"] = "dense" if column.indices is None else "sparse"
        if column.indices is not None:
            entry["indices"] = place(column.indices)
        if column.missing is not None:
            entry["missing"] = place(column.missing.astype(np.uint8))
        if column.categories is not None:
            entry["categories"] = list(column.categories)
        entries.append(entry | column.extra)
    header = json.dumps({"n": n, "columns": entries}, separators=(",", ":"), allow_nan=False).encode()
    header += b" " * (-(8 + len(header)) % _ALIGNMENT)
    return b"".join((_MAGIC, len(header).to_bytes(4, "little"), header, *parts))


def encode_json(n: int, columns: Sequence[WireColumn]) -> bytes:
    """Return columns as JSON: ``{"n", "columns": [{"name", "values"}]}``, null for missing and for NaN."""
    return encode(Columns(n=n, columns=[NamedValues(name=c.name, values=_plain(n, c), **c.extra) for c in columns]))


def encode_csv(n: int, columns: Sequence[WireColumn]) -> bytes:
    """Return columns as CSV with a header row, empty for missing and for NaN."""
    return csv_bytes([c.name for c in columns], zip(*(_plain(n, c) for c in columns), strict=True))


def csv_bytes(header: Sequence[str] | None, rows: Iterable[Sequence[Any]]) -> bytes:
    """Return rows as CSV, below their header or to follow other rows; None becomes an empty field.

    Text that a spreadsheet would evaluate gets an apostrophe in front.
    """
    lines = _Lines()
    writer = csv.writer(lines)
    if header is not None:
        writer.writerow(map(_cell, header))
    writer.writerows(map(_cell, row) for row in rows)
    return "".join(lines).encode()


def _cell(value: Any) -> Any:
    return escape_formula(value) if isinstance(value, str) else value


class _Lines(list[str]):
    """Lines of CSV that end in a newline alone.

    Python's writer quotes the characters of its own line end only: with a newline as its end, a carriage return
    in a text would begin a new row.
    """

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")


def _plain(n: int, column: WireColumn) -> list[Any]:
    values = column.values
    if column.indices is not None:
        values = Values(n, values, column.indices).dense()
    if column.categories is not None:
        texts: list[Any] = [*column.categories, None]
        return [texts[code] for code in values.tolist()]
    plain: list[Any] = values.tolist()
    absent = ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(values.size, bool)
    if column.missing is not None:
        absent = absent | column.missing
    for i in np.flatnonzero(absent).tolist():
        plain[i] = None
    return plain


ENCODERS = {BINARY: encode_binary, JSON: encode_json, CSV: encode_csv}
