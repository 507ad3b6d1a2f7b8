"""A dataset from a URL: copied once into the cache folder, taken up where it broke off, asked for anew only if changed.

The whole file is copied, though servers often answer for ranges: the column index is made of every byte of a matrix
anyway, and HDF5 holds its one lock while it waits for each of the thousands of small reads that a file is opened by.

Below the cache folder, ``remote/<hash of the URL>/`` holds the file under its own name, ``state.json`` (version and
size), ``part`` while it comes, and two locks: ``used`` is shared by all processes that show the file and keeps it from
being removed, ``loading`` is held by the one that copies it. The URL itself is written nowhere: it may hold a key.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import SplitResult, unquote, urlsplit

from starcyte.errors import Cancelled, DatasetInvalid, InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.cache import cache_folder, make_room
from starcyte.store.origin import Broken, Origin, Transfer, check_place, split_url
from starcyte.store.signature import SIGNATURE, signature_places

log = logging.getLogger(__name__)

_CHECKSUM = re.compile(r"sha256=([0-9a-fA-F]{64})")
_PIECE = 1 << 20
# a disk that has no byte left makes more trouble than a file that was not copied
_SPARE = 64 << 20
_MAX_PAUSE = 8.0


Tell = Callable[[float | None, str], None]
"""Called with the fraction that is there (None: unknown) and a line for the page."""


class Remote:
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
        self._url = parts._replace(fragment="").geturl()
        checksum = _CHECKSUM.fullmatch(parts.fragment)
        if parts.fragment and not checksum:
            raise InputError("What follows # in the URL is not understood.", "Give #sha256= and 64 hexadecimal digits.")
        self._sha256 = checksum[1].lower() if checksum else ""
        self.shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
        self.name = _file_name(parts)
        self._used: IO[bytes] | None = None

    def fetch(self, tell: Tell, stopped: Callable[[], bool] = lambda: False) -> Path:
        """Return the path of a copy, made or made anew if need be; it stays until ``release``.

        Parameters
        ----------
        tell
            Told how far it is.
        stopped
            Asked between pieces; true ends it.

        Raises
        ------
        InputError
            If it cannot be had: the reason in words.
        Cancelled
            If it was stopped.
        """
        folder = (
            cache_folder(self._settings) / "remote" / hashlib.blake2b(self._url.encode(), digest_size=12).hexdigest()
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._used = (folder / "used").open("a+b")
            fcntl.flock(self._used, fcntl.LOCK_SH)
            with _alone(folder / "loading", tell, stopped):
                return _Copy(self, folder, self._settings, tell, stopped).made(self._origin())
        except OSError as error:
            self.release()
            raise _disk_error(folder, error) from None
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let the copy be removed when its room is needed."""
        if self._used is not None:
            self._used.close()
            self._used = None

    def _origin(self) -> Origin:
        # imported here: what only URLs need, such as TLS, must not delay the start
        if urlsplit(self._url).scheme in {"http", "https"}:
            from starcyte.store.remote_http import HttpOrigin

            return HttpOrigin(self._url, self._settings)
        from starcyte.store.remote_object import ObjectOrigin

        return ObjectOrigin(self._url, self._settings)

    @property
    def sha256(self) -> str:
        """The checksum that the file must have, in lower case; empty: none was given."""
        return self._sha256


