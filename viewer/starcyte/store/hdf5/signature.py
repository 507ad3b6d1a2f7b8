"""The signature of HDF5 files, found without the HDF5 library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starcyte.store.format import ReadBytes

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_FIRST_BLOCK = 512


def _positions(size: int) -> Iterator[int]:
    """Yield the positions at which the signature may be: 0, or after a user block of 512 bytes times a power of two."""
    position = 0
    while position < size:
        yield position
        position = position * 2 or _FIRST_BLOCK


def is_hdf5(size: int, read: ReadBytes) -> bool:
    """Return whether a file has the signature of HDF5.

    Parameters
    ----------
    size
        The number of bytes of the file, or of as many of its first bytes as are known.
    read
        Reads some bytes at a position.
    """
    return any(read(len(SIGNATURE), position) == SIGNATURE for position in _positions(size))
