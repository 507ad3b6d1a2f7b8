"""ExportedFile: a file that was made for download."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ExportedFile:
    """A file that can be downloaded.

    Parameters
    ----------
    id
        Its id in the URL.
    name
        The name under which it is downloaded.
    path
        Its path on the server.
    n_bytes
        Its size.
    notes
        Differences from the annotations, such as a column with another name.
    """

    id: str
    name: str
    path: Path
    n_bytes: int
    notes: tuple[str, ...]
