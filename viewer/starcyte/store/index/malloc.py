"""The memory of this process, where the C library is GNU's."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# parameters of mallopt(3)
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGEST_KEPT = 32 << 20  # the most that it allows
_MOST_KEPT = 64 << 20
_ARENAS = 2


def keep_freed_memory() -> None:
    """Let arrays take the room of those that were there before.

    A pass over a matrix makes and drops arrays of some MB all the time. Left alone, the C library gives each back to
    the system, which fills new pages with zeros for the next: a third of the time of a pass. What is kept is bounded,
    by few arenas in place of one for each thread.
    """
    with suppress(OSError, AttributeError):  # another C library
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018
        for parameter, value in (
            (_ARENA_MAX, _ARENAS),
            (_MMAP_THRESHOLD, _LARGEST_KEPT),
            (_TRIM_THRESHOLD, _MOST_KEPT),
        ):
            library.mallopt(parameter, value)
