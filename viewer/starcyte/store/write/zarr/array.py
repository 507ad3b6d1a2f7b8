"""An array of Zarr version 3 that is to be written: its chunks, its shards, its codecs and its metadata."""

from __future__ import annotations

import base64
import gzip
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARD_BYTES = 45_000_000
"""Bytes of the values of a shard, at most: with its index, a file stays below 50 MB also where nothing is packed."""

WHOLE_BYTES = 8 << 20
"""Bytes up to which an array is one chunk in one file, which one request reads."""

_CHUNK_BYTES = 256 << 10
_TEXTS = 16_384
_WHOLE_TEXTS = 65_536
_BLOSC: dict[str, Any] = {"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle", "blocksize": 0}
_GZIP_LEVEL = 6
_DTYPES = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex"}


@dataclass(frozen=True)
class NewArray:
    """An array to write.

    Parameters
    ----------
    shape
        Its shape.
    dtype
        The dtype of its values; object for texts.
    chunks
        The shape of the chunks that are unpacked as a whole.
    shards
        The shape of the files in which chunks lie together, a multiple of ``chunks``; None if each chunk is a file.
    attributes
        Its attributes.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> tuple[int, ...]:
        """The shape of the part of the array that is one file."""
        return self.shards or self.chunks

    @property
    def grid(self) -> tuple[int, ...]:
        """The number of files on each axis."""
        return tuple(-(-n // part) for n, part in zip(self.shape, self.files, strict=True))

    @property
    def per_file(self) -> tuple[int, ...]:
        """The number of chunks on each axis of a file."""
        return tuple(whole // part for whole, part in zip(self.files, self.chunks, strict=True))

    def metadata(self) -> dict[str, Any]:
        """Return the content of ``zarr.json``."""
        codecs = self._codecs()
        if self.shards is not None:
            index = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
            inner = {
                "chunk_shape": list(self.chunks),
                "codecs": codecs,
                "index_codecs": index,
                "index_location": "end",
            }
            codecs = [{"name": "sharding_indexed", "configuration": inner}]
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(self.shape),
            "data_type": _data_type(self.dtype),
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(self.files)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": _fill(self.dtype),
            "codecs": codecs,
            "attributes": dict(self.attributes),
            "storage_transformers": [],
        }

    def _codecs(self) -> list[dict[str, Any]]:
        if self.dtype == object:
            return [{"name": "vlen-utf8"}, {"name": "gzip", "configuration": {"level": _GZIP_LEVEL}}]
        stored: dict[str, Any] = {"name": "bytes"}
        if self.dtype.itemsize > 1 or self.dtype.names is not None:
            stored["configuration"] = {"endian": "little"}
        width = {"typesize": min(max(self.dtype.itemsize, 1), 255)}
        return [stored, {"name": "blosc", "configuration": width | _BLOSC}]

    def encode(self, values: NDArray[Any]) -> bytes:
        """Return the bytes of a chunk; one at the end of an axis is filled up."""
        if values.shape != self.chunks:
            whole = np.full(self.chunks, "", object) if self.dtype == object else np.zeros(self.chunks, self.dtype)
            whole[tuple(slice(n) for n in values.shape)] = values
            values = whole
        if self.dtype == object:
            # without a time, so that equal content gives equal bytes
            return gzip.compress(_texts(values.ravel().tolist()), _GZIP_LEVEL, mtime=0)
        from numcodecs import blosc

        # its threads write their blocks in the order in which they finish, so that equal content would differ
        blosc.use_threads = False
        plain = np.ascontiguousarray(values, self.dtype.newbyteorder("<")).reshape(-1)
        if plain.dtype.names is not None or plain.dtype.kind == "U":
            plain = plain.view(np.uint8)
        packed: bytes = blosc.compress(plain, b"lz4", int(_BLOSC["clevel"]), blosc.BITSHUFFLE, 0)
        return packed


def new_array(
    shape: Sequence[int], dtype: np.dtype[Any], attributes: Mapping[str, Any], by_column: bool = False
) -> NewArray:
    """Return an array with chunks and shards that suit its size.

    Parameters
    ----------
    shape, dtype, attributes
        Of the array.
    by_column
        Whether columns of a matrix are read, one by one, rather than rows.
    """
    shape = tuple(int(n) for n in shape)
    chunks: tuple[int, ...]
    if dtype.kind == "O":
        whole, most, itemsize, at_once = _WHOLE_TEXTS, _TEXTS, 1, _TEXTS * 128
    else:
        itemsize = max(dtype.itemsize, 1)
        whole, most, at_once = WHOLE_BYTES // itemsize, max(_CHUNK_BYTES // itemsize, 1), SHARD_BYTES // itemsize
    one = tuple(max(n, 1) for n in shape)
    if math.prod(one) <= whole:
        return NewArray(shape, dtype, one, None, attributes)
    if by_column and len(shape) == 2:
        chunks = (min(shape[0], whole), 1)
        per_shard = max(at_once // chunks[0], 1)
        return NewArray(shape, dtype, chunks, (chunks[0], min(per_shard, shape[1])), attributes)
    below = max(math.prod(one[1:]), 1)
    rows = max(min(most // below, one[0]), 1)
    chunks = (rows, *one[1:])
    if math.prod(chunks) * itemsize > SHARD_BYTES:
        # a row alone is too large: every axis in parts
        side = max(int(most ** (1 / len(shape))), 1)
        return NewArray(shape, dtype, tuple(min(n, side) for n in one), None, attributes)
    per_shard = min(max(at_once // math.prod(chunks), 1), -(-one[0] // rows))
    return NewArray(shape, dtype, chunks, (rows * per_shard, *one[1:]), attributes)


def _texts(values: list[Any]) -> bytes:
    parts = [struct.pack("<I", len(values))]
    for value in values:
        raw = str(value).encode("utf-8", "replace")
        parts += (struct.pack("<I", len(raw)), raw)
    return b"".join(parts)


def _data_type(dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "O":
        return "string"
    if dtype.kind == "b":
        return "bool"
    if dtype.kind in _DTYPES:
        return f"{_DTYPES[dtype.kind]}{8 * dtype.itemsize}"
    if dtype.kind == "U":
        return {"name": "fixed_length_utf32", "configuration": {"length_bytes": dtype.itemsize}}
    if dtype.names is not None:
        fields = [[name, _data_type(dtype[name])] for name in dtype.names]
        return {"name": "structured", "configuration": {"fields": fields}}
    raise ValueError(f"values of dtype {dtype}")


def _fill(dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "O" or dtype.kind == "U":
        return ""
    if dtype.names is not None:
        return base64.b64encode(bytes(dtype.itemsize)).decode()
    if dtype.kind == "c":
        return [0.0, 0.0]
    return False if dtype.kind == "b" else (0.0 if dtype.kind == "f" else 0)
