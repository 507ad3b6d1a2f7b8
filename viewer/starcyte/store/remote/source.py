"""RemoteSource: a file at a URL, its version and its bytes; the check of a URL against the settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from starcyte.errors import InputError
from starcyte.settings import Settings

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class TransferError(Exception):
    """A transfer failed, and may be tried again.

    Parameters
    ----------
    message
        The reason.
    restart
        Whether the bytes received so far must be discarded.
    pause
        Seconds that the server asks to wait before the next attempt.
    """

    def __init__(self, message: str, restart: bool = False, pause: float = 0.0) -> None:
        super().__init__(message)
        self.restart, self.pause = restart, pause


@dataclass(frozen=True)
class Transfer:
    """A response that is being received.

    Parameters
    ----------
    start
        Offset of its first byte in the file: the one that was requested, or 0 if the file was replaced.
    total
        Size of the file in bytes; None if unknown.
    version
        Version of the file, such as its ETag; empty if unknown.
    chunks
        The bytes; raises TransferError.
    close
        Closes the connection.
    accepts_ranges
        Whether ranges of the file can be requested.
    """

    start: int
    total: int | None
    version: str
    chunks: Iterator[bytes]
    close: Callable[[], None] = lambda: None
    accepts_ranges: bool = False


class RangeReader(Protocol):
    """Reads byte ranges of one version of a file, in one thread."""

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from start to stop (excluded); raise TransferError, with restart if it was replaced."""
        ...

    def close(self) -> None:
        """Close the connection; raise TransferError if the file may have been replaced between the reads."""
        ...


class RemoteSource(Protocol):
    """A file at a URL."""

    def is_current(self, version: str) -> bool:
        """Return whether the file still has this version; raise TransferError or RemoteFailed."""
        ...

    def transfer(self, start: int, version: str, stop: int | None = None) -> Transfer:
        """Request the bytes from start to stop (excluded) or to the end, provided that the file has this version.

        If it has another version, the whole file is transferred. Raises TransferError or RemoteFailed.
        """
        ...

    def range_reader(self, version: str) -> RangeReader:
        """Return a reader of ranges of one version."""
        ...


def is_url(text: str) -> bool:
    """Return whether the name of a dataset is a URL, not a path."""
    return _URL.match(text) is not None


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL.

    Raises
    ------
    InputError
        If it is malformed, or contains a password, which the list of processes would show to other users.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        has_host = bool(host) and (parts.port is None or parts.port > 0)
        if not parts.netloc.isascii() and "@" not in parts.netloc:
            parts = parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}")
    except ValueError:
        has_host = False
    if not has_host or not url.isprintable() or " " in url:
        raise InputError("The dataset's URL is malformed.", "Give one such as https://example.org/cells.h5ad.")
    if parts.username is not None or parts.password is not None:
        raise InputError("The dataset's URL contains a user name.", "Use a signed URL, or download the file first.")
    return parts


def shown_url(url: str) -> str:
    """Return a URL without its query and fragment, which may contain a key."""
    parts = split_url(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"


def check_allowed(parts: SplitResult, settings: Settings) -> None:
    """Refuse a URL whose scheme or host the settings do not allow.

    Raises
    ------
    InputError
        If it is not allowed; the message names the setting.
    """
    schemes = _listed(settings.remote_schemes)
    if parts.scheme not in schemes:
        raise InputError(
            f"{parts.scheme}:// URLs of datasets are not allowed (remote_schemes).",
            f"Allowed: {', '.join(schemes) or 'none'}.",
        )
    hosts, host = _listed(settings.remote_hosts), (parts.hostname or "").rstrip(".")
    if hosts and not any(host == h or (h.startswith("*.") and host.endswith(h[1:])) for h in hosts):
        raise InputError(f"Datasets of the host {host!r} are not allowed (remote_hosts).", "Ask the operator.")


def _listed(text: str) -> list[str]:
    return [item.strip().lower() for item in text.split(",") if item.strip()]
