"""DownloadState: which version of a file a cache folder has, and how complete it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple


class DownloadState(NamedTuple):
    """The content of ``state.json``."""

    #: Version of the file or of its part; empty: unknown
    version: str = ""
    #: Size of the file once it is complete, -1 before
    size: int = -1
    #: The checksum that was verified; empty: none
    sha256: str = ""
    #: Time of change, in nanoseconds, with which a partial download was shown; 0: it was not
    mtime: int = 0

    @classmethod
    def load(cls, path: Path) -> DownloadState:
        """Return the state saved in a file; the initial one if there is none."""
        try:
            state = json.loads(path.read_text())
            return cls(str(state["version"]), int(state["size"]), str(state["sha256"]), int(state["mtime"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def save(self, path: Path) -> None:
        """Write the state to a file, replacing it."""
        part = path.with_name(f".{path.stem}.{os.getpid()}")
        part.write_text(json.dumps(self._asdict()))
        part.replace(path)
