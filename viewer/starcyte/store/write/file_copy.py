"""A file copied byte by byte, whole or not at all."""

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

_PIECE = 64 << 20
# asks a file system that can (btrfs, xfs) to share the blocks of the original
_FICLONE = 0x40049409
#: What the system says where there is no room.
FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def new_file(target: Path) -> Iterator[None]:
    """Make a new file, and remove it again if what follows fails; tell why in words."""
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
    if error.errno in FULL:
        return StorageFull(f"{where}: {error.strerror}.", "Make room, or choose another folder.")
    return InputError(f"{where}: {error.strerror or error}.", "Choose another folder, or see to its permissions.")


def copy_bytes(source: Path, target: Path, spare: int = 0, tick: Tick = no_tick) -> None:
    """Copy a file in pieces, in the kernel where it can do that.

    Parameters
    ----------
    source, target
        The file, and the one to make.
    spare
        How many bytes more there must be room for.
    tick
        Called between pieces; raises to stop.

    Raises
    ------
    StorageFull
        If there is no room for it; found out before a byte is written, where nobody else takes the room meanwhile.
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
                f"The copy takes {size / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free where it is written.",
                "Make room, or choose another folder.",
            )
        done = 0
        copied = _copy_range if hasattr(os, "copy_file_range") else _read_and_write
        while done < size:
            tick(done / size)
            try:
                n = copied(given.fileno(), made.fileno(), min(_PIECE, size - done), done)
            except OSError as error:
                if copied is _read_and_write or error.errno in FULL:
                    raise
                copied = _read_and_write
                continue
            if n == 0:
                raise OSError(errno.EIO, "the original ends before it should")
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


def to_disk(target: Path) -> None:
    """Return when a file is on the disk."""
    with target.open("rb+") as stream:
        os.fsync(stream.fileno())
