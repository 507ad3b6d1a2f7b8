"""Cells by their rows and names."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count, Request
from starcyte.web.contract.selection import Selection

#: A list that may have a name for each of millions of cells, read by ``compute.json_lists``
CellNameList = Annotated[msgspec.Raw, Meta(extra_json_schema=msgspec.json.schema(list[str]))]


class CellsQuery(Request):
    """Some cells."""

    rows: Annotated[
        str, Meta(pattern=r"^[0-9]{1,15}(,[0-9]{1,15})*$", description="Row numbers of cells, from 0, such as 0,17")
    ]


class CellNames(Answer):
    """The names of the cells, in the order of the query."""

    names: list[str]


class CellNamesRequest(Request):
    """The cells whose names are wanted."""

    selection: Selection


class CellTableRequest(Request):
    """The cells of a table."""

    selection: Annotated[Selection, Meta(description="By default all cells")] | UnsetType = UNSET


class CellValue(Answer):
    """The value of a cell in a column of obs."""

    column: str
    value: Annotated[
        str | float | bool | None, Meta(description="null: missing; a date is text, as is an integer over 2**53")
    ]


class Cell(Answer):
    """A cell."""

    row: Count
    name: str
    values: Annotated[list[CellValue], Meta(description="In all columns of obs, in the file's order")]


class CellSearchQuery(Request):
    """A search for cells by their names."""

    q: Annotated[str, Meta(min_length=1, max_length=200, description="Part of a name, in upper or lower case")]
    limit: Annotated[Count, Meta(description="At most so many cells")] = 20


class FoundCell(Answer):
    """A cell whose name matches."""

    row: Count
    name: str


class FoundCells(Answer):
    """Cells whose names match: the one of that name, those whose names start with the text, others."""

    cells: list[FoundCell]
    more: Annotated[bool, Meta(description="Whether other names match as well")]


class CellMatchRequest(Request):
    """Names of cells, as another program wrote them."""

    names: CellNameList


class CellMatch(Answer):
    """The cells of a list of names."""

    rows: Annotated[list[Count], Meta(description="Row numbers of the cells, ascending, each once")]
    by: Annotated[
        dict[Literal["name", "barcode and lane", "barcode"], Count],
        Meta(description="Names that were found, by what was compared: the whole name, or its barcode"),
    ]
    missing: Annotated[Count, Meta(description="Names that no cell has")]
    ambiguous: Annotated[Count, Meta(description="Names that several cells have")]
    examples: Annotated[list[str], Meta(description="Some of the names that are missing or ambiguous")]
    own: Annotated[list[str], Meta(description="Some names of this dataset, for comparison")]
