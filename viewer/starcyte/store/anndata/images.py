"""Tissue images of spatial datasets, in ``uns['spatial']``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import StarcyteError
from starcyte.store.dataset import Warnings
from starcyte.store.nodes import Array, Group, reading

_KEYS = ("hires", "lowres")
# the usual maximum size of a texture of graphics cards
_MAX_SIDE = 8192


@dataclass(frozen=True, eq=False)
class Image:
    """An image on disk.

    Parameters
    ----------
    name
        The library (slide) and the key of the image: ``<library>/<key>``.
    width, height
        The size in pixels.
    scale
        Pixels per unit of the spatial coordinates.
    """

    name: str
    width: int
    height: int
    scale: float
    _array: Array

    def read(self) -> NDArray[np.uint8]:
        """Read the pixels, shape (height, width, 3 or 4)."""
        raw = self._array.read(name=self.name)
        if raw.dtype.kind == "f":
            # from 0 to 1, as in matplotlib, but some files have floats from 0 to 255
            top = 1.0 if not raw.size or float(np.nanmax(raw)) <= 1.0 else 255.0
            raw = np.nan_to_num(raw / top) * 255 + 0.5
        pixels: NDArray[np.uint8] = np.clip(raw, 0, 255).astype(np.uint8)
        return pixels


def find_images(root: Group, warnings: Warnings) -> dict[str, Image]:
    """Return the images, of each library the one of the highest resolution first.

    Parameters
    ----------
    root
        The file's root group.
    warnings
        Gets a warning for each image that is left out.
    """
    found: dict[str, Image] = {}
    spatial = root.group("uns/spatial")
    if spatial is None:
        return found
    for library in spatial.members():
        for key in _KEYS:
            name = f"{library}/{key}"
            try:
                image = _open(spatial, library, key)
                if image is not None:
                    found[name] = image
            except StarcyteError as error:
                warnings.add(f"Image {name!r} is left out: {error.message}")
    return found


def _open(spatial: Group, library: str, key: str) -> Image | None:
    slide = spatial.group(library) if "/" not in library else None
    if slide is None:
        return None
    array = slide.child(f"images/{key}")
    factor = slide.child(f"scalefactors/tissue_{key}_scalef")
    if not isinstance(array, Array) or not isinstance(factor, Array):
        return None
    if array.ndim != 3 or array.shape[2] not in {3, 4} or array.dtype.kind not in "fu" or factor.size != 1:
        return None
    height, width = int(array.shape[0]), int(array.shape[1])
    with reading(f"scalefactors of {library!r}"):
        scale = float(np.asarray(factor.read()).ravel()[0])
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE and np.isfinite(scale) and scale > 0):
        return None
    return Image(f"{library}/{key}", width, height, scale, array)
