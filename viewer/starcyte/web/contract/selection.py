"""Selections of cells."""

from __future__ import annotations

from typing import Annotated

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
    """Cells: by row numbers, by ranges of row numbers, or by clauses all of which hold."""

    indices: Indices | UnsetType = UNSET
    ranges: Ranges | UnsetType = UNSET
    where: Annotated[list[Clause], Meta(min_length=1)] | UnsetType = UNSET

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
