"""Datasets of HDF5 whose chunks are too large to unpack as a whole, read past the HDF5 library in runs of rows."""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from starcyte.store.hdf5.chunk_stream import ChunkStream, PlainChunk

#: Chunks of at least so many bytes are read as streams; HDF5 unpacks a chunk for each part of it that is read
LARGE_CHUNK_BYTES = 4 << 20
_DEFLATE, _SHUFFLE, _CHECKSUM = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32
# chunks whose decompressors are kept
_MOST_OPEN = 64


class LargeChunks:
    """A dataset of one or two axes, read in runs of rows.

    Parameters
    ----------
    dataset
        The dataset.
    """

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._id, self.dtype, self._fill = dataset.id, dataset.dtype, dataset.fillvalue
        self._shape = (*dataset.shape, 1)[:2]
        self._chunk = (*dataset.chunks, 1)[:2]
        self._is_flat = len(dataset.shape) == 1
        self._filters = filters_of(dataset)
        self._descriptor = os.dup(dataset.file.id.get_vfd_handle())
        self._open: OrderedDict[tuple[int, int], _Chunk | None] = OrderedDict()
        self._lock = threading.Lock()

    def __del__(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)

    def read(self, rows: slice, columns: slice | int = slice(None)) -> NDArray[Any]:
        """Return some columns of a run of rows; of one axis if the dataset has one, or the column is a number.

        Raises
        ------
        OSError
            If a chunk is damaged.
        """
        first, last, _ = rows.indices(self._shape[0])
        last = max(last, first)
        chosen = slice(columns, columns + 1) if isinstance(columns, int) else columns
        start, stop, _ = chosen.indices(self._shape[1])
        out = np.empty((last - first, max(stop - start, 0)), self.dtype)
        tall, wide = self._chunk
        for i in range(first // tall, -(-last // tall) if last > first else 0):
            a, b = max(first, i * tall), min(last, (i + 1) * tall)
            for j in range(start // wide, -(-stop // wide) if stop > start else 0):
                c, d = max(start, j * wide), min(stop, (j + 1) * wide)
                target = out[a - first : b - first, c - start : d - start]
                self._fill_from(i, j, a - i * tall, b - i * tall, slice(c - j * wide, d - j * wide), target)
        return out[:, 0] if self._is_flat or isinstance(columns, int) else out

    def starts(self, length: int, n: int) -> list[int]:
        """Return the starts of runs of rows that are cheap to read: those at the beginnings of chunks."""
        at_once = max(LARGE_CHUNK_BYTES // (self._chunk[1] * self.dtype.itemsize), length)
        found: list[int] = []
        beginnings = range(0, self._shape[0], self._chunk[0])
        for row in beginnings[:: -(-len(beginnings) // n)] if len(beginnings) else ():
            end = min(row + min(at_once, self._chunk[0]), self._shape[0])
            each = min(max(n // len(beginnings), 1), -(-(end - row) // length))
            found += np.unique(np.linspace(row, max(end - length, row), each).astype(np.int64)).tolist()
        return found

    def _fill_from(self, i: int, j: int, first: int, last: int, columns: slice, target: NDArray[Any]) -> None:
        """Fill an array with some columns of rows of one chunk, counted within it."""
        chunk, wide = self._chunk_at(i, j), self._chunk[1]
        if chunk is None:
            target[...] = self._fill
            return
        whole = columns == slice(0, wide)
        into = target if whole and target.flags.c_contiguous else np.empty((last - first, wide), self.dtype)
        chunk.read(first * wide, into.reshape(-1))
        if into is not target:
            target[...] = into[:, columns]

    def _chunk_at(self, i: int, j: int) -> _Chunk | None:
        """Return a chunk; None if it was never written."""
        with self._lock:
            if (i, j) not in self._open:
                self._open[i, j] = self._find(i, j)
                if len(self._open) > _MOST_OPEN:
                    self._open.popitem(last=False)
            self._open.move_to_end((i, j))
            return self._open[i, j]

    def _find(self, i: int, j: int) -> _Chunk | None:
        place = (i * self._chunk[0], j * self._chunk[1])
        stored = self._id.get_chunk_info_by_coord(place[: 1 if self._is_flat else 2])
        if stored.byte_offset is None:
            return None
        filters = [f for k, f in enumerate(self._filters or ()) if not stored.filter_mask >> k & 1]
        n = math.prod(self._chunk)
        packed: ChunkStream | PlainChunk = PlainChunk(self._descriptor, stored.byte_offset)
        if _DEFLATE in filters:
            packed = ChunkStream(self._descriptor, stored.byte_offset, stored.size, n * self.dtype.itemsize)
        return _Chunk(packed, n if _SHUFFLE in filters else 0)


class _Chunk:
    """The values of a chunk.

    Parameters
    ----------
    packed
        Its bytes.
    n_shuffled
        The number of its values if their bytes are shuffled: first the first byte of all values, then the second of
        all, and so on. 0: they are not.
    """

    def __init__(self, packed: ChunkStream | PlainChunk, n_shuffled: int) -> None:
        self._packed, self._n = packed, n_shuffled

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill an array with values from a position."""
        size = out.dtype.itemsize
        into = out.view(np.uint8)
        if not self._n or size == 1:
            self._packed.read(start * size, into)
            return
        plane = np.empty(out.size, np.uint8)
        for byte in range(size):
            self._packed.read(byte * self._n + start, plane)
            into[byte::size] = plane


def filters_of(dataset: h5py.Dataset) -> tuple[int, ...] | None:
    """Return the filters of a dataset if its chunks can be unpacked here, else None."""
    plist = dataset.id.get_create_plist()
    codes = tuple(plist.get_filter(k)[0] for k in range(plist.get_nfilters()))
    order = [_SHUFFLE, _DEFLATE, _CHECKSUM]
    known = all(code in order for code in codes) and [c for c in order if c in codes] == list(codes)
    return codes if known else None


def chunk_bytes(dataset: h5py.Dataset) -> int:
    """Return the bytes of an unpacked chunk; 0 if the dataset has no chunks."""
    return math.prod(dataset.chunks) * dataset.dtype.itemsize if dataset.chunks else 0


def large_chunks(dataset: h5py.Dataset, least: int = LARGE_CHUNK_BYTES) -> LargeChunks | None:
    """Return a dataset with large chunks for reading in runs of rows; None if it has none, or cannot be read so.

    Parameters
    ----------
    dataset
        The dataset.
    least
        The bytes of a chunk from which it is large.
    """
    if chunk_bytes(dataset) < least or not is_streamable(dataset):
        return None
    is_file = dataset.file.driver == "sec2" and not dataset.file.userblock_size
    return LargeChunks(dataset) if is_file else None


def is_streamable(dataset: h5py.Dataset) -> bool:
    """Return whether the chunks of a dataset can be unpacked as streams."""
    dtype = dataset.dtype
    if dataset.is_virtual or len(dataset.shape) not in {1, 2} or dtype.kind not in "iuf":
        return False
    # a type without an equivalent in numpy is converted by the HDF5 library
    return h5py.h5t.py_create(dtype) == dataset.id.get_type() and filters_of(dataset) is not None
