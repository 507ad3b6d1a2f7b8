"""Selections of cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Count, OneOf

Range = Annotated[tuple[Count, Count], Meta(description="[start, stop]; stop is excluded")]
#: Lists that may have an entry for each of millions of cells, read by ``compute.json_lists``
Indices = Annotated[msgspec.Raw, Meta(extra_json_schema=msgspec.json.schema(list[Count]))]
Ranges = Annotated[msgspec.Raw, Meta(extra_json_schema=msgspec.json.schema(list[Range]))]
_SHORT_BYTES = 1 << 16


class Clause(OneOf):
    """The cells that have one of some categories of an obs column, or one of some labels of an annotation."""

    in_: list[str | int | float | bool] = msgspec.field(name="in")
    column: str | UnsetType = UNSET
    annotation: str | UnsetType = UNSET


class Selection(OneOf):
    """Cells: by row numbers, ranges of row numbers, categories or labels, or by other selections."""

    COMPANIONS: ClassVar[Mapping[str, frozenset[str]]] = {"in": frozenset({"column", "annotation"})}

    indices: Indices | UnsetType = UNSET
    ranges: Ranges | UnsetType = UNSET
    where: Annotated[list[Clause], Meta(min_length=1, description="Clauses all of which hold")] | UnsetType = UNSET
    column: Annotated[str, Meta(description="A categorical column of obs")] | UnsetType = UNSET
    annotation: Annotated[str, Meta(description="An annotation of the user")] | UnsetType = UNSET
    in_: Annotated[list[str | int | float | bool], Meta(description="Categories or labels")] | UnsetType = (
        msgspec.field(name="in", default=UNSET)
    )
    and_: Annotated[list[Selection], Meta(min_length=1, description="The cells in all of these")] | UnsetType = (
        msgspec.field(name="and", default=UNSET)
    )
    not_: Annotated[Selection, Meta(description="The cells that are not in this")] | UnsetType = msgspec.field(
        name="not", default=UNSET
    )

    def __post_init__(self) -> None:
        """Count the fields that are given, and check a short list of cells; a long one is checked as it is read."""
        super().__post_init__()
        for name, kind in (("indices", list[Count]), ("ranges", list[Range])):
            given = getattr(self, name)
            if given is not UNSET and memoryview(given).nbytes <= _SHORT_BYTES:
                try:
                    msgspec.json.decode(given, type=kind)
                except msgspec.ValidationError as error:
                    text = str(error)
                    # so that the message names the entry
                    raise ValueError(
                        text.replace("`$", f"`$.{name}", 1) if "`$" in text else f"{text} - at `$.{name}`"
                    ) from None


Within = Annotated[Selection, Meta(description="Only these cells are considered; by default all")]
