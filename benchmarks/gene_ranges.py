"""Where a gene lies in a prepared store, as its documentation says, read with zarr-python alone."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import zarr


class GeneRanges:
    """The ranges of bytes of the genes of X.

    Parameters
    ----------
    store
        The folder.
    """

    def __init__(self, store: Path) -> None:
        root = zarr.open_group(store, mode="r")
        self._indptr = np.asarray(root["X/indptr"])
        packed = np.asarray(root["X/starcyte/chunks"])
        self._of = {}
        for part, length in zip(("data", "indices"), packed, strict=True):
            array = root[f"X/{part}"]
            self._chunk, self._shard = array.chunks[0], array.shards[0]
            self._of[part] = np.concatenate([[0], np.cumsum(length, dtype=np.int64)])

    def of(self, gene: int) -> list[tuple[str, str]]:
        """Return the file and the range of each read: of one shard the chunks that have the gene."""
        start, stop = int(self._indptr[gene]), int(self._indptr[gene + 1])
        if start == stop:
            return []
        chunks, per_shard = range(start // self._chunk, (stop - 1) // self._chunk + 1), self._shard // self._chunk
        found = []
        for part, ends in self._of.items():
            for shard, within in itertools.groupby(chunks, lambda chunk: chunk // per_shard):
                some, base = list(within), int(ends[shard * per_shard])
                first, last = int(ends[some[0]]) - base, int(ends[some[-1] + 1]) - base
                found.append((f"X/{part}/c/{shard}", f"bytes={first}-{last - 1}"))
        return found
