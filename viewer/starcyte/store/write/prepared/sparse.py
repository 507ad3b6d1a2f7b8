"""A sparse matrix in a prepared store: by gene, and once more by cell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.store.dataset import Tick
from starcyte.store.parallel import in_parallel
from starcyte.store.write.prepared.entries import EntryBlocks
from starcyte.store.write.zarr.array import SHARD_BYTES, NewArray, new_array
from starcyte.store.write.zarr.store import Run, ZarrWriter

# so that little more than a gene is read; more if that would be too many chunks to list
_LEAST_CHUNK = 8192
_MOST_CHUNKS = 1 << 17
# entries that are sorted at once
_AT_ONCE = 1 << 20

_Piece = tuple[NDArray[np.int32], NDArray[Any]]


class SparseWriter:
    """Writes the entries of a matrix by gene (CSC) or by cell (CSR).

    Parameters
    ----------
    store
        The store.
    path
        The group to write.
    entries
        The entries.
    by_gene
        Whether to write them by gene.
    attributes
        Further attributes of the group.
    """

    def __init__(
        self,
        store: ZarrWriter,
        path: str,
        entries: EntryBlocks,
        by_gene: bool,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self._store, self.path, self._entries, self._by_gene = store, path, entries, by_gene
        self._attributes = attributes or {}
        self._is_major = by_gene == entries.by_gene
        n = entries.n
        chunk = max(_LEAST_CHUNK, 1 << max(math.ceil(math.log2(max(n, 1) / _MOST_CHUNKS)), 0))
        widest = max(entries.dtype.itemsize, np.dtype(np.int32).itemsize)
        shard = max(SHARD_BYTES // widest // chunk, 1) * chunk
        array = {"encoding-type": "array", "encoding-version": "0.2.0"}
        self._arrays = {
            part: NewArray((n,), np.dtype(dtype), (chunk,), (shard,), array)
            for part, dtype in (("data", entries.dtype), ("indices", np.int32))
        }
        self._chunk, self._shard = chunk, shard

    def write(self, workers: int, tick: Tick) -> None:
        """Write the group; files of an earlier attempt are kept."""
        kind = "csc_matrix" if self._by_gene else "csr_matrix"
        encoding = {"encoding-type": kind, "encoding-version": "0.1.0", "shape": list(self._entries.shape)}
        self._store.group(self.path, encoding | dict(self._attributes))
        for part, array in self._arrays.items():
            self._store.array(f"{self.path}/{part}", array)
        n_shards = -(-self._entries.n // self._shard)
        in_parallel(n_shards, self._write_shard, workers, tick)
        indptr = self._indptr()
        array = new_array(indptr.shape, indptr.dtype, self._arrays["data"].attributes)
        self._store.write(f"{self.path}/indptr", array, lambda part: indptr[part])

    def _write_shard(self, number: int) -> None:
        if all(self._store.has(f"{self.path}/{part}", (number,)) for part in self._arrays):
            return
        start, stop = number * self._shard, min((number + 1) * self._shard, self._entries.n)
        (data_path, data), (indices_path, indices) = ((f"{self.path}/{k}", a) for k, a in self._arrays.items())
        with (
            self._store.file(data_path, data, (number,)) as data_file,
            self._store.file(indices_path, indices, (number,)) as indices_file,
        ):
            runs = Run(indices_file, self._chunk), Run(data_file, self._chunk)
            for piece in self._pieces(start, stop):
                for run, part in zip(runs, piece, strict=True):
                    run.add(part)
            for run in runs:
                run.finish()

    def _pieces(self, start: int, stop: int) -> Iterator[_Piece]:
        """Yield the indices and values of the entries from start to stop, in order."""
        ends = self._ends()
        place = int(np.searchsorted(ends, start, side="right"))
        at = int(ends[place - 1]) if place else 0
        while at < stop:
            if self._is_major:
                last = place + 1
                _, indices, values = self._entries.major(place)
            else:
                last = max(int(np.searchsorted(ends, at + _AT_ONCE, side="right")), place + 1)
                indices, values = self._entries.minor(place, last)
            kept = slice(max(start - at, 0), min(stop - at, indices.size))
            yield indices[kept], values[kept]
            place, at = last, at + indices.size

    def _ends(self) -> NDArray[np.int64]:
        """Return the position after the last entry of each block, or of each place of the minor axis."""
        if not self._is_major:
            return _ends(self._entries.counts)
        return _ends([block.n for block in self._entries.blocks])

    def _indptr(self) -> NDArray[np.int64]:
        if not self._is_major:
            return np.concatenate([np.zeros(1, np.int64), self._ends()])
        counts = [self._entries.major_counts(number) for number in range(len(self._entries.blocks))]
        return _ends(np.concatenate([np.zeros(1, np.int64), *counts]))


def _ends(counts: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position after the last of each number of entries."""
    ends: NDArray[np.int64] = np.cumsum(counts, dtype=np.int64)
    return ends
