"""New h5ad files, for download: the newest of each user.

With an outputs folder they are put there and stay. Without one they lie in a folder of this process for a while, as
each is as large as the dataset; what a process that was killed has left is removed by the next.
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

from starcyte.curation.files.new_file import NewFile
from starcyte.curation.files.outputs import dataset_name
from starcyte.errors import NotFound
from starcyte.store.cache import make_room

if TYPE_CHECKING:
    from starcyte.curation.files.autosave import Autosave
    from starcyte.settings import Settings
    from starcyte.store.dataset import Dataset

_LOCK = "lock"


class Downloads:
    """Keeps the new files of one dataset.

    Parameters
    ----------
    dataset
        The dataset.
    settings
        ``download_seconds`` is used.
    folder
        For files that are not kept; those of other processes lie beside.
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
        self._files: dict[str, tuple[NewFile, float]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def make(self, user: str, write: Callable[[Path], list[str]]) -> NewFile:
        """Have a file written, and keep it in place of the user's last one.

        Parameters
        ----------
        user
            Whose it is.
        write
            Called with where to write it; returns what there is to say of it.

        Raises
        ------
        StarcyteError
            If it cannot be written.
        """
        name = dataset_name(self._dataset)
        file_id = secrets.token_hex(8)
        if self._autosave is None:
            self._drop_old(user)
            part = self._own_folder() / file_id
        else:
            part = self._autosave.beside(f"{file_id}.part")
        try:
            notes = write(part)
            path = part if self._autosave is None else self._autosave.place(part, user, name)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        made = NewFile(file_id, name, path, path.stat().st_size, tuple(notes))
        with self._lock:
            before = self._files.get(user)
            self._files[user] = made, time.monotonic()
        if before is not None and before[0].path != path:
            before[0].path.unlink(missing_ok=True)
        return made

    def get(self, user: str, file_id: str) -> NewFile:
        """Return a user's file; raise NotFound where there is none, or no more."""
        found = self._files.get(user)
        if found is None or found[0].id != file_id or not found[0].path.exists():
            raise NotFound(f"There is no file {file_id!r}, or no more.", "Have it made again.")
        return found[0]

    def is_there(self, made: NewFile) -> bool:
        """Say whether a file can still be downloaded."""
        return any(kept is made and made.path.exists() for kept, _ in self._files.values())

    def close(self) -> None:
        """Remove what is not kept."""
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
        """Remove the user's last file before the next is written, and those of others whose time is over."""
        now = time.monotonic()
        with self._lock:
            for owner, (made, since) in list(self._files.items()):
                if owner == user or now - since > self._settings.download_seconds:
                    del self._files[owner]
                    made.path.unlink(missing_ok=True)

    def _own_folder(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._parent.mkdir(parents=True, exist_ok=True)
                make_room(self._parent, 0, lock=_LOCK)
                self._folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=self._parent))
                self._held = (self._folder / _LOCK).open("w+b")
                fcntl.flock(self._held, fcntl.LOCK_EX)
            return self._folder
