"""Disk space allocated before it is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ZEROS = bytes(1 << 20)


def preallocate(descriptor: int, size: int, start: int = 0) -> None:
    """Allocate disk space at the end of a file, so that a full disk is an error now and not SIGBUS in a memory map.

    Parameters
    ----------
    descriptor
        The file.
    size
        The number of bytes to allocate.
    start
        The present length of the file.

    Raises
    ------
    OSError
        If the disk is full.
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
    """Return an array of zeros, memory-mapped from a new file: it does not count as memory of the process.

    Raises
    ------
    OSError
        If the disk is full.
    """
    if 0 in shape:
        path.touch()
        return np.zeros(shape, dtype)
    with path.open("wb") as stream:
        preallocate(stream.fileno(), int(np.prod(shape)) * np.dtype(dtype).itemsize)
    return np.memmap(path, dtype, "r+", shape=shape)
