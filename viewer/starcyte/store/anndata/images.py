"""Pictures of the tissue under the cells, as spatial methods keep them in ``uns['spatial']``."""

from __future__ import annotations

from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import NDArray

from starcyte.errors import StarcyteError
from starcyte.store.dataset import Warnings
from starcyte.store.hdf5.file import child, members, reading

_KEYS = ("hires", "lowres")
# a side longer than this is no picture for a page, and more than graphics cards take
_LONGEST = 8192


@dataclass(frozen=True, eq=False)
class Image:
    """One picture on disk.

    Parameters
    ----------
    name
        The slide, and which of its pictures: ``<library>/<key>``.
    width, height
        In pixels.
    scale
        Pixels for each unit of the spatial coordinates.
    """

    name: str
    width: int
    height: int
    scale: float
    _array: h5py.Dataset

    def read(self) -> NDArray[np.uint8]:
        """Read the pixels, shape (height, width, 3 or 4)."""
        with reading(self.name):
            raw = self._array[()]
        if raw.dtype.kind == "f":
            # numbers between 0 and 1, as matplotlib has them; a picture of 0 to 255 in floats exists as well
            top = 1.0 if not raw.size or float(np.nanmax(raw)) <= 1.0 else 255.0
            raw = np.nan_to_num(raw / top) * 255 + 0.5
        pixels: NDArray[np.uint8] = np.clip(raw, 0, 255).astype(np.uint8)
        return pixels


def find_images(file: h5py.File, warnings: Warnings) -> dict[str, Image]:
    """Return the pictures, the best of each slide first.

    Parameters
    ----------
    file
        The file.
    warnings
        Told of what is left out.
    """
    found: dict[str, Image] = {}
    spatial = child(file, "uns/spatial")
    if not isinstance(spatial, h5py.Group):
        return found
    for library in members(spatial):
        for key in _KEYS:
            name = f"{library}/{key}"
            try:
                image = _open(spatial, library, key)
                if image is not None:
                    found[name] = image
            except StarcyteError as error:
                warnings.add(f"The picture {name!r} is left out: {error.message}")
    return found


def _open(spatial: h5py.Group, library: str, key: str) -> Image | None:
    slide = child(spatial, library) if "/" not in library else None
    if not isinstance(slide, h5py.Group):
        return None
    array = child(slide, f"images/{key}")
    factor = child(slide, f"scalefactors/tissue_{key}_scalef")
    if not isinstance(array, h5py.Dataset) or not isinstance(factor, h5py.Dataset):
        return None
    if array.ndim != 3 or array.shape[2] not in {3, 4} or array.dtype.kind not in "fu" or factor.size != 1:
        return None
    height, width = int(array.shape[0]), int(array.shape[1])
    with reading(f"scalefactors of {library!r}"):
        scale = float(np.asarray(factor[()]).ravel()[0])
    if not (0 < width <= _LONGEST and 0 < height <= _LONGEST and np.isfinite(scale) and scale > 0):
        return None
    return Image(f"{library}/{key}", width, height, scale, array)
