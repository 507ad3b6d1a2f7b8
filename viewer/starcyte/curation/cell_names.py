"""The names of all cells, read once and kept in about as many bytes as they have letters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from starcyte.curation.files.formulas import STARTS

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset

BLOCK = 1 << 16
ABSENT, AMBIGUOUS = -1, -2
# more is read from the file again each time
_MOST_KEPT = 128 << 20
_NOT_PLAIN = re.compile(f"[\"#,;'\t\r\v\f\x00\x1c-\x1e\x85\u2028\u2029]|^[{STARTS}]", re.MULTILINE)


class CellNames:
    """The names of a dataset's cells, those in the index of obs.

    Parameters
    ----------
    dataset
        The dataset, open.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.n = dataset.n_obs
        self._kept: dict[int, bytes] = {}
        self._room = _MOST_KEPT

    def blocks(self) -> Iterator[tuple[int, list[str], bool]]:
        """Yield the first cell of each block, the names, and whether each stands for itself in every kind of table."""
        for start in range(0, self.n, BLOCK):
            kept = self._kept.get(start)
            if kept is not None:
                yield start, kept.decode().split("\n"), True
                continue
            names = self._dataset.index_names(start, min(start + BLOCK, self.n))
            joined = "\n".join(names)
            plain = joined.count("\n") == len(names) - 1 and not _NOT_PLAIN.search(joined)
            if plain:
                self._keep(start, joined.encode())
            yield start, names, plain

    def _keep(self, start: int, joined: bytes) -> None:
        if len(joined) <= self._room:
            self._kept[start] = joined
            self._room -= len(joined)

    def find(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Return the cell of each name: ABSENT where there is none, AMBIGUOUS where there are several.

        All names in the order of the cells are the cells themselves, though some may be the same.
        """
        if len(names) == self.n and all(
            block == names[start : start + len(block)] for start, block, _ in self.blocks()
        ):
            return np.arange(self.n)
        # by hashes of 64 bits, keyed anew in each process: a dictionary of a million names takes 100 MB
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
