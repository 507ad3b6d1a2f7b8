"""Cells by their rows and names."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import UnsetType

from starcyte.errors import LimitExceeded, NotFound
from starcyte.store.dataset import Column, Kind
from starcyte.web.context import context
from starcyte.web.contract.cells import (
    Cell,
    CellMatch,
    CellMatchRequest,
    CellNames,
    CellNamesRequest,
    CellSearchQuery,
    CellsQuery,
    CellTableRequest,
    CellValue,
    FoundCell,
    FoundCells,
)
from starcyte.web.encoding.media import CSV
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_cached, answer_json, answer_uncached
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ

routes = Routes("cells")

_NAMES_AT_ONCE = 50_000
_EXAMPLES = 5
_MOST_DIGITS = 16
# all integers up to this one are exact as 64-bit floats
_MOST_EXACT = 1 << 53


@routes.get("/cells", errors=(*READ, 413), cached=True)
def cells(query: CellsQuery) -> ResponseOf[CellNames]:
    """Return the names of cells by their row numbers."""
    settings, dataset = context().settings, context().dataset()
    rows = [int(number) for number in query.rows.split(",")]
    if len(rows) > settings.max_cells_listed:
        raise LimitExceeded(
            f"{len(rows)} cells are more than {settings.max_cells_listed} (max_cells_listed).",
            "Request fewer.",
        )
    if max(rows) >= dataset.n_obs:
        raise _no_such_cell(max(rows), dataset.n_obs)
    return answer_cached(lambda: answer_json(CellNames(names=dataset.cell_names(rows))))


@routes.post("/cells/names", media=(CSV,), errors=(*READ, 413), size="max_body_bytes")
def cell_names(body: CellNamesRequest) -> ResponseOf[bytes]:
    """Return the names of the cells of a selection, as a CSV column named cell."""
    from starcyte.web.encoding.wire import csv_bytes
    from starcyte.web.grouping import selected

    dataset, chosen = context().dataset(), selected(body.selection)

    def lines() -> Iterator[bytes]:
        yield csv_bytes(["cell"], [])
        for start in range(0, dataset.n_obs, _NAMES_AT_ONCE):
            rows = range(start, min(start + _NAMES_AT_ONCE, dataset.n_obs))
            mine = np.flatnonzero(chosen[rows.start : rows.stop])
            if mine.size:
                names = dataset.cell_names(rows)
                yield csv_bytes(None, [[names[i]] for i in mine.tolist()])

    return ResponseOf(lines(), mimetype=CSV, headers={"Cache-Control": "no-store"})


@routes.post("/cells/table", media=(CSV,), errors=(*READ, 413), size="max_body_bytes")
def cell_table(body: CellTableRequest) -> ResponseOf[bytes]:
    """Return a table of the cells of a selection: their names, all columns of obs, and the user's annotations."""
    from starcyte.web.encoding.obs_table import obs_table
    from starcyte.web.grouping import selected
    from starcyte.web.preconditions import current_curation

    ctx, dataset, annotations = context(), context().dataset(), []
    chosen = np.ones(dataset.n_obs, bool) if isinstance(body.selection, UnsetType) else selected(body.selection)
    if ctx.has_curation:
        curation, user = current_curation()
        with curation.store.read() as transaction:
            annotations = curation.annotations.all(user, transaction)
    return ResponseOf(obs_table(dataset, annotations, chosen), mimetype=CSV, headers={"Cache-Control": "no-store"})


@routes.get("/cells/<row>", errors=READ, cached=True)
def cell(row: str) -> ResponseOf[Cell]:
    """Return a cell with its values in all columns of obs."""
    dataset = context().dataset()
    number = int(row) if row.isascii() and row.isdigit() and len(row) < _MOST_DIGITS else dataset.n_obs
    if number >= dataset.n_obs:
        raise _no_such_cell(row, dataset.n_obs)

    def make() -> ResponseOf[Cell]:
        values = [
            CellValue(column=each.info.name, value=_value_of(each)) for each in dataset.obs_rows(number, number + 1)
        ]
        return answer_json(Cell(row=number, name=dataset.cell_names([number])[0], values=values))

    return answer_cached(make)


def _no_such_cell(row: int | str, n_obs: int) -> NotFound:
    return NotFound(f"No such cell: {row}.", f"Cells are numbered from 0 to {n_obs - 1}.")


def _value_of(column: Column) -> str | float | bool | None:
    """Return the first value of a column."""
    if column.missing is not None and column.missing[0]:
        return None
    if column.info.kind is Kind.BOOLEAN and column.info.categories is None:
        return bool(column.values[0])
    if column.info.kind is not Kind.CONTINUOUS:
        text = str(column.as_text()[0])
        is_missing = column.info.categories is not None and column.values[0] < 0
        return None if is_missing or text == "NaT" else text
    number = float(column.values[0])
    is_exact = column.values.dtype.kind == "f" or abs(number) <= _MOST_EXACT
    return number if is_exact else str(column.values[0])


@routes.get("/cells/search", errors=READ, cached=True)
def search_cells(query: CellSearchQuery) -> ResponseOf[FoundCells]:
    """Return the cells whose names contain a text, the best matches first."""
    ctx = context()
    most = min(query.limit, ctx.settings.max_cells_listed)

    def make() -> ResponseOf[FoundCells]:
        found = ctx.cell_names().search(query.q, most + 1, lambda: ctx.tick(0.0))
        cells = [FoundCell(row=row, name=name) for row, name in found[:most]]
        return answer_json(FoundCells(cells=cells, more=len(found) > most))

    return answer_cached(make)


@routes.post("/cells/match", errors=(*READ, 413))
def match_cells(body: CellMatchRequest) -> ResponseOf[CellMatch]:
    """Return the cells of a list of names; of names with another prefix or suffix by their barcodes."""
    from starcyte.compute.json_lists import Texts
    from starcyte.curation.cell_matching import match_names

    cells = context().cell_names()
    found = match_names(cells, Texts(body.names, "Field names"))
    return answer_uncached(
        CellMatch(
            rows=found.rows.tolist(),
            by=dict(found.by),
            missing=found.n_missing,
            ambiguous=found.n_ambiguous,
            examples=list(found.examples),
            own=cells.first(_EXAMPLES),
        )
    )
