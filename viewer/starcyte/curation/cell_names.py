"""CellNames: the names of all cells, cached as UTF-8."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from starcyte.curation.formulas import STARTS

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset

_BLOCK_CELLS = 1 << 16
ABSENT, AMBIGUOUS = -1, -2
_CACHE_BYTES = 128 << 20
_NOT_PLAIN = re.compile(f"[\"#,;'\t\r\v\f\x00\x1c-\x1e\x85\u2028\u2029]|^[{STARTS}]", re.MULTILINE)


class CellNames:
    """The cell names of a dataset, from the index of obs.

    Parameters
    ----------
    dataset
        The open dataset.
    block_cells
        Cells of a block.
    cache_bytes
        Bytes of names to cache; others are read from the file each time.
    """

    def __init__(self, dataset: Dataset, block_cells: int = _BLOCK_CELLS, cache_bytes: int = _CACHE_BYTES) -> None:
        self._dataset = dataset
        self.n = dataset.n_obs
        self._block_cells = block_cells
        self._cached: dict[int, bytes] = {}
        self._free_bytes = cache_bytes

    def blocks(self) -> Iterator[tuple[int, list[str], bool]]:
        """Yield the first cell of each block, its names, and whether no name needs quoting in any table format."""
        for start in range(0, self.n, self._block_cells):
            cached = self._cached.get(start)
            if cached is not None:
                yield start, cached.decode().split("\n"), True
                continue
            names = self._dataset.index_names(start, min(start + self._block_cells, self.n))
            joined = "\n".join(names)
            plain = joined.count("\n") == len(names) - 1 and not _NOT_PLAIN.search(joined)
            if plain:
                self._cache(start, joined.encode())
            yield start, names, plain

    def _cache(self, start: int, joined: bytes) -> None:
        if len(joined) <= self._free_bytes:
            self._cached[start] = joined
            self._free_bytes -= len(joined)

    def find(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Return the cell of each name: ABSENT if there is none, AMBIGUOUS if there are several.

        If the names are those of all cells in their order, each is its own cell, also if names repeat.
        """
        if len(names) == self.n and all(
            block == names[start : start + len(block)] for start, block, _ in self.blocks()
        ):
            return np.arange(self.n)
        # 64-bit hashes with a random key per process, as a dictionary of a million names takes 100 MB
        ours = np.concatenate([_hashes(block) for _, block, _ in self.blocks()])
        theirs = _hashes(names)
        order = np.argsort(ours, kind="stable")
        ours = ours[order]
        first, last = np.searchsorted(ours, theirs, "left"), np.searchsorted(ours, theirs, "right")
        found = order[np.minimum(first, self.n - 1)]
        found[last - first == 0] = ABSENT
        found[last - first > 1] = AMBIGUOUS
        return found


def _hashes(names: Sequence[str]) -> NDArray[np.int64]:
    return np.fromiter(map(hash, names), np.int64, len(names))
