"""Room on a disk, taken before it is used."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ZEROS = bytes(1 << 20)


def take_room(descriptor: int, size: int, start: int = 0) -> None:
    """Make a file longer: a full disk is an error now, and not a signal when a map is written.

    Parameters
    ----------
    descriptor
        Of the file.
    size
        By how many bytes.
    start
        How long it is.

    Raises
    ------
    OSError
        If there is no room.
    """
    try:
        os.posix_fallocate(descriptor, start, size)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}:
            raise
        end = 0
        while end < size:
            end += os.pwrite(descriptor, _ZEROS[: size - end], start + end)


def map_zeros(path: Path, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return an array of zeros that lies in a new file, and so not in the memory that a process is counted by.

    Raises
    ------
    OSError
        If there is no room for it.
    """
    if 0 in shape:
        path.touch()
        return np.zeros(shape, dtype)
    with path.open("wb") as stream:
        take_room(stream.fileno(), int(np.prod(shape)) * np.dtype(dtype).itemsize)
    return np.memmap(path, dtype, "r+", shape=shape)
