"""Datasets of every format: FORMATS, their registry, and the one function that opens a file."""

from __future__ import annotations

import os
import stat
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

from starcyte.errors import DatasetInvalid, DatasetMissing, InputError
from starcyte.store.format import Format, ReadBytes
from starcyte.store.hdf5.format import H5AD
from starcyte.store.not_read.files import file_error
from starcyte.store.not_read.folders import folder_error
from starcyte.store.zarr.format import ZARR

if TYPE_CHECKING:
    from starcyte.settings import Settings
    from starcyte.store.index.stored_dataset import StoredDataset

FORMATS = (H5AD, ZARR)
"""The formats, in the order in which a file is compared with them."""

START_BYTES = 8
"""The number of first bytes that tell the format of most files."""


def open_dataset(
    path: Path, settings: Settings, part: Path | None = None, stream: RawIOBase | None = None
) -> StoredDataset:
    """Open a dataset of any format.

    Parameters
    ----------
    path
        The file or the folder.
    settings
        ``title``, ``var_names``, ``obs_names``, ``embedding``, ``scale``, ``block_bytes`` and ``max_categories`` are
        used.
    part
        A partial download of the file, read in its place: it has the bytes that ``prefetch`` reads.
    stream
        A stream of the bytes of ``part``, which may fetch them as they are read.

    Raises
    ------
    DatasetMissing
        If the file does not exist or may not be read.
    DatasetInvalid
        If it is of no known format, is damaged, has no cells, or contradicts itself.
    NotFound
        If a column or an embedding that the settings name does not exist.
    """
    found = detect_format(part or path) if stream is None else _detect_stream(path.name, stream)
    return found.open(path, settings, part, stream)


def detect_format(path: Path) -> Format:
    """Return the format of a file by its content, without the import of a format's library.

    Raises
    ------
    DatasetMissing
        If there is no such file, it may not be read, or is a folder of no known format, a pipe or a device.
    DatasetInvalid
        If it is empty or of no known format.
    """
    try:
        # a pipe without a writer would block the open
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise DatasetMissing(f"There is no file {str(path)!r}.", "Check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetMissing(
            f"{str(path)!r} cannot be read: {reason}.", "Check the path and its permissions."
        ) from None
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            return _detect_folder(path)
        if not stat.S_ISREG(status.st_mode):
            raise DatasetMissing(f"{str(path)!r} is no plain file.", "Give the path of an .h5ad file.")
        if status.st_size == 0:
            raise DatasetInvalid(f"{path.name!r} is empty (0 bytes).", "Copy or download the file again.")
        return _detect(path.name, status.st_size, lambda n, position: os.pread(descriptor, n, position))
    finally:
        os.close(descriptor)


def is_dataset(start: bytes) -> bool:
    """Return whether bytes are the start of a file of a known format.

    Parameters
    ----------
    start
        The first bytes of the file; ``START_BYTES`` of them are enough for most files.
    """
    return any(known.matches(len(start), lambda n, position: start[position : position + n]) for known in FORMATS)


def is_dataset_folder(path: Path) -> bool:
    """Return whether a folder is one dataset, and not a folder of datasets."""
    return any(known.matches_folder(path) for known in FORMATS)


def crash_error(path: Path, reason: str) -> DatasetInvalid:
    """Return the error of a file that ended the process which opened it.

    Parameters
    ----------
    path
        The file or the folder.
    reason
        The name of the signal, or the exit status.
    """
    try:
        library = detect_format(path).library
    except InputError:
        library = "a library"
    return DatasetInvalid(
        f"{path.name!r} makes {library} crash ({reason}).", "The file is damaged; copy or download it again."
    )


def _detect_folder(path: Path) -> Format:
    for known in FORMATS:
        if known.matches_folder(path):
            return known
    raise folder_error(path)


def _detect_stream(name: str, stream: RawIOBase) -> Format:
    def read(n: int, position: int) -> bytes:
        stream.seek(position)
        return stream.read(n) or b""

    return _detect(name, stream.seek(0, os.SEEK_END), read)


def _detect(name: str, size: int, read: ReadBytes) -> Format:
    for known in FORMATS:
        if known.matches(size, read):
            return known
    raise file_error(name, size, read)
