"""Parts of a remote store that are kept on the disk, so that a second start is quick."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

from starcyte.store.remote.objects import Part

log = logging.getLogger(__name__)

_DIGEST = 16
_KEPT = 0.8
# a larger part is read from the store again rather than pushing out all others
_LARGEST = 1 / 4


class ChunkCache:
    """A folder with a file for each part, of which the least recently used are removed first.

    Neither the URL nor the keys are written: the name of a file is a hash of them and of the version of the store. What
    cannot be written, or was damaged, is read from the store again.

    Parameters
    ----------
    folder
        The folder, which is created; a lock in it keeps other processes from removing it.
    version
        The version of the store.
    most_bytes
        Bytes of all files, at most.
    """

    def __init__(self, folder: Path, version: str, most_bytes: int) -> None:
        self._folder, self._version, self._most = folder, version, most_bytes
        self._lock = threading.Lock()
        self._used: IO[bytes] | None = None
        self._total = 0
        self._is_usable = True
        try:
            folder.mkdir(0o700, parents=True, exist_ok=True)
            self._used = (folder / "used").open("a+b")
            fcntl.flock(self._used, fcntl.LOCK_SH)
            os.utime(folder)
            self._total = sum(size for _, size, _ in self._files())
        except OSError as error:
            self._give_up(error)

    def _path(self, part: Part) -> Path:
        name = f"{self._version}\0{part.key}\0{part.start}\0{part.length}".encode("utf-8", "surrogatepass")
        return self._folder / f"{hashlib.blake2b(name, digest_size=16).hexdigest()}.part"

    def get(self, part: Part) -> bytes | None:
        """Return a part; None if it is not here."""
        path = self._path(part)
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        body = content[_DIGEST:]
        return body if content[:_DIGEST] == _digest(body) else None

    def put(self, part: Part, body: bytes) -> None:
        """Keep a part."""
        if not self._is_usable or len(body) > self._most * _LARGEST:
            return
        path = self._path(part)
        written = path.with_name(f".{path.stem}.{os.getpid()}.{threading.get_ident()}")
        try:
            with written.open("wb") as stream:
                stream.write(_digest(body))
                stream.write(body)
            written.replace(path)
        except OSError as error:
            with suppress(OSError):
                written.unlink()
            self._give_up(error)
            return
        with self._lock:
            self._total += len(body) + _DIGEST
            if self._total > self._most:
                self._make_room()

    def _files(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in self._folder.glob("*.part"):
            with suppress(OSError):  # another process has just removed it
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        return found

    def _make_room(self) -> None:
        files = sorted(self._files())
        self._total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if self._total <= self._most * _KEPT:
                return
            with suppress(OSError):
                path.unlink()
                self._total -= size

    def _give_up(self, error: OSError) -> None:
        if self._is_usable:
            self._is_usable = False
            log.warning("parts of remote stores are not kept in %r: %s", str(self._folder.parent), error.strerror)

    def close(self) -> None:
        """Allow the folder to be removed."""
        if self._used is not None:
            self._used.close()
            self._used = None


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST).digest()
