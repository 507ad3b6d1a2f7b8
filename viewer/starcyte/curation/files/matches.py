"""Rows of a table matched with the cells of a dataset, block by block; of other cells only their number is kept."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.curation.cell_names import ABSENT, AMBIGUOUS, CellNames, CellSearch
from starcyte.errors import BadRequest, LimitExceeded

_BLOCK_ROWS = 1 << 14
_MAX_EXAMPLES = 5
# rows of the file for each cell of the dataset, beside rows of other cells
_ROWS_PER_CELL = 4
_SPARE_ROWS = 1000


class ValueColumn:
    """The values of a column as codes.

    Parameters
    ----------
    title
        The name of the column.
    most
        Different values, at most: the setting ``max_annotation_labels``.
    """

    def __init__(self, title: str, most: int) -> None:
        self.title, self._most = title, most
        self.known: dict[str, int] = {}
        "The code of each value."
        self._type = "H" if most < 1 << 15 else "I"
        self._block = array(self._type)
        self._kept: list[NDArray[Any]] = []

    def add(self, value: str) -> None:
        """Add the value of a row.

        Raises
        ------
        LimitExceeded
            If the column has too many different values, as a column of numbers has.
        """
        code = self.known.setdefault(value, len(self.known))
        # one is that of no label
        if code > self._most:
            raise LimitExceeded(
                f"Column {self.title!r} has more than {self._most} different values (max_annotation_labels).",
                "Labels are few: remove columns of numbers or of names from the table.",
            )
        self._block.append(code)

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Keep some rows of the block."""
        self._kept.append(np.frombuffer(self._block, self._type)[rows])
        self._block = array(self._type)

    def codes(self) -> NDArray[Any]:
        """Return the code of each row that is kept."""
        self._kept = [np.concatenate([np.empty(0, self._type), *self._kept])]
        return self._kept[0]


class CellMatches:
    """The cells of rows.

    Parameters
    ----------
    cells
        The names of the dataset.
    """

    def __init__(self, cells: CellNames) -> None:
        self._search = CellSearch(cells)
        self._most = _ROWS_PER_CELL * cells.n + _SPARE_ROWS
        self._names: list[str] = []
        self._found: list[NDArray[np.int32]] = []
        self._rows: list[NDArray[np.int64]] = []
        self._examples: dict[int, str] = {}
        self._cells = cells
        self.n_rows = self.n_absent = self._n_kept = 0

    def add(self, name: str, columns: Sequence[ValueColumn], values: Sequence[str]) -> None:
        """Add a row: the name of its cell, and a value for each column."""
        self._names.append(name)
        for column, value in zip(columns, values, strict=True):
            column.add(value)
        if len(self._names) == _BLOCK_ROWS:
            self.flush(columns)

    def flush(self, columns: Sequence[ValueColumn]) -> None:
        """Match the rows of the block.

        Raises
        ------
        BadRequest
            If the same cells are listed many times.
        """
        found = self._search.find(self._names)
        is_kept = found != ABSENT
        for row in np.flatnonzero(found < 0)[: 4 * _MAX_EXAMPLES - len(self._examples)].tolist():
            self._examples[self.n_rows + row] = self._names[row]
        for column in columns:
            column.keep(is_kept)
        self._found.append(found[is_kept])
        self._rows.append(np.flatnonzero(is_kept) + self.n_rows)
        self.n_rows += len(self._names)
        self.n_absent += int((~is_kept).sum())
        self._n_kept += int(is_kept.sum())
        self._names = []
        if self._n_kept > self._most:
            raise BadRequest("The file lists the same cells many times.", "Use one row for each cell.")

    def unique(self, columns: Sequence[NDArray[Any]]) -> NDArray[np.int32]:
        """Return the cell of each row that is kept, with AMBIGUOUS for a cell of several rows that differ.

        Parameters
        ----------
        columns
            The codes of the rows that are kept.
        """
        found = np.concatenate([np.empty(0, np.int32), *self._found])
        if self._search.found_all:
            return self._search.all_cells()
        order = np.argsort(found, kind="stable")
        same = np.diff(found[order]) == 0
        if not same.any():
            return found
        differs = np.zeros(same.size, bool)
        for codes in columns:
            sorted_codes = codes[order]
            differs |= sorted_codes[1:] != sorted_codes[:-1]
        ambiguous = np.unique(found[order][1:][same & differs])
        return np.where(np.isin(found, ambiguous[ambiguous >= 0]), np.int32(AMBIGUOUS), found)

    def examples(self, found: NDArray[np.int32]) -> tuple[str, ...]:
        """Return some names of rows without a cell, given the cells of :meth:`unique`."""
        before, rows = np.concatenate([np.empty(0, np.int32), *self._found]), np.concatenate(self._rows)
        for i in np.flatnonzero((found < 0) & (before >= 0))[: 4 * _MAX_EXAMPLES].tolist():
            self._examples[int(rows[i])] = self._cells.name(int(before[i]))
        names = (name for _, name in sorted(self._examples.items()))
        return tuple(dict.fromkeys(names))[:_MAX_EXAMPLES]
