"""The column index: a matrix turned to genes, on disk, with the moments of its groups of cells.

A folder of the cache, named after the dataset's fingerprint and the matrix::

    index.json      what it is of, where its blocks lie, and the checks below
    entries.bin     block after block: the offsets (uint16) of its entries, gene after gene, then their values
    table.bin       uint32, shape (genes + 1, blocks): where each gene starts in each block
    moments-*.bin   for each categorical column of obs: mean, m2 (float64) and positive (uint32), (genes, groups) each

A dense matrix has neither offsets nor a table: each block holds the values of all its cells, gene after gene.

It is written elsewhere and renamed when it is whole and on disk, so that what stands under its name is whole; it is
believed only if it is of this very state of the file, and as long and as summed as it says. Whoever has it open reads
it to the end, by descriptors, though it be replaced or removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid
from starcyte.store.base import Layout, Tick, Values, no_tick
from starcyte.store.block import Block
from starcyte.store.moments import Moments

FORMAT = 1
# what opening an index raises that is not there, not whole or of something else
UNUSABLE = (OSError, ValueError, KeyError)
OFFSETS = np.dtype("<u2")
TABLE = np.dtype("<u4")


@dataclass(frozen=True)
class Source:
    """What an index is of: it serves no other.

    Parameters
    ----------
    fingerprint, revision
        Of the dataset.
    matrix
        The matrix's name.
    shape
        Cells by genes.
    dtype
        Of its values.
    """

    fingerprint: str
    revision: str
    matrix: str
    shape: tuple[int, int]
    dtype: str

    @property
    def folder_name(self) -> str:
        """The name of its folder in the cache."""
        return f"{self.revision}-{hashlib.blake2b(self.matrix.encode(), digest_size=6).hexdigest()}"

    def as_dict(self) -> dict[str, Any]:
        """Return what stands in ``index.json``."""
        return {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "revision": self.revision,
            "matrix": self.matrix,
            "shape": list(self.shape),
            "dtype": self.dtype,
        }


def moments_name(column: str) -> str:
    """Return the name of the file of a column's moments."""
    return f"moments-{hashlib.blake2b(column.encode(), digest_size=8).hexdigest()}.bin"


def bytes_of(array: NDArray[Any]) -> memoryview:
    """Return the bytes of a contiguous array, to be read or filled."""
    return memoryview(array.reshape(-1).view(np.uint8).data)


def read_at(descriptor: int, position: int, out: NDArray[Any]) -> None:
    """Fill an array from a place in a file; raise OSError where the file ends before."""
    view = bytes_of(out)
    while len(view):
        n = os.preadv(descriptor, [view], position)
        if n == 0:
            raise OSError("the file ends before it should")
        view, position = view[n:], position + n


def seal(meta: dict[str, Any]) -> str:
    """Return the text of ``index.json``: what it says, and the digest of that."""
    return json.dumps(meta | {"digest": _digest_of(meta)})


def _digest_of(meta: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(meta, sort_keys=True).encode(), digest_size=16).hexdigest()


def _unsealed(text: bytes) -> dict[str, Any]:
    try:
        meta: dict[str, Any] = json.loads(text)
        whole = meta.pop("digest") == _digest_of(meta)
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise ValueError("it is torn")
    return meta


