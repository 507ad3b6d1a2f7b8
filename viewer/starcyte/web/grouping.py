"""Columns that cells are grouped by or chosen by: those of obs, and the annotations of the user."""

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

    from starcyte.curation.models import Annotation

ANNOTATION, OBS = "annotation:", "obs:"


@dataclass(frozen=True)
class Grouping:
    """A column to group by.

    Parameters
    ----------
    column
        Of obs, or made of an annotation.
    annotation
        The annotation that it is made of.
    """

    column: Column
    annotation: Annotation | None = None

    @property
    def key(self) -> list[Any]:
        """What tells it from every other, and from what an annotation was before."""
        name = self.column.info.name
        return [name] if self.annotation is None else [name, current_user(_settings()), self.annotation.revision]


def grouping(name: str) -> Grouping:
    """Return a column of obs (``NAME`` or ``obs:NAME``) or an annotation (``annotation:NAME``).

    Raises
    ------
    NotFound
        If there is neither.
    """
    ctx, dataset = context(), context().dataset()
    if name.startswith(ANNOTATION) and ctx.keeps:
        try:
            annotation = ctx.curation().annotations.get(current_user(ctx.settings), name.removeprefix(ANNOTATION))
        except NotFound:
            # a column may be called so; where it is not, the annotation is what is missing
            if all(c.name != name for c in dataset.obs):
                raise
        else:
            return Grouping(as_column(annotation), annotation)
    try:
        return Grouping(dataset.obs_column(name))
    except NotFound:
        if not name.startswith(OBS):
            raise
        return Grouping(dataset.obs_column(name.removeprefix(OBS)))


def answer_grouped(make: Callable[[], Response], *groupings: Grouping | None) -> Response:
    """Answer what depends on the file alone, or on an annotation as well: that is made anew each time."""
    if all(g is None or g.annotation is None for g in groupings):
        return answer_once(make)
    response = make()
    response.headers["Cache-Control"] = "no-store"
    return response


def annotation_column(name: str) -> Column:
    """Return an annotation as a column; raise NotFound where there is none."""
    ctx = context()
    return as_column(ctx.curation().annotations.get(current_user(ctx.settings), name))


def selected(selection: Any, what: str = "selection") -> NDArray[np.bool_]:
    """Return which cells a selection holds, in which annotations may take part as columns do."""
    from starcyte.compute.selection import select

    return select(context().dataset(), selection, what, annotation_column)


def as_column(annotation: Annotation) -> Column:
    """Return an annotation as a column of obs would be."""
    dataset = context().dataset()
    n = len(annotation.labels)
    codes = annotation.codes(dataset.n_obs).astype(np.min_scalar_type(-max(n, 1)))
    # kept moments are found by the name of a column, so that no column may be called so
    name, taken = ANNOTATION + annotation.name, {c.name for c in dataset.obs}
    while name in taken:
        name = ANNOTATION + name
    info = ColumnInfo(name, Kind.CATEGORICAL, str(codes.dtype), tuple(c.name for c in annotation.labels))
    return Column(info, codes)


def _settings() -> Settings:
    return context().settings
