"""The entries of a matrix in a folder of work, block by block, so that they can be read in the other order.

A block has some rows (of a matrix by cell, or dense) or some genes (of a matrix by gene): its *major* axis. Within the
block its entries are sorted by the *minor* axis. A file is complete or not there, so that work that was cut short goes
on with the blocks that are missing::

    int64      entries, digest, 1 if dense, first and length on the major axis
    uint32     minor + 1 positions, unless dense
    uint16     the major offset of each entry within its block, unless dense; filled up to 8 bytes
    values
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from starcyte.store.block import Block
from starcyte.store.dataset import Matrix, Tick
from starcyte.store.parallel import in_parallel
from starcyte.store.write.prepared.digest import block_digest

_HEADER = np.dtype("<i8")
_POINTER, _OFFSET = np.dtype("<u4"), np.dtype("<u2")
_N_HEADER = 5


@dataclass(frozen=True, eq=False)
class StoredBlock:
    """A block in the folder of work.

    Parameters
    ----------
    path
        Its file.
    first, length
        Its first row or gene on the major axis, and their number.
    n
        The number of its entries.
    """

    path: Path
    first: int
    length: int
    n: int


class EntryBlocks:
    """The entries of a matrix in a folder of work.

    Parameters
    ----------
    matrix
        The matrix.
    folder
        The folder, which may have blocks of an earlier attempt.
    """

    def __init__(self, matrix: Matrix, folder: Path) -> None:
        self._matrix, self._folder = matrix, folder
        first = matrix.block(0) if matrix.layout == "dense" and matrix.n_blocks else None
        self.by_gene = matrix.layout == "csc" or (first is not None and first.genes.stop < matrix.shape[1])
        "Whether the major axis is that of the genes."
        self.is_dense = first is not None and bool(np.count_nonzero(first.values) * 2 >= first.values.size)
        # neither scipy nor other programs have sparse values of 16 bits
        self.dtype = np.dtype(np.float32) if matrix.dtype == np.float16 else matrix.dtype
        self.shape = matrix.shape
        self.n_minor = matrix.shape[0] if self.by_gene else matrix.shape[1]
        self.blocks: list[StoredBlock] = []
        self.digest = 0
        self.counts = np.zeros(self.n_minor, np.int64)
        "The number of entries at each place of the minor axis."
        self._lock = threading.Lock()

    @property
    def n(self) -> int:
        """The number of entries."""
        return sum(block.n for block in self.blocks)

    def write(self, workers: int, tick: Tick) -> None:
        """Write the blocks that are missing.

        Parameters
        ----------
        workers
            The number of threads; each holds a block in memory.
        tick
            Called with the fraction done; raises to stop.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        found: dict[int, StoredBlock] = {}

        def add(number: int) -> None:
            made = self._add(number)
            with self._lock:
                found[number] = made

        in_parallel(self._matrix.n_blocks, add, workers, tick)
        self.blocks = [found[number] for number in sorted(found)]

    def _add(self, number: int) -> StoredBlock:
        path = self._folder / f"{number:07d}.bin"
        if not path.exists():
            self._write(path, self._matrix.block(number))
        with path.open("rb") as stream:
            header = np.fromfile(stream, _HEADER, _N_HEADER)
            n, digest, _, first, length = header.tolist()
            if not self.is_dense:
                ptr = np.fromfile(stream, _POINTER, self.n_minor + 1).astype(np.int64)
                with self._lock:
                    self.counts += ptr[1:] - ptr[:-1]
        with self._lock:
            self.digest = (self.digest + digest) % 2**64
        return StoredBlock(path, first, length, n)

    def _write(self, path: Path, block: Block) -> None:
        major = block.genes if self.by_gene else block.rows
        values = block.values.astype(self.dtype, copy=False)
        parts: list[NDArray[Any]]
        if self.is_dense:
            parts = [values]
        else:
            ptr, offsets, values = self._by_minor(block, values)
            packed = np.zeros(-(-offsets.size // 4) * 4, _OFFSET)
            packed[: offsets.size] = offsets
            parts = [ptr.astype(_POINTER), packed, values]
        digest = block_digest(block, self.dtype, self.shape[1], self.is_dense)
        signed = digest - 2**64 if digest >= 2**63 else digest
        header = np.array([values.size, signed, int(self.is_dense), major.start, major.stop - major.start], _HEADER)
        part = path.with_suffix(".part")
        try:
            with part.open("wb") as stream:
                for array in (header, *parts):
                    stream.write(np.ascontiguousarray(array).data)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise

    def _by_minor(self, block: Block, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return the entries of a block sorted by the minor axis: positions, major offsets, and values."""
        if block.ptr is None or block.offsets is None:
            # a dense block has a row for each gene
            by_minor = values.T if self.by_gene else values
            minor, major = np.nonzero(by_minor)
            return np.searchsorted(minor, np.arange(self.n_minor + 1)), major, by_minor[minor, major]
        if not self.by_gene:
            return block.ptr, block.offsets, values
        length = block.genes.stop - block.genes.start
        flipped = csc_array((values, block.offsets, block.ptr), shape=(self.n_minor, length)).tocsr()
        return flipped.indptr, flipped.indices, flipped.data

    def minor(self, first: int, last: int) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Return the entries of a run of the minor axis, sorted by it and within it by the major axis.

        Parameters
        ----------
        first, last
            The run, last excluded.

        Returns
        -------
        indices, values
            The place of each entry on the major axis, and its value.
        """
        parts = [self._slice(block, first, last) for block in self.blocks]
        counts = np.array([np.diff(ptr) for ptr, _, _ in parts], np.int64).reshape(len(parts), last - first)
        # place after place, and of one place block after block
        ends = np.cumsum(counts.T).reshape(last - first, len(parts))
        starts = ends - counts.T
        n = int(counts.sum())
        indices, values = np.empty(n, np.int32), np.empty(n, self.dtype)
        for number, (block, (ptr, offsets, part)) in enumerate(zip(self.blocks, parts, strict=True)):
            shift = starts[:, number] - (ptr[:-1] - ptr[0])
            to = np.repeat(shift, counts[number]) + np.arange(part.size, dtype=np.int64)
            indices[to] = offsets.astype(np.int32) + block.first
            values[to] = part
        return indices, values

    def _slice(self, block: StoredBlock, first: int, last: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        start = (_N_HEADER) * _HEADER.itemsize
        at = start + _POINTER.itemsize * (self.n_minor + 1)
        of_values = at + -(-block.n // 4) * 4 * _OFFSET.itemsize
        with block.path.open("rb", buffering=0) as stream:
            ptr = _read(stream.fileno(), start + _POINTER.itemsize * first, last - first + 1, _POINTER).astype(np.int64)
            low, n = int(ptr[0]), int(ptr[-1] - ptr[0])
            offsets = _read(stream.fileno(), at + low * _OFFSET.itemsize, n, _OFFSET)
            values = _read(stream.fileno(), of_values + low * self.dtype.itemsize, n, self.dtype)
        return ptr, offsets, values

    def major(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]:
        """Return the entries of a block sorted by the major axis.

        Returns
        -------
        ptr, indices, values
            The position of the first entry of each of its rows or genes, the place of each entry on the minor axis,
            and its value.
        """
        block = self.blocks[number]
        ptr, offsets, values = self._slice(block, 0, self.n_minor)
        turned = csc_array((values, offsets.astype(np.int32), ptr), shape=(block.length, self.n_minor)).tocsr()
        return turned.indptr.astype(np.int64), turned.indices.astype(np.int32, copy=False), turned.data

    def major_counts(self, number: int) -> NDArray[np.int64]:
        """Return the number of entries of each row or gene of a block."""
        block = self.blocks[number]
        at = _N_HEADER * _HEADER.itemsize + _POINTER.itemsize * (self.n_minor + 1)
        with block.path.open("rb", buffering=0) as stream:
            return np.bincount(_read(stream.fileno(), at, block.n, _OFFSET), minlength=block.length)

    def dense(self, cells: slice, genes: slice) -> NDArray[Any]:
        """Return a part of a dense matrix, shape (cells, genes)."""
        out = np.empty((cells.stop - cells.start, genes.stop - genes.start), self.dtype)
        start = (_N_HEADER) * _HEADER.itemsize
        chosen = genes if self.by_gene else cells
        for block in self.blocks:
            low, high = max(chosen.start, block.first), min(chosen.stop, block.first + block.length)
            if low >= high:
                continue
            if self.by_gene:
                n_obs, at = self.shape[0], (low - block.first) * self.shape[0] * self.dtype.itemsize
                with block.path.open("rb", buffering=0) as stream:
                    part = _read(stream.fileno(), start + at, (high - low) * n_obs, self.dtype)
                out[:, low - genes.start : high - genes.start] = part.reshape(-1, n_obs)[:, cells].T
                continue
            n, itemsize = (genes.stop - genes.start) * block.length, self.dtype.itemsize
            with block.path.open("rb", buffering=0) as stream:
                part = _read(stream.fileno(), start + genes.start * block.length * itemsize, n, self.dtype)
            rows = part.reshape(-1, block.length)[:, low - block.first : high - block.first]
            out[low - cells.start : high - cells.start] = rows.T
        return out


def _read(descriptor: int, position: int, n: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    out = np.empty(n, dtype)
    view = memoryview(out.view(np.uint8).data)
    while len(view):
        done = os.preadv(descriptor, [view], position)
        if not done:
            raise OSError("a file of work ends before it should")
        view, position = view[done:], position + done
    return out