class _Copy:
    """The copy of one URL, in a folder that this process alone writes to."""

    def __init__(
        self, remote: Remote, folder: Path, settings: Settings, tell: Tell, stopped: Callable[[], bool]
    ) -> None:
        self._remote, self._folder, self._settings = remote, folder, settings
        self._tell, self._stopped = tell, stopped
        self._part, self._state = folder / "part", folder / "state.json"
        self._path = folder / remote.name

    def made(self, origin: Origin) -> Path:
        """Return the path of the file, whole."""
        version, size, checked = self._read_state()
        if self._path.is_file() and self._path.stat().st_size == size and self._remote.sha256 in {"", checked}:
            self._tell(None, "Asking whether the dataset has changed")
            try:
                current = origin.is_current(version)
            except Broken as broken:
                log.warning("%s: %s; the copy made earlier is shown", self._remote.shown, broken)
                current = True
            if current:
                os.utime(self._folder)
                return self._path
            version = ""
        elif not self._part.exists():
            version = ""
        self._load(origin, version)
        self._check()
        self._part.replace(self._path)
        self._write_state(self._read_state()[0], self._path.stat().st_size, self._remote.sha256)
        return self._path

    def _load(self, origin: Origin, version: str) -> None:
        failures = furthest = 0
        while True:
            start = self._part.stat().st_size if version and self._part.exists() else 0
            try:
                transfer = origin.transfer(start, version)
                version = transfer.version
                try:
                    self._write_state(version, -1, "")
                    self._take(transfer)
                finally:
                    transfer.close()
                return
            except Broken as broken:
                if broken.begin_again:
                    version = ""
                there = self._part.stat().st_size if self._part.exists() else 0
                failures = 0 if there > furthest and version else failures + 1
                furthest = max(furthest, there)
                if failures >= self._settings.remote_attempts:
                    raise RemoteFailed(
                        f"{self._remote.shown} cannot be downloaded: {broken}.", "Check the URL, or try again later."
                    ) from None
                self._tell(None, f"The download broke off ({broken}); trying again")
                self._pause(min(0.25 * 2**failures, _MAX_PAUSE))

    def _take(self, transfer: Transfer) -> None:
        total = transfer.total
        self._refuse_large(total or 0)
        room = self._folder.parent
        make_room(room, self._settings.cache_bytes - (total or 0), keep=self._folder.name, lock="used")
        if total is not None and shutil.disk_usage(room).free < total - transfer.start + _SPARE:
            raise InputError(
                f"There is no room for {_bytes(total)} on the disk of the cache folder.", "Choose another --cache-dir."
            )
        done = transfer.start
        with self._part.open("r+b" if transfer.start else "wb") as stream:
            stream.truncate(transfer.start)
            stream.seek(transfer.start)
            for piece in transfer.pieces:
                if self._stopped():
                    raise Cancelled("The download was given up.")
                if done == 0 and not any(
                    piece[p : p + len(SIGNATURE)] == SIGNATURE for p in signature_places(len(piece))
                ):
                    raise DatasetInvalid(
                        f"{self._remote.shown} is not an HDF5 file.", "Give the address of an .h5ad file itself."
                    )
                stream.write(piece)
                done += len(piece)
                self._refuse_large(done)
                self._tell(done / total if total else None, f"Downloading: {_bytes(done, total)}")
            stream.flush()
            os.fsync(stream.fileno())
        if total is not None and done != total:
            raise Broken(f"it ended after {done:,} of {total:,} bytes")

    def _refuse_large(self, size: int) -> None:
        for name in ("remote_bytes", "cache_bytes"):
            most = getattr(self._settings, name)
            if size > most:
                self._part.unlink(missing_ok=True)
                raise InputError(
                    f"{self._remote.shown} has more than {_bytes(most)} (setting {name}).",
                    "Raise the setting, or copy the file here.",
                )

    def _check(self) -> None:
        if not self._remote.sha256:
            return
        self._tell(None, "Checking the checksum")
        digest = hashlib.sha256()
        with self._part.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
                if self._stopped():
                    raise Cancelled("The download was given up.")
        if digest.hexdigest() != self._remote.sha256:
            self._part.unlink()
            raise RemoteFailed(
                f"{self._remote.shown} has another checksum than the URL says: {digest.hexdigest()}.",
                "Check where the file comes from.",
            )

    def _read_state(self) -> tuple[str, int, str]:
        try:
            state = json.loads(self._state.read_text())
            return str(state["version"]), int(state["size"]), str(state["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            return "", -1, ""

    def _write_state(self, version: str, size: int, sha256: str) -> None:
        part = self._state.with_name(f".state.{os.getpid()}")
        part.write_text(json.dumps({"version": version, "size": size, "sha256": sha256}))
        part.replace(self._state)

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._stopped():
                raise Cancelled("The download was given up.")
            time.sleep(0.05)


def _file_name(parts: SplitResult) -> str:
    """Return the URL's last part as a name of a file that is safe everywhere."""
    given = unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or "dataset"
    safe = re.sub(r"[^\w.+-]+", "_", given).strip("._-")[-100:]
    return f"{safe or 'dataset'}" if safe.endswith(".h5ad") else f"{safe or 'dataset'}.h5ad"


def _bytes(n: int, of: int | None = None) -> str:
    """Return a size for people, in the unit of what it is a part of."""
    most = n if of is None else of
    scale, unit = next(((s, u) for s, u in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if most >= s), (1, "bytes"))
    shown = f"{n / scale:,.{0 if scale == 1 else 1}f}"
    return f"{shown} {unit}" if of is None else f"{shown} of {_bytes(of)}"


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


def _disk_error(folder: Path, error: OSError) -> InputError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        with suppress(OSError):
            (folder / "part").unlink()
    return InputError(
        f"The dataset cannot be copied to {str(folder.parent)!r}: {error.strerror or error}.",
        "Choose another folder with --cache-dir.",
    )
