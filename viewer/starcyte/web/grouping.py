"""Columns that cells are grouped by or chosen by: those of obs, and the annotations of the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from msgspec import UNSET

from starcyte.errors import NotFound
from starcyte.settings import Settings
from starcyte.store.dataset import Column, ColumnInfo, Kind
from starcyte.web.context import context
from starcyte.web.contract.selection import Selection
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_once
from starcyte.web.security.proxy import current_user

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from starcyte.curation.models import Annotation
    from starcyte.store.dataset import Dataset

T = TypeVar("T")

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


def answer_grouped(make: Callable[[], ResponseOf[T]], *groupings: Grouping | None) -> ResponseOf[T]:
    """Answer what depends on the file alone, or on an annotation as well: that is made anew each time."""
    if all(g is None or g.annotation is None for g in groupings):
        return answer_once(make)
    response = make()
    response.headers["Cache-Control"] = "no-store"
    return response


def selected(selection: Selection, noun: str = "selection") -> NDArray[np.bool_]:
    """Return the mask of the cells of a selection, in which the user's annotations can take part."""
    ctx = context()

    def annotation(name: str) -> Column:
        return as_column(ctx.curation().annotations.get(current_user(ctx.settings), name))

    return select(ctx.dataset(), selection, noun, annotation)


def select(dataset: Dataset, selection: Selection, noun: str, annotation: Callable[[str], Column]) -> NDArray[np.bool_]:
    """Return the mask of the cells of a selection.

    Parameters
    ----------
    dataset
        The dataset.
    selection
        The selection.
    noun
        Its name in messages.
    annotation
        Returns an annotation by name as a column.

    Returns
    -------
    array
        Shape (n_obs,), bool.

    Raises
    ------
    BadRequest
        If it names cells or categories that do not exist.
    NotFound
        If it names a column or an annotation that does not exist.
    """
    from starcyte.compute.selection import from_categories, from_indices, from_ranges

    if selection.indices is not UNSET:
        return from_indices(dataset.n_obs, selection.indices, noun)
    if selection.ranges is not UNSET:
        return from_ranges(dataset.n_obs, selection.ranges, noun)
    mask = np.ones(dataset.n_obs, bool)
    for clause in selection.where or ():
        column = (
            dataset.obs_column(clause.column) if clause.column is not UNSET else annotation(clause.annotation or "")
        )
        mask &= from_categories(column, {str(value) for value in clause.in_}, noun)
    return mask


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
