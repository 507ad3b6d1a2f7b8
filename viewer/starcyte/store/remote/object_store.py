"""Files of object stores (s3, gs, az)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from starcyte.errors import RemoteFailed
from starcyte.settings import Settings
from starcyte.store.remote.bucket import Bucket
from starcyte.store.remote.objects import Part, Received
from starcyte.store.remote.source import Transfer, TransferError, shown_url


class ObjectStoreSource:
    """A file in an object store.

    Parameters
    ----------
    url
        The URL, such as ``s3://bucket/cells.h5ad``.
    settings
        ``remote_timeout`` is used.
    chunk_bytes
        Bytes of one request of a transfer.

    Raises
    ------
    InputError
        If the package for object stores is not installed.
    """

    def __init__(self, url: str, settings: Settings, chunk_bytes: int = 8 << 20) -> None:
        self._bucket = Bucket(url, settings)
        self._shown, self._chunk_bytes = shown_url(url), chunk_bytes

    def is_current(self, version: str) -> bool:
        """Return whether the file still has this version."""
        return bool(version) and self._version_and_size()[0] == version

    def transfer(self, start: int, version: str, stop: int | None = None) -> Transfer:
        """Request the bytes from start to stop (excluded) or to the end, provided that the file has this version."""
        found, size = self._version_and_size()
        same = version == found and start <= size
        begin, end = (start, size if stop is None else stop) if same else (0, size)
        return Transfer(begin, size, found, self._chunks(begin, end, found), accepts_ranges=bool(found))

    def range_reader(self, version: str) -> ObjectRangeReader:
        """Return a reader of ranges of one version."""
        return ObjectRangeReader(self._read, version)

    def _version_and_size(self) -> tuple[str, int]:
        found = self._bucket.head(self._bucket.path)
        if found is None:
            raise self._missing()
        return found.version, found.size

    def _missing(self) -> RemoteFailed:
        return RemoteFailed(f"There is no file {self._shown}.", "Check the URL.")

    def _chunks(self, start: int, stop: int, version: str) -> Iterator[bytes]:
        for begin in range(start, stop, self._chunk_bytes):
            yield self._read(begin, min(begin + self._chunk_bytes, stop), version)

    def _read(self, start: int, stop: int, version: str) -> bytes:
        n = stop - start
        received: Received | None = self._bucket.get(self._bucket.path, Part("", start, n), n, version)
        if received is None:
            raise self._missing()
        return received.body


class ObjectRangeReader:
    """Reads byte ranges of one version of a file.

    Parameters
    ----------
    read
        Reads a range of a version.
    version
        The version.
    """

    def __init__(self, read: Callable[[int, int, str], bytes], version: str) -> None:
        self._read, self._version = read, version

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from start to stop (excluded)."""
        body = self._read(start, stop, self._version)
        if len(body) != stop - start:
            raise TransferError(f"{len(body):,} bytes were received in place of {stop - start:,}")
        return body

    def close(self) -> None:
        """Do nothing: each range has the version."""
