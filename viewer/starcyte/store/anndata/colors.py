"""Colours of categories: those of the file in ``uns``, validated, else a palette."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from starcyte.errors import StarcyteError
from starcyte.store.anndata.css_colors import CSS_COLORS
from starcyte.store.dataset import Warnings
from starcyte.store.nodes import Array, Group

# Each colour is the one with the greatest distance in OKLab from all before it, for normal colour vision and for
# protanopia, deuteranopia and tritanopia as simulated by Machado et al. 2009 (doi:10.1109/TVCG.2009.113). So the first
# ones, which are used most, differ most.
# fmt: off
PALETTE = (
    "#3b75af", "#ef8636", "#7fdfe0", "#812213", "#ab9cf5", "#512d92", "#946f1a", "#edd22f",
    "#b63358", "#2eaf72", "#afdb9f", "#be74d8", "#7a3f80", "#156540", "#52c7de", "#8f69d9",
    "#c75e89", "#e0a1ac", "#704fb9", "#bdc33f", "#8581f6", "#914514", "#711777", "#88c770",
    "#84a82c", "#958a03", "#628c47", "#ac4690", "#e76059", "#1b986a", "#de7bd3", "#766b33",
    "#5744a8", "#82debd", "#b3a253", "#e3acfe", "#30532f", "#ae59bd", "#5d3965", "#8f516d",
)
# fmt: on

_HEX = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")


def category_colors(uns: Group | None, column: str, n: int, warnings: Warnings) -> list[str]:
    """Return a colour for each category of a column.

    Parameters
    ----------
    uns
        The file's ``uns``.
    column
        The obs column; scanpy stores its colours in ``<column>_colors``.
    n
        The number of categories.
    warnings
        Gets a warning if the file's colours cannot be used.

    Returns
    -------
    list of str
        ``#rrggbb``, n of them.
    """
    given = _given(uns, column, warnings)
    if given is not None:
        if len(given) < n:
            warnings.add(f"uns[{column + '_colors'!r}] has {len(given)} colours for {n} categories; a palette is used.")
        else:
            colors = [_as_hex(value) for value in given[:n]]
            if None not in colors:
                return [c for c in colors if c is not None]
            wrong = given[colors.index(None)]
            warnings.add(f"uns[{column + '_colors'!r}] holds {wrong[:40]!r}, which is not a colour; a palette is used.")
    return [PALETTE[i % len(PALETTE)] for i in range(n)]


def _given(uns: Group | None, column: str, warnings: Warnings) -> Sequence[str] | None:
    if uns is None:
        return None
    try:
        node = uns.child(f"{column}_colors")
        if isinstance(node, Array) and node.is_text() and node.ndim <= 1:
            return [str(v) for v in np.atleast_1d(node.read_text()).tolist()]
    except StarcyteError as error:
        warnings.add(f"uns[{column + '_colors'!r}] is left out: {error.message}")
    return None


def _as_hex(value: str) -> str | None:
    named = CSS_COLORS.get(value.strip().lower())
    if named:
        return named
    if not _HEX.fullmatch(value.strip()):
        return None
    digits = value.strip()[1:].lower()
    return "#" + ("".join(c * 2 for c in digits) if len(digits) == 3 else digits[:6])
