"""Downloads: the exported h5ad files, one per user.

With an outputs folder they are moved there and stay. Without one they are kept for a limited time in a folder of this
process, as each is as large as the dataset. The next process removes the folder of a killed one.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from starcyte.curation.files.exported_file import ExportedFile
from starcyte.curation.files.outputs import h5ad_name
from starcyte.errors import NotFound
from starcyte.store.cache import make_room

if TYPE_CHECKING:
    from starcyte.curation.files.autosave import Autosave
    from starcyte.settings import Settings
    from starcyte.store.dataset import Dataset

_LOCK = "lock"


class Downloads:
    """Keeps the exported h5ad files of one dataset.

    Parameters
    ----------
    dataset
        The dataset.
    settings
        ``download_seconds`` is used.
    folder
        The folder of the temporary files of all processes.
    autosave
        The outputs folder, if there is one.
    """

    def __init__(self, dataset: Dataset, settings: Settings, folder: Path, autosave: Autosave | None) -> None:
        self._dataset = dataset
        self._settings = settings
        self._parent = folder
        self._autosave = autosave
        self._folder: Path | None = None
        self._held: IO[bytes] | None = None
        self._files: dict[str, tuple[ExportedFile, float]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def make(self, user: str, write: Callable[[Path], list[str]]) -> ExportedFile:
        """Write a file, which replaces the user's last one.

        Parameters
        ----------
        user
            Its owner.
        write
            Called with the path to write; returns notes.

        Raises
        ------
        StarcyteError
            If the file cannot be written.
        """
        name = h5ad_name(self._dataset)
        file_id = secrets.token_hex(8)
        if self._autosave is None:
            self._drop_old(user)
            part = self._own_folder() / file_id
        else:
            part = self._autosave.staging_path(f"{file_id}.part")
        try:
            notes = write(part)
            path = part if self._autosave is None else self._autosave.add_file(part, user, name)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        file = ExportedFile(file_id, name, path, path.stat().st_size, tuple(notes))
        with self._lock:
            before = self._files.get(user)
            self._files[user] = file, time.monotonic()
        if before is not None and before[0].path != path:
            before[0].path.unlink(missing_ok=True)
        return file

    def get(self, user: str, file_id: str) -> ExportedFile:
        """Return a user's file; raise NotFound if it does not exist or is no longer stored."""
        found = self._files.get(user)
        if found is None or found[0].id != file_id or not found[0].path.exists():
            raise NotFound(f"File {file_id!r} does not exist or is no longer stored.", "Export it again.")
        return found[0]

    def exists(self, file: ExportedFile) -> bool:
        """Return whether a file can still be downloaded."""
        return any(stored is file and file.path.exists() for stored, _ in self._files.values())

    def close(self) -> None:
        """Remove the temporary files."""
        with self._lock:
            self._closed = True
            if self._folder is not None:
                make_room(self._parent, 0, keep=self._folder.name, lock=_LOCK)
                for path in self._folder.iterdir():
                    path.unlink(missing_ok=True)
                self._folder.rmdir()
                self._folder = None
            if self._held is not None:
                self._held.close()

    def _drop_old(self, user: str) -> None:
        """Remove the user's last file and the expired files of others, to make room for the next."""
        now = time.monotonic()
        with self._lock:
            for owner, (file, since) in list(self._files.items()):
                if owner == user or now - since > self._settings.download_seconds:
                    del self._files[owner]
                    file.path.unlink(missing_ok=True)

    def _own_folder(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._parent.mkdir(parents=True, exist_ok=True)
                make_room(self._parent, 0, lock=_LOCK)
                self._folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=self._parent))
                self._held = (self._folder / _LOCK).open("w+b")
                fcntl.flock(self._held, fcntl.LOCK_EX)
            return self._folder
