"""How the values of an array lie in its chunks, as its metadata state it, and their decoding."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from starcyte.store.zarr.codecs import Unpack, is_blosc, unpack_blosc_into

Items: TypeAlias = Literal["fixed", "text"]

# a chunk of text may take this much, or 100 times its packed bytes
_TEXT_BYTES = 64 << 20
_MAX_RATIO = 100
_LONGEST = 4


@dataclass(frozen=True)
class Coding:
    """How a chunk becomes bytes.

    Parameters
    ----------
    items
        Whether its values have one size, or are texts (or bytes) of any length.
    dtype
        Their dtype, with the byte order in the chunk; object for texts.
    axes
        The axes of the array in the order in which the chunk has them, the last one running fastest.
    unpack
        What undoes the packing, in this order.
    """

    items: Items
    dtype: np.dtype[Any]
    axes: tuple[int, ...]
    unpack: tuple[Unpack, ...]

    def decode(self, packed: bytes, shape: tuple[int, ...], most: int) -> NDArray[Any]:
        """Return the values of a chunk.

        Parameters
        ----------
        packed
            Its bytes.
        shape
            Its shape.
        most
            Bytes that texts may take, at most.

        Raises
        ------
        ValueError
            If the bytes are not those of such a chunk.
        """
        n = math.prod(shape)
        allowed = n * self.dtype.itemsize
        if self.items == "text":
            allowed = min(most, max(_TEXT_BYTES, _MAX_RATIO * len(packed)))
        data = unpacked(packed, self.unpack, allowed)
        stored = tuple(shape[axis] for axis in self.axes)
        if self.items == "text":
            flat: NDArray[Any] = _texts(data, n)
        elif len(data) != allowed:
            raise ValueError(f"a chunk has {len(data):,} bytes in place of {allowed:,}")
        else:
            flat = np.frombuffer(data, self.dtype) if self.dtype.itemsize else np.zeros(n, self.dtype)
        return flat.reshape(stored).transpose([self.axes.index(axis) for axis in range(len(shape))])

    def decode_into(self, packed: bytes, out: NDArray[Any]) -> bool:
        """Write the values of a whole chunk into an array of its shape, if that takes no copy; return whether it did.

        Parameters
        ----------
        packed
            Its bytes.
        out
            The array, contiguous.

        Raises
        ------
        ValueError
            If the bytes are not those of such a chunk.
        """
        if len(self.unpack) != 1 or not is_blosc(self.unpack[0]) or self.dtype != out.dtype or self.items != "fixed":
            return False
        try:
            unpack_blosc_into(packed, out)
        except (ImportError, MemoryError):
            raise
        except Exception as error:  # the library has an exception of its own
            raise ValueError(str(error)) from None
        return True


def unpacked(data: bytes, steps: Sequence[Unpack], allowed: int) -> bytes:
    """Return bytes after all steps; raise ValueError if they are more than allowed, or damaged."""
    for left, step in zip(range(len(steps) - 1, -1, -1), steps, strict=True):
        try:
            # what is packed twice may be a little longer in between
            data = step(data, allowed if left == 0 else allowed + allowed // 8 + 4096)
        except (ImportError, MemoryError):
            raise
        except Exception as error:  # each library has an exception of its own
            raise ValueError(str(error)) from None
    return data


def _texts(data: bytes, n: int) -> NDArray[np.object_]:
    """Return n texts, each with its length in front; bytes that are not UTF-8 become replacement characters."""
    if len(data) < _LONGEST or struct.unpack_from("<I", data)[0] != n:
        raise ValueError("a chunk of text has another number of values")
    out, at = np.empty(n, object), _LONGEST
    for i in range(n):
        if at + _LONGEST > len(data):
            raise ValueError("a chunk of text is truncated")
        start = at + _LONGEST
        at = start + int.from_bytes(data[at:start], "little")
        if at > len(data):
            raise ValueError("a chunk of text is truncated")
        out[i] = data[start:at].decode("utf-8", "replace")
    return out


@dataclass(frozen=True)
class Shards:
    """Chunks that lie together in larger files, each with an index of them.

    Parameters
    ----------
    shape
        The shape of a shard, in elements.
    index_first
        Whether the index is at the start of the file, not at its end.
    index_unpack
        What undoes the packing of the index.
    index_extra
        The bytes by which the packed index is longer.
    """

    shape: tuple[int, ...]
    index_first: bool
    index_unpack: tuple[Unpack, ...]
    index_extra: int


@dataclass(frozen=True)
class Layout:
    """The metadata of an array.

    Parameters
    ----------
    shape, chunks
        The shapes of the array, and of the chunks that are unpacked as a whole.
    dtype
        The dtype of the values.
    fill
        The value of chunks that are not stored.
    coding
        How a chunk becomes bytes.
    prefix, separator
        The key of a chunk: the prefix, and the numbers of the chunk with this between them.
    shards
        The shards in which the chunks lie, if they do.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: Any
    coding: Coding
    prefix: str
    separator: str
    shards: Shards | None = None

    def key(self, place: Sequence[int]) -> str:
        """Return the key of a chunk, or of a shard, relative to the array."""
        numbers = self.separator.join(map(str, place))
        if self.prefix:
            return f"{self.prefix}{self.separator}{numbers}" if numbers else self.prefix
        return numbers or "0"
