"""Levels of categories: ``CD8 T / Effector`` is below ``CD8 T``."""

from __future__ import annotations

import numpy as np

from starcyte.store.dataset import Column, ColumnInfo, Kind

SEPARATOR = " / "


def at_level(column: Column, level: int, name: str) -> Column:
    """Return a column of the first parts of the categories of a column.

    Parameters
    ----------
    column
        A column with categories.
    level
        The number of parts, at least 1. A category of fewer parts stays whole.
    name
        The name of the returned column.

    Returns
    -------
    Column
        Categorical; its categories are in the order of the first category below each.

    Raises
    ------
    BadRequest
        If the column holds numbers or dates.
    """
    codes, categories = column.as_categories()
    parts = [SEPARATOR.join(text.split(SEPARATOR)[:level]) for text in categories]
    found = tuple(dict.fromkeys(parts))
    places = {text: code for code, text in enumerate(found)}
    # the last place is that of code -1
    moved = np.array([*(places[text] for text in parts), -1], np.min_scalar_type(-max(len(found), 1)))
    values = moved[codes]
    info = ColumnInfo(name, Kind.CATEGORICAL, str(values.dtype), found)
    return Column(info, values)
