"""Selections: which cells, said in JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import BadRequest
from starcyte.store.dataset import Column, Dataset, Kind

_FORMS = 'Give {"indices": [..]}, {"ranges": [[start, stop], ..]} or {"where": [{"column": name, "in": [..]}, ..]}.'


def select(
    dataset: Dataset, selection: Any, what: str = "selection", annotation: Callable[[str], Column] | None = None
) -> NDArray[np.bool_]:
    """Return which cells a selection holds.

    Parameters
    ----------
    dataset
        The dataset.
    selection
        One of ``{"indices": [..]}``, ``{"ranges": [[start, stop], ..]}`` (stop excluded) or
        ``{"where": [{"column": name, "in": [categories]}, ..]}`` (all clauses hold), as parsed from JSON. A clause
        ``{"annotation": name, "in": [labels]}`` names an annotation in place of a column of obs.
    what
        What to call it in messages.
    annotation
        Returns an annotation as a column; by default there are none.

    Returns
    -------
    array
        Shape (n_obs,), bool.

    Raises
    ------
    BadRequest
        If it has another form, or names cells or categories that are not there.
    NotFound
        If it names a column that is not there.
    """
    if not isinstance(selection, dict) or len(selection) != 1:
        raise BadRequest(f"The {what} is not understood.", _FORMS)
    ((form, given),) = selection.items()
    if not isinstance(given, list):
        raise BadRequest(f"The {what} is not understood.", _FORMS)
    if form == "indices":
        return _from_indices(dataset.n_obs, given, what)
    if form == "ranges":
        return _from_ranges(dataset.n_obs, given, what)
    if form == "where":
        mask = np.ones(dataset.n_obs, bool)
        if not given:
            raise BadRequest(f"The {what} has no clause in where.", _FORMS)
        for clause in given:
            mask &= _from_clause(dataset, clause, what, annotation)
        return mask
    raise BadRequest(f"The {what} is not understood: {form!r} is no form of one.", _FORMS)


def _integers(given: list[Any], what: str) -> NDArray[np.int64]:
    if any(type(v) is not int for v in given):
        raise BadRequest(f"The {what} holds something other than whole numbers.", _FORMS)
    try:
        return np.array(given, dtype=np.int64)
    except OverflowError:
        raise BadRequest(f"The {what} holds a number that is no cell.", _FORMS) from None


def _from_indices(n: int, given: list[Any], what: str) -> NDArray[np.bool_]:
    indices = _integers(given, what)
    if indices.size and (indices.min() < 0 or indices.max() >= n):
        raise BadRequest(f"The {what} names a cell outside 0 to {n - 1}.", "Cells are numbered from 0.")
    mask = np.zeros(n, bool)
    mask[indices] = True
    return mask


def _from_ranges(n: int, given: list[Any], what: str) -> NDArray[np.bool_]:
    if any(not isinstance(r, list) or len(r) != 2 for r in given):
        raise BadRequest(f"The {what} has a range that is not [start, stop].", _FORMS)
    ends = _integers([v for r in given for v in r], what).reshape(-1, 2)
    if ends.size and (ends.min() < 0 or ends.max() > n or np.any(ends[:, 0] > ends[:, 1])):
        raise BadRequest(f"The {what} has a range outside 0 to {n}.", "A range is [start, stop], stop excluded.")
    steps = np.zeros(n + 1, np.int64)
    np.add.at(steps, ends[:, 0], 1)
    np.add.at(steps, ends[:, 1], -1)
    return np.cumsum(steps[:-1]) > 0


def _from_clause(
    dataset: Dataset, clause: Any, what: str, annotation: Callable[[str], Column] | None
) -> NDArray[np.bool_]:
    if not isinstance(clause, dict) or set(clause) not in ({"column", "in"}, {"annotation", "in"}):
        raise BadRequest(f"The {what} has a clause that is not understood.", _FORMS)
    name, chosen = clause.get("annotation", clause.get("column")), clause["in"]
    if (
        not isinstance(name, str)
        or not isinstance(chosen, list)
        or any(not isinstance(v, str | int | float) for v in chosen)
    ):
        raise BadRequest(f"The {what} has a clause that is not understood.", _FORMS)
    if "annotation" in clause:
        if annotation is None:
            raise BadRequest(f"The {what} names an annotation, and there are none here.", _FORMS)
        column = annotation(name)
    else:
        column = dataset.obs_column(name)
    if column.info.kind in {Kind.CONTINUOUS, Kind.DATETIME}:
        raise BadRequest(
            f"The {what} asks for categories of {column.info.name!r}, which is {column.info.kind}.",
            "Send the cells as indices or ranges.",
        )
    codes, categories = column.as_codes()
    wanted = {str(v) for v in chosen}
    unknown = wanted - set(categories)
    if unknown:
        raise BadRequest(f"Column {column.info.name!r} has no category {min(unknown)!r}.", "The schema lists them.")
    passes = np.array([*(c in wanted for c in categories), False])
    mask: NDArray[np.bool_] = passes[codes]
    return mask
