"""The column index: a copy of a matrix by gene, on disk, with the moments of groups of cells.

A folder of the cache, named after the dataset's revision and the matrix::

    index.json      metadata: its key, the positions of its blocks, sizes and digests
    entries.bin     block after block: the offsets (uint16) of its entries, gene after gene, then their values
    table.bin       uint32, shape (genes + 1, blocks): the start of each gene in each block
    moments-*.bin   for each categorical column of obs: mean, m2, expm1 (float64) and positive (uint32), (genes, groups)
                    each

A dense matrix has neither offsets nor a table: each block holds the values of all its cells, gene after gene.

An index is written to a temporary folder, synced, and renamed: a folder of that name is complete. It is used only if
its key is that of the dataset and its sizes and digests match. It is read by open descriptors, which stay valid when
the folder is replaced or removed.
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
from starcyte.store.cell_rows import CellRows
from starcyte.store.dataset import Layout, Tick, Values, no_tick
from starcyte.store.index.storage import ArchiveFiles, FolderFiles, IndexFiles, StoredFile
from starcyte.store.moments import Moments
from starcyte.store.scale import ValueRange

FORMAT = 2
# the errors of opening an index that does not exist, is incomplete, or has another key
UNUSABLE = (OSError, ValueError, KeyError)
OFFSETS = np.dtype("<u2")
TABLE = np.dtype("<u4")
_DIGEST_BYTES = 1 << 20


@dataclass(frozen=True)
class IndexKey:
    """The identity of the matrix that an index was built from.

    Parameters
    ----------
    fingerprint, revision
        Those of the dataset.
    matrix
        The name of the matrix.
    shape
        Cells by genes.
    dtype
        The dtype of its values.
    """

    fingerprint: str
    revision: str
    matrix: str
    shape: tuple[int, int]
    dtype: str

    @property
    def folder_name(self) -> str:
        """The name of the index's folder in the cache."""
        return f"{self.revision}-{self.archive_name}"

    @property
    def archive_name(self) -> str:
        """The name of the index's folder in an archive."""
        return hashlib.blake2b(self.matrix.encode(), digest_size=6).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return the key as it is in ``index.json``."""
        return {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "revision": self.revision,
            "matrix": self.matrix,
            "shape": list(self.shape),
            "dtype": self.dtype,
        }


def moments_name(column: str) -> str:
    """Return the name of the file of moments of an obs column."""
    return f"moments-{hashlib.blake2b(column.encode(), digest_size=8).hexdigest()}.bin"


def encode_metadata(meta: dict[str, Any]) -> str:
    """Return metadata as the text of ``index.json``, with a digest."""
    return json.dumps(meta | {"digest": _digest_of(meta)})


def _digest_of(meta: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(meta, sort_keys=True).encode(), digest_size=16).hexdigest()


def decode_metadata(text: bytes) -> dict[str, Any]:
    """Return metadata without its digest; raise ValueError if it is damaged."""
    try:
        meta: dict[str, Any] = json.loads(text)
        is_valid = meta.pop("digest") == _digest_of(meta)
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        is_valid = False
    if not is_valid:
        raise ValueError("its metadata is damaged")
    return meta


class ColumnIndex:
    """An open column index. Reads take no lock; safe for use from several threads.

    Parameters
    ----------
    folder
        A folder of the cache, or an archive of such folders.
    key
        The key that it must have.

    Raises
    ------
    ValueError
        If it has another key, or is damaged.
    OSError
        If it cannot be read.
    """

    layout: Layout
    cells: CellRows | None = None
    "Never those of a modality: an index is by the rows of its matrix."
    is_prepared = False

    def __init__(self, folder: Path, key: IndexKey) -> None:
        self.folder = folder
        self.name, self.shape, self.dtype = key.matrix, key.shape, np.dtype(key.dtype)
        self.archive_name = key.archive_name
        self._open_files: list[StoredFile] = []
        self._files: IndexFiles = FolderFiles(folder) if folder.is_dir() else ArchiveFiles(folder, key.archive_name)
        try:
            self._open(key)
        except BaseException:
            self.close()
            raise

    def _open(self, key: IndexKey) -> None:
        with closing(self._files.open("index.json")) as stored:
            meta = decode_metadata(stored.read_all())
        expected = key.as_dict()
        if not self._files.needs_revision:
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
        self.log_base: float = meta["log_base"]
        self._value_range = ValueRange(**meta["values"])
        self._entries = self._open_file("entries.bin")
        self._table = self._open_file("table.bin")
        if self._entries.available != meta["entries_bytes"]:
            raise ValueError("its entries are incomplete")
        if self._table.available != self._table.size or table_digest(self._table) != meta["table_digest"]:
            raise ValueError("its table is damaged")
        for column, k in self._moments.items():
            if self._files.size(moments_name(column)) != moments_bytes(self.shape[1], k):
                raise ValueError(f"its moments of {column!r} are incomplete")
        if not self._files.needs_revision:
            self._check_bounds()

    def _check_bounds(self) -> None:
        """Check that all positions are within the matrix and the entries: archives are not trusted."""
        n_obs, n_vars = self.shape
        rows, starts, counts = self.rows, self._starts, self._counts
        if not (rows.ndim == 1 and rows.size and rows[0] == 0 and np.all(rows[1:] >= rows[:-1])):
            raise ValueError("its blocks are inconsistent")
        if self.only_moments:
            return
        if rows[-1] != n_obs or not starts.shape == counts.shape == (self.n_blocks,):
            raise ValueError("its blocks are inconsistent")
        ends = (starts if self.layout == "dense" else self._values_start) + counts * self.dtype.itemsize
        if np.any(counts < 0) or np.any(starts < 0) or np.any(ends > self._entries.size):
            raise ValueError("its blocks are inconsistent")
        if self.layout == "dense":
            wrong = bool(np.any(counts != np.diff(rows) * n_vars))
        else:
            table = self._block_table
            wrong = bool(np.any(table[0]) or np.any(table[-1] != counts)) or any(
                np.any(table[j + 1 : j + 1025] < table[j : j + 1024][: n_vars - j]) for j in range(0, n_vars, 1024)
            )
        if wrong:
            raise ValueError("its table is inconsistent")

    def _checked(self, offsets: NDArray[np.uint16], sizes: Any) -> NDArray[np.uint16]:
        """Return offsets of rows within blocks of these sizes, checked if the index is from an archive."""
        if not self._files.needs_revision and np.any(offsets >= sizes):
            raise self._unreadable(OSError("it has a row that is outside the matrix"))
        return offsets

    def _open_file(self, name: str) -> StoredFile:
        self._open_files.append(self._files.open(name))
        return self._open_files[-1]

    def close(self) -> None:
        """Close its files."""
        self.__dict__.pop("_block_table", None)
        for stored in self.__dict__.pop("_open_files", ()):
            stored.close()
        if "_files" in self.__dict__:
            self._files.close()

    def __del__(self) -> None:
        """Close the files of a replaced index after its last use."""
        self.close()

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return self.rows.size - 1

    def _read(self, position: int, shape: int | tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return self._read_of(self._entries, position, shape, dtype)

    def _read_of(
        self, stored: StoredFile, position: int, shape: int | tuple[int, ...], dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        out = np.empty(shape, dtype)
        try:
            stored.read(position, out)
        except OSError as error:
            raise self._unreadable(error) from None
        return out

    def _unreadable(self, error: OSError) -> DatasetInvalid:
        return DatasetInvalid(
            f"The index of {self.name} cannot be read: {error.strerror or error}.",
            "Restart the server, which builds it again.",
        )

    def check(self, tick: Tick = no_tick, most: int | None = None) -> None:
        """Do nothing: the index was checked when it was opened."""

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene, a short slice of each block."""
        if self.layout == "dense":
            out = np.empty(self.shape[0], self.dtype)
            for b in range(self.n_blocks):
                n = int(self.rows[b + 1] - self.rows[b])
                self._fill(int(self._starts[b]) + index * n * self.dtype.itemsize, out[self.rows[b] : self.rows[b + 1]])
            return Values(self.shape[0], out)
        at = self._gene_table(index, index + 1).astype(np.int64)
        rows, values = self._rows_and_values(at[0], at[1] - at[0])
        return Values(self.shape[0], values, rows)

    @property
    def _values_start(self) -> NDArray[np.int64]:
        """The position of each block's values, which follow its offsets."""
        return self._starts + -(-OFFSETS.itemsize * self._counts // 8) * 8

    def _gather(self, starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> bytes:
        """Return the concatenation of slices of the entries."""
        kept = np.flatnonzero(sizes)
        try:
            return self._entries.slices(starts[kept].tolist(), (starts[kept] + sizes[kept]).tolist())
        except OSError as error:
            raise self._unreadable(error) from None

    def _fill(self, position: int, out: NDArray[Any]) -> None:
        out[:] = self._read(position, out.size, self.dtype)

    def _gene_table(self, first: int, last: int) -> NDArray[np.uint32]:
        """Return the start of genes first to last (included) in each block, shape (last - first + 1, blocks)."""
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
        """Read the entries of a run of genes, in any order.

        Parameters
        ----------
        first, last
            The genes, last excluded. The matrix must be sparse.

        Returns
        -------
        genes, rows, values
            Shape (entries,): the gene (counted from first), the cell and the value of each.
        """
        at = self._gene_table(first, last).astype(np.int64)
        genes = np.repeat(
            np.tile(np.arange(last - first, dtype=np.uint32), self.n_blocks), np.diff(at, axis=0).T.ravel()
        )
        rows, values = self._rows_and_values(at[0], at[-1] - at[0])
        return genes, rows, values

    def _rows_and_values(
        self, first: NDArray[np.int64], counts: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint32], NDArray[Any]]:
        """Read the rows and the values of some entries of each block, from a position in the block."""
        itemsize, total = self.dtype.itemsize, int(counts.sum())
        offset_slices = (self._starts + OFFSETS.itemsize * first, OFFSETS.itemsize * counts)
        value_slices = (self._values_start + itemsize * first, itemsize * counts)
        offsets = np.frombuffer(self._gather(*offset_slices), OFFSETS, total)
        values = np.frombuffer(self._gather(*value_slices), self.dtype, total)
        if not self._files.needs_revision:
            self._checked(offsets, np.repeat(np.diff(self.rows), counts))
        rows = offsets.astype(np.uint32)
        rows += np.repeat(self.rows[:-1].astype(np.uint32), counts)
        return rows, values

    def value_range(self) -> ValueRange:
        """Return the range of all values."""
        return self._value_range

    def moments(self, column: str) -> Moments | None:
        """Return the moments of an obs column; the last group has the cells without a category."""
        k = self._moments.get(column)
        if k is None:
            return None
        try:
            with closing(self._files.open(moments_name(column))) as stored:
                if stored.size != moments_bytes(self.shape[1], k):
                    return None
                return open_moments(stored, self.shape[1], k)
        except OSError:
            return None  # the file was removed or cut; the entries, still open, give the same moments


def moments_bytes(n_genes: int, k: int) -> int:
    """Return the size of a file of moments."""
    return 8 * k + n_genes * k * (8 + 8 + 8 + 4)


def open_moments(stored: StoredFile, n_genes: int, k: int) -> Moments:
    """Memory-map a file of moments: counts, means, sums of squared deviations, sums of expm1, positive cells."""
    size = n_genes * k
    shape = (n_genes, k)
    content = stored.map()
    offsets = np.cumsum([0, 8 * k, 8 * size, 8 * size, 8 * size])
    parts: Sequence[NDArray[Any]] = [
        np.ndarray(s, d, buffer=content, offset=int(o))
        for s, d, o in zip(((k,), *[shape] * 4), ("<i8", "<f8", "<f8", "<f8", "<u4"), offsets, strict=True)
    ]
    n, mean, m2, amount, positive = parts
    return Moments(n, mean, m2, positive, amount)


def table_digest(stored: StoredFile) -> str:
    """Return the digest of a table."""
    digest = hashlib.blake2b(digest_size=16)
    buffer = np.empty(_DIGEST_BYTES, np.uint8)
    for position in range(0, stored.size, _DIGEST_BYTES):
        part = buffer[: stored.size - position]
        stored.read(position, part)
        digest.update(part.data)
    return digest.hexdigest()
