"""A search for the cells of a table's names: whole names, or their barcodes where whole names find fewer cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from starcyte.curation.cell_matching import STAGES, By
from starcyte.curation.cell_names import ABSENT, CellNames, CellSearch


class StagedSearch:
    """A search by stages, each of which is prepared when it is needed.

    Parameters
    ----------
    cells
        The names of the dataset.
    """

    def __init__(self, cells: CellNames) -> None:
        self.cells = cells
        self.whole = CellSearch(cells)
        "The search by whole names."
        self.by_barcode = False
        "Whether names that are not found whole are looked for by their barcodes."
        self._stages: dict[By, CellSearch] = {"name": self.whole}

    def stage(self, by: By) -> CellSearch:
        """Return the search of a stage."""
        if by not in self._stages:
            self._stages[by] = CellSearch(self.cells, STAGES[by])
        return self._stages[by]

    def find(self, names: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return the cells of the next block of names, and the stage that each was found in.

        Returns
        -------
        tuple of ndarray
            The cells, shape (names,), int32: ABSENT if there is none, AMBIGUOUS if there are several; and the
            position of the stage in ``STAGES``, shape (names,), uint8.
        """
        found, stages = self.whole.find(names), np.zeros(len(names), np.uint8)
        for number, by in enumerate(STAGES):
            if not number or not self.by_barcode:
                continue
            left = np.flatnonzero(found == ABSENT)
            if left.size:
                found[left] = self.stage(by).lookup([names[i] for i in left.tolist()])
                stages[left] = number
        return found, stages
