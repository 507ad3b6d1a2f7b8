"""The objects below a URL of an object store."""

from __future__ import annotations

import threading

from starcyte.errors import Cancelled
from starcyte.settings import Settings
from starcyte.store.remote.bucket import Bucket
from starcyte.store.remote.objects import Part, Received


class BucketObjects:
    """The objects below a URL of an object store.

    Parameters
    ----------
    url
        The URL, such as ``s3://bucket/cells.zarr``.
    settings
        ``remote_timeout`` is used.

    Raises
    ------
    InputError
        If the package for object stores is not installed.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self._bucket = Bucket(url, settings)
        self.shown = self._bucket.shown
        self._closed = threading.Event()

    def _path(self, key: str) -> str:
        return "/".join(part for part in (self._bucket.path, key) if part)

    def get(self, part: Part, most: int, version: str = "") -> Received | None:
        """Request a part of an object."""
        self._check_open()
        return self._bucket.get(self._path(part.key), part, most, version, self._check_open)

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise Cancelled("The dataset was closed.")

    def folders(self, key: str) -> list[str] | None:
        """Return the names of the folders in a folder, sorted; None if the store refuses to list them."""
        return self._bucket.folders(self._path(key))

    def close(self) -> None:
        """End transfers."""
        self._closed.set()
