"""Pixels of images: any numbers become 8-bit RGB or RGBA, and large images are made smaller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.store.nodes import Array

# the share of floats over 1 that is overshoot, such as of resampling, in an image from 0 to 1
_OVERSHOOT = 0.02
# the greatest value by number of bits; values of cameras often have 12 bits of 16
_TOPS = (255, 4095, 65535)
_BYTES_AT_ONCE = 1 << 26


def read_pixels(array: Array, channels_first: bool, step: int, name: str) -> NDArray[np.uint8]:
    """Read an image.

    Parameters
    ----------
    array
        Shape (height, width), (height, width, channels) or (channels, height, width); 1, 3 or 4 channels.
    channels_first
        Whether its first axis has the channels.
    step
        The number of pixels by pixels that become one, their mean.
    name
        Its name in messages.

    Returns
    -------
    array of uint8
        Shape (height, width, 3 or 4).
    """
    bands = [_shrink(band, step) for band in _bands(array, channels_first, step, name)]
    top = _top(bands, array.dtype)
    pixels = np.concatenate([_as_bytes(band, top) for band in bands])
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def _bands(array: Array, channels_first: bool, step: int, name: str) -> Iterator[NDArray[np.generic]]:
    """Read runs of rows, shape (rows, width, channels)."""
    height = array.shape[1 if channels_first else 0]
    row_bytes = max(array.size // max(height, 1) * array.dtype.itemsize, 1)
    rows = max(_BYTES_AT_ONCE // row_bytes // step, 1) * step
    for start in range(0, height // step * step, rows):
        run = slice(start, min(start + rows, height // step * step))
        if channels_first:
            yield np.moveaxis(array.read((slice(None), run), name=name), 0, 2)
        else:
            band = array.read(run, name=name)
            yield band[..., None] if band.ndim == 2 else band


def _shrink(band: NDArray[np.generic], step: int) -> NDArray[np.generic]:
    if band.dtype.itemsize > 4:
        band = band.astype(np.float32)
    if step == 1:
        return band
    height, width, channels = band.shape[0] // step, band.shape[1] // step, band.shape[2]
    squares = band[: height * step, : width * step].reshape(height, step, width, step, channels)
    small: NDArray[np.generic] = squares.mean(axis=(1, 3)).astype(band.dtype)
    return small


def _top(bands: list[NDArray[np.generic]], dtype: np.dtype[Any]) -> float:
    """Return the value that is white."""
    if dtype == np.bool_:
        return 1
    if dtype == np.uint8:
        return 255
    with np.errstate(invalid="ignore"):
        greatest = max((float(np.nanmax(band, initial=0, where=np.isfinite(band))) for band in bands), default=0)
        if dtype.kind == "f":
            over = sum(np.count_nonzero(np.greater(band, 1)) for band in bands)
            if over <= _OVERSHOOT * sum(band.size for band in bands):
                return 1
    return next((top for top in _TOPS if greatest <= top), greatest)


def _as_bytes(band: NDArray[np.generic], top: float) -> NDArray[np.uint8]:
    if band.dtype == np.uint8:
        return band.astype(np.uint8, copy=False)
    scaled = np.clip(np.nan_to_num(band.astype(np.float32), posinf=top, neginf=0), 0, top) * (255 / top) + 0.5
    pixels: NDArray[np.uint8] = np.minimum(scaled, 255).astype(np.uint8)
    return pixels
