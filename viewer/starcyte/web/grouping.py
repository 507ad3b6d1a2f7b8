"""Grouping and selection of cells by columns of obs and by the user's annotations."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from msgspec import UNSET, UnsetType

from starcyte.errors import LimitExceeded, NotFound
from starcyte.settings import Settings
from starcyte.store.dataset import Column, ColumnInfo, Kind
from starcyte.web.context import context
from starcyte.web.contract.selection import Selection
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_cached
from starcyte.web.security.proxy import current_user

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from starcyte.curation.models import Annotation
    from starcyte.store.dataset import Dataset

T = TypeVar("T")

ANNOTATION, OBS = "annotation:", "obs:"
_LEVEL = re.compile(r"level:([1-9]):(.*)", re.DOTALL)


@dataclass(frozen=True)
class Grouping:
    """A column to group by.

    Parameters
    ----------
    column
        A column of obs, or an annotation as one.
    annotation
        The annotation; None for a column of obs.
    is_level
        Whether it is a level of the column, see :mod:`starcyte.compute.levels`.
    """

    column: Column
    annotation: Annotation | None = None
    is_level: bool = False

    @property
    def key(self) -> list[Any]:
        """A key that is unique for the column, the user and the revision of an annotation."""
        name = self.column.info.name
        return [name] if self.annotation is None else [name, current_user(_settings()), self.annotation.revision]


def grouping(name: str) -> Grouping:
    """Return a column of obs (``NAME`` or ``obs:NAME``), an annotation (``annotation:NAME``) or a level of one of them.

    ``level:1:NAME`` groups by the first parts of categories such as ``CD8 T / Effector``, ``level:2:NAME`` by the first
    two, and so on up to 9.

    Raises
    ------
    NotFound
        If neither exists.
    """
    ctx, dataset = context(), context().dataset()
    if name.startswith(ANNOTATION) and ctx.has_curation:
        try:
            annotation = ctx.curation().annotations.get(current_user(ctx.settings), name.removeprefix(ANNOTATION))
        except NotFound:
            # an obs column may have a name that starts with annotation:
            if all(c.name != name for c in dataset.obs):
                raise
        else:
            return Grouping(as_column(annotation), annotation)
    level = _LEVEL.fullmatch(name)
    if level and not _LEVEL.fullmatch(level[2]) and all(c.name != name for c in dataset.obs):
        from starcyte.compute.levels import at_level

        found = grouping(level[2])
        return replace(found, column=at_level(found.column, int(level[1]), name), is_level=True)
    try:
        return Grouping(dataset.obs_column(name))
    except NotFound:
        if not name.startswith(OBS):
            raise
        return Grouping(dataset.obs_column(name.removeprefix(OBS)))


def answer_grouped(make: Callable[[], ResponseOf[T]], *groupings: Grouping | None) -> ResponseOf[T]:
    """Return an answer that is cached if it depends on the file only, and not if it depends on an annotation."""
    if all(g is None or g.annotation is None for g in groupings):
        return answer_cached(make)
    response = make()
    response.headers["Cache-Control"] = "no-store"
    return response


def selected(selection: Selection, noun: str = "selection") -> NDArray[np.bool_]:
    """Return the mask of the cells of a selection, in which the user's annotations can take part."""
    ctx = context()

    def annotation(name: str) -> Column:
        return as_column(ctx.curation().annotations.get(current_user(ctx.settings), name))

    n = _count_clauses(selection)
    if n > ctx.settings.max_clauses:
        raise LimitExceeded(
            f"The {noun} has {n} clauses. The limit is {ctx.settings.max_clauses} (max_clauses).",
            "Send the cells as ranges.",
        )
    return select(ctx.dataset(), selection, noun, annotation, lambda: ctx.tick(0.0))


def _count_clauses(selection: Selection) -> int:
    if not isinstance(selection.not_, UnsetType):
        return _count_clauses(selection.not_)
    if not isinstance(selection.and_, UnsetType):
        return sum(map(_count_clauses, selection.and_))
    return 1 if isinstance(selection.where, UnsetType) else len(selection.where)


def select(
    dataset: Dataset,
    selection: Selection,
    noun: str,
    annotation: Callable[[str], Column],
    check: Callable[[], None] = lambda: None,
) -> NDArray[np.bool_]:
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
    check
        Called between clauses; raises to stop.

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
    # a column of many clauses is read once
    return _mask_of(selection, _Reading(dataset, noun, cache(dataset.obs_column), cache(annotation), check))


@dataclass(frozen=True)
class _Reading:
    """What the parts of a selection have in common."""

    dataset: Dataset
    noun: str
    obs_column: Callable[[str], Column]
    annotation: Callable[[str], Column]
    check: Callable[[], None]


def _mask_of(part: Selection, reading: _Reading) -> NDArray[np.bool_]:
    # not a nested function: one that calls itself, and the body with it, lives until the garbage collector runs
    from starcyte.compute.json_lists import read_numbers, read_pairs
    from starcyte.compute.selection import from_categories, from_indices, from_ranges

    n_obs, noun = reading.dataset.n_obs, reading.noun
    if part.indices is not UNSET:
        return from_indices(n_obs, read_numbers(part.indices, f"Field indices of {noun}"), noun)
    if part.ranges is not UNSET:
        return from_ranges(n_obs, read_pairs(part.ranges, f"Field ranges of {noun}"), noun)
    if not isinstance(part.not_, UnsetType):
        return ~_mask_of(part.not_, reading)
    mask = np.ones(n_obs, bool)
    if not isinstance(part.and_, UnsetType):
        for each in part.and_:
            mask &= _mask_of(each, reading)
        return mask
    for clause in [part] if isinstance(part.where, UnsetType) else part.where:
        reading.check()
        if clause.column is not UNSET:
            column = reading.obs_column(clause.column)
        else:
            column = reading.annotation(clause.annotation or "")
        mask &= from_categories(column, {str(value) for value in clause.in_ or ()}, noun)
    return mask


def selected_within(within: Selection | UnsetType) -> NDArray[np.bool_] | None:
    """Return the mask of the cells that a request is limited to; None for all."""
    return None if isinstance(within, UnsetType) else selected(within, "selection within")


def groups_of(
    a: Selection, b: Selection | Literal["rest"], within: Selection | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the masks of two groups of cells, limited to some cells."""
    mask_a = selected(a, "selection a")
    mask_b = ~mask_a if b == "rest" else selected(b, "selection b")
    if within is not None:
        cells = selected(within, "selection within")
        mask_a, mask_b = mask_a & cells, mask_b & cells
    return mask_a, mask_b


def as_column(annotation: Annotation) -> Column:
    """Return an annotation as a column."""
    dataset = context().dataset()
    n = len(annotation.labels)
    codes = annotation.codes(dataset.n_obs).astype(np.min_scalar_type(-max(n, 1)))
    # cached moments are looked up by the name of a column, so the name must not be that of an obs column
    name, taken = ANNOTATION + annotation.name, {c.name for c in dataset.obs}
    while name in taken:
        name = ANNOTATION + name
    info = ColumnInfo(name, Kind.CATEGORICAL, str(codes.dtype), tuple(c.name for c in annotation.labels))
    return Column(info, codes)


def _settings() -> Settings:
    return context().settings
