"""Sums of each gene over groups of cells, kept in the cache beside the column indexes.

A folder, named after the dataset's revision, the matrix and the groups::

    sums.json      metadata: its key, sizes and a digest
    entries.bin    the group of each cell (uint32), then for each group the sum of every gene (float64), then for each
                   group the number of cells in which each gene is above 0 (uint32)

It is written to a temporary folder, synced, and renamed, as an index is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.store.dataset import Tick
from starcyte.store.index.build import lock_builder
from starcyte.store.index.column_index import UNUSABLE, IndexKey, decode_metadata, encode_metadata
from starcyte.store.index.preallocate import preallocate
from starcyte.store.index.storage import FolderFiles

_CODES, _TOTAL, _POSITIVE = np.dtype("<u4"), np.dtype("<f8"), np.dtype("<u4")
#: Bytes of a gene in a group
BYTES = _TOTAL.itemsize + _POSITIVE.itemsize
_METADATA, _ENTRIES = "sums.json", "entries.bin"


@dataclass(frozen=True, eq=False)
class Sums:
    """The sums of each gene over groups of cells.

    Parameters
    ----------
    n
        Number of cells in each group, int64, shape (groups,).
    total
        Sum of the values, float64, shape (genes, groups); exact for whole numbers below 2^53.
    positive
        Number of cells with a value above 0, uint32, shape (genes, groups).
    """

    n: NDArray[np.int64]
    total: NDArray[np.float64]
    positive: NDArray[np.uint32]

    def read(self) -> Sums:
        """Return these sums, which are in memory."""
        return self

    def of_unions(self, groups: Sequence[int]) -> Sums:
        """Return the sums of some groups, by their numbers."""
        return self.merged([[group] for group in groups])

    def of_genes(self, genes: slice) -> Sums:
        """Return the sums of some genes."""
        return Sums(self.n, self.total[genes], self.positive[genes])

    def merged(self, unions: Sequence[Sequence[int]]) -> Sums:
        """Return the sums of unions of groups.

        Parameters
        ----------
        unions
            For each union, the groups to merge.
        """
        if all(len(groups) == 1 for groups in unions):
            only = [groups[0] for groups in unions]
            return Sums(self.n[only], self.total[:, only], self.positive[:, only])
        shape = (self.total.shape[0], len(unions))
        total, positive = np.zeros(shape), np.zeros(shape, np.uint32)
        for new, groups in enumerate(unions):
            total[:, new] = self.total[:, groups].sum(axis=1)
            positive[:, new] = self.positive[:, groups].sum(axis=1)
        return Sums(np.array([self.n[list(groups)].sum() for groups in unions], np.int64), total, positive)


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of cells.

    Parameters
    ----------
    codes
        The group of each cell, integers of shape (n_obs,); n for cells in no group.
    n
        The number of groups.
    """

    codes: NDArray[np.integer]
    n: int

    def digest(self) -> str:
        """Return a digest, equal for equal groups."""
        return hashlib.blake2b(self.codes.astype(_CODES).tobytes(), digest_size=8, key=str(self.n).encode()).hexdigest()

    def unions_of(self, parts: Groups) -> list[list[int]] | None:
        """Return the parts that each group is a union of; None if a part is divided.

        Parameters
        ----------
        parts
            Groups of the same cells.
        """
        whole = np.full(parts.n + 1, self.n, self.codes.dtype)
        whole[parts.codes] = self.codes
        if whole[parts.n] != self.n or not np.array_equal(whole.take(parts.codes), self.codes):
            return None
        return [np.flatnonzero(whole[:-1] == group).tolist() for group in range(self.n)]


