"""HDF5 files, opened read-only and without a lock."""

from __future__ import annotations

import shlex
import sys
from io import RawIOBase
from pathlib import Path

import h5py

from starcyte.errors import DatasetInvalid
from starcyte.store.fingerprint import fingerprint
from starcyte.store.hdf5.nodes import HDF5Group
from starcyte.store.nodes import DAMAGED, Container


class HDF5File(Container):
    """An open HDF5 file.

    Parameters
    ----------
    path
        The file.
    stream
        A stream of the same bytes, which HDF5 reads from in place of the file.
    most_bytes
        Of ``Array.most_bytes``.
    is_download
        Of ``fingerprint``.

    Raises
    ------
    DatasetInvalid
        If it is not a complete HDF5 file.
    OSError
        If HDF5 cannot read the stream.
    """

    kind = "HDF5"

    def __init__(
        self, path: Path, stream: RawIOBase | None = None, most_bytes: int = sys.maxsize, is_download: bool = False
    ) -> None:
        self._path, self._is_download = path, is_download
        self._file = open_file(path) if stream is None else h5py.File(stream, "r")
        super().__init__(HDF5Group(self._file, most_bytes))

    def fingerprint(self) -> tuple[str, str]:
        """Return the fingerprint of the file's content and its revision."""
        return fingerprint(self._path, self._is_download)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_file(path: Path) -> h5py.File:
    """Open an HDF5 file read-only, without a lock.

    Raises
    ------
    DatasetInvalid
        If it is not a complete HDF5 file, or cannot be read.
    """
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if "truncated" in str(error):
            raise DatasetInvalid(
                f"{path.name!r} is truncated: it has {path.stat().st_size:,} bytes, fewer than its header states.",
                "Copy or download the file again.",
            ) from None
        if "h5clear" in str(error):
            raise DatasetInvalid(
                f"{path.name!r} is marked as open for writing: a program writes it now, or ended without closing it.",
                f"If no program writes it, clear the mark with: h5clear -s {shlex.quote(path.name)}",
            ) from None
        raise DatasetInvalid(f"{path.name!r} cannot be opened as HDF5: {error}.", DAMAGED) from None
