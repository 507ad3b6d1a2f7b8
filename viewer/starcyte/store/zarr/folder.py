"""A Zarr store in a folder; links that lead out of it are refused."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Hashable, Iterator
from pathlib import Path

from starcyte.errors import DatasetInvalid
from starcyte.store.zarr.container import METADATA_NAMES, MOST_MEMBERS, ROOT_NAMES, SAMPLE_BYTES, SAMPLES, Store

# files and folders whose names, sizes and times are part of the revision
_MOST_FILES = 50_000


class FolderStore(Store):
    """A folder with the files of a Zarr store.

    Parameters
    ----------
    path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self._root = os.path.realpath(path)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}" if key else self._root

    def _check_inside(self, key: str) -> None:
        self._check_path(os.path.realpath(self._path(key)), key)

    def _check_open(self, descriptor: int, key: str) -> None:
        """Raise DatasetInvalid if an open file is outside of the store."""
        try:
            # the kernel's own answer, which no exchange of a link in between makes wrong
            real = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        except OSError:
            real = os.path.realpath(self._path(key))
        self._check_path(real, key)

    def _check_path(self, real: str, key: str) -> None:
        if real != self._root and not real.startswith(self._root.rstrip("/") + "/"):
            raise DatasetInvalid(f"/{key} is a link out of the store.", "Copy the data into the store.")

    def _open(self, key: str) -> int | None:
        """Return a descriptor of a file; None if it does not exist."""
        path = self._path(key)
        try:
            # a pipe without a writer would block the open
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            if Path(path).is_symlink():
                raise DatasetInvalid(f"/{key} is a link to nothing.", "Copy the data into the store.") from None
            return None
        try:
            self._check_open(descriptor, key)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise DatasetInvalid(f"/{key} is no plain file.", "Write the store again.")
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes | None:
        """Return the bytes of a file, or a part of them."""
        descriptor = self._open(key)
        if descriptor is None:
            return None
        try:
            stored = os.fstat(descriptor).st_size - start
            return _read(descriptor, start, stored if length is None else min(length, stored))
        finally:
            os.close(descriptor)

    def size(self, key: str) -> int | None:
        """Return the bytes of a file."""
        try:
            return Path(self._path(key)).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def folders(self, key: str) -> list[str]:
        """Return the names of the folders in a folder."""
        self._check_inside(key)
        found: list[str] = []
        with os.scandir(self._path(key)) as entries:
            for entry in entries:
                if entry.is_dir():
                    found.append(entry.name)
                if len(found) > MOST_MEMBERS:
                    raise DatasetInvalid(f"/{key} has over {MOST_MEMBERS:,} members.", "Write the store again.")
        return sorted(found)

    def stored_bytes(self, key: str) -> int:
        """Return the bytes of all files below a folder."""
        return sum(status.st_size for _, status in self._walk(key) if stat.S_ISREG(status.st_mode))

    def _walk(self, key: str = "") -> Iterator[tuple[str, os.stat_result]]:
        """Yield the keys of files and folders with their state, in a fixed order; links are not followed."""
        with os.scandir(self._path(key)) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
        for entry in listed:
            child = f"{key}/{entry.name}" if key else entry.name
            yield child, entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(child)

    def state(self, key: str) -> Hashable:
        """Return the inode, the size and the time of a file."""
        try:
            status = Path(self._path(key)).stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def fingerprint(self) -> tuple[str, str]:
        """Return the fingerprint of the content and the revision of the store.

        Returns
        -------
        fingerprint
            Hash of all metadata, of the names and sizes of the first 50,000 files, and of the first 4 KiB of 64 of
            them, evenly distributed: equal for all copies.
        revision
            The fingerprint with a hash of the files' modification times and inodes.
        """
        content, times, chunks = hashlib.blake2b(digest_size=16), hashlib.blake2b(digest_size=8), list[str]()
        for n, (key, status) in enumerate(self._walk()):
            if n >= _MOST_FILES:
                break
            times.update(f"{status.st_mtime_ns:x} {status.st_ino:x}\n".encode())
            if not stat.S_ISREG(status.st_mode):
                continue
            content.update(f"{key}\0{status.st_size}\0".encode("utf-8", "surrogateescape"))
            if key.rpartition("/")[2] in METADATA_NAMES:
                content.update(self.read(key, 0, 1 << 20) or b"")
            else:
                chunks.append(key)
        for i in sorted({(len(chunks) - 1) * i // (SAMPLES - 1) for i in range(SAMPLES)} if chunks else ()):
            content.update(self.read(chunks[i], 0, SAMPLE_BYTES) or b"")
        return content.hexdigest(), f"{content.hexdigest()}-{times.hexdigest()}"

    def close(self) -> None:
        """Do nothing: files are opened as they are read."""


def _read(descriptor: int, start: int, length: int) -> bytes:
    parts: list[bytes] = []
    while length > 0:
        part = os.pread(descriptor, min(length, 1 << 30), start)
        if not part:
            break
        parts.append(part)
        start, length = start + len(part), length - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def is_zarr_folder(path: Path) -> bool:
    """Return whether a folder has the metadata of a group of Zarr."""
    return any((path / name).is_file() for name in ROOT_NAMES)
