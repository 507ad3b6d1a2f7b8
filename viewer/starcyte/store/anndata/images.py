"""Tissue images of spatial datasets, in the group ``images`` of each slide (:mod:`~starcyte.store.anndata.slides`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, StarcyteError
from starcyte.store.anndata.pixels import read_pixels
from starcyte.store.anndata.slides import find_slides, read_factor
from starcyte.store.dataset import Warnings
from starcyte.store.nodes import Array, Group

# the usual maximum size of a texture of graphics cards
_MAX_SIDE = 8192
_MAX_PIXELS = 1 << 30
_CHANNELS = {1, 3, 4}


@dataclass(frozen=True, eq=False)
class Image:
    """An image on disk.

    Parameters
    ----------
    name
        The library (slide) and the key of the image: ``<library>/<key>``.
    library
        The library.
    width, height
        The size in pixels, as it is read.
    scale
        Pixels per unit of the spatial coordinates.
    """

    name: str
    library: str
    width: int
    height: int
    scale: float
    _array: Array
    _channels_first: bool
    _step: int

    def read(self) -> NDArray[np.uint8]:
        """Read the pixels, shape (height, width, 3 or 4)."""
        return read_pixels(self._array, self._channels_first, self._step, self.name)


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
    for library, slide in find_slides(root, warnings):
        opened = list[Image]()
        for key in _keys(slide, library, warnings):
            try:
                opened.append(_open(slide, library, key))
            except StarcyteError as error:
                warnings.add(f"Image {f'{library}/{key}'!r} is left out: {error.message}")
        opened.sort(key=lambda image: -image.scale)
        found |= {image.name: image for image in opened}
    return found


def _keys(slide: Group, library: str, warnings: Warnings) -> list[str]:
    try:
        images = slide.group("images")
        return [] if images is None else images.members()
    except StarcyteError as error:
        warnings.add(f"Images of {library!r} are left out: {error.message}")
        return []


def _open(slide: Group, library: str, key: str) -> Image:
    array = slide.child(f"images/{key}")
    if not isinstance(array, Array):
        raise DatasetInvalid("it is not an array.")
    if array.dtype.kind not in "fuib" or array.is_text():
        raise DatasetInvalid(f"its values are {array.dtype}.")
    channels_first = array.ndim == 3 and array.shape[2] not in _CHANNELS and array.shape[0] in _CHANNELS
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[0 if channels_first else 2] not in _CHANNELS):
        raise DatasetInvalid(f"its shape is {array.shape}, not height, width and 1, 3 or 4 channels.")
    height, width = array.shape[1:] if channels_first else array.shape[:2]
    step = -(-max(height, width) // _MAX_SIDE)
    if min(height, width) < max(step, 1) or height * width > _MAX_PIXELS:
        raise DatasetInvalid(f"its size is {width} x {height}.")
    channels = array.shape[0 if channels_first else 2] if array.ndim == 3 else 1
    # of all bands at once, of up to 4 bytes for a value
    array.check_claim((height // step) * (width // step) * channels, min(array.dtype.itemsize, 4), "It")
    scale = _scale(slide, library, key)
    return Image(f"{library}/{key}", library, width // step, height // step, scale / step, array, channels_first, step)


def _scale(slide: Group, library: str, key: str) -> float:
    short = key.removesuffix("_image")
    for name in (f"tissue_{key}_scalef", f"tissue_{short}_scalef", f"{key}_scalef"):
        scale = read_factor(slide, library, name)
        if scale is not None:
            if np.isfinite(scale) and scale > 0:
                return scale
            raise DatasetInvalid(f"its scale factor {name} is {scale:g}.")
    if "full" in key.casefold() or key.casefold() in {"original", "raw"}:
        return 1.0  # the coordinates are those of the image at full resolution
    raise DatasetInvalid(f"it has no scale factor: scalefactors/tissue_{key}_scalef is missing.")
