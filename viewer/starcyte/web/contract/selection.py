"""Selections of cells."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Count, OneOf

Range = Annotated[tuple[Count, Count], Meta(description="[start, stop]; stop is excluded")]


class Clause(OneOf):
    """The cells that have one of some categories of an obs column, or one of some labels of an annotation."""

    in_: list[str | int | float | bool] = msgspec.field(name="in")
    column: str | UnsetType = UNSET
    annotation: str | UnsetType = UNSET


class Selection(OneOf):
    """Cells: by row numbers, by ranges of row numbers, or by clauses all of which hold."""

    indices: list[Count] | UnsetType = UNSET
    ranges: list[Range] | UnsetType = UNSET
    where: Annotated[list[Clause], Meta(min_length=1)] | UnsetType = UNSET
