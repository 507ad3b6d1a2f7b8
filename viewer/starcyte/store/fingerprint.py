"""Fingerprints: identification of a file's content without reading all of it."""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SAMPLE_BYTES = 4096
_SAMPLES = 64

# folders below that of a Zarr store, and files and folders in them, that are looked at for a change
_TOP_DEPTH = 2
_MOST_AT_TOP = 5_000


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

    @property
    def content_bytes(self) -> int | None:
        """The bytes of a file; None of a folder, whose files are not all counted."""
        return None if self.is_folder else self.size


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
