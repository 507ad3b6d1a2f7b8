"""Colours of categories: those of the file in ``uns``, validated, else a palette."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        if isinstance(node, Array) and node.ndim == 2 and node.shape[1] in {3, 4} and node.dtype.kind in "fiu":
            return _of_channels(node.read())
    except StarcyteError as error:
        warnings.add(f"uns[{column + '_colors'!r}] is left out: {error.message}")
    return None


def text_colors(uns: Group | None, column: str, most: int) -> list[str] | None:
    """Return the file's colours of a column of text, whose values in natural order they belong to; None if it has none.

    Parameters
    ----------
    uns
        The file's ``uns``.
    column
        The obs column.
    most
        The most colours to return.
    """
    given = _given(uns, column, Warnings()) or []
    colors = [color for value in given if (color := _as_hex(value)) is not None]
    return colors if colors and len(colors) == len(given) <= most else None


def _of_channels(values: NDArray[Any]) -> list[str]:
    """Return colours of red, green, blue (and alpha), as floats from 0 to 1 or integers from 0 to 255."""
    scaled = values * 255 if values.dtype.kind == "f" and not np.any(values > 1) else values
    channels = np.clip(np.nan_to_num(np.round(scaled[:, :3])), 0, 255).astype(np.uint8)
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in channels.tolist()]


def _as_hex(value: str) -> str | None:
    named = CSS_COLORS.get(value.strip().lower())
    if named:
        return named
    if not _HEX.fullmatch(value.strip()):
        return None
    digits = value.strip()[1:].lower()
    return "#" + ("".join(c * 2 for c in digits) if len(digits) == 3 else digits[:6])
