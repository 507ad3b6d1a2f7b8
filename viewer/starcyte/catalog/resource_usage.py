"""Memory and open files of this process."""

from __future__ import annotations

import ctypes
import os
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path


def memory() -> int:
    """Return the anonymous memory of this process in bytes, which mapped files are no part of; 0 if unknown."""
    with suppress(OSError, ValueError), Path("/proc/self/status").open(encoding="ascii") as stream:
        for line in stream:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    return 0


def open_files() -> int:
    """Return the number of regular files that this process has open; 0 if unknown."""
    n = 0
    with suppress(OSError):
        for descriptor in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # the descriptor of the listing itself is closed by now
                n += stat.S_ISREG(os.fstat(int(descriptor.name)).st_mode)
    return n


def trim_memory() -> None:
    """Return free memory to the system, which otherwise may count it as this process's own."""
    library = _libc()
    if library is not None:
        library.malloc_trim(0)


@cache
def _libc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        library.malloc_trim.argtypes = [ctypes.c_size_t]
    except (OSError, AttributeError):  # another C library than glibc
        return None
    return library
