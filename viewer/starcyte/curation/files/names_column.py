"""The column of a table that has the names of the cells, found from some of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from starcyte.curation.cell_matching import By
from starcyte.curation.cell_names import ABSENT
from starcyte.curation.files.staged_search import StagedSearch
from starcyte.curation.formulas import unescape_formula

_MAX_ROWS = 400
_MAX_FIELDS = 20_000


class _RowSample:
    """Rows from all over a table of unknown length: every second, fourth, eighth ... of them.

    Parameters
    ----------
    most
        Rows, at most.
    """

    def __init__(self, most: int) -> None:
        self.rows: list[list[str]] = []
        self._most, self._step, self._seen = most, 1, 0

    def add(self, row: list[str]) -> None:
        """Add the next row."""
        if self._seen % self._step == 0:
            if len(self.rows) == self._most:
                del self.rows[1::2]
                self._step *= 2
            if self._seen % self._step == 0:
                self.rows.append(row)
        self._seen += 1


def find_names_column(rows: Iterator[list[str]], n_columns: int, search: StagedSearch, given: int | None) -> int:
    """Return the column with the names of most cells; set whether the search compares barcodes.

    Barcodes are compared if they are those of more cells than whole names are: where most names are found whole, a
    cell with the barcode of another name is that of another sample.

    Parameters
    ----------
    rows
        The rows of the table; the first ones are enough if most of their names are found.
    n_columns
        The columns.
    search
        The search for the cells of names.
    given
        The column, if it is known.

    Returns
    -------
    int
        The column; the first if no column has names of cells.
    """
    candidates = range(n_columns) if given is None else range(given, given + 1)
    sample = _RowSample(max(2, min(_MAX_ROWS, _MAX_FIELDS // max(n_columns, 1))))
    for row in islice(rows, _MAX_ROWS // 2):
        sample.add(row)
    whole = [_n_found(sample.rows, i, search, "name") for i in candidates]
    if 2 * max(whole, default=0) >= len(sample.rows):
        return candidates[whole.index(max(whole))] if whole else 0
    for row in rows:
        sample.add(row)
    whole = [_n_found(sample.rows, i, search, "name") for i in candidates]
    barcodes = [_n_found(sample.rows, i, search, "barcode") for i in candidates]
    search.by_barcode = max(barcodes) > max(whole)
    best = barcodes if search.by_barcode else whole
    return candidates[best.index(max(best))]


def _n_found(rows: Sequence[Sequence[str]], column: int, search: StagedSearch, by: By) -> int:
    """Return the number of different values of a column that are names of cells."""
    values = dict.fromkeys(unescape_formula(row[column]) for row in rows if column < len(row))
    return int((search.stage(by).lookup(list(values)) != ABSENT).sum())
