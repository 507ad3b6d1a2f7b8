"""The columns of a table of cells, read row by row and matched with the cells of the dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from starcyte.curation.cell_matching import By
from starcyte.curation.cell_names import AMBIGUOUS, CellNames
from starcyte.curation.files.matches import CellMatches, ValueColumn
from starcyte.curation.files.names_column import find_names_column
from starcyte.curation.files.staged_search import StagedSearch
from starcyte.curation.files.table_rows import TextLines, read_rows, separator
from starcyte.curation.formulas import unescape_formula
from starcyte.errors import BadRequest
from starcyte.settings import Settings

# delimiters in quoted text count as well
_FIELDS_PER_ANNOTATION = 10
_MAX_EXAMPLES = 5
_MAX_NAMED = 10


@dataclass(frozen=True)
class TableColumns:
    """The columns of a table, and the cells of its rows.

    Parameters
    ----------
    titles
        The names of all columns, in the file's order.
    names_at
        The position of the column with the names of the cells.
    columns
        The others, or those that were chosen.
    matches
        The rows.
    is_cellxgene
        Whether cellxgene has written the table.
    """

    titles: Sequence[str]
    names_at: int
    columns: Sequence[ValueColumn]
    matches: CellMatches
    is_cellxgene: bool

    @property
    def importable(self) -> Sequence[ValueColumn]:
        """The columns that have labels."""
        return [column for column in self.columns if not column.problem]

    @cached_property
    def found(self) -> NDArray[np.int32]:
        """The cell of each row that is kept, AMBIGUOUS for rows that differ, shape (rows,)."""
        return self.matches.unique([column.codes() for column in self.importable])


@dataclass(frozen=True)
class ColumnPreview:
    """A column of a table.

    Parameters
    ----------
    title
        Its name.
    are_numbers
        Whether all values are numbers.
    n
        Different values that are not blank; if there are too many, the first ones.
    examples
        Some of them.
    problem
        Why it cannot be imported; empty if it can.
    has_more
        Whether there are too many different values to count.
    """

    title: str
    are_numbers: bool
    n: int
    examples: tuple[str, ...]
    problem: str
    has_more: bool


@dataclass(frozen=True)
class TablePreview:
    """What an import of a table would do.

    Parameters
    ----------
    titles, names_in
        The names of all columns, and of the one with the names of the cells.
    columns
        The other columns.
    n_rows, n_cells
        The rows, and the cells of the dataset that have one.
    by
        The number of rows with a cell by what was compared of their names.
    unmatched, duplicated, examples
        As in ``AnnotationTable``.
    """

    titles: Sequence[str]
    names_in: str
    columns: Sequence[ColumnPreview]
    n_rows: int
    n_cells: int
    by: dict[By, int]
    unmatched: int
    duplicated: int
    examples: tuple[str, ...]


def preview_table(data: bytes, cells: CellNames, settings: Settings, names_in: str | None = None) -> TablePreview:
    """Return what an import of a table would do; see :func:`read_columns`."""
    table = read_columns(data, cells, settings, names_in)
    found = table.found
    return TablePreview(
        table.titles,
        table.titles[table.names_at],
        [_preview(column) for column in table.columns],
        table.matches.n_rows,
        int(np.unique(found[found >= 0]).size),
        table.matches.by(found),
        table.matches.n_absent,
        int((found == AMBIGUOUS).sum()),
        table.matches.examples(found),
    )


def read_columns(
    data: bytes,
    cells: CellNames,
    settings: Settings,
    names_in: str | None = None,
    chosen: Collection[str] | None = None,
) -> TableColumns:
    """Return the columns of a table of cells.

    Parameters
    ----------
    data
        The file: CSV or tab-separated text with a header.
    cells
        The names of the cells of the dataset.
    settings
        Those with the limits of annotations.
    names_in
        The column with the names of the cells; by default the one with most of them.
    chosen
        The other columns to read; by default all.

    Raises
    ------
    BadRequest
        If it is no such table.
    LimitExceeded
        If it has too many columns or lines.
    """
    _, titles, rows = _open(data, settings)
    if len(titles) < 2:
        raise BadRequest("The file has only one column.", "Use one column of cell names and one for each annotation.")
    search = StagedSearch(cells)
    given = None if names_in is None else _position(names_in, titles)
    names_at = find_names_column((row for _, row in rows), len(titles), search, given)
    lines, _, rows = _open(data, settings)
    others = [i for i in range(len(titles)) if i != names_at]
    if chosen is not None:
        wanted = {_position(title, titles) for title in chosen} - {names_at}
        others = [i for i in others if i in wanted]
    n_of = Counter(titles)
    columns = [
        ValueColumn(titles[i], settings.max_annotation_labels, _refused(titles[i], n_of[titles[i]])) for i in others
    ]
    if not columns:
        raise BadRequest("No column is chosen.", "Choose a column with labels.")
    matches = CellMatches(search)
    for line, row in rows:
        if len(row) != len(titles):
            raise BadRequest(
                f"Line {line} has {len(row)} fields, but the header has {len(titles)}.",
                "Save the table as CSV or tab-separated text.",
            )
        matches.add(unescape_formula(row[names_at]), columns, [row[i] for i in others])
    matches.flush(columns)
    if not matches.n_rows:
        raise BadRequest("The file has a header but no cells.", "Use one row for each cell.")
    return TableColumns(titles, names_at, columns, matches, lines.is_cellxgene)


def _open(data: bytes, settings: Settings) -> tuple[TextLines, list[str], Iterator[tuple[int, list[str]]]]:
    """Return the lines of a table, the names of its columns, and its rows with their numbers."""
    lines = TextLines(data, settings.max_import_lines)
    rows = read_rows(lines, separator(lines), _FIELDS_PER_ANNOTATION * (settings.max_annotations + 1))
    header = next(rows, None)
    if header is None:
        raise BadRequest("The file is empty.", "Use a table of cells and annotations.")
    titles, first = [unescape_formula(title) for title in header[1]], next(rows, None)
    if first is None:
        return lines, titles, rows
    if len(first[1]) == len(titles) + 1:
        titles = ["", *titles]  # R writes no header for the first column
    return lines, titles, chain([first], rows)


def _position(title: str, titles: Sequence[str]) -> int:
    if title not in titles:
        known = ", ".join(map(repr, titles[:_MAX_NAMED])) + (" ..." if len(titles) > _MAX_NAMED else "")
        raise BadRequest(f"The file has no column {title!r}.", f"Its columns are: {known}")
    return titles.index(title)


def _refused(title: str, n: int) -> str:
    if not title.strip():
        return "it has no name"
    return "another column has the same name" if n > 1 else ""


def _preview(column: ValueColumn) -> ColumnPreview:
    values = [unescape_formula(value) for value in column.known if value.strip()]
    return ColumnPreview(
        column.title,
        column.are_numbers,
        min(len(values), column.most),
        tuple(values[:_MAX_EXAMPLES]),
        column.problem,
        column.is_left_out,
    )
