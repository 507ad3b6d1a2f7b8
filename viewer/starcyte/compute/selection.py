"""Selections: sets of cells, given in JSON by number or by category."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import BadRequest
from starcyte.store.dataset import Column, Dataset, Kind

_FORMS = 'Give {"indices": [..]}, {"ranges": [[start, stop], ..]} or {"where": [{"column": name, "in": [..]}, ..]}.'


def select(
    dataset: Dataset, selection: Any, name: str = "selection", annotation: Callable[[str], Column] | None = None
) -> NDArray[np.bool_]:
    """Return the cells of a selection as a mask.

    Parameters
    ----------
    dataset
        The dataset.
    selection
        One of ``{"indices": [..]}``, ``{"ranges": [[start, stop], ..]}`` (stop excluded) or
        ``{"where": [{"column": name, "in": [categories]}, ..]}`` (the intersection of all clauses), as parsed from
        JSON. A clause ``{"annotation": name, "in": [labels]}`` names an annotation instead of an obs column.
    name
        Its name in messages.
    annotation
        Returns an annotation as a column; None if the user has none.

    Returns
    -------
    array
        bool, shape (n_obs,).

    Raises
    ------
    BadRequest
        If it has another form, or names a cell or category that does not exist.
    NotFound
        If it names a column or annotation that does not exist.
    """
    if not isinstance(selection, dict) or len(selection) != 1:
        raise BadRequest(f"The {name} is not valid.", _FORMS)
    ((form, given),) = selection.items()
    if not isinstance(given, list):
        raise BadRequest(f"The {name} is not valid.", _FORMS)
    if form == "indices":
        return _from_indices(dataset.n_obs, given, name)
    if form == "ranges":
        return _from_ranges(dataset.n_obs, given, name)
    if form == "where":
        mask = np.ones(dataset.n_obs, bool)
        if not given:
            raise BadRequest(f"The {name} has an empty where.", _FORMS)
        for clause in given:
            mask &= _from_clause(dataset, clause, name, annotation)
        return mask
    raise BadRequest(f"The {name} has an unknown form: {form!r}.", _FORMS)


def _integers(given: list[Any], name: str) -> NDArray[np.int64]:
    if any(type(v) is not int for v in given):
        raise BadRequest(f"The {name} has a value that is not an integer.", _FORMS)
    try:
        return np.array(given, dtype=np.int64)
    except OverflowError:
        raise BadRequest(f"The {name} has a number that is out of range.", _FORMS) from None


def _from_indices(n: int, given: list[Any], name: str) -> NDArray[np.bool_]:
    indices = _integers(given, name)
    if indices.size and (indices.min() < 0 or indices.max() >= n):
        raise BadRequest(f"The {name} has a cell outside 0 to {n - 1}.", "Cells are numbered from 0.")
    mask = np.zeros(n, bool)
    mask[indices] = True
    return mask


def _from_ranges(n: int, given: list[Any], name: str) -> NDArray[np.bool_]:
    if any(not isinstance(r, list) or len(r) != 2 for r in given):
        raise BadRequest(f"The {name} has a range that is not [start, stop].", _FORMS)
    ends = _integers([v for r in given for v in r], name).reshape(-1, 2)
    if ends.size and (ends.min() < 0 or ends.max() > n or np.any(ends[:, 0] > ends[:, 1])):
        raise BadRequest(f"The {name} has a range outside 0 to {n}.", "A range is [start, stop], stop excluded.")
    steps = np.zeros(n + 1, np.int64)
    np.add.at(steps, ends[:, 0], 1)
    np.add.at(steps, ends[:, 1], -1)
    return np.cumsum(steps[:-1]) > 0


def _from_clause(
    dataset: Dataset, clause: Any, name: str, annotation: Callable[[str], Column] | None
) -> NDArray[np.bool_]:
    if not isinstance(clause, dict) or set(clause) not in ({"column", "in"}, {"annotation", "in"}):
        raise BadRequest(f"The {name} has an invalid clause.", _FORMS)
    column_name, chosen = clause.get("annotation", clause.get("column")), clause["in"]
    if (
        not isinstance(column_name, str)
        or not isinstance(chosen, list)
        or any(not isinstance(v, str | int | float) for v in chosen)
    ):
        raise BadRequest(f"The {name} has an invalid clause.", _FORMS)
    if "annotation" in clause:
        if annotation is None:
            raise BadRequest(f"The {name} names an annotation, but there are none.", _FORMS)
        column = annotation(column_name)
    else:
        column = dataset.obs_column(column_name)
    if column.info.kind in {Kind.CONTINUOUS, Kind.DATETIME}:
        raise BadRequest(
            f"The {name} needs categories, but column {column.info.name!r} is {column.info.kind}.",
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
