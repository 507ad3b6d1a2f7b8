"""The bytes of a zip file at a URL, read by ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from starcyte.errors import RemoteFailed
from starcyte.store.in_place.fetcher import Fetcher
from starcyte.store.remote.objects import Part
from starcyte.store.zarr.zip_file import ByteSource

# of the end of the file, which has the list of entries of most stores
_TAIL_BYTES = 256 << 10


class RemoteBytes(ByteSource):
    """The bytes of a file at a URL.

    Parameters
    ----------
    fetcher
        Reads the file, whose key is empty; closed with this.
    name
        Its name, for messages.

    Raises
    ------
    RemoteFailed
        If there is no such file.
    """

    is_remote = True

    def __init__(self, fetcher: Fetcher, name: str) -> None:
        self.name, self._fetcher = name, fetcher
        self._tail = self._read(Part("", None, _TAIL_BYTES))
        self.size = fetcher.size("") or len(self._tail)
        self.version = fetcher.version("")

    @property
    def tail(self) -> bytes:
        """The end of the file."""
        return self._tail

    def _read(self, part: Part) -> bytes:
        found = self._fetcher.read(part, part.length or 0)
        if found is None:
            raise RemoteFailed(f"There is no file {self._fetcher.shown}.", "Check the URL.")
        return found

    def read(self, n: int, position: int) -> bytes:
        """Return the bytes at a position."""
        n = min(n, self.size - position)
        if n <= 0:
            return b""
        first = self.size - len(self._tail)
        if position >= first:
            return self._tail[position - first :][:n]
        return self._read(Part("", position, n))

    def ahead(self, wanted: Sequence[tuple[int, int]]) -> None:
        """Begin to read bytes that are needed soon."""
        first = self.size - len(self._tail)
        for n, position in wanted:
            if position < first:
                n = min(n, self.size - position)
                self._fetcher.ahead(Part("", position, n), n)

    def fingerprint(self) -> tuple[str, str]:
        """Return the fingerprint of the list of entries, which has their checksums, and the revision of the file."""
        digest = hashlib.blake2b(str(self.size).encode(), digest_size=16)
        digest.update(self._tail)
        revision = hashlib.blake2b(self.version.encode(), digest_size=8).hexdigest()
        return digest.hexdigest(), f"{digest.hexdigest()}-{revision}"

    def close(self) -> None:
        """End all requests."""
        self._fetcher.close()
