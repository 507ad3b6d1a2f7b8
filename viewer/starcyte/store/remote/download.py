"""The copy of a dataset from a URL, while it is made: from start to end, or what is shown first before the rest."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from starcyte.errors import Cancelled, DatasetChanged, DatasetInvalid, InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.cache import make_room
from starcyte.store.open import is_dataset
from starcyte.store.remote.byte_ranges import MissingRanges
from starcyte.store.remote.source import RemoteSource, Transfer, TransferError

log = logging.getLogger(__name__)

_PIECE = 1 << 20
_LEAST = 4096
# a disk that has no byte left makes more trouble than a file that was not copied
_SPARE = 64 << 20
_MAX_PAUSE = 8.0
# a smaller file is here as soon
_LARGE = 32 << 20
# bytes after which what has come is written down, and that are read again rather than asked for in two parts
_SAVED = 64 << 20
_LEAP = 4 << 20

Tell = Callable[[float | None, str], None]
"""Called with the fraction that is there (None: unknown) and a line for the page."""

Show = Callable[[Path, Path], None]
"""Called, once, with the path that a file will have and where it is now: all but its matrices is there."""


@dataclass
class DownloadRequest:
    """What is copied.

    Parameters
    ----------
    url
        Its URL, which may hold a key.
    place
        The URL without what may be one.
    name
        What the copy is called.
    sha256
        The checksum that it must have, in lower case; empty: none was given.
    version
        The version that is shown while it comes; empty: none is.
    changed
        The time of change, in nanoseconds, that the copy is given then: that of the part that is shown.
    """

    url: str
    place: str
    name: str
    sha256: str = ""
    version: str = ""
    changed: int | None = None


class Download:
    """The copy of one URL, in a folder that this process alone writes to.

    Parameters
    ----------
    wanted
        What is copied.
    folder
        The folder.
    settings
        ``remote_*`` and ``cache_bytes`` are used.
    tell
        Told how far it is.
    stopped
        Asked between pieces; true ends it.
    show
        Shows a file that is not all there; None: nobody does.
    """

    def __init__(
        self,
        wanted: DownloadRequest,
        folder: Path,
        settings: Settings,
        tell: Tell,
        stopped: Callable[[], bool],
        show: Show | None,
    ) -> None:
        self._wanted, self._folder, self._settings = wanted, folder, settings
        self._tell, self._stopped, self._show = tell, stopped, show
        self._part, self._state, self._gaps = folder / "part", folder / "state.json", folder / "gaps"
        self._path = folder / wanted.name
        # whether parts were asked for in vain
        self._from_start = False

    def made(self, origin: RemoteSource) -> Path:
        """Return the path of the file, whole; it is asked for where it is not here, or has changed."""
        version, size, checked, _ = self._read_state()
        if self._path.is_file() and self._path.stat().st_size == size and self._wanted.sha256 in {"", checked}:
            self._tell(None, "Asking whether the dataset has changed")
            try:
                current = origin.is_current(version)
            except TransferError as broken:
                log.warning("%s: %s; the copy made earlier is shown", self._wanted.place, broken)
                current = True
            if current:
                os.utime(self._folder)
                return self._path
            version = ""
        elif not self._part.exists():
            version = ""
        self._load(origin, version)
        self._check()
        version, _, _, changed = self._read_state()
        if changed:
            os.utime(self._part, ns=(changed, changed))
        self._part.replace(self._path)
        self._gaps.unlink(missing_ok=True)
        self._write_state(version, self._path.stat().st_size, self._wanted.sha256)
        return self._path

    def _load(self, origin: RemoteSource, version: str) -> None:
        failures = furthest = 0
        while True:
            known, start = version, self._there(version) if version else 0
            try:
                transfer = origin.transfer(0 if self._gaps.exists() else start, version)
                version = transfer.version
                try:
                    if self._wanted.version not in {"", version}:
                        raise TransferError("it was replaced", begin_again=True)
                    if known != version:
                        # before the new version is written down: what is here is of another
                        self._drop()
                    self._write_state(version, -1, "", self._changed(version))
                    if self._is_in_parts(transfer):
                        self._take_parts(origin, transfer, known == version)
                    else:
                        self._take(transfer)
                finally:
                    transfer.close()
                return
            except TransferError as broken:
                if broken.begin_again:
                    self._begin_again()
                    version = ""
                there = self._there(version)
                failures = 0 if there > furthest and version else failures + 1
                furthest = max(furthest, there)
                if failures >= self._settings.remote_attempts:
                    raise RemoteFailed(
                        f"{self._wanted.place} cannot be downloaded: {broken}.", "Check the URL, or try again later."
                    ) from None
                self._tell(None, f"The download broke off ({broken}); trying again")
                self._pause(min(0.25 * 2**failures, _MAX_PAUSE))

    def _there(self, version: str) -> int:
        """Return how many bytes have come."""
        if not version or not self._part.exists():
            return 0
        size = self._part.stat().st_size
        gaps = MissingRanges.load(self._gaps, size)
        return size if gaps is None else gaps.n_here

    def _begin_again(self) -> None:
        """Throw away what has come; raise DatasetChanged where it is shown."""
        if self._wanted.changed is not None:
            raise DatasetChanged(f"{self._wanted.place} was replaced while it came.", "Open it anew.")
        self._drop()

    def _drop(self) -> None:
        # this order: a part without gaps is one that came from its start on
        self._part.unlink(missing_ok=True)
        self._gaps.unlink(missing_ok=True)

    def _changed(self, version: str) -> int:
        """Return the time of change with which a version was shown; 0 where it was not."""
        known, _, _, changed = self._read_state()
        return changed if known == version else 0

    def _is_in_parts(self, transfer: Transfer) -> bool:
        large = transfer.total is not None and transfer.total >= _LARGE
        # what must have a checksum is not shown before it has
        wanted = self._gaps.exists() or (self._show is not None and large and transfer.start == 0)
        return transfer.in_parts and wanted and not self._wanted.sha256 and not self._from_start

    def _take_parts(self, origin: RemoteSource, transfer: Transfer, goes_on: bool) -> None:
        """Fetch what the page shows at first, then the rest."""
        size = transfer.total
        assert size is not None
        self._make_room(size, self._there(transfer.version) if goes_on else 0)
        self._check_signature(_beginning(transfer))
        transfer.close()
        gaps = MissingRanges.load(self._gaps, size) if goes_on else None
        if gaps is None or not self._part.exists() or self._part.stat().st_size != size:
            self._part.unlink(missing_ok=True)  # what is shown of it goes on being read
            MissingRanges(size).save(self._gaps)
            with self._part.open("wb") as stream:
                stream.truncate(size)
        if self._show is not None and self._wanted.changed is None:
            self._bring_front(transfer.version, size)
        gaps = MissingRanges.load(self._gaps, size)
        assert gaps is not None
        with self._part.open("r+b") as stream:
            try:
                while (start := gaps.first()) is not None:
                    stop = gaps.end(start, _LEAP)
                    some = origin.transfer(start, transfer.version, stop)
                    if (some.start, some.version, some.total) != (start, transfer.version, size):
                        some.close()
                        is_other = (some.version, some.total) != (transfer.version, size)
                        self._from_start = not is_other
                        raise TransferError("it comes from its start alone", begin_again=is_other)
                    self._fill(some, stop, stream, gaps)
            finally:
                self._save(stream, gaps)

    def _bring_front(self, version: str, size: int) -> None:
        from starcyte.store.remote.metadata_first import PartialDownload, fetch_metadata

        def tell(there: int) -> None:
            self._tell(None, f"Downloading what is shown first: {_bytes(there)}")

        tell(0)
        coming = PartialDownload(self._wanted.url, version, self._path, self._part, self._gaps, size)
        try:
            fetch_metadata(coming, self._settings, tell, self._stopped)
        except (TransferError, RemoteFailed) as error:
            log.warning("%s: %s; it is shown when all of it is here", self._wanted.place, error)
            self._show = None
            if isinstance(error, TransferError) and not error.begin_again:
                return
            # replaced meanwhile, or a server whose parts do not fit together
            self._from_start = True
            raise TransferError(str(error), begin_again=True) from None
        # whoever shows this version gives it the same time of change: it is part of what tells it from others
        changed = self._changed(version) or self._part.stat().st_mtime_ns
        os.utime(self._part, ns=(changed, changed))
        self._write_state(version, -1, "", changed)
        self._wanted.version, self._wanted.changed = version, changed
        assert self._show is not None
        self._show(self._path, self._part)

    def _fill(self, transfer: Transfer, stop: int, stream: IO[bytes], gaps: MissingRanges) -> None:
        """Take what comes from one place to another."""
        done = saved = transfer.start
        try:
            stream.seek(done)
            for piece in transfer.pieces:
                if self._stopped():
                    raise Cancelled("The download was given up.")
                if done + len(piece) > stop:
                    raise TransferError("more came than was asked for")
                stream.write(piece)
                stream.flush()
                gaps.add(transfer.start, done := done + len(piece))
                self._tell(gaps.n_here / gaps.size, f"Downloading: {_bytes(gaps.n_here, gaps.size)}")
                if done - saved >= _SAVED:
                    self._save(stream, gaps)
                    saved = done
        finally:
            transfer.close()
        if done != stop:
            raise TransferError(f"it ended after {done:,} of {stop:,} bytes")

    def _save(self, stream: IO[bytes], gaps: MissingRanges) -> None:
        os.fdatasync(stream.fileno())
        gaps.save(self._gaps)

    def _take(self, transfer: Transfer) -> None:
        """Take the file from a place to its end."""
        total = transfer.total
        self._make_room(total, transfer.start)
        if transfer.start == 0:
            self._drop()  # what is shown of it goes on being read
        done = transfer.start
        with self._part.open("r+b" if transfer.start else "wb") as stream:
            stream.truncate(transfer.start)
            stream.seek(transfer.start)
            for piece in transfer.pieces:
                if self._stopped():
                    raise Cancelled("The download was given up.")
                if done == 0:
                    self._check_signature(piece)
                stream.write(piece)
                done += len(piece)
                self._refuse_large(done)
                self._tell(done / total if total else None, f"Downloading: {_bytes(done, total)}")
            stream.flush()
            os.fsync(stream.fileno())
        if total is not None and done != total:
            raise TransferError(f"it ended after {done:,} of {total:,} bytes")

    def _make_room(self, total: int | None, there: int) -> None:
        self._refuse_large(total or 0)
        room = self._folder.parent
        own = self._part.stat().st_size if self._part.exists() else 0
        make_room(room, self._settings.cache_bytes - max((total or 0) - own, 0), keep=self._folder.name, lock="used")
        if total is not None and shutil.disk_usage(room).free < total - there + _SPARE:
            raise InputError(
                f"There is no room for {_bytes(total)} on the disk of the cache folder.", "Choose another --cache-dir."
            )

    def _check_signature(self, begin: bytes) -> None:
        if not is_dataset(begin):
            raise DatasetInvalid(
                f"{self._wanted.place} is not an HDF5 file.", "Give the address of an .h5ad file itself."
            )

    def _refuse_large(self, size: int) -> None:
        for name in ("remote_bytes", "cache_bytes"):
            most = getattr(self._settings, name)
            if size > most:
                self._part.unlink(missing_ok=True)
                raise InputError(
                    f"{self._wanted.place} has more than {_bytes(most)} (setting {name}).",
                    "Raise the setting, or copy the file here.",
                )

    def _check(self) -> None:
        if not self._wanted.sha256:
            return
        self._tell(None, "Checking the checksum")
        digest = hashlib.sha256()
        with self._part.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
                if self._stopped():
                    raise Cancelled("The download was given up.")
        if digest.hexdigest() != self._wanted.sha256:
            self._part.unlink()
            raise RemoteFailed(
                f"{self._wanted.place} has another checksum than the URL says: {digest.hexdigest()}.",
                "Check where the file comes from.",
            )

    def _read_state(self) -> tuple[str, int, str, int]:
        try:
            state = json.loads(self._state.read_text())
            return str(state["version"]), int(state["size"]), str(state["sha256"]), int(state["changed"])
        except (OSError, ValueError, KeyError, TypeError):
            return "", -1, "", 0

    def _write_state(self, version: str, size: int, sha256: str, changed: int = 0) -> None:
        part = self._state.with_name(f".state.{os.getpid()}")
        part.write_text(json.dumps({"version": version, "size": size, "sha256": sha256, "changed": changed}))
        part.replace(self._state)

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._stopped():
                raise Cancelled("The download was given up.")
            time.sleep(0.05)


def _beginning(transfer: Transfer) -> bytes:
    """Return the first bytes, as many as HDF5's signature is looked for in."""
    begin = b""
    for piece in transfer.pieces:
        begin += piece
        if len(begin) >= _LEAST:
            break
    if not begin:
        raise TransferError("the connection was closed early")
    return begin


def _bytes(n: int, of: int | None = None) -> str:
    """Return a size for people, in the unit of what it is a part of."""
    most = n if of is None else of
    scale, unit = next(((s, u) for s, u in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if most >= s), (1, "bytes"))
    shown = f"{n / scale:,.{0 if scale == 1 else 1}f}"
    return f"{shown} {unit}" if of is None else f"{shown} of {_bytes(of)}"
