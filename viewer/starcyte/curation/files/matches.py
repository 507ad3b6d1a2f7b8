"""Rows of a table matched with the cells of a dataset, block by block; of other cells only their number is kept."""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.curation.cell_matching import STAGES, By
from starcyte.curation.cell_names import ABSENT, AMBIGUOUS
from starcyte.curation.files.staged_search import StagedSearch
from starcyte.errors import BadRequest

_BLOCK_ROWS = 1 << 14
_MAX_EXAMPLES = 5
_MAX_FRACTIONS = 20
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
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
    refused
        Why the column cannot be an annotation, whatever its values are; empty if it can.
    """

    def __init__(self, title: str, most: int, refused: str = "") -> None:
        self.title, self.most, self.refused = title, most, refused
        self.is_left_out = False
        "Whether it has too many different values."
        self.known: dict[str, int] = {}
        "The code of each value."
        self._type = "H" if most < 1 << 15 else "I"
        self._block = array(self._type)
        self._kept: list[NDArray[Any]] = []

    def add(self, value: str) -> None:
        """Add the value of a row."""
        code = 0 if self.is_left_out else self.known.setdefault(value, len(self.known))
        # one is that of no label
        if code > self.most:
            code, self.is_left_out = 0, True
        self._block.append(code)

    @property
    def are_numbers(self) -> bool:
        """Whether all values are numbers."""
        return any(map(str.strip, self.known)) and _are_numbers(self.known)

    @property
    def problem(self) -> str:
        """Why the values are no labels; empty if they are."""
        if self.refused:
            return self.refused
        if self.is_left_out:
            kind = "numbers" if self.are_numbers else "values"
            return f"more than {self.most} different {kind} (max_annotation_labels)"
        return "numbers, not labels" if _are_measurements(self.known) else ""

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
    search
        The search for the cells of names.
    """

    def __init__(self, search: StagedSearch) -> None:
        self._search, self._cells = search, search.cells
        self._most = _ROWS_PER_CELL * self._cells.n + _SPARE_ROWS
        self._names: list[str] = []
        self._found = [np.empty(0, np.int32)]
        self._rows = [np.empty(0, np.int64)]
        # of rows that were found by their barcodes
        self._stages, self._hashes = [np.empty(0, np.uint8)], [np.empty(0, np.int64)]
        self._examples: dict[int, str] = {}
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
        found, stages = self._search.find(self._names)
        is_kept = found != ABSENT
        for row in np.flatnonzero(found < 0)[: 4 * _MAX_EXAMPLES - len(self._examples)].tolist():
            self._examples[self.n_rows + row] = self._names[row]
        for column in columns:
            column.keep(is_kept)
        self._found.append(found[is_kept])
        self._rows.append(np.flatnonzero(is_kept) + self.n_rows)
        if self._search.by_barcode:
            self._stages.append(stages[is_kept])
            hashes = np.fromiter(map(hash, self._names), np.int64, len(self._names))
            self._hashes.append(hashes[is_kept])
        self.n_rows += len(self._names)
        self.n_absent += int((~is_kept).sum())
        self._n_kept += int(is_kept.sum())
        self._names = []
        if self._n_kept > self._most:
            raise BadRequest("The file lists the same cells many times.", "Use one row for each cell.")

    def unique(self, columns: Sequence[NDArray[Any]]) -> NDArray[np.int32]:
        """Return the cell of each row that is kept, with AMBIGUOUS for a cell of several rows that differ.

        Of several names with the barcode of one cell, it is not known whose the cell is, unless one is its name.

        Parameters
        ----------
        columns
            The codes of the rows that are kept.
        """
        if self._search.whole.found_all:
            return self._search.whole.all_cells()
        found = np.concatenate(self._found)
        if self._search.by_barcode:
            shared = _cells_that_differ(found, [np.concatenate(self._hashes)])
            found[np.isin(found, shared) & (np.concatenate(self._stages) > 0)] = AMBIGUOUS
        found[np.isin(found, _cells_that_differ(found, columns))] = AMBIGUOUS
        return found

    def by(self, found: NDArray[np.int32]) -> dict[By, int]:
        """Return the number of rows with a cell by what was compared, given the cells of :meth:`unique`."""
        if not self._search.by_barcode:
            return {"name": int((found >= 0).sum())}
        n = np.bincount(np.concatenate(self._stages)[found >= 0], minlength=len(STAGES)).tolist()
        return {by: k for by, k in zip(STAGES, n, strict=True) if k}

    def examples(self, found: NDArray[np.int32]) -> tuple[str, ...]:
        """Return some names of rows without a cell, given the cells of :meth:`unique`."""
        before, rows = np.concatenate(self._found), np.concatenate(self._rows)
        # names that were found by their barcodes are not those of the cells
        if self._search.by_barcode:
            before = np.full_like(before, ABSENT)
        for i in np.flatnonzero((found < 0) & (before >= 0))[: 4 * _MAX_EXAMPLES].tolist():
            self._examples[int(rows[i])] = self._cells.name(int(before[i]))
        names = (name for _, name in sorted(self._examples.items()))
        return tuple(dict.fromkeys(names))[:_MAX_EXAMPLES]


def _cells_that_differ(found: NDArray[np.int32], columns: Sequence[NDArray[Any]]) -> NDArray[np.int32]:
    """Return the cells that several rows have whose values in some column differ."""
    order = np.argsort(found, kind="stable")
    same = np.diff(found[order]) == 0
    if not same.any():
        return np.empty(0, np.int32)
    differs = np.zeros(same.size, bool)
    for values in columns:
        in_order = values[order]
        differs |= in_order[1:] != in_order[:-1]
    cells = np.unique(found[order][1:][same & differs])
    return cells[cells >= 0]


def _are_numbers(values: Iterable[str]) -> bool:
    """Return whether all values that are given are numbers."""
    return all(_NUMBER.fullmatch(value.strip()) for value in values if value.strip())


def _are_measurements(values: Collection[str]) -> bool:
    """Return whether values are numbers of which many have digits after the point: clusters may be 1, 2.0 or 0.5."""
    fractions = sum(1 for value in values if _NUMBER.fullmatch(value.strip()) and not float(value).is_integer())
    return fractions > _MAX_FRACTIONS and _are_numbers(values)
