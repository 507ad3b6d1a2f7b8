"""The agreement of two columns of labels."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count, Request
from starcyte.web.contract.selection import Within

Side = Annotated[str, Meta(description="annotation:NAME, obs:NAME, or a level of it, level:1:obs:NAME")]


class AgreementQuery(Request):
    """Two annotations or columns of obs."""

    a: Side
    b: Side


class AgreementRequest(AgreementQuery):
    """The same, of some cells."""

    within: Within | UnsetType = UNSET


class AgreementSide(Answer):
    """One of the columns."""

    name: str
    categories: list[str]


class Agreement(Answer):
    """Counts, adjusted Rand index and Cohen's kappa; the last row and column are the cells without a category."""

    a: AgreementSide
    b: AgreementSide
    counts: list[list[Count]]
    n: Count
    ari: float | None
    kappa: float | None
