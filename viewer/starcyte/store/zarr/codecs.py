"""Codecs of Zarr that turn bytes into bytes; none unpacks more than it is allowed to.

A chunk of a few kilobytes may claim to unpack to gigabytes: the size is known from the shape of a chunk, so that what
is larger is refused before, or as soon as, it is unpacked.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import FilterMissing

Unpack: TypeAlias = Callable[[bytes, int], bytes]
"""Returns the unpacked bytes; raises ValueError if they are more than a number: (packed, most)."""

_BLOSC_HEADER, _LZ4_HEADER, _CHECKSUM = 16, 4, 4


def unpacker(name: str, configuration: Mapping[str, Any], array: str) -> Unpack:
    """Return the function that undoes a codec.

    Parameters
    ----------
    name
        Its name in the metadata, of version 2 or 3.
    configuration
        Its parameters.
    array
        The name of the array, for the message.

    Raises
    ------
    FilterMissing
        If starcyte does not know it.
    """
    short = name.removeprefix("numcodecs.")
    if short == "shuffle":
        width = configuration.get("elementsize", 4)
        if isinstance(width, int) and 0 < width <= 256:
            return lambda data, most: _unshuffle(data, width)
    known = _UNPACKERS.get(short)
    if known is None:
        raise FilterMissing(
            f"{array} is written with the codec {name!r}, which starcyte does not read.",
            "Write the store with zstd, gzip, blosc or lz4, for example with anndata's write_zarr.",
        )
    return known


def _within(n: int, most: int) -> None:
    if n > most:
        raise ValueError(f"a chunk unpacks to more than {most:,} bytes")


def _inflate(data: bytes, most: int, bits: int) -> bytes:
    parts, left = [], most
    while data:
        stream = zlib.decompressobj(bits)
        part = stream.decompress(data, left + 1)
        _within(len(part), left)
        if not stream.eof:
            raise ValueError("a chunk is truncated")
        parts.append(part)
        # gzip: members may follow each other
        left, data = left - len(part), stream.unused_data
    return b"".join(parts)


def _bunzip(data: bytes, most: int) -> bytes:
    out = bz2.BZ2Decompressor().decompress(data, most + 1)
    _within(len(out), most)
    return out


def _unlzma(data: bytes, most: int) -> bytes:
    out = lzma.LZMADecompressor(memlimit=256 << 20).decompress(data, most + 1)
    _within(len(out), most)
    return out


def _zstd(data: bytes, most: int) -> bytes:
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as stream:
        parts, left = [], most + 1
        while left and (part := stream.read(min(left, 64 << 20))):
            parts.append(part)
            left -= len(part)
    _within(most + 1 - left, most)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _blosc(data: bytes, most: int) -> bytes:
    from numcodecs import blosc

    if len(data) < _BLOSC_HEADER:
        raise ValueError("a chunk is truncated")
    unpacked, _, packed = struct.unpack_from("<III", data, 4)
    _within(unpacked, most)
    if packed > len(data):
        raise ValueError("a chunk is truncated")
    return bytes(blosc.decompress(data))


def unpack_blosc_into(data: bytes, out: NDArray[Any]) -> None:
    """Unpack a chunk into an array of just its size; raise ValueError if it has another."""
    from numcodecs import blosc

    if len(data) < _BLOSC_HEADER:
        raise ValueError("a chunk is truncated")
    unpacked, _, packed = struct.unpack_from("<III", data, 4)
    if packed > len(data):
        raise ValueError("a chunk is truncated")
    if unpacked != out.nbytes:
        raise ValueError(f"a chunk has {unpacked:,} bytes in place of {out.nbytes:,}")
    blosc.decompress(data, out)


def is_blosc(step: Unpack) -> bool:
    """Return whether a step is that of :func:`unpack_blosc_into`."""
    return step is _blosc


def _lz4(data: bytes, most: int) -> bytes:
    from numcodecs import lz4

    if len(data) < _LZ4_HEADER:
        raise ValueError("a chunk is truncated")
    _within(struct.unpack_from("<I", data)[0], most)
    return bytes(lz4.decompress(data))


def _crc32c(data: bytes, most: int) -> bytes:
    import google_crc32c

    content, stored = data[:-_CHECKSUM], data[-_CHECKSUM:]
    if struct.pack("<I", google_crc32c.value(content)) != stored:
        raise ValueError("the checksum of a chunk is wrong")
    return content


def _unshuffle(data: bytes, width: int) -> bytes:
    n = len(data) // width
    planes = np.frombuffer(data, np.uint8, n * width).reshape(width, n)
    return planes.T.tobytes() + data[n * width :]


_UNPACKERS: Mapping[str, Unpack] = {
    "gzip": lambda data, most: _inflate(data, most, 16 + zlib.MAX_WBITS),
    "zlib": lambda data, most: _inflate(data, most, zlib.MAX_WBITS),
    "bz2": _bunzip,
    "lzma": _unlzma,
    "zstd": _zstd,
    "blosc": _blosc,
    "lz4": _lz4,
    "crc32c": _crc32c,
}
