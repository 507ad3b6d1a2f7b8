"""Objects: the files below a URL, read whole or in parts; what a web server and a bucket have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from starcyte.errors import RemoteFailed


class Refused(RemoteFailed):
    """The server refuses an object to this user, or to everybody."""


class Part(NamedTuple):
    """A part of an object."""

    key: str
    "The object: a path below the URL; empty: the URL itself."
    start: int | None = 0
    "The position of the first byte; None: the part ends with the object."
    length: int | None = None
    "The number of bytes, fewer at the end of the object; None: all that follow."

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the object."""
        return self.start == 0 and self.length is None


@dataclass(frozen=True)
class Received:
    """What was received of an object.

    Parameters
    ----------
    body
        The bytes.
    size
        The size of the whole object in bytes.
    version
        Its version, such as its ETag; empty if unknown.
    """

    body: bytes
    size: int
    version: str = ""


class Objects(Protocol):
    """The objects below a URL. Safe for use from several threads.

    Attributes
    ----------
    shown
        The URL without its query, for messages.
    """

    shown: str

    def get(self, part: Part, most: int, version: str = "") -> Received | None:
        """Request a part of an object.

        Parameters
        ----------
        part
            The part.
        most
            Bytes that are received, at most.
        version
            The version that it must have, as far as the server can tell; empty: any.

        Returns
        -------
        Received or None
            None if there is no such object.

        Raises
        ------
        TransferError
            If it failed and may be tried again; with restart, if the object has another version.
        RemoteFailed
            If it is refused, or larger.
        """
        ...

    def folders(self, key: str) -> list[str] | None:
        """Return the names of the folders in a folder, sorted; None if they cannot be listed."""
        ...

    def close(self) -> None:
        """Close the connections, and end transfers as they receive their next bytes."""
        ...
