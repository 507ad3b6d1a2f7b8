"""Copies of files, complete or not made at all."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from starcyte.errors import InputError, StorageFull
from starcyte.store.dataset import Tick, no_tick

# ioctl of file systems that can share the blocks of the original (btrfs, xfs)
_FICLONE = 0x40049409
#: The error numbers of a full disk.
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def new_file(target: Path) -> Iterator[None]:
    """Create a new file, and remove it if the block raises; OSError becomes StorageFull or InputError."""
    where = f"{target.name.lstrip('.')!r} cannot be written"
    try:
        with target.open("xb"):
            pass
    except OSError as error:
        raise _unwritable(error, where) from None
    try:
        yield
    except BaseException as error:
        with suppress(OSError):
            target.unlink()
        if isinstance(error, OSError):
            raise _unwritable(error, where) from None
        raise


def _unwritable(error: OSError, where: str) -> InputError | StorageFull:
    if error.errno in DISK_FULL:
        return StorageFull(f"{where}: {error.strerror}.", "Free space, or choose another folder.")
    return InputError(f"{where}: {error.strerror or error}.", "Choose another folder, or check its permissions.")


def copy_bytes(source: Path, target: Path, spare: int = 0, tick: Tick = no_tick, bytes_at_once: int = 64 << 20) -> None:
    """Copy a file in parts, inside the kernel if possible.

    Parameters
    ----------
    source, target
        The file, and the path of the copy.
    spare
        The number of additional bytes that must be free.
    tick
        Called between parts; raises to stop.
    bytes_at_once
        The size of a part.

    Raises
    ------
    StorageFull
        If the disk has too little space; checked before the first byte is written.
    OSError
        If a file cannot be read or written.
    """
    with source.open("rb") as given, target.open("wb") as made:
        if _clone(given.fileno(), made.fileno()):
            return
        size = os.fstat(given.fileno()).st_size
        free = shutil.disk_usage(target.parent).free
        if free < size + spare:
            raise StorageFull(
                f"The copy takes {size / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free on its disk.",
                "Free space, or choose another folder.",
            )
        done = 0
        copied = _copy_range if hasattr(os, "copy_file_range") else _read_and_write
        while done < size:
            tick(done / size)
            try:
                n = copied(given.fileno(), made.fileno(), min(bytes_at_once, size - done), done)
            except OSError as error:
                if copied is _read_and_write or error.errno in DISK_FULL:
                    raise
                copied = _read_and_write
                continue
            if n == 0:
                raise OSError(errno.EIO, "the original is shorter than expected")
            done += n


def _clone(given: int, made: int) -> bool:
    try:
        fcntl.ioctl(made, _FICLONE, given)
    except OSError:
        return False
    return True


def _copy_range(given: int, made: int, count: int, offset: int) -> int:
    return os.copy_file_range(given, made, count, offset, offset)


def _read_and_write(given: int, made: int, count: int, offset: int) -> int:
    piece = os.pread(given, min(count, 8 << 20), offset)
    return os.pwrite(made, piece, offset) if piece else 0


def sync_file(target: Path) -> None:
    """Write a file's buffered data to the disk."""
    with target.open("rb+") as stream:
        os.fsync(stream.fileno())
