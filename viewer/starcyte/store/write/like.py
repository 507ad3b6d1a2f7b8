"""Datasets and attributes of a new HDF5 file that are like those of another."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

BLOCK_BYTES = 8 << 20
BLOCK_ENTRIES = 1 << 20
_COPIED = ("chunks", "compression", "compression_opts", "shuffle", "fletcher32")


def create_like(
    old: h5py.Dataset, new: h5py.Group, name: str, shape: tuple[int, ...], is_growing: bool = False
) -> h5py.Dataset:
    """Create a dataset of the type, chunks and compression of another; filters of plugins become gzip."""
    known = {key: getattr(old, key) for key in _COPIED}
    if known["compression"] not in {None, "gzip", "lzf"}:
        known |= {"compression": "gzip", "compression_opts": None}
    chunks = known.pop("chunks")
    if is_growing:
        size = min(chunks[0] if chunks else BLOCK_ENTRIES // 16, BLOCK_ENTRIES)
        return new.create_dataset(name, shape, old.dtype, chunks=(size,), maxshape=(None,), **known)
    if chunks is None or not all(shape):
        # what has no cells has no chunks either
        return new.create_dataset(name, shape, old.dtype)
    limit = max(BLOCK_BYTES // max(old.dtype.itemsize, 1), 1)
    fitting = tuple(min(c, s) for c, s in zip(chunks, shape, strict=True))
    chosen: Any = fitting if int(np.prod(fitting)) <= limit else True
    return new.create_dataset(name, shape, old.dtype, chunks=chosen, **known)


def copy_attributes(old: Any, new: Any) -> None:
    """Copy attributes, but for references."""
    for name, value in old.attrs.items():
        if not isinstance(value, h5py.Reference):
            new.attrs.create(name, value, dtype=old.attrs.get_id(name).dtype)
