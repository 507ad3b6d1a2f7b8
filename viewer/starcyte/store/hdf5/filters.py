"""HDF5 filters: whether the codec of an array is installed."""

from __future__ import annotations

import h5py

from starcyte.errors import FilterMissing
from starcyte.store.nodes import reading

_NAMES = {
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32026: "blosc2",
}


def check_filters(array: h5py.Dataset) -> None:
    """Raise FilterMissing if a filter of an array is not available, after an attempt to register hdf5plugin's."""
    with reading(array.name):
        plist = array.id.get_create_plist()
        codes = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    for code in codes:
        if not h5py.h5z.filter_avail(code) and not _register_filters(code):
            name = _NAMES.get(code, "a filter unknown to starcyte")
            raise FilterMissing(
                f"{array.name} is compressed with {name} (HDF5 filter {code}), which is not installed here.",
                "Install the package hdf5plugin, or write the file with gzip.",
            )


def _register_filters(code: int) -> bool:
    try:
        # its import registers its filters with HDF5
        import hdf5plugin  # noqa: F401
    except ImportError:
        return False
    return bool(h5py.h5z.filter_avail(code))
