"""Autosave: exports the annotations, gene sets and saved items of all users to the outputs folder after each change.

A file is written in a staging folder beside the outputs folder, synced to the disk and renamed. So each file in the
outputs folder is complete and consistent, however the process ends. The first change is exported immediately; changes
in quick succession are exported together.

Invariant: while the condition is not held, every user with a change that is not exported is in ``_pending`` or is being
exported by the thread; after an error the user is in ``_pending`` again.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from starcyte.curation.files.outputs import OutputFile, OutputFiles, user_folder
from starcyte.errors import StarcyteError, one_line

if TYPE_CHECKING:
    from starcyte.curation.curation import Curation
    from starcyte.store.dataset import Dataset

log = logging.getLogger(__name__)

# short enough that a change is exported within a second
_INTERVAL_SECONDS = 0.5
_RETRY_SECONDS = 3.0
_MANIFEST = "files.json"


class Autosave:
    """Keeps the outputs folder up to date.

    Parameters
    ----------
    curation
        The annotations, gene sets and saved items.
    dataset
        Their dataset.
    folder
        The outputs folder; created when needed. Files that autosave did not write are left unchanged.
    interval
        Seconds between two exports.
    retry_interval
        Seconds after which a failed export is tried again.
    """

    def __init__(
        self,
        curation: Curation,
        dataset: Dataset,
        folder: Path,
        interval: float = _INTERVAL_SECONDS,
        retry_interval: float = _RETRY_SECONDS,
    ) -> None:
        self._curation = curation
        self._outputs = OutputFiles(curation, dataset)
        # absolute, as the current folder may change
        self.folder = folder.absolute()
        self._interval = interval
        self._retry_interval = retry_interval
        self._staging = self.folder.with_name(f".{self.folder.name}.saving")
        self._states: dict[str, dict[str, object]] = {}
        self._files: dict[str, list[str]] = {}
        self._exported: dict[str, int] = {}
        self._problem = ""
        self._changed = threading.Condition()
        self._pending: set[str] = set()
        self._save_now = self._closing = self._busy = False
        self._rounds_begun = self._rounds_ended = 0
        self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)

    def start(self) -> None:
        """Export all users, and from now on each change."""
        self._pending |= set(self._curation.users())
        self._curation.on_change(self.queue)
        self._thread.start()

    @property
    def problem(self) -> str:
        """The error of the last export; empty if there was none."""
        return self._problem

    def queue(self, user: str) -> None:
        """Export a user's files soon."""
        with self._changed:
            if not self._closing:
                self._pending.add(user)
                self._changed.notify_all()

    def hurry(self) -> None:
        """Export pending changes now, without waiting for the end."""
        with self._changed:
            self._save_now = True
            self._changed.notify_all()

    def flush(self, seconds: float) -> bool:
        """Export pending changes now, and return whether all are exported."""
        with self._changed:
            begun = self._rounds_begun
            self._save_now = True
            self._changed.notify_all()
            # a failed round leaves its users pending: wait for one attempt only
            self._changed.wait_for(lambda: self._is_idle() or self._rounds_ended > begun, seconds)
            return self._is_idle()

    def close(self, seconds: float) -> bool:
        """Export pending changes and stop; return whether all are exported."""
        end = time.monotonic() + seconds
        done = self.flush(seconds)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(max(end - time.monotonic(), 0))
        if done and not self._thread.is_alive():
            shutil.rmtree(self._staging, ignore_errors=True)
        return done

    def staging_path(self, name: str) -> Path:
        """Return a path in the staging folder, for a large file that :meth:`add_file` then moves."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_staging()
        path = self._staging / name
        path.unlink(missing_ok=True)
        return path

    def add_file(self, path: Path, user: str, name: str) -> Path:
        """Move a complete file from the staging folder into the outputs folder, and return its path there.

        Raises
        ------
        OSError
            If it cannot be moved.
        """
        folder = self.folder / user_folder(user)
        folder.mkdir(parents=True, exist_ok=True)
        path.replace(folder / name)
        _sync(folder)
        return folder / name

    def _is_idle(self) -> bool:
        return not self._pending and not self._busy

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closing)
                if self._closing:
                    return
                users, self._pending = self._pending, set()
                self._busy, self._save_now = True, False
                self._rounds_begun += 1
            began = time.monotonic()
            problems = {user: self._save(user) for user in sorted(users)}
            failed = {user for user, problem in problems.items() if problem}
            with self._changed:
                self._problem = next((p for p in problems.values() if p), "")
                self._pending |= failed
                self._busy = False
                self._rounds_ended += 1
                self._changed.notify_all()
                pause = self._retry_interval if failed else began + self._interval - time.monotonic()
                self._changed.wait_for(lambda: self._save_now or self._closing, max(pause, 0))

    def _save(self, user: str) -> str:
        """Export a user's files, and return the error as text, empty if there was none."""
        try:
            self._write_user(user)
        except OSError as error:
            reason = error.strerror or str(error)
        except StarcyteError as error:
            reason = error.message
        except Exception:  # the thread must survive a defect, for the next change
            log.exception("export to the outputs folder failed")
            reason = "an internal error, see the log of the server"
        else:
            return ""
        return one_line(
            f"Your changes are saved, but the outputs folder {str(self.folder)!r} cannot be written: {reason}."
            " The export is tried again until it succeeds."
        )

    def _write_user(self, user: str) -> None:
        name = user_folder(user)
        folder = self.folder / name
        with self._curation.store.read() as transaction:
            latest = transaction.latest_revision(user)
            if not latest or self._exported.get(user) == latest:
                return
            folder.mkdir(parents=True, exist_ok=True)
            self._make_staging()
            if not self._files:
                self._files = self._read_manifest()
            outputs = list(self._outputs.of(user, transaction))
            names = [output.name for output in outputs]
            before = self._files.get(name, [])
            # written first, so that the next process knows which files are ours, also after a kill
            self._write_manifest({**self._files, name: sorted({*before, *names})})
            states = self._states.setdefault(name, {})
            for output in outputs:
                if states.get(output.name) != output.state or not (folder / output.name).exists():
                    self._write(folder / output.name, output)
                    states[output.name] = output.state
        for obsolete in set(before) - set(names):
            (folder / obsolete).unlink(missing_ok=True)
            states.pop(obsolete, None)
        _sync(folder)
        self._write_manifest({**self._files, name: names})
        self._exported[user] = latest

    def _write(self, path: Path, output: OutputFile) -> None:
        part = self._staging / f"{os.getpid()}.part"
        try:
            with part.open("wb") as stream:
                stream.writelines(output.blocks())
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            if error.errno != errno.EXDEV or not self._move_inside():
                raise
            self._write(path, output)

    def _make_staging(self) -> None:
        try:
            self._staging.mkdir(exist_ok=True)
        except OSError:
            if not self._move_inside():
                raise

    def _move_inside(self) -> bool:
        """Move the staging folder into the outputs folder if that is on another volume; return whether it moved."""
        inside = self.folder / ".saving"
        if self._staging == inside:
            return False
        inside.mkdir(exist_ok=True)
        self._staging = inside
        return True

    def _read_manifest(self) -> dict[str, list[str]]:
        try:
            found = json.loads((self._staging / _MANIFEST).read_bytes())
            return {str(folder): [Path(str(name)).name for name in names] for folder, names in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def _write_manifest(self, files: dict[str, list[str]]) -> None:
        if files != self._files:
            part = self._staging / f"{_MANIFEST}.part"
            part.write_text(json.dumps(files))
            part.replace(self._staging / _MANIFEST)
            self._files = files


def _sync(folder: Path) -> None:
    """Write the entries of a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