class StoredSums:
    """Sums in the cache. Reads take no lock; safe for use from several threads.

    Parameters
    ----------
    folder
        The folder.
    key
        The key of the matrix.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is of another matrix, or damaged.
    """

    def __init__(self, folder: Path, key: IndexKey) -> None:
        self.folder, self.key = folder, key
        files = FolderFiles(folder)
        try:
            with closing(files.open(_METADATA)) as stored:
                meta = decode_metadata(stored.read_all())
            if {name: meta.get(name) for name in key.as_dict()} != key.as_dict():
                raise ValueError("it is of another matrix")
            self._entries = files.open(_ENTRIES)
        finally:
            files.close()
        try:
            if self._entries.size != _size(key.shape, meta["groups"]):
                raise ValueError("it is incomplete")
            codes = np.empty(key.shape[0], _CODES)
            self._entries.read(0, codes)
            n = np.bincount(codes, minlength=meta["groups"] + 1)
            if n.size != meta["groups"] + 1:
                raise ValueError("it is damaged")
        except BaseException:
            self.close()
            raise
        self.groups = Groups(codes.astype(np.min_scalar_type(meta["groups"])), meta["groups"])
        self.n: NDArray[np.int64] = n[:-1].astype(np.int64)

    @property
    def nbytes(self) -> int:
        """Its size on disk."""
        return _size(self.key.shape, self.groups.n)

    @property
    def is_intact(self) -> bool:
        """Whether its file has all its bytes."""
        return self._entries.available == self._entries.size

    def close(self) -> None:
        """Close its file."""
        if "_entries" in self.__dict__:
            self._entries.close()

    def __del__(self) -> None:
        """Close the file after the last use."""
        self.close()

    def merged(self, unions: Sequence[Sequence[int]]) -> Sums:
        """Return the sums of unions of groups, of which only these are read.

        Parameters
        ----------
        unions
            For each union, the groups to merge.

        Raises
        ------
        OSError
            If the file was truncated.
        """
        total = self._rows(unions, slice(0, self.key.shape[1]), 0, _TOTAL)
        start = self.groups.n * self.key.shape[1] * _TOTAL.itemsize
        positive = self._rows(unions, slice(0, self.key.shape[1]), start, _POSITIVE)
        n = np.array([self.n[list(groups)].sum() for groups in unions], np.int64)
        return Sums(n, total.T, positive.T)

    def totals(self, unions: Sequence[Sequence[int]], genes: slice) -> NDArray[np.float64]:
        """Return the sums of the values of some genes in unions of groups, shape (genes, unions).

        Raises
        ------
        OSError
            If the file was truncated.
        """
        return self._rows(unions, genes, 0, _TOTAL).T

    def _rows(self, unions: Sequence[Sequence[int]], genes: slice, start: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        n_obs, n_genes = self.key.shape
        start += n_obs * _CODES.itemsize + genes.start * dtype.itemsize
        out = np.zeros((len(unions), genes.stop - genes.start), dtype)
        row = np.empty(out.shape[1], dtype)
        for place, groups in enumerate(unions):
            for number, group in enumerate(groups):
                into = row if number else out[place]
                self._entries.read(start + group * n_genes * dtype.itemsize, into)
                if number:
                    out[place] += row
        return out


@dataclass(frozen=True, eq=False)
class MergedSums:
    """The sums of unions of groups, in memory or kept in the cache, of which only what is asked for is read.

    Parameters
    ----------
    source
        The sums of the groups.
    unions
        For each union, the groups to merge.
    """

    source: Sums | StoredSums
    unions: Sequence[Sequence[int]]

    def of_unions(self, unions: Sequence[int]) -> MergedSums:
        """Return the sums of some of the unions, by their numbers."""
        return MergedSums(self.source, [self.unions[k] for k in unions])

    @property
    def nbytes(self) -> int:
        """The bytes of memory that it takes."""
        if isinstance(self.source, StoredSums):
            return self.source.groups.codes.nbytes
        return self.source.total.nbytes + self.source.positive.nbytes

    def read(self) -> Sums:
        """Return the sums of all genes; raise OSError if they cannot be read."""
        return self.source.merged(self.unions)

    def totals(self, genes: slice) -> NDArray[np.float64]:
        """Return the sums of the values of some genes, shape (genes, unions); raise OSError if they cannot be read."""
        if isinstance(self.source, StoredSums):
            return self.source.totals(self.unions, genes)
        return self.source.of_genes(genes).merged(self.unions).total

    @property
    def n(self) -> NDArray[np.int64]:
        """The number of cells of each union, shape (unions,)."""
        return np.array([self.source.n[list(groups)].sum() for groups in self.unions], np.int64)


def sums_bytes(key: IndexKey, n_groups: int) -> int:
    """Return the size of stored sums."""
    return _size(key.shape, n_groups)


def store_sums(cache: Path, key: IndexKey, groups: Groups, fill: Callable[[Sums], None], tick: Tick) -> StoredSums:
    """Write sums to the cache, or wait for another process that is writing them.

    Parameters
    ----------
    cache
        The folder of sums.
    key
        The key of the matrix.
    groups
        The groups.
    fill
        Adds the values of the matrix to sums of 0.
    tick
        Called while another process writes them; raises to stop waiting.

    Raises
    ------
    OSError
        If they cannot be written: the disk is full, or the folder is read-only.
    ValueError
        If what was written cannot be read.
    """
    target = cache / f"{key.folder_name}-{groups.digest()}"
    cache.mkdir(parents=True, exist_ok=True)
    lock = cache / f".{target.name}.lock"
    with lock_builder(lock, tick):
        try:
            with suppress(*UNUSABLE):
                return StoredSums(target, key)  # another process has written them
            shutil.rmtree(target, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.part-", dir=cache))
            try:
                _write(folder, key, groups, fill)
                folder.rename(target)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        finally:
            # there are many groups: without this, a file of each would stay
            lock.unlink(missing_ok=True)
    return StoredSums(target, key)


def _write(folder: Path, key: IndexKey, groups: Groups, fill: Callable[[Sums], None]) -> None:
    n_obs, n_genes = key.shape
    with (folder / _ENTRIES).open("w+b") as stream:
        preallocate(stream.fileno(), _size(key.shape, groups.n))
        stream.write(groups.codes.astype(_CODES).tobytes())
        stream.flush()
        first = n_obs * _CODES.itemsize
        second = first + groups.n * n_genes * _TOTAL.itemsize
        shape = (groups.n, n_genes)
        arrays: list[Any] = [
            np.memmap(stream, dtype, "r+", offset, shape) if groups.n and n_genes else np.zeros(shape, dtype)
            for dtype, offset in ((_TOTAL, first), (_POSITIVE, second))
        ]
        n = np.bincount(groups.codes, minlength=groups.n + 1)[: groups.n].astype(np.int64)
        # group by group in the file, so that a comparison reads its groups only
        fill(Sums(n, arrays[0].T, arrays[1].T))
        os.fsync(stream.fileno())
    meta = key.as_dict() | {"groups": groups.n}
    (folder / _METADATA).write_text(encode_metadata(meta))


def _size(shape: tuple[int, int], n_groups: int) -> int:
    return shape[0] * _CODES.itemsize + n_groups * shape[1] * BYTES
