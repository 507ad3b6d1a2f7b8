"""The bytes of a Zarr store by their keys: the common part of a folder, a zip file and a URL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence

METADATA_NAMES = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
"""The names of the files of metadata: of version 3, and three of version 2."""

ROOT_NAMES = ("zarr.json", ".zgroup")
"""The names, one of which is in every folder that is a group."""

METADATA_BYTES = 16 << 20
"""Bytes of a file of metadata, at most."""

MOST_MEMBERS = 100_000
"""Members of a group, at most; a larger folder of chunks is not listed."""

SAMPLES = 64
SAMPLE_BYTES = 4096
"""Chunks, and first bytes of each, that are part of the fingerprint."""


def join(key: str, name: str) -> str:
    """Return the key of a member of a group."""
    return f"{key}/{name}" if key else name


class Store(ABC):
    """The files of a Zarr store. A key is a path from its root, with slashes and without ``..``."""

    is_remote = False
    "Whether each read waits for the network, so that several are begun at once, and samples are few."

    @property
    def notes(self) -> list[str]:
        """The parts of the store that cannot be seen, for the user."""
        return []

    @abstractmethod
    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes | None:
        """Return the bytes of a file, or a part of them; None if it does not exist.

        Parameters
        ----------
        key
            The file.
        start
            The position of the first byte.
        length
            The number of bytes, fewer at the end of the file; by default all that follow.

        Raises
        ------
        DatasetInvalid
            If it is outside of the store, or no plain file.
        OSError, ValueError
            If it cannot be read.
        """

    @abstractmethod
    def size(self, key: str) -> int | None:
        """Return the bytes that :meth:`read` returns of a file, without reading it; None if it does not exist."""

    def stored_size(self, key: str) -> int:
        """Return the bytes of a file, which is not read as a whole; 0 if it does not exist."""
        return self.size(key) or 0

    def tail(self, key: str, length: int) -> bytes | None:
        """Return the last bytes of a file, or all of a shorter one; None if it does not exist."""
        # what is no file is refused by its reading
        return self.read(key, max((self.size(key) or 0) - length, 0), length)

    def ahead(self, wanted: Sequence[tuple[str, int, int | None]]) -> None:  # noqa: B027
        """Begin to read parts of files that are needed soon.

        Parameters
        ----------
        wanted
            For each the key, the start (-1: the part is the end of the file) and the length, as of :meth:`read`.
        """

    @abstractmethod
    def folders(self, key: str) -> list[str]:
        """Return the names of the folders in a folder, sorted."""

    @abstractmethod
    def stored_bytes(self, key: str) -> int | None:
        """Return the bytes of all files below a folder; None if they are unknown."""

    @abstractmethod
    def state(self, key: str) -> Hashable:
        """Return a value that differs if a file was written again since; None if it does not exist."""

    @abstractmethod
    def fingerprint(self) -> tuple[str, str]:
        """Return the fingerprint of the content and the revision of the store."""

    @abstractmethod
    def close(self) -> None:
        """Close it."""
