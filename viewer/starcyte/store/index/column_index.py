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

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid
from starcyte.store.block import Block
from starcyte.store.dataset import Layout, Tick, Values, no_tick
from starcyte.store.index.storage import Archive, Folder, Place, Stored
from starcyte.store.moments import Moments

FORMAT = 1
# what opening an index raises that is not there, not whole or of something else
UNUSABLE = (OSError, ValueError, KeyError)
OFFSETS = np.dtype("<u2")
TABLE = np.dtype("<u4")
_DIGEST_BYTES = 1 << 20


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
        return f"{self.revision}-{self.archive_name}"

    @property
    def archive_name(self) -> str:
        """The name of its folder in an archive."""
        return hashlib.blake2b(self.matrix.encode(), digest_size=6).hexdigest()

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
        Where it is: a folder, or an archive of such.
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
        self.archive_name = source.archive_name
        self._files: list[Stored] = []
        self._place: Place = Folder(folder) if folder.is_dir() else Archive(folder, source.archive_name)
        try:
            self._open(source)
        except BaseException:
            self.close()
            raise

    def _open(self, source: Source) -> None:
        with closing(self._place.open("index.json")) as stored:
            meta = _unsealed(stored.read_all())
        expected = source.as_dict()
        if not self._place.exact:
            del expected["revision"]
        if {k: meta.get(k) for k in expected} != expected:
            raise ValueError("it is of another file")
        self.nnz: int | None = meta["nnz"]
        self.layout = "dense" if meta["dense"] else "csc"
        self.only_moments: bool = meta["only_moments"]
        self.rows: NDArray[np.int64] = np.array(meta["rows"], np.int64)
        self._starts: NDArray[np.int64] = np.array(meta["starts"], np.int64)
        self._counts: NDArray[np.int64] = np.array(meta["counts"], np.int64)
        self._moments: dict[str, int] = meta["moments"]
        self._entries = self._open_file("entries.bin")
        self._table = self._open_file("table.bin")
        if self._entries.there != meta["entries_bytes"]:
            raise ValueError("its entries are torn")
        if self._table.there != self._table.size or table_digest(self._table) != meta["table_digest"]:
            raise ValueError("its table is torn")
        for column, k in self._moments.items():
            if self._place.size(moments_name(column)) != moments_bytes(self.shape[1], k):
                raise ValueError(f"its moments of {column!r} are torn")
        if not self._place.exact:
            self._check_places()

    def _check_places(self) -> None:
        """Look whether all that is named lies within the matrix and the entries: an archive may be anybody's."""
        n_obs, n_vars = self.shape
        rows, starts, counts = self.rows, self._starts, self._counts
        if not (rows.ndim == 1 and rows.size and rows[0] == 0 and np.all(rows[1:] >= rows[:-1])):
            raise ValueError("its blocks contradict themselves")
        if self.only_moments:
            return
        if rows[-1] != n_obs or not starts.shape == counts.shape == (self.n_blocks,):
            raise ValueError("its blocks contradict themselves")
        ends = (starts if self.layout == "dense" else self._values_start) + counts * self.dtype.itemsize
        if np.any(counts < 0) or np.any(starts < 0) or np.any(ends > self._entries.size):
            raise ValueError("its blocks contradict themselves")
        if self.layout == "dense":
            wrong = bool(np.any(counts != np.diff(rows) * n_vars))
        else:
            table = self._block_table
            wrong = bool(np.any(table[0]) or np.any(table[-1] != counts)) or any(
                np.any(table[j + 1 : j + 1025] < table[j : j + 1024][: n_vars - j]) for j in range(0, n_vars, 1024)
            )
        if wrong:
            raise ValueError("its table contradicts itself")

    def _checked(self, offsets: NDArray[np.uint16], sizes: Any) -> NDArray[np.uint16]:
        """Return offsets of rows within blocks, of these sizes."""
        if not self._place.exact and np.any(offsets >= sizes):
            raise self._unreadable(OSError("it names cells that are not there"))
        return offsets

    def _open_file(self, name: str) -> Stored:
        self._files.append(self._place.open(name))
        return self._files[-1]

    def close(self) -> None:
        """Let go of its files; it cannot be read any more."""
        self.__dict__.pop("_block_table", None)
        for stored in self.__dict__.pop("_files", ()):
            stored.close()
        if "_place" in self.__dict__:
            self._place.close()

    def __del__(self) -> None:
        """Let go of the files of an index that was replaced, when the last reader has left it."""
        self.close()

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return self.rows.size - 1

    def _read(self, position: int, shape: int | tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return self._read_of(self._entries, position, shape, dtype)

    def _read_of(
        self, stored: Stored, position: int, shape: int | tuple[int, ...], dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        out = np.empty(shape, dtype)
        try:
            stored.read(position, out)
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
        if not self._place.exact:
            self._checked(offsets, np.repeat(np.diff(self.rows), counts))
        rows = offsets.astype(np.uint32)
        rows += np.repeat(self.rows[:-1].astype(np.uint32), counts)
        return Values(self.shape[0], values, rows)

    @property
    def _values_start(self) -> NDArray[np.int64]:
        """Where each block's values start, which follow its offsets."""
        return self._starts + -(-OFFSETS.itemsize * self._counts // 8) * 8

    def _gather(self, places: NDArray[np.int64], sizes: NDArray[np.int64]) -> bytes:
        """Return slices of the entries, one behind the other."""
        kept = np.flatnonzero(sizes)
        try:
            return self._entries.slices(places[kept].tolist(), (places[kept] + sizes[kept]).tolist())
        except OSError as error:
            raise self._unreadable(error) from None

    def _fill(self, position: int, out: NDArray[Any]) -> None:
        out[:] = self._read(position, out.size, self.dtype)

    def _gene_table(self, first: int, last: int) -> NDArray[np.uint32]:
        """Return where genes first to last (included) start in each block, shape (last - first + 1, blocks)."""
        shape = (last - first + 1, self.n_blocks)
        return self._read_of(self._table, first * self.n_blocks * TABLE.itemsize, shape, TABLE)

    def block(self, number: int) -> Block:
        """Read one block."""
        rows, genes = slice(int(self.rows[number]), int(self.rows[number + 1])), slice(0, self.shape[1])
        start, count = int(self._starts[number]), int(self._counts[number])
        if self.layout == "dense":
            return Block(rows, genes, self._read(start, (self.shape[1], rows.stop - rows.start), self.dtype))
        ptr = self._block_table[:, number].astype(np.int64)
        values = self._read(int(self._values_start[number]), count, self.dtype)
        offsets = self._checked(self._read(start, count, OFFSETS), rows.stop - rows.start)
        return Block(rows, genes, values, ptr, offsets)

    @cached_property
    def _block_table(self) -> NDArray[Any]:
        try:
            return np.frombuffer(self._table.map(), TABLE).reshape(self.shape[1] + 1, self.n_blocks)
        except OSError as error:
            raise self._unreadable(error) from None

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
            offsets = self._read(int(self._starts[b] + 2 * at[0, b]), n, OFFSETS)
            rows[piece] = self._checked(offsets, int(self.rows[b + 1] - self.rows[b]))
            rows[piece] += np.uint32(self.rows[b])
            values[piece] = self._read(int(self._values_start[b] + self.dtype.itemsize * at[0, b]), n, self.dtype)
        return genes, rows, values

    def moments(self, column: str) -> Moments | None:
        """Return the kept moments of a column of obs, the last group being the cells without a category."""
        k = self._moments.get(column)
        if k is None:
            return None
        try:
            with closing(self._place.open(moments_name(column))) as stored:
                return open_moments(stored, self.shape[1], k)
        except OSError:
            return None  # the index was removed; its entries are held open, and tell the same


def moments_bytes(n_genes: int, k: int) -> int:
    """Return the length of a file of moments."""
    return 8 * k + n_genes * k * (8 + 8 + 4)


def open_moments(stored: Stored, n_genes: int, k: int) -> Moments:
    """Map a file of moments: counts, means, sums of squared deviations, positive cells."""
    size = n_genes * k
    shape = (n_genes, k)
    whole = stored.map()
    places = np.cumsum([0, 8 * k, 8 * size, 8 * size, 4 * size])
    parts: Sequence[NDArray[Any]] = [
        np.ndarray(s, d, buffer=whole, offset=int(p))
        for s, d, p in zip(((k,), shape, shape, shape), ("<i8", "<f8", "<f8", "<u4"), places, strict=False)
    ]
    return Moments(*parts)


def table_digest(stored: Stored) -> str:
    """Return the digest of a table."""
    digest = hashlib.blake2b(digest_size=16)
    buffer = np.empty(_DIGEST_BYTES, np.uint8)
    for position in range(0, stored.size, _DIGEST_BYTES):
        piece = buffer[: stored.size - position]
        stored.read(position, piece)
        digest.update(piece.data)
    return digest.hexdigest()
