"""What can be seen of a file without HDF5: that it is there, may be read, and begins as HDF5 does."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from starcyte.errors import DatasetInvalid, DatasetMissing

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_FIRST_BLOCK = 512


def signature_places(size: int) -> Iterator[int]:
    """Yield the places where a file of some bytes may begin as HDF5.

    A block of the user's own, of 512 bytes or a multiple by a power of two, may come first.
    """
    place = 0
    while place < size:
        yield place
        place = place * 2 or _FIRST_BLOCK


def check_signature(path: Path) -> None:
    """Refuse a path that is no HDF5 file, without waiting for anything and without importing h5py.

    Parameters
    ----------
    path
        The path.

    Raises
    ------
    DatasetMissing
        If there is no such file, it may not be read, or is a folder, a pipe or a device.
    DatasetInvalid
        If it is empty, or HDF5's signature is at none of the places where it may be.
    """
    try:
        # a pipe without a writer would keep us waiting for ever
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise DatasetMissing(f"There is no file {str(path)!r}.", "Check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetMissing(
            f"{str(path)!r} cannot be read: {reason}.", "Check the path and its permissions."
        ) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no plain file"
            raise DatasetMissing(f"{str(path)!r} is {kind}.", "Give the path of an .h5ad file.")
        if status.st_size == 0:
            raise DatasetInvalid(f"{path.name!r} is empty (0 bytes).", "Copy or download the file again.")
        for place in signature_places(status.st_size):
            if os.pread(descriptor, len(SIGNATURE), place) == SIGNATURE:
                return
        raise DatasetInvalid(f"{path.name!r} is not an HDF5 file.", "Give an AnnData .h5ad file.")
    finally:
        os.close(descriptor)
