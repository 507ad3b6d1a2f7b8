"""CellNames: the names of all cells, cached as UTF-8."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.json_lists import Texts
from starcyte.curation.formulas import STARTS

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset

_BLOCK_CELLS = 1 << 16
ABSENT, AMBIGUOUS = -1, -2
_CACHE_BYTES = 128 << 20
# in place of the hash of a key
_NO_KEY = -(1 << 63)
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

    def name(self, cell: int) -> str:
        """Return the name of a cell."""
        return self._dataset.index_names(cell, cell + 1)[0]

    def first(self, most: int) -> list[str]:
        """Return the names of the first cells, at most so many."""
        return list(islice(chain.from_iterable(block for _, block, _ in self.blocks()), most))

    def search(self, text: str, most: int, check: Callable[[], None] = lambda: None) -> list[tuple[int, str]]:
        """Return cells whose names contain a text, in upper or lower case: the best matches first.

        Parameters
        ----------
        text
            Part of a name.
        most
            Cells, at most.
        check
            Called between blocks; raises to stop.

        Returns
        -------
        list of (int, str)
            The row and name of each: whole names first, then those that start with the text, then others.
        """
        wanted = text.lower()
        ranked: tuple[list[tuple[int, str]], ...] = ([], [], [])
        for start, block, _ in self.blocks():
            check()
            # most blocks have no match: looking through their text is quicker than through their names
            if wanted not in "\n".join(block).lower():
                continue
            for i, name in enumerate(block):
                lower = name.lower()
                if wanted not in lower:
                    continue
                rank = 0 if lower == wanted else 1 if lower.startswith(wanted) else 2
                if len(ranked[rank]) < most:
                    ranked[rank].append((start + i, name))
            if len(ranked[0]) >= most:
                break
        return [each for found in ranked for each in found][:most]

    def find(self, names: Sequence[str] | Texts) -> NDArray[np.int32]:
        """Return the cell of each name: ABSENT if there is none, AMBIGUOUS if there are several.

        If the names are those of all cells in their order, each is its own cell, also if names repeat.
        """
        search = CellSearch(self)
        blocks = names.blocks() if isinstance(names, Texts) else [names]
        found = np.concatenate([np.empty(0, np.int32), *map(search.find, blocks)])
        return search.all_cells() if search.found_all else found


class CellSearch:
    """A search for the cells of names that arrive in blocks.

    Parameters
    ----------
    cells
        The names of the dataset.
    key
        Returns the part of a name that is compared, None for a name without it; by default the whole name.
    """

    def __init__(self, cells: CellNames, key: Callable[[str], str | None] | None = None) -> None:
        self._cells, self._key = cells, key
        # 64-bit hashes with a random key per process, as a dictionary of a million names takes 100 MB
        ours = np.concatenate([np.empty(0, np.int64), *(_hashes(block, key) for _, block, _ in cells.blocks())])
        order = np.argsort(ours, kind="stable").astype(np.int32)
        self._order = order[ours[order] != _NO_KEY]
        self._hashes = ours[self._order]
        self._next = chain.from_iterable(block for _, block, _ in cells.blocks())
        self._n, self._in_order = 0, True

    def find(self, names: Sequence[str]) -> NDArray[np.int32]:
        """Return the cell of each name of the next block; see ``CellNames.find``."""
        self._n += len(names)
        self._in_order = self._in_order and list(islice(self._next, len(names))) == list(names)
        return self.lookup(names)

    def lookup(self, names: Sequence[str]) -> NDArray[np.int32]:
        """Return the cell of each of some names, which are not counted as the next block."""
        if not self._hashes.size:
            return np.full(len(names), ABSENT, np.int32)
        theirs = _hashes(names, self._key)
        first = np.searchsorted(self._hashes, theirs, "left")
        n = np.searchsorted(self._hashes, theirs, "right") - first
        found: NDArray[np.int32] = self._order[np.minimum(first, self._hashes.size - 1)]
        found[n == 0] = ABSENT
        found[n > 1] = AMBIGUOUS
        return found

    @property
    def found_all(self) -> bool:
        """Whether the names so far are those of all cells in their order."""
        return self._in_order and self._n == self._cells.n

    def all_cells(self) -> NDArray[np.int32]:
        """Return the rows of all cells."""
        return np.arange(self._cells.n, dtype=np.int32)


def _hashes(names: Sequence[str], key: Callable[[str], str | None] | None) -> NDArray[np.int64]:
    if key is None:
        return np.fromiter(map(hash, names), np.int64, len(names))
    keys = (_NO_KEY if each is None else hash(each) for each in map(key, names))
    return np.fromiter(keys, np.int64, len(names))
