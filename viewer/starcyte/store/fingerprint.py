"""Fingerprints: identification of a file's content without reading all of it."""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

SAMPLE_BYTES = 4096
_SAMPLES = 64

# folders below that of a Zarr store, and files and folders in them, that are looked at for a change
_TOP_DEPTH = 2
_MOST_AT_TOP = 5_000
# files and folders of a store whose bytes are counted
_MOST_COUNTED = 100_000


def sample_positions(size: int) -> list[int]:
    """Return the positions of the samples of a file of some size."""
    last = max(size - SAMPLE_BYTES, 0)
    return sorted({last * i // (_SAMPLES - 1) for i in range(_SAMPLES)})


def fingerprint(path: Path, is_download: bool = False) -> tuple[str, str]:
    """Return the fingerprint and the revision of a file.

    Parameters
    ----------
    path
        The file.
    is_download
        Whether it is in the cache, where no one but the server writes: the parts of a download have one revision.

    Returns
    -------
    fingerprint
        Hash of the size and of 64 samples of 4 KiB, evenly distributed over the file: equal for all copies of a file.
    revision
        The fingerprint, the modification time and the inode: differs if a file was changed in place between the
        samples, and between two files, one of which may have been made to look like the other.
    """
    with path.open("rb") as stream:
        status = os.fstat(stream.fileno())
        digest = hashlib.blake2b(str(status.st_size).encode(), digest_size=16)
        for offset in sample_positions(status.st_size):
            digest.update(os.pread(stream.fileno(), SAMPLE_BYTES, offset))
    revision = f"{digest.hexdigest()}-{status.st_mtime_ns:x}"
    return digest.hexdigest(), revision if is_download else f"{revision}-{status.st_ino:x}"


class FileState(NamedTuple):
    """The state of a file, or of a folder of Zarr, by ``stat``: if it differs, the content may differ."""

    device: int
    inode: int
    size: int
    "Bytes; of a folder those of the files at its top."
    changed: int
    "The modification time, in nanoseconds; of a folder the latest one of what is at its top, two levels deep."
    is_folder: bool = False


def _top(path: Path, depth: int = _TOP_DEPTH) -> Iterator[os.stat_result]:
    """Yield the states of what is in a folder, and in its folders to some depth, in a fixed order."""
    try:
        with os.scandir(path) as entries:
            listed = sorted(itertools.islice(entries, _MOST_AT_TOP), key=lambda entry: entry.name)
        for entry in listed:
            yield entry.stat(follow_symlinks=False)
            if depth > 0 and entry.is_dir(follow_symlinks=False):
                yield from _top(Path(entry.path), depth - 1)
    except OSError:
        return  # it is being written or removed


@lru_cache(maxsize=4096)
def content_bytes(path: Path, state: FileState) -> int | None:
    """Return the bytes of a file, or of all files in a folder.

    Parameters
    ----------
    path
        The file or folder.
    state
        Its state: the files of a folder are counted again when it differs.

    Returns
    -------
    int or None
        None of a folder with more than 100,000 files and folders, or that cannot be read.
    """
    if not state.is_folder:
        return state.size
    total = n = 0
    try:
        for folder, _, names in os.walk(path):
            n += len(names) + 1
            if n > _MOST_COUNTED:
                return None
            total += sum(os.lstat(f"{folder}/{name}").st_size for name in names)
    except OSError:
        return None  # it is being written or removed
    return total


def file_state(path: Path) -> FileState | None:
    """Return the state of a file; None if it does not exist or ``stat`` fails."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(status.st_mode):
        found = list(itertools.islice(_top(path), _MOST_AT_TOP))
        size = sum(one.st_size for one in found if stat.S_ISREG(one.st_mode))
        changed = max(one.st_mtime_ns for one in (status, *found))
        return FileState(status.st_dev, status.st_ino, size, changed, is_folder=True)
    return FileState(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
