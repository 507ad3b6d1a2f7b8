"""Files of object stores (s3, gs, az), by fsspec and its package for each store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from starcyte.errors import InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.remote.source import Transfer, TransferError, shown_url, split_url

# a download that fails is resumed by its caller
_NO_RETRIES = {"total_max_attempts": 1}
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}


class ObjectStoreSource:
    """A file in an object store.

    Credentials are found as the store's own tools find them: in the environment, a file in the home folder, the
    machine's role. Without any, the file is requested anonymously.

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
        If the package for this store is not installed.
    """

    def __init__(self, url: str, settings: Settings, chunk_bytes: int = 8 << 20) -> None:
        parts = split_url(url)
        package = _PACKAGES.get(parts.scheme, "fsspec")
        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        if parts.scheme == "s3":
            # botocore would wait a minute, five times
            seconds = settings.remote_timeout
            options["config_kwargs"] = {"connect_timeout": seconds, "read_timeout": seconds, "retries": _NO_RETRIES}
        if parts.scheme == "gs":
            # gcsfs would request the kind of the bucket before each read, which needs more permissions than the read
            os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        try:
            import fsspec

            self._fs, self._path = fsspec.core.url_to_fs(url, **options)
        except (ImportError, ValueError) as error:
            raise InputError(
                f"{parts.scheme}:// URLs need the Python package {package}: {error}.", f"Run `pip install {package}`."
            ) from None
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
        return ObjectRangeReader(self._read, lambda: self._version_and_size()[0], version)

    def _version_and_size(self) -> tuple[str, int]:
        info: dict[str, Any] = self._translate_errors(lambda: self._fs.info(self._path))
        if info.get("type") == "directory":
            raise RemoteFailed(f"{self._shown} is a folder.", "Give the URL of an .h5ad file.")
        stamps = (info.get(k) for k in ("ETag", "etag", "md5Hash", "LastModified", "last_modified"))
        version = next((str(s) for s in stamps if s), "")
        return version, int(info["size"])

    def _chunks(self, start: int, stop: int, version: str) -> Iterator[bytes]:
        for begin in range(start, stop, self._chunk_bytes):
            yield self._read(begin, min(begin + self._chunk_bytes, stop))
        if self._version_and_size()[0] != version:
            raise TransferError("it was replaced")

    def _read(self, start: int, stop: int) -> bytes:
        body: bytes = self._translate_errors(lambda: self._fs.cat_file(self._path, start=start, end=stop))
        return body

    def _translate_errors(self, request: Callable[[], Any]) -> Any:
        try:
            return request()
        except FileNotFoundError:
            raise RemoteFailed(f"There is no file {self._shown}.", "Check the URL.") from None
        except PermissionError:
            raise RemoteFailed(f"Access to {self._shown} is denied.", "Check the credentials of the store.") from None
        except RemoteFailed:
            raise
        except Exception as error:  # each store's package has its own exceptions
            raise TransferError(f"{type(error).__name__}: {error}".rstrip(".")) from None


class ObjectRangeReader:
    """Reads byte ranges of one version of a file, which is checked once at the end: no range has it.

    Parameters
    ----------
    read
        Reads a range.
    current_version
        Returns the version of the file now.
    version
        The version.
    """

    def __init__(self, read: Callable[[int, int], bytes], current_version: Callable[[], str], version: str) -> None:
        self._read, self._current_version, self._version = read, current_version, version

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from start to stop (excluded)."""
        body = self._read(start, stop)
        if len(body) != stop - start:
            raise TransferError(f"{len(body):,} bytes were received in place of {stop - start:,}")
        return body

    def close(self) -> None:
        """Check that the file has not been replaced between the reads."""
        if self._current_version() != self._version:
            raise TransferError("it was replaced", restart=True)
