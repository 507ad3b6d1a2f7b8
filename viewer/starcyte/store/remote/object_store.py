"""Files from object stores (s3, gs, az), by fsspec and the package it needs for each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from starcyte.errors import InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.remote.source import Transfer, TransferError, split_url

_PIECE = 8 << 20
# a download that breaks off is taken up by who asked for it
_NO_RETRIES = {"total_max_attempts": 1}
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}


class ObjectStoreSource:
    """A file in an object store.

    Keys come from where the store's own tools find them: the environment, a file in the home folder, the machine's
    role. Without any, the file is asked for as anybody may.

    Parameters
    ----------
    url
        The URL, such as ``s3://bucket/cells.h5ad``.
    settings
        ``remote_timeout`` is used.

    Raises
    ------
    InputError
        If the package for this kind of store is not installed.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        parts = split_url(url)
        package = _PACKAGES.get(parts.scheme, "fsspec")
        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        if parts.scheme == "s3":
            # botocore would wait a minute, five times over
            seconds = settings.remote_timeout
            options["config_kwargs"] = {"connect_timeout": seconds, "read_timeout": seconds, "retries": _NO_RETRIES}
        if parts.scheme == "gs":
            # gcsfs would ask, for every read, what kind of bucket it is: what anybody may read, not anybody may ask
            os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        try:
            import fsspec

            self._fs, self._path = fsspec.core.url_to_fs(url, **options)
        except (ImportError, ValueError) as error:
            raise InputError(
                f"{parts.scheme}:// URLs need the Python package {package}: {error}.", f"Run `pip install {package}`."
            ) from None
        self._shown = f"{parts.scheme}://{parts.hostname}{parts.path}"

    def is_current(self, version: str) -> bool:
        """Say whether this is still the version there."""
        return bool(version) and self._look()[0] == version

    def transfer(self, start: int, version: str, stop: int | None = None) -> Transfer:
        """Begin to read at a place, up to another or the end, where the version is still that."""
        found, size = self._look()
        same = version == found and start <= size
        begin, end = (start, size if stop is None else stop) if same else (0, size)
        return Transfer(begin, size, found, self._pieces(begin, end, found), in_parts=bool(found))

    def parts(self, version: str) -> ObjectParts:
        """Return what reads parts of a version."""
        return ObjectParts(self._part, lambda: self._look()[0], version)

    def _look(self) -> tuple[str, int]:
        info: dict[str, Any] = self._try(lambda: self._fs.info(self._path))
        if info.get("type") == "directory":
            raise RemoteFailed(f"{self._shown} is a folder.", "Give the address of an .h5ad file.")
        stamps = (info.get(k) for k in ("ETag", "etag", "md5Hash", "LastModified", "last_modified"))
        version = next((str(s) for s in stamps if s), "")
        return version, int(info["size"])

    def _pieces(self, start: int, stop: int, version: str) -> Iterator[bytes]:
        for begin in range(start, stop, _PIECE):
            end = min(begin + _PIECE, stop)
            yield self._part(begin, end)
        if self._look()[0] != version:
            raise TransferError("it was replaced meanwhile")

    def _part(self, start: int, stop: int) -> bytes:
        part: bytes = self._try(lambda start=start: self._fs.cat_file(self._path, start=start, end=stop))
        return part

    def _try(self, ask: Any) -> Any:
        try:
            return ask()
        except FileNotFoundError:
            raise RemoteFailed(f"There is nothing at {self._shown}.", "Check the URL.") from None
        except PermissionError:
            raise RemoteFailed(f"{self._shown} may not be read with the keys found here.", "Check them.") from None
        except RemoteFailed:
            raise
        except Exception as error:  # each store's package has a tree of its own
            raise TransferError(f"{type(error).__name__}: {error}".rstrip(".")) from None


class ObjectParts:
    """Parts of one version of a file, which is looked at anew in the end: a store does not say of what a part is.

    Parameters
    ----------
    read
        Reads a part.
    look
        Says which version is there now.
    version
        The version.
    """

    def __init__(self, read: Callable[[int, int], bytes], look: Callable[[], str], version: str) -> None:
        self._read, self._look, self._version = read, look, version

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from start up to stop."""
        part = self._read(start, stop)
        if len(part) != stop - start:
            raise TransferError(f"{len(part):,} bytes came in place of {stop - start:,}")
        return part

    def close(self) -> None:
        """Look whether all that was read is of the version."""
        if self._look() != self._version:
            raise TransferError("it was replaced meanwhile", begin_again=True)
