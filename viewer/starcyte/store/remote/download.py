"""Download: a file that is copied into the cache, from start to end or the metadata first."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from starcyte.errors import Cancelled, DatasetChanged, InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.cache import make_room
from starcyte.store.not_read.files import file_error
from starcyte.store.open import is_dataset
from starcyte.store.remote.byte_ranges import MissingRanges
from starcyte.store.remote.source import RemoteSource, Transfer, TransferError
from starcyte.store.remote.state import DownloadState

log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_SIGNATURE_BYTES = 4096
# a full disk would make more trouble than a file that is not downloaded
_SPARE = 64 << 20
# bytes after which the missing ranges are saved
_SAVE_EVERY = 64 << 20
# present bytes that are downloaded again rather than requesting two ranges
_BRIDGE = 4 << 20

Progress = Callable[[float | None, str], None]
"""Called with the fraction that is downloaded (None: unknown) and a message."""

OnMetadata = Callable[[Path, Path], None]
"""Called once with the final path of a file and that of its part, of which all but the matrices is downloaded."""


@dataclass
class DownloadRequest:
    """The file to download.

    Parameters
    ----------
    url
        Its URL, which may contain a key.
    shown_url
        The URL without its query.
    name
        The name of the downloaded file.
    sha256
        The required checksum, in lower case; empty: none.
    shown_version
        The version that is shown during the download; empty: none.
    shown_mtime
        The time of change, in nanoseconds, of the part that is shown; the complete file is given the same.
    """

    url: str
    shown_url: str
    name: str
    sha256: str = ""
    shown_version: str = ""
    shown_mtime: int | None = None


class Download:
    """The download of one URL, into a folder that only this process writes to.

    Parameters
    ----------
    request
        The file.
    folder
        The folder.
    settings
        ``remote_*`` and ``cache_bytes`` are used.
    progress
        Called during the download.
    is_cancelled
        Called between chunks; True ends the download.
    on_metadata
        Called once the metadata are downloaded; None: the file is downloaded from start to end.
    """

    def __init__(
        self,
        request: DownloadRequest,
        folder: Path,
        settings: Settings,
        progress: Progress,
        is_cancelled: Callable[[], bool],
        on_metadata: OnMetadata | None,
    ) -> None:
        self._request, self._folder, self._settings = request, folder, settings
        self._progress, self._is_cancelled, self._on_metadata = progress, is_cancelled, on_metadata
        self._part, self._state, self._gaps = folder / "part", folder / "state.json", folder / "gaps"
        self._path = folder / request.name
        # whether range requests have failed
        self._from_start = False

    def run(self, source: RemoteSource) -> Path:
        """Return the path of the complete file, downloaded if it is not in the folder or has changed."""
        version, size, sha256, _ = DownloadState.load(self._state)
        if self._path.is_file() and self._path.stat().st_size == size and self._request.sha256 in {"", sha256}:
            self._progress(None, "Checking whether the dataset has changed")
            try:
                is_current = source.is_current(version)
            except TransferError as error:
                log.warning("%s: %s; the earlier download is shown", self._request.shown_url, error)
                is_current = True
            if is_current:
                os.utime(self._folder)
                return self._path
            version = ""
        elif not self._part.exists():
            version = ""
        self._download(source, version)
        self._verify_checksum()
        state = DownloadState.load(self._state)
        if state.mtime:
            os.utime(self._part, ns=(state.mtime, state.mtime))
        self._part.replace(self._path)
        self._gaps.unlink(missing_ok=True)
        DownloadState(state.version, self._path.stat().st_size, self._request.sha256).save(self._state)
        return self._path

    def _download(self, source: RemoteSource, version: str) -> None:
        """Download the file, resuming a part of this version, and trying again after failures."""
        failures = furthest = 0
        while True:
            known, start = version, self._n_present(version) if version else 0
            try:
                transfer = source.transfer(0 if self._gaps.exists() else start, version)
                version = transfer.version
                try:
                    if self._request.shown_version not in {"", version}:
                        raise TransferError("it was replaced", restart=True)
                    if known != version:
                        # before the new version is saved, as the part belongs to another one
                        self._discard()
                    DownloadState(version, mtime=self._shown_mtime(version)).save(self._state)
                    if self._is_in_ranges(transfer):
                        self._download_ranges(source, transfer, known == version)
                    else:
                        self._download_from(transfer)
                finally:
                    transfer.close()
                return
            except TransferError as error:
                if error.restart:
                    self._restart()
                    version = ""
                present = self._n_present(version)
                failures = 0 if present > furthest and version else failures + 1
                furthest = max(furthest, present)
                if failures >= self._settings.remote_attempts:
                    raise RemoteFailed(
                        f"{self._request.shown_url} cannot be downloaded: {error}.",
                        "Check the URL, or try again later.",
                    ) from None
                self._progress(None, f"The download failed ({error}); trying again")
                self._pause(min(0.25 * 2**failures, self._settings.remote_pause))

    def _n_present(self, version: str) -> int:
        """Return the number of bytes downloaded of a version."""
        if not version or not self._part.exists():
            return 0
        size = self._part.stat().st_size
        missing = MissingRanges.load(self._gaps, size)
        return size if missing is None else missing.n_present

    def _restart(self) -> None:
        """Discard the part; raise DatasetChanged if it is shown."""
        if self._request.shown_mtime is not None:
            raise DatasetChanged(f"{self._request.shown_url} was replaced during the download.", "Open it again.")
        self._discard()

    def _discard(self) -> None:
        # in this order: a part without gaps is taken for one that is complete up to its end
        self._part.unlink(missing_ok=True)
        self._gaps.unlink(missing_ok=True)

    def _shown_mtime(self, version: str) -> int:
        """Return the time of change with which a version was shown; 0 if it was not."""
        state = DownloadState.load(self._state)
        return state.mtime if state.version == version else 0

    def _is_in_ranges(self, transfer: Transfer) -> bool:
        large = transfer.total is not None and transfer.total >= self._settings.remote_partial_bytes
        # a file with a checksum is not shown before it is verified
        wanted = self._gaps.exists() or (self._on_metadata is not None and large and transfer.start == 0)
        return transfer.accepts_ranges and wanted and not self._request.sha256 and not self._from_start

    def _download_ranges(self, source: RemoteSource, transfer: Transfer, is_resumed: bool) -> None:
        """Download the metadata, then the rest in ranges."""
        size = transfer.total
        assert size is not None
        self._make_room(size, self._n_present(transfer.version) if is_resumed else 0)
        self._check_signature(_first_bytes(transfer))
        transfer.close()
        missing = MissingRanges.load(self._gaps, size) if is_resumed else None
        if missing is None or not self._part.exists() or self._part.stat().st_size != size:
            self._part.unlink(missing_ok=True)  # a part that is shown stays open
            MissingRanges(size).save(self._gaps)
            self._part.touch(0o600)
            with self._part.open("wb") as stream:
                stream.truncate(size)
        if self._on_metadata is not None and self._request.shown_mtime is None:
            self._download_metadata(transfer.version, size)
        missing = MissingRanges.load(self._gaps, size)
        assert missing is not None
        with self._part.open("r+b") as stream:
            try:
                while (start := missing.first()) is not None:
                    stop = missing.end(start, _BRIDGE)
                    following = source.transfer(start, transfer.version, stop)
                    if (following.start, following.version, following.total) != (start, transfer.version, size):
                        following.close()
                        is_replaced = (following.version, following.total) != (transfer.version, size)
                        self._from_start = not is_replaced
                        raise TransferError("range requests are not answered", restart=is_replaced)
                    self._download_range(following, stop, stream, missing)
            finally:
                self._save(stream, missing)

    def _download_metadata(self, version: str, size: int) -> None:
        from starcyte.store.remote.metadata_first import PartialDownload, fetch_metadata

        def progress(n_present: int) -> None:
            self._progress(None, f"Downloading the metadata: {_bytes(n_present)}")

        progress(0)
        partial = PartialDownload(self._request.url, version, self._path, self._part, self._gaps, size)
        try:
            fetch_metadata(partial, self._settings, progress, self._is_cancelled)
        except (TransferError, RemoteFailed) as error:
            log.warning("%s: %s; it is shown once it is downloaded", self._request.shown_url, error)
            self._on_metadata = None
            if isinstance(error, TransferError) and not error.restart:
                return
            # replaced, or a server whose ranges contradict each other
            self._from_start = True
            raise TransferError(str(error), restart=True) from None
        # all processes that show this version give it the same time of change, which is part of its revision
        mtime = self._shown_mtime(version) or self._part.stat().st_mtime_ns
        os.utime(self._part, ns=(mtime, mtime))
        DownloadState(version, mtime=mtime).save(self._state)
        self._request.shown_version, self._request.shown_mtime = version, mtime
        assert self._on_metadata is not None
        self._on_metadata(self._path, self._part)

    def _download_range(self, transfer: Transfer, stop: int, stream: IO[bytes], missing: MissingRanges) -> None:
        done = saved = transfer.start
        try:
            stream.seek(done)
            for chunk in transfer.chunks:
                self._check_cancelled()
                if done + len(chunk) > stop:
                    raise TransferError("more bytes were received than requested")
                stream.write(chunk)
                stream.flush()
                missing.add(transfer.start, done := done + len(chunk))
                fraction = missing.n_present / missing.size
                self._progress(fraction, f"Downloading: {_bytes(missing.n_present, missing.size)}")
                if done - saved >= _SAVE_EVERY:
                    self._save(stream, missing)
                    saved = done
        finally:
            transfer.close()
        if done != stop:
            raise TransferError(f"it ended after {done:,} of {stop:,} bytes")

    def _save(self, stream: IO[bytes], missing: MissingRanges) -> None:
        os.fdatasync(stream.fileno())
        missing.save(self._gaps)

    def _download_from(self, transfer: Transfer) -> None:
        """Download the file from an offset to its end."""
        total = transfer.total
        self._make_room(total, transfer.start)
        if transfer.start == 0:
            self._discard()  # a part that is shown stays open
        done = transfer.start
        self._part.touch(0o600)
        with self._part.open("r+b" if transfer.start else "wb") as stream:
            stream.truncate(transfer.start)
            stream.seek(transfer.start)
            for chunk in transfer.chunks:
                self._check_cancelled()
                if done == 0:
                    self._check_signature(chunk)
                stream.write(chunk)
                done += len(chunk)
                self._check_size(done)
                self._progress(done / total if total else None, f"Downloading: {_bytes(done, total)}")
            stream.flush()
            os.fsync(stream.fileno())
        if total is not None and done != total:
            raise TransferError(f"it ended after {done:,} of {total:,} bytes")

    def _make_room(self, total: int | None, n_present: int) -> None:
        self._check_size(total or 0)
        cache = self._folder.parent
        own = self._part.stat().st_size if self._part.exists() else 0
        make_room(cache, self._settings.cache_bytes - max((total or 0) - own, 0), keep=self._folder.name, lock="used")
        if total is not None and shutil.disk_usage(cache).free < total - n_present + _SPARE:
            raise InputError(
                f"The disk of the cache folder has no room for {_bytes(total)}.", "Choose another --cache-dir."
            )

    def _check_signature(self, begin: bytes) -> None:
        if not is_dataset(begin):
            raise file_error(
                self._request.name,
                len(begin),
                lambda n, position: begin[position : position + n],
                self._request.shown_url,
            )

    def _check_size(self, size: int) -> None:
        for name in ("remote_bytes", "cache_bytes"):
            limit = getattr(self._settings, name)
            if size > limit:
                self._part.unlink(missing_ok=True)
                raise InputError(
                    f"{self._request.shown_url} has more than {_bytes(limit)} ({name}).",
                    "Raise the setting, or download the file otherwise.",
                )

    def _verify_checksum(self) -> None:
        if not self._request.sha256:
            return
        self._progress(None, "Verifying the checksum")
        digest = hashlib.sha256()
        with self._part.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                self._check_cancelled()
        if digest.hexdigest() != self._request.sha256:
            self._part.unlink()
            raise RemoteFailed(
                f"{self._request.shown_url} has another checksum than the URL: {digest.hexdigest()}.",
                "Check the URL and its checksum.",
            )

    def _check_cancelled(self) -> None:
        if self._is_cancelled():
            raise Cancelled("The download was cancelled.")

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._check_cancelled()
            time.sleep(0.05)


def _first_bytes(transfer: Transfer) -> bytes:
    """Return the first bytes of a transfer, in which the signature of HDF5 is searched."""
    begin = b""
    for chunk in transfer.chunks:
        begin += chunk
        if len(begin) >= _SIGNATURE_BYTES:
            break
    if not begin:
        raise TransferError("the connection was closed early")
    return begin


def _bytes(n: int, of: int | None = None) -> str:
    """Return a number of bytes as text, in the unit of the total."""
    total = n if of is None else of
    scale, unit = next(((s, u) for s, u in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if total >= s), (1, "bytes"))
    shown = f"{n / scale:,.{0 if scale == 1 else 1}f}"
    return f"{shown} {unit}" if of is None else f"{shown} of {_bytes(of)}"
