"""The files of a column index, in a folder of the cache or in an archive that accompanies the dataset.

An archive is an uncompressed tar of one folder for each matrix. Its members are read in place, so that a large archive
is usable at once. It belongs to all copies of a dataset, which have the same fingerprint but other modification times.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

_COPIED_BYTES = 1 << 20


def bytes_of(array: NDArray[Any]) -> memoryview:
    """Return a writable view of the bytes of a contiguous array."""
    return memoryview(array.reshape(-1).view(np.uint8).data)


class StoredFile:
    """A file, or a member of an archive: a range of bytes of an open file.

    Parameters
    ----------
    descriptor
        The open file; closed with this object.
    start, size
        The range.
    folder
        A folder for private copies; None: that of temporary files.
    """

    def __init__(self, descriptor: int, start: int, size: int, folder: int | None = None) -> None:
        self._descriptor, self._start, self.size, self._folder = descriptor, start, size, folder

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._descriptor

    def close(self) -> None:
        """Close the file; memory maps of it stay valid."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def available(self) -> int:
        """The number of bytes that exist at this moment: the file may have been truncated."""
        return min(self.size, os.fstat(self._descriptor).st_size - self._start)

    def read(self, position: int, out: NDArray[Any]) -> None:
        """Fill an array from a position in the range; raise OSError if the range ends before."""
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
        """Return the concatenation of slices.

        If they are not in the page cache, the kernel is asked to read all of them ahead.
        """
        if not starts:
            return b""
        # threads write blocks as they finish them, so that positions do not increase with block numbers
        end = max(ends)
        if min(starts) < 0 or end > self.available:
            raise OSError("the file ends before it should")
        base = self._start
        if not all(self._is_in_memory(position - 1) for position in (ends[0], ends[len(ends) // 2], end)):
            for a, b in zip(starts, ends, strict=True):
                os.posix_fadvise(self._descriptor, base + a, b - a, os.POSIX_FADV_WILLNEED)
        # never by a memory map: the process would be killed if the file were truncated by another
        read = b"".join([os.pread(self._descriptor, b - a, base + a) for a, b in zip(starts, ends, strict=True)])
        if len(read) != sum(ends) - sum(starts):
            raise OSError("the file ends before it should")
        return read

    def _is_in_memory(self, position: int) -> bool:
        try:
            return os.preadv(self._descriptor, (bytearray(1),), self._start + position, os.RWF_NOWAIT) == 1
        except (OSError, AttributeError):  # not in the page cache, or a system without RWF_NOWAIT
            return False

    def map(self) -> memoryview:
        """Return a memory map of a copy of the range; raise OSError if the file was truncated.

        A process that reads a map of a file that another has truncated is killed. The copy has no name, so that no
        other process can reach it.
        """
        if not self.size:
            return memoryview(b"")
        if self.available < self.size:
            raise OSError("the file ends before it should")
        copy = _unnamed_file(self._folder)
        try:
            done = 0
            while done < self.size:
                part = os.pread(self._descriptor, min(self.size - done, _COPIED_BYTES), self._start + done)
                if not part:
                    raise OSError("the file ends before it should")
                done += os.pwrite(copy, part, done)
            return memoryview(mmap.mmap(copy, self.size, access=mmap.ACCESS_READ))
        finally:
            os.close(copy)


def _unnamed_file(folder: int | None) -> int:
    """Return the descriptor of a file without a name: in a folder, or where temporary files are."""
    if folder is not None:
        with suppress(OSError):  # read-only, or a file system without such files
            return os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600, dir_fd=folder)
    with tempfile.TemporaryFile() as stream:
        return os.dup(stream.fileno())


class IndexFiles(Protocol):
    """The files of one index."""

    needs_revision: bool
    "Whether the index must be of the same revision of the dataset, not only of the same fingerprint."

    def open(self, name: str) -> StoredFile:
        """Open a file.

        Raises
        ------
        OSError
            If it does not exist or cannot be read.
        """

    def size(self, name: str) -> int:
        """Return the size of a file; raise OSError if it does not exist."""

    def close(self) -> None:
        """Open no more files; open ones stay open."""


class FolderFiles:
    """A folder of the cache. Open files stay readable if the folder is replaced or removed.

    Parameters
    ----------
    path
        The folder.
    """

    needs_revision = True

    def __init__(self, path: Path) -> None:
        self._opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def open(self, name: str) -> StoredFile:
        """Open a file; the file of entries is locked while it is open."""
        descriptor = os.open(name, os.O_RDONLY, dir_fd=self._opened)
        try:
            if name == "entries.bin":
                _lock_shared(descriptor)
            return StoredFile(descriptor, 0, os.fstat(descriptor).st_size, self._opened)
        except BaseException:
            os.close(descriptor)
            raise

    def size(self, name: str) -> int:
        """Return the size of a file."""
        return os.stat(name, dir_fd=self._opened).st_size

    def close(self) -> None:
        """Open no more files."""
        if self._opened >= 0:
            os.close(self._opened)
            self._opened = -1


class ArchiveFiles:
    """A folder in an archive.

    Parameters
    ----------
    path
        The archive.
    folder
        The name of the folder in it.

    Raises
    ------
    ValueError
        If it is not a tar archive, or has no such folder.
    OSError
        If it cannot be read.
    """

    needs_revision = False

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
            raise ValueError("it is not an index archive of starcyte, or is truncated") from None
        except BaseException:
            self.close()
            raise
        if not self._members:
            self.close()
            raise ValueError("it has no index of this matrix")

    def open(self, name: str) -> StoredFile:
        """Open a file."""
        start, size = self._members[name]
        return StoredFile(os.dup(self._opened), start, size)

    def size(self, name: str) -> int:
        """Return the size of a file."""
        return self._members[name][1]

    def close(self) -> None:
        """Open no more files."""
        if self._opened >= 0:
            os.close(self._opened)
            self._opened = -1


def _lock_shared(descriptor: int) -> None:
    """Lock a file while it is open, so that the cache keeps the index; raise OSError if it is being removed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass  # a file system without locks (NFS)