class ColumnIndex:
    """An index that is whole. Reads take no lock; safe for use from several threads.

    Parameters
    ----------
    folder
        Where it is.
    source
        What it must be of.

    Raises
    ------
    ValueError
        If it is of something else, or torn.
    OSError
        If it cannot be read.
    """

    layout: Layout

    def __init__(self, folder: Path, source: Source) -> None:
        self.folder = folder
        self.name, self.shape, self.dtype = source.matrix, source.shape, np.dtype(source.dtype)
        self._opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._open(source)
        except BaseException:
            self.close()
            raise

    def _open(self, source: Source) -> None:
        with open(self._open_file("index.json"), "rb") as stream:  # noqa: PTH123
            meta = _unsealed(stream.read())
        if {k: meta.get(k) for k in source.as_dict()} != source.as_dict():
            raise ValueError("it is of another file")
        self.nnz: int | None = meta["nnz"]
        self.layout = "dense" if meta["dense"] else "csc"
        self.only_moments: bool = meta["only_moments"]
        self.rows: NDArray[np.int64] = np.array(meta["rows"], np.int64)
        self._starts: NDArray[np.int64] = np.array(meta["starts"], np.int64)
        self._counts: NDArray[np.int64] = np.array(meta["counts"], np.int64)
        self._moments: dict[str, int] = meta["moments"]
        self._entries = self._open_file("entries.bin")
        _hold(self._entries)
        self._table = self._open_file("table.bin")
        if os.fstat(self._entries).st_size != meta["entries_bytes"]:
            raise ValueError("its entries are torn")
        if table_digest(self._table) != meta["table_digest"]:
            raise ValueError("its table is torn")
        for column, k in self._moments.items():
            if os.stat(moments_name(column), dir_fd=self._opened).st_size != moments_bytes(self.shape[1], k):
                raise ValueError(f"its moments of {column!r} are torn")

    def _open_file(self, name: str) -> int:
        return os.open(name, os.O_RDONLY, dir_fd=self._opened)

    def close(self) -> None:
        """Let go of its files; it cannot be read any more."""
        for name in ("_block_table", "_map"):
            self.__dict__.pop(name, None)
        for name in ("_opened", "_entries", "_table"):
            descriptor = self.__dict__.pop(name, None)
            if descriptor is not None:
                os.close(descriptor)

    def __del__(self) -> None:
        """Let go of the files of an index that was replaced, when the last reader has left it."""
        self.close()

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return self.rows.size - 1

    def _read(
        self, position: int, shape: int | tuple[int, ...], dtype: np.dtype[Any], descriptor: int = -1
    ) -> NDArray[Any]:
        out = np.empty(shape, dtype)
        try:
            read_at(self._entries if descriptor < 0 else descriptor, position, out)
        except OSError as error:
            raise self._unreadable(error) from None
        return out

    def _unreadable(self, error: OSError) -> DatasetInvalid:
        return DatasetInvalid(
            f"The index of {self.name} cannot be read: {error.strerror or error}.", "Start again: it is made anew."
        )

    def check(self, tick: Tick = no_tick) -> None:
        """Nothing to check: it was when it was opened."""

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene: one short slice of each block."""
        if self.layout == "dense":
            out = np.empty(self.shape[0], self.dtype)
            for b in range(self.n_blocks):
                n = int(self.rows[b + 1] - self.rows[b])
                self._fill(int(self._starts[b]) + index * n * self.dtype.itemsize, out[self.rows[b] : self.rows[b + 1]])
            return Values(self.shape[0], out)
        at = self._gene_table(index, index + 1).astype(np.int64)
        counts = at[1] - at[0]
        ends = np.cumsum(counts)
        itemsize = self.dtype.itemsize
        offset_slices = (self._starts + OFFSETS.itemsize * at[0], OFFSETS.itemsize * counts)
        value_slices = (self._values_start + itemsize * at[0], itemsize * counts)
        total = int(ends[-1]) if ends.size else 0
        offsets = np.frombuffer(self._gather(*offset_slices), OFFSETS, total)
        values = np.frombuffer(self._gather(*value_slices), self.dtype, total)
        rows = offsets.astype(np.uint32)
        rows += np.repeat(self.rows[:-1].astype(np.uint32), counts)
        return Values(self.shape[0], values, rows)

    @property
    def _values_start(self) -> NDArray[np.int64]:
        """Where each block's values start, which follow its offsets."""
        return self._starts + -(-OFFSETS.itemsize * self._counts // 8) * 8

    def _gather(self, places: NDArray[np.int64], sizes: NDArray[np.int64]) -> bytes:
        """Return slices of the entries, one behind the other.

        What is in memory is copied from a map: a call of the system for each slice would hand Python's lock to another
        thread each time. What is not is fetched by the disk at once, not slice after slice, while others go on.
        """
        kept = np.flatnonzero(sizes)
        starts, ends = places[kept].tolist(), (places[kept] + sizes[kept]).tolist()
        if not starts:
            return b""
        if ends[-1] > os.fstat(self._entries).st_size:
            raise self._unreadable(OSError("the file ends before it should"))
        if self._is_in_memory(ends[-1] - 1):
            view = self._map
            return b"".join([view[a:b] for a, b in zip(starts, ends, strict=True)])
        for a, b in zip(starts, ends, strict=True):
            os.posix_fadvise(self._entries, a, b - a, os.POSIX_FADV_WILLNEED)
        try:
            return b"".join([os.pread(self._entries, b - a, a) for a, b in zip(starts, ends, strict=True)])
        except OSError as error:
            raise self._unreadable(error) from None

    def _is_in_memory(self, place: int) -> bool:
        try:
            return os.preadv(self._entries, (bytearray(1),), place, os.RWF_NOWAIT) == 1
        except (OSError, AttributeError):  # not in memory, or a system that cannot say
            return False

    @cached_property
    def _map(self) -> memoryview:
        return memoryview(mmap.mmap(self._entries, 0, prot=mmap.PROT_READ))

    def _fill(self, position: int, out: NDArray[Any]) -> None:
        out[:] = self._read(position, out.size, self.dtype)

    def _gene_table(self, first: int, last: int) -> NDArray[np.uint32]:
        """Return where genes first to last (included) start in each block, shape (last - first + 1, blocks)."""
        shape = (last - first + 1, self.n_blocks)
        return self._read(first * self.n_blocks * TABLE.itemsize, shape, TABLE, self._table)

    def block(self, number: int) -> Block:
        """Read one block."""
        rows, genes = slice(int(self.rows[number]), int(self.rows[number + 1])), slice(0, self.shape[1])
        start, count = int(self._starts[number]), int(self._counts[number])
        if self.layout == "dense":
            return Block(rows, genes, self._read(start, (self.shape[1], rows.stop - rows.start), self.dtype))
        ptr = self._block_table[:, number].astype(np.int64)
        values = self._read(int(self._values_start[number]), count, self.dtype)
        return Block(rows, genes, values, ptr, self._read(start, count, OFFSETS))

    @cached_property
    def _block_table(self) -> NDArray[Any]:
        table = mmap.mmap(self._table, 0, access=mmap.ACCESS_READ)
        return np.frombuffer(table, TABLE).reshape(self.shape[1] + 1, self.n_blocks)

    def gene_sizes(self) -> NDArray[np.int64]:
        """Return the number of entries of each gene of a sparse matrix, shape (genes,)."""
        sizes: NDArray[np.int64] = np.diff(self._block_table.sum(axis=1, dtype=np.int64))
        return sizes

    def entries(self, first: int, last: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[Any]]:
        """Read the entries of some genes, in any order.

        Parameters
        ----------
        first, last
            The genes, last excluded. The matrix is sparse.

        Returns
        -------
        genes, rows, values
            Shape (entries,): the gene (counted from first), the cell and the value of each.
        """
        at = self._gene_table(first, last).astype(np.int64)
        per_block = at[-1] - at[0]
        ends = np.cumsum(per_block)
        total = int(ends[-1]) if ends.size else 0
        rows, values = np.empty(total, np.uint32), np.empty(total, self.dtype)
        genes = np.repeat(
            np.tile(np.arange(last - first, dtype=np.uint32), self.n_blocks), np.diff(at, axis=0).T.ravel()
        )
        for b in np.flatnonzero(per_block).tolist():
            end, n = int(ends[b]), int(per_block[b])
            piece = slice(end - n, end)
            rows[piece] = self._read(int(self._starts[b] + 2 * at[0, b]), n, OFFSETS)
            rows[piece] += np.uint32(self.rows[b])
            values[piece] = self._read(int(self._values_start[b] + self.dtype.itemsize * at[0, b]), n, self.dtype)
        return genes, rows, values

    def moments(self, column: str) -> Moments | None:
        """Return the kept moments of a column of obs, the last group being the cells without a category."""
        k = self._moments.get(column)
        if k is None:
            return None
        try:
            descriptor = self._open_file(moments_name(column))
        except OSError:
            return None  # the index was removed; its entries are held open, and tell the same
        try:
            return open_moments(descriptor, self.shape[1], k)
        finally:
            os.close(descriptor)


def _hold(descriptor: int) -> None:
    """Lock a file while it is open, so that the cache knows what is in use; raise OSError if it is being removed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass  # no locks here (NFS)


def moments_bytes(n_genes: int, k: int) -> int:
    """Return the length of a file of moments."""
    return 8 * k + n_genes * k * (8 + 8 + 4)


def open_moments(descriptor: int, n_genes: int, k: int) -> Moments:
    """Map a file of moments: counts, means, sums of squared deviations, positive cells."""
    size = n_genes * k
    shape = (n_genes, k)
    whole = mmap.mmap(descriptor, moments_bytes(n_genes, k), access=mmap.ACCESS_READ)
    places = np.cumsum([0, 8 * k, 8 * size, 8 * size, 4 * size])
    parts: Sequence[NDArray[Any]] = [
        np.ndarray(s, d, buffer=whole, offset=int(p))
        for s, d, p in zip(((k,), shape, shape, shape), ("<i8", "<f8", "<f8", "<u4"), places, strict=False)
    ]
    return Moments(*parts)


def table_digest(descriptor: int) -> str:
    """Return the digest of a table."""
    with open(descriptor, "rb", closefd=False) as stream:
        stream.seek(0)
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
