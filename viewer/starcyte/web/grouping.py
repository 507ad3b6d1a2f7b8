"""Columns that cells are grouped by or chosen by: those of obs, and the labels of the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import Response

from starcyte.errors import NotFound
from starcyte.settings import Settings
from starcyte.store.dataset import Column, ColumnInfo, Kind
from starcyte.web.context import context
from starcyte.web.csrf import current_user
from starcyte.web.responses import answer_once

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from starcyte.curation.models import Label

LABEL, OBS = "label:", "obs:"


@dataclass(frozen=True)
class Grouping:
    """A column to group by.

    Parameters
    ----------
    column
        Of obs, or made of a label.
    label
        The label that it is made of.
    """

    column: Column
    label: Label | None = None

    @property
    def key(self) -> list[Any]:
        """What tells it from every other, and from what a label was before."""
        name = self.column.info.name
        return [name] if self.label is None else [name, current_user(_settings()), self.label.revision]


def grouping(name: str) -> Grouping:
    """Return a column of obs, or a label by ``label:`` and its name; ``obs:`` before a column's name is left out.

    Raises
    ------
    NotFound
        If there is neither.
    """
    ctx, dataset = context(), context().dataset()
    if name.startswith(LABEL) and ctx.keeps:
        try:
            label = ctx.curation().labels.get(current_user(ctx.settings), name.removeprefix(LABEL))
        except NotFound:
            # a column may be called so; where it is not, the label is what is missing
            if all(c.name != name for c in dataset.obs):
                raise
        else:
            return Grouping(as_column(label), label)
    try:
        return Grouping(dataset.obs_column(name))
    except NotFound:
        if not name.startswith(OBS):
            raise
        return Grouping(dataset.obs_column(name.removeprefix(OBS)))


def answer_grouped(make: Callable[[], Response], *groupings: Grouping | None) -> Response:
    """Answer what depends on the file alone, or on a label as well: that is made anew each time."""
    if all(g is None or g.label is None for g in groupings):
        return answer_once(make)
    response = make()
    response.headers["Cache-Control"] = "no-store"
    return response


def label_column(name: str) -> Column:
    """Return a label as a column; raise NotFound where there is none."""
    ctx = context()
    return as_column(ctx.curation().labels.get(current_user(ctx.settings), name))


def selected(selection: Any, what: str = "selection") -> NDArray[np.bool_]:
    """Return which cells a selection holds, in which labels may take part as columns do."""
    from starcyte.compute.selection import select

    return select(context().dataset(), selection, what, label_column)


def as_column(label: Label) -> Column:
    """Return a label as a column of obs would be."""
    dataset = context().dataset()
    n = len(label.categories)
    codes = label.codes(dataset.n_obs).astype(np.min_scalar_type(-max(n, 1)))
    # kept moments are found by the name of a column, so that no column may be called so
    name, taken = LABEL + label.name, {c.name for c in dataset.obs}
    while name in taken:
        name = LABEL + name
    info = ColumnInfo(name, Kind.CATEGORICAL, str(codes.dtype), tuple(c.name for c in label.categories))
    return Column(info, codes)


def _settings() -> Settings:
    return context().settings
