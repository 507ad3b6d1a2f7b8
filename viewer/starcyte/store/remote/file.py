"""RemoteFile: a dataset at a URL, downloaded once into the cache folder and again only if it has changed.

If the server accepts range requests for a large file, the metadata are downloaded first, and the page shows them during
the rest of the download. The whole file is downloaded in any case: the column index is built from all of a matrix.

Below the cache folder, ``remote/<hash of the URL>/`` has the file under its own name, ``state.json`` (version and
size), ``part`` during the download (with ``gaps``, if it is downloaded in ranges), and two locks: ``used`` is shared by
the processes that show the file and protects it from removal, ``loading`` is held by the process that downloads it. The
URL itself is not written to the disk: it may contain a key.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import SplitResult, unquote, urlsplit

from starcyte.errors import Cancelled, InputError
from starcyte.settings import Settings
from starcyte.store.cache import cache_folder
from starcyte.store.remote.download import Download, DownloadRequest, OnMetadata, Progress
from starcyte.store.remote.schemes import open_source
from starcyte.store.remote.source import RemoteSource, check_allowed, shown_url, split_url

_CHECKSUM = re.compile(r"sha256=([0-9a-fA-F]{64})")


class RemoteFile:
    """A dataset at a URL.

    Parameters
    ----------
    url
        The URL; ``#sha256=<hex>`` after it is the required checksum.
    settings
        ``remote_*``, ``cache_dir`` and ``cache_bytes`` are used.
    source
        Where the file is read from; by default that of the URL's scheme.

    Raises
    ------
    InputError
        If the URL is malformed, or its scheme or host is not allowed.
    """

    def __init__(self, url: str, settings: Settings, source: RemoteSource | None = None) -> None:
        self._settings, self._source = settings, source
        parts = split_url(url)
        check_allowed(parts, settings)
        checksum = _CHECKSUM.fullmatch(parts.fragment)
        if parts.fragment and not checksum:
            raise InputError("The fragment (#) of the URL is unknown.", "Give #sha256= and 64 hexadecimal digits.")
        self._request = DownloadRequest(
            url=parts._replace(fragment="").geturl(),
            shown_url=shown_url(url),
            name=_file_name(parts),
            sha256=checksum[1].lower() if checksum else "",
        )
        self._used: IO[bytes] | None = None
        if self.is_zarr and checksum:
            raise InputError("A Zarr store has no checksum.", "Give its URL without #sha256=.")

    @property
    def name(self) -> str:
        """The name of the downloaded file."""
        return self._request.name

    @property
    def url(self) -> str:
        """The URL, which may contain a key."""
        return self._request.url

    @property
    def is_zarr(self) -> bool:
        """Whether its name is that of a Zarr store, which is read in place."""
        return self.name.lower().endswith((".zarr", ".zarr.zip"))

    @property
    def is_zip(self) -> bool:
        """Whether its name is that of a zip file."""
        return urlsplit(self.url).path.lower().endswith(".zip")

    @property
    def is_named_file(self) -> bool:
        """Whether its name is that of a file of HDF5, which is no store."""
        return urlsplit(self.url).path.lower().endswith((".h5ad", ".h5mu", ".loom", ".h5"))

    @property
    def has_checksum(self) -> bool:
        """Whether its content must have a checksum."""
        return bool(self._request.sha256)

    def fetch(
        self,
        progress: Progress,
        is_cancelled: Callable[[], bool] = lambda: False,
        on_metadata: OnMetadata | None = None,
    ) -> Path:
        """Download the file unless it is in the cache and current; return its path, which is kept until ``release``.

        Parameters
        ----------
        progress
            Called during the download.
        is_cancelled
            Called between chunks; True ends the download.
        on_metadata
            Called if the metadata are downloaded before the rest: not for a small file, nor without range requests.

        Raises
        ------
        InputError
            If it cannot be downloaded.
        Cancelled
            If it was cancelled.
        """
        url = self._request.url
        folder = folder_of(url, self._settings)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self._used is None:
                self._used = (folder / "used").open("a+b")
                fcntl.flock(self._used, fcntl.LOCK_SH)
            with _lock(folder / "loading", progress, is_cancelled):
                download = Download(self._request, folder, self._settings, progress, is_cancelled, on_metadata)
                return download.run(self._source or open_source(url, self._settings))
        except OSError as error:
            self._release_unless_shown()
            raise _disk_error(folder, error, self.is_shown) from None
        except BaseException:
            self._release_unless_shown()
            raise

    @property
    def is_shown(self) -> bool:
        """Whether a part of it is shown during the download."""
        return self._request.shown_mtime is not None

    def _release_unless_shown(self) -> None:
        # a partial download that is shown must not be removed by another process
        if not self.is_shown:
            self.release()

    def release(self) -> None:
        """Allow the file to be removed from the cache."""
        if self._used is not None:
            self._used.close()
            self._used = None


def folder_of(url: str, settings: Settings) -> Path:
    """Return the folder of the cache for what is at a URL; it may not exist yet."""
    return cache_folder(settings) / "remote" / hashlib.blake2b(url.encode(), digest_size=12).hexdigest()


def _file_name(parts: SplitResult) -> str:
    """Return the last part of the URL's path as a file name that is valid everywhere."""
    given = unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or "dataset"
    safe = re.sub(r"[^\w.+-]+", "_", given).strip("._-")[-100:]
    known = safe.lower().endswith((".h5ad", ".zarr", ".zarr.zip"))
    return safe if known else f"{safe or 'dataset'}.h5ad"


@contextmanager
def _lock(path: Path, progress: Progress, is_cancelled: Callable[[], bool]) -> Iterator[None]:
    """Hold a lock, waiting for another process that downloads the same file."""
    with path.open("a+b") as held:
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress(None, "Another starcyte is downloading the dataset")
            if is_cancelled():
                raise Cancelled("The download was cancelled.")
            time.sleep(0.2)
        yield


def _disk_error(folder: Path, error: OSError, is_shown: bool) -> InputError:
    # a part that is shown stays open, and removing it would free nothing
    if error.errno in {errno.ENOSPC, errno.EDQUOT} and not is_shown:
        for name in ("part", "gaps"):
            with suppress(OSError):
                (folder / name).unlink()
    return InputError(
        f"The dataset cannot be downloaded to {str(folder.parent)!r}: {error.strerror or error}.",
        "Choose another folder with --cache-dir.",
    )
