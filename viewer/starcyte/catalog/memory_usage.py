"""What this process takes of the machine."""

from __future__ import annotations

import ctypes
import os
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path


def memory() -> int:
    """Return the bytes of memory that are this process's own: not those of files that it reads; 0 where unknown."""
    with suppress(OSError, ValueError), Path("/proc/self/status").open(encoding="ascii") as stream:
        for line in stream:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    return 0


def files() -> int:
    """Return how many files it holds open, connections not counted; 0 where unknown."""
    n = 0
    with suppress(OSError):
        for held in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # the descriptor of the listing itself is closed by now
                n += stat.S_ISREG(os.fstat(int(held.name)).st_mode)
    return n


def trim() -> None:
    """Give memory that is free back to the system, which may take it for this process's own otherwise."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)


@cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        library.malloc_trim.argtypes = [ctypes.c_size_t]
    except (OSError, AttributeError):  # another C library than glibc
        return None
    return library
