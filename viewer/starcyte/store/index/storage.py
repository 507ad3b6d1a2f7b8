"""Where the files of a column index lie: in a folder of the cache, or in an archive that goes from place to place.

An archive is a plain tar, uncompressed, of one folder for each matrix. Its files are read where they lie in it, so that
a large one serves at once, without being unpacked. It belongs to a dataset by the content of that (its fingerprint): a
copy of the file, or one that was fetched anew, has another time of change.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tarfile
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


def bytes_of(array: NDArray[Any]) -> memoryview:
    """Return the bytes of a contiguous array, to be read or filled."""
    return memoryview(array.reshape(-1).view(np.uint8).data)


class Stored:
    """Bytes in one run of an open file.

    Parameters
    ----------
    descriptor
        The file, which is closed with this.
    start, size
        The run.
    """

    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self._descriptor, self._start, self.size = descriptor, start, size

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._descriptor

    def close(self) -> None:
        """Let go of the file; arrays that were mapped stay."""
        self.__dict__.pop("_whole", None)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def there(self) -> int:
        """How many of the bytes are there now: the file may have become shorter."""
        return min(self.size, os.fstat(self._descriptor).st_size - self._start)

    def read(self, position: int, out: NDArray[Any]) -> None:
        """Fill an array from a place in the run; raise OSError where the run ends before."""
        view = bytes_of(out)
        if position < 0 or position + len(view) > self.size:
            raise OSError("the file ends before it should")
        position += self._start
        while len(view):
            n = os.preadv(self._descriptor, [view], position)
            if n == 0:
                raise OSError("the file ends before it should")
            view, position = view[n:], position + n

    def read_all(self) -> bytes:
        """Return all bytes."""
        out = np.empty(self.size, np.uint8)
        self.read(0, out)
        return out.tobytes()

    def slices(self, starts: list[int], ends: list[int]) -> bytes:
        """Return slices, one behind the other.

        What is in memory is copied from a map: a call of the system for each slice would hand Python's lock to another
        thread each time. What is not is fetched by the disk at once, not slice after slice, while others go on.
        """
        if not starts:
            return b""
        # the blocks lie in the order in which they came, not in that of their numbers
        end = max(ends)
        if min(starts) < 0 or end > self.there:
            raise OSError("the file ends before it should")
        if all(self._is_in_memory(place - 1) for place in (ends[0], ends[len(ends) // 2], end)):
            view = self._whole
            return b"".join([view[a:b] for a, b in zip(starts, ends, strict=True)])
        base = self._start
        for a, b in zip(starts, ends, strict=True):
            os.posix_fadvise(self._descriptor, base + a, b - a, os.POSIX_FADV_WILLNEED)
        return b"".join([os.pread(self._descriptor, b - a, base + a) for a, b in zip(starts, ends, strict=True)])

    def _is_in_memory(self, place: int) -> bool:
        try:
            return os.preadv(self._descriptor, (bytearray(1),), self._start + place, os.RWF_NOWAIT) == 1
        except (OSError, AttributeError):  # not in memory, or a system that cannot say
            return False

    @cached_property
    def _whole(self) -> memoryview:
        whole = self.map()
        if isinstance(whole.obj, mmap.mmap):
            # what is not in memory after all is short, and what lies beside it is not wanted
            whole.obj.madvise(mmap.MADV_RANDOM)
        return whole

    def map(self) -> memoryview:
        """Return the bytes as they lie in the file, which are read when they are looked at; none may be missing."""
        if not self.size:
            return memoryview(b"")
        if self.there < self.size:
            raise OSError("the file ends before it should")
        # a map begins at a page of the file
        before = self._start % mmap.ALLOCATIONGRANULARITY
        mapped = mmap.mmap(self._descriptor, before + self.size, access=mmap.ACCESS_READ, offset=self._start - before)
        return memoryview(mapped)[before:]


class Place(Protocol):
    """Where the files of one index lie."""

    exact: bool
    "Whether it must be of this very state of the file, or of its content."

    def open(self, name: str) -> Stored:
        """Open a file.

        Raises
        ------
        OSError
            If it is not there, or cannot be read.
        """

    def size(self, name: str) -> int:
        """Return the length of a file; raise OSError if it is not there."""

    def close(self) -> None:
        """Open no more; what is open stays so."""


class Folder:
    """A folder of the cache. Its files are read to the end, though they be replaced or removed.

    Parameters
    ----------
    path
        The folder.
    """

    exact = True

    def __init__(self, path: Path) -> None:
        self._opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def open(self, name: str) -> Stored:
        """Open a file; that of the entries is locked while it is open."""
        descriptor = os.open(name, os.O_RDONLY, dir_fd=self._opened)
        try:
            if name == "entries.bin":
                _hold(descriptor)
            return Stored(descriptor, 0, os.fstat(descriptor).st_size)
        except BaseException:
            os.close(descriptor)
            raise

    def size(self, name: str) -> int:
        """Return the length of a file."""
        return os.stat(name, dir_fd=self._opened).st_size

    def close(self) -> None:
        """Open no more."""
        if self._opened >= 0:
            os.close(self._opened)
            self._opened = -1


class Archive:
    """A folder within an archive.

    Parameters
    ----------
    path
        The archive.
    folder
        The name of the folder in it.

    Raises
    ------
    ValueError
        If it is no archive, or has no such folder.
    OSError
        If it cannot be read.
    """

    exact = False

    def __init__(self, path: Path, folder: str) -> None:
        self._opened = os.open(path, os.O_RDONLY)
        self._members: dict[str, tuple[int, int]] = {}
        try:
            with (
                open(self._opened, "rb", closefd=False) as stream,
                tarfile.open(fileobj=stream, mode="r:") as archive,
            ):
                for member in archive:
                    if member.isreg() and not member.issparse() and member.name.startswith(f"{folder}/"):
                        self._members[member.name.removeprefix(f"{folder}/")] = (member.offset_data, member.size)
        except tarfile.TarError:
            self.close()
            raise ValueError("it is no index that starcyte has written, or is cut off") from None
        except BaseException:
            self.close()
            raise
        if not self._members:
            self.close()
            raise ValueError("it has none of this matrix")

    def open(self, name: str) -> Stored:
        """Open a file."""
        start, size = self._members[name]
        return Stored(os.dup(self._opened), start, size)

    def size(self, name: str) -> int:
        """Return the length of a file."""
        return self._members[name][1]

    def close(self) -> None:
        """Open no more."""
        if self._opened >= 0:
            os.close(self._opened)
            self._opened = -1


def _hold(descriptor: int) -> None:
    """Lock a file while it is open, so that the cache knows what is in use; raise OSError if it is being removed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass  # no locks here (NFS)
