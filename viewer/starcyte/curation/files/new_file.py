"""A file that was made for download, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NewFile:
    """A file that can be downloaded.

    Parameters
    ----------
    id
        Names it in an address.
    name
        What it is called where it is downloaded.
    path
        Where it is.
    n_bytes
        How large it is.
    notes
        What is not as the annotations say.
    """

    id: str
    name: str
    path: Path
    n_bytes: int
    notes: tuple[str, ...]
