"""Where a file comes from: its URL, whether the operator allows it, and its bytes on their way."""

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
    """A transfer broke off, or could not begin; another attempt may do better.

    Parameters
    ----------
    message
        Why.
    begin_again
        Whether what has come so far is of no use.
    """

    def __init__(self, message: str, begin_again: bool = False) -> None:
        super().__init__(message)
        self.begin_again = begin_again


@dataclass(frozen=True)
class Transfer:
    """Bytes on their way.

    Parameters
    ----------
    start
        The place of the first of them in the file: what was asked for, or 0 where the file has changed.
    total
        Bytes of the whole file; None where nobody says.
    version
        What tells this content of the URL from another; empty where nobody says.
    pieces
        The bytes; raises Broken.
    close
        Ends it.
    in_parts
        Whether any part of the file can be asked for by itself.
    """

    start: int
    total: int | None
    version: str
    pieces: Iterator[bytes]
    close: Callable[[], None] = lambda: None
    in_parts: bool = False


class Parts(Protocol):
    """Parts of one version of a file, each asked for by itself. For one thread."""

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from start up to stop; raise Broken, which says so where it is another version by now."""
        ...

    def close(self) -> None:
        """Let go of the connection; raise Broken where what was read may be of another version."""
        ...


class RemoteSource(Protocol):
    """Where a file comes from."""

    def is_current(self, version: str) -> bool:
        """Say whether this is still the version there; raise Broken or RemoteFailed where it cannot be asked."""
        ...

    def transfer(self, start: int, version: str, stop: int | None = None) -> Transfer:
        """Begin to read at a place, up to another or the end, where the version is still that.

        Where it is not, what is there now begins to come as a whole. Raises Broken or RemoteFailed.
        """
        ...

    def parts(self, version: str) -> Parts:
        """Return what reads parts of a version."""
        ...


def is_url(text: str) -> bool:
    """Say whether a dataset is named by a URL, and not by a path."""
    return _URL.match(text) is not None


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL.

    Raises
    ------
    InputError
        If it is malformed, or holds a password, which would be shown to whoever lists processes.
    """
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    if not named or not url.isprintable() or " " in url:
        raise InputError("The dataset's URL is malformed.", "Give one such as https://example.org/cells.h5ad.")
    if parts.username is not None or parts.password is not None:
        raise InputError("The dataset's URL holds a user name.", "Use a signed URL, or copy the file here.")
    return parts


def check_place(parts: SplitResult, settings: Settings) -> None:
    """Refuse a URL of a scheme or host that the operator does not allow.

    Raises
    ------
    InputError
        If it is not allowed; the message names the setting.
    """
    schemes = _listed(settings.remote_schemes)
    if parts.scheme not in schemes:
        raise InputError(
            f"Datasets may not come from {parts.scheme}:// URLs (setting remote_schemes).",
            f"Allowed: {', '.join(schemes) or 'none'}.",
        )
    hosts, host = _listed(settings.remote_hosts), (parts.hostname or "").rstrip(".")
    if hosts and not any(host == h or (h.startswith("*.") and host.endswith(h[1:])) for h in hosts):
        raise InputError(f"Datasets may not come from the host {host!r} (setting remote_hosts).", "Ask the operator.")


def _listed(text: str) -> list[str]:
    return [item.strip().lower() for item in text.split(",") if item.strip()]
