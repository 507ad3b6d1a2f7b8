"""Fingerprints: identification of a file's content without reading all of it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

SAMPLE_BYTES = 4096
_SAMPLES = 64


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
    """The state of a file by ``stat``: if it differs, the content may differ."""

    device: int
    inode: int
    size: int
    changed: int
    "The modification time, in nanoseconds."


def file_state(path: Path) -> FileState | None:
    """Return the state of a file; None if it does not exist or ``stat`` fails."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return FileState(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
