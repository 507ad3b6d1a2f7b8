"""Settings of glibc's ``malloc`` for this process."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# parameters of mallopt(3)
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_MAX_MMAP_THRESHOLD = 32 << 20  # the largest value that it accepts
_MAX_TRIM_THRESHOLD = 64 << 20
_ARENAS = 2


def keep_freed_memory() -> None:
    """Let malloc reuse the memory of freed arrays.

    A pass over a matrix allocates and frees arrays of some MB all the time. By default glibc returns each to the
    system, which zeroes new pages for the next: a third of the time of a pass. Few arenas, in place of one for each
    thread, limit the memory that is held.
    """
    with suppress(OSError, AttributeError):  # another C library
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018
        for parameter, value in (
            (_ARENA_MAX, _ARENAS),
            (_MMAP_THRESHOLD, _MAX_MMAP_THRESHOLD),
            (_TRIM_THRESHOLD, _MAX_TRIM_THRESHOLD),
        ):
            library.mallopt(parameter, value)
