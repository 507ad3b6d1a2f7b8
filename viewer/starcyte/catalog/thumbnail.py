"""The thumbnail of a dataset: its cells on the embedding and in the colours that its page shows first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import StarcyteError
from starcyte.settings import Settings
from starcyte.store.dataset import Kind

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset

WIDTH, HEIGHT = 360, 240
_MARGIN = 10
# each pixel is the mean of 2 x 2
_FINE = 2
_MOST_CELLS = 150_000
# the fraction of the image that the discs of all cells would cover without overlap
_COVER = 0.22
_LARGEST, _SMALLEST = 3.2, 0.5
_GREY, _PLAIN = (160, 168, 182), (125, 143, 179)
# the order in which the page chooses: cell types, then clusters, then any column with few categories
_LIKELY = [
    re.compile(pattern, re.I)
    for pattern in (
        "cell.?type",
        "bulk.?label",
        "annot|celltype|cell_ontology",
        "leiden|louvain|cluster",
        "label|type",
    )
]


def thumbnail(dataset: Dataset, settings: Settings) -> NDArray[np.uint8] | None:
    """Return the thumbnail of a dataset.

    Parameters
    ----------
    dataset
        The dataset.
    settings
        ``first_embedding`` and ``color_by`` are used.

    Returns
    -------
    array or None
        uint8, shape (height, width, 4), RGBA on a transparent background; None if there is no embedding to draw.
    """
    names = {e.name: e.dims for e in dataset.embeddings}
    name = settings.first_embedding if settings.first_embedding in names else next(iter(names), None)
    if name is None:
        return None
    axes = dataset.embedding(name, [0, 1] if names[name] > 1 else [0])
    x, y = axes[0], axes[-1] if len(axes) > 1 else np.zeros_like(axes[0])
    drawn = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not drawn.size:
        return None
    # the same cells in the same order every time, so that the thumbnail of a file does not change
    drawn = np.random.default_rng(0).permutation(drawn)[:_MOST_CELLS]
    return _draw(x[drawn], y[drawn], _colors(dataset, settings, drawn))


def default_column(dataset: Dataset, settings: Settings) -> str | None:
    """Return the categorical column that the page colours by first; None if there is none."""
    few = [
        c.name
        for c in dataset.obs
        if c.kind is Kind.CATEGORICAL and c.categories is not None and 2 <= len(c.categories) <= 100
    ]
    if settings.color_by:
        return settings.color_by if settings.color_by in few else None
    for pattern in _LIKELY:
        for name in few:
            if pattern.search(name):
                return name
    return few[0] if few else None


def _colors(dataset: Dataset, settings: Settings, cells: NDArray[np.intp]) -> NDArray[np.uint8]:
    column = default_column(dataset, settings)
    given = dataset.colors(column) if column else None
    if column is None or given is None:
        return np.broadcast_to(np.array(_PLAIN, np.uint8), (cells.size, 3))
    table = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in given] + [_GREY], np.uint8)
    try:
        codes = dataset.obs_column(column).values[cells]
    except StarcyteError:
        return np.broadcast_to(np.array(_PLAIN, np.uint8), (cells.size, 3))
    chosen: NDArray[np.uint8] = table[codes]
    return chosen


def _draw(x: NDArray[np.float32], y: NDArray[np.float32], colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    width, height = WIDTH * _FINE, HEIGHT * _FINE
    inner = (width - 2 * _MARGIN * _FINE, height - 2 * _MARGIN * _FINE)
    left, top = x.min().astype(np.float64), y.max().astype(np.float64)
    spread = (float(x.max() - left), float(top - y.min()))
    scale = min((i / s for i, s in zip(inner, spread, strict=True) if s > 0), default=0.0)
    column = (width - spread[0] * scale) / 2 + (x - left) * scale
    row = (height - spread[1] * scale) / 2 + (top - y) * scale
    radius = float(np.clip(np.sqrt(_COVER * width * height / (np.pi * x.size)), _SMALLEST * _FINE, _LARGEST * _FINE))
    reach = int(radius)
    fine = np.zeros((height, width, 4), np.uint8)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            if dx * dx + dy * dy <= radius * radius:
                at = (
                    np.clip(row + dy, 0, height - 1).astype(np.intp),
                    np.clip(column + dx, 0, width - 1).astype(np.intp),
                )
                fine[*at, :3] = colors
                fine[*at, 3] = 255
    blocks = fine.reshape(HEIGHT, _FINE, WIDTH, _FINE, 4).astype(np.uint16)
    alpha = blocks[..., 3].sum(axis=(1, 3))
    # transparent pixels are left out of the mean colour, which would darken the rims otherwise
    lit = (blocks[..., :3] * (blocks[..., 3:] > 0)).sum(axis=(1, 3))
    n = np.maximum((blocks[..., 3] > 0).sum(axis=(1, 3)), 1)
    out = np.empty((HEIGHT, WIDTH, 4), np.uint8)
    out[..., :3] = lit // n[..., None]
    out[..., 3] = alpha // (_FINE * _FINE)
    return out
