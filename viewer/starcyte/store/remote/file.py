"""A dataset from a URL: copied once into the cache folder, taken up where it broke off, asked for anew only if changed.

Where the server answers for parts of a large file, what the page shows at first comes first, and the page shows it
while the rest comes. The whole is copied even so: the column index is made of every byte of a matrix.

Below the cache folder, ``remote/<hash of the URL>/`` holds the file under its own name, ``state.json`` (version and
size), ``part`` while it comes (and ``gaps``, where it does not come from its start to its end), and two locks: ``used``
is shared by all processes that show the file and keeps it from being removed, ``loading`` is held by the one that
copies it. The URL itself is written nowhere: it may hold a key.
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
from urllib.parse import SplitResult, unquote

from starcyte.errors import Cancelled, InputError
from starcyte.settings import Settings
from starcyte.store.cache import cache_folder
from starcyte.store.remote.download import Download, DownloadRequest, Show, Tell
from starcyte.store.remote.schemes import source_of
from starcyte.store.remote.source import check_place, split_url

_CHECKSUM = re.compile(r"sha256=([0-9a-fA-F]{64})")


class RemoteFile:
    """A dataset at a URL.

    Parameters
    ----------
    url
        The URL; ``#sha256=<hex>`` after it is the checksum that the file must have.
    settings
        ``remote_*``, ``cache_dir`` and ``cache_bytes`` are used.

    Raises
    ------
    InputError
        If the URL is malformed, or of a scheme or host that is not allowed.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self._settings = settings
        parts = split_url(url)
        check_place(parts, settings)
        checksum = _CHECKSUM.fullmatch(parts.fragment)
        if parts.fragment and not checksum:
            raise InputError("What follows # in the URL is not understood.", "Give #sha256= and 64 hexadecimal digits.")
        self._wanted = DownloadRequest(
            url=parts._replace(fragment="").geturl(),
            place=f"{parts.scheme}://{parts.hostname}{parts.path}",
            name=_file_name(parts),
            sha256=checksum[1].lower() if checksum else "",
        )
        self._used: IO[bytes] | None = None

    @property
    def name(self) -> str:
        """What the copy is called."""
        return self._wanted.name

    def fetch(self, tell: Tell, stopped: Callable[[], bool] = lambda: False, show: Show | None = None) -> Path:
        """Return the path of a copy, made or made anew if need be; it stays until ``release``.

        Parameters
        ----------
        tell
            Told how far it is.
        stopped
            Asked between pieces; true ends it.
        show
            Shows a file that is not all there; not called for a small one, or where it comes from start to end.

        Raises
        ------
        InputError
            If it cannot be had: the reason in words.
        Cancelled
            If it was stopped.
        """
        url = self._wanted.url
        folder = cache_folder(self._settings) / "remote" / hashlib.blake2b(url.encode(), digest_size=12).hexdigest()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self._used is None:
                self._used = (folder / "used").open("a+b")
                fcntl.flock(self._used, fcntl.LOCK_SH)
            with _alone(folder / "loading", tell, stopped):
                copy = Download(self._wanted, folder, self._settings, tell, stopped, show)
                return copy.made(source_of(url, self._settings))
        except OSError as error:
            self._let_go()
            raise _disk_error(folder, error, self._is_shown) from None
        except BaseException:
            self._let_go()
            raise

    @property
    def _is_shown(self) -> bool:
        return self._wanted.changed is not None

    def _let_go(self) -> None:
        # what is shown, though not all of it came, must not be removed by others
        if not self._is_shown:
            self.release()

    def release(self) -> None:
        """Let the copy be removed when its room is needed."""
        if self._used is not None:
            self._used.close()
            self._used = None


def _file_name(parts: SplitResult) -> str:
    """Return the URL's last part as a name of a file that is safe everywhere."""
    given = unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or "dataset"
    safe = re.sub(r"[^\w.+-]+", "_", given).strip("._-")[-100:]
    return f"{safe or 'dataset'}" if safe.endswith(".h5ad") else f"{safe or 'dataset'}.h5ad"


@contextmanager
def _alone(path: Path, tell: Tell, stopped: Callable[[], bool]) -> Iterator[None]:
    """Hold a lock; another process that copies the same file is waited for."""
    with path.open("a+b") as held:
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                tell(None, "Another starcyte is downloading the dataset")
            if stopped():
                raise Cancelled("The download was given up.")
            time.sleep(0.2)
        yield


def _disk_error(folder: Path, error: OSError, is_shown: bool) -> InputError:
    # what is shown stays open, and removing it would give back nothing
    if error.errno in {errno.ENOSPC, errno.EDQUOT} and not is_shown:
        for name in ("part", "gaps"):
            with suppress(OSError):
                (folder / name).unlink()
    return InputError(
        f"The dataset cannot be copied to {str(folder.parent)!r}: {error.strerror or error}.",
        "Choose another folder with --cache-dir.",
    )
