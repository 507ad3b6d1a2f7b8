"""Autosave: the outputs folder always holds what users have made, in whole files.

A file is written in a folder beside the outputs folder, which nobody collects, synced to the disk and renamed into
its place: whenever the process ends, however it ends, each file is whole and is one that was right at some moment.
The first change is written at once; those that follow quickly are written together.

Invariant: while the condition is not held, every user with a change that is not in the folder is in ``_waiting`` or is
being written by the thread; one whose writing failed is in ``_waiting`` again.
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

from starcyte.curation.files.outputs import Output, Outputs, folder_of
from starcyte.errors import StarcyteError, one_line

if TYPE_CHECKING:
    from starcyte.curation.curation import Curation
    from starcyte.store.dataset import Dataset

log = logging.getLogger(__name__)

# so that a change is in the folder within a second, its writing included
_EVERY_SECONDS = 0.5
_RETRY_SECONDS = 3.0
_MANIFEST = "files.json"


class Autosave:
    """Keeps a folder as it should be.

    Parameters
    ----------
    curation
        What users make.
    dataset
        What they make it of.
    folder
        The outputs folder; it is made if it is not there. Files that autosave does not know of are left alone.
    """

    def __init__(self, curation: Curation, dataset: Dataset, folder: Path) -> None:
        self._curation = curation
        self._outputs = Outputs(curation, dataset)
        # a link in its path, or a change of the current folder, must not have it end up elsewhere
        self.folder = folder.absolute()
        self._saving = self.folder.with_name(f".{self.folder.name}.saving")
        self._states: dict[str, dict[str, object]] = {}
        self._files: dict[str, list[str]] = {}
        self._written: dict[str, int] = {}
        self._problem = ""
        self._changed = threading.Condition()
        self._waiting: set[str] = set()
        self._hurried = self._closing = self._busy = False
        self._begun = self._ended = 0
        self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)

    def start(self) -> None:
        """Begin: bring the folder to what it should be, and keep it so."""
        self._waiting |= set(self._curation.users())
        self._curation.on_change(self.want)
        self._thread.start()

    @property
    def problem(self) -> str:
        """What keeps the folder from being as it should be; empty where nothing does."""
        return self._problem

    def want(self, user: str) -> None:
        """Say that a user has changed something."""
        with self._changed:
            if not self._closing:
                self._waiting.add(user)
                self._changed.notify_all()

    def hurry(self) -> None:
        """Write what waits now, and return at once."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()

    def flush(self, seconds: float) -> bool:
        """Write what waits now, and say whether all is in the folder when this returns."""
        with self._changed:
            begun = self._begun
            self._hurried = True
            self._changed.notify_all()
            # a round that fails leaves its users waiting: one try is made for us, not any number
            self._changed.wait_for(lambda: self._is_idle() or self._ended > begun, seconds)
            return self._is_idle()

    def close(self, seconds: float) -> bool:
        """Write what waits, and stop; say whether all is in the folder."""
        end = time.monotonic() + seconds
        done = self.flush(seconds)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(max(end - time.monotonic(), 0))
        if done and not self._thread.is_alive():
            shutil.rmtree(self._saving, ignore_errors=True)
        return done

    def beside(self, name: str) -> Path:
        """Return where to write a large file that :meth:`place` then puts into the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_saving()
        path = self._saving / name
        path.unlink(missing_ok=True)
        return path

    def place(self, path: Path, user: str, name: str) -> Path:
        """Put a file that is whole into the folder; it stays there.

        Raises
        ------
        OSError
            If it cannot be put there.
        """
        folder = self.folder / folder_of(user)
        folder.mkdir(parents=True, exist_ok=True)
        path.replace(folder / name)
        _sync(folder)
        return folder / name

    def _is_idle(self) -> bool:
        return not self._waiting and not self._busy

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if self._closing:
                    return
                users, self._waiting = self._waiting, set()
                self._busy, self._hurried = True, False
                self._begun += 1
            began = time.monotonic()
            problems = {user: self._save(user) for user in sorted(users)}
            failed = {user for user, problem in problems.items() if problem}
            with self._changed:
                self._problem = next((p for p in problems.values() if p), "")
                self._waiting |= failed
                self._busy = False
                self._ended += 1
                self._changed.notify_all()
                pause = _RETRY_SECONDS if failed else began + _EVERY_SECONDS - time.monotonic()
                self._changed.wait_for(lambda: self._hurried or self._closing, max(pause, 0))

    def _save(self, user: str) -> str:
        """Bring a user's files to what they should be, and return what kept it from that, if anything did."""
        try:
            self._write_user(user)
        except OSError as error:
            reason = error.strerror or str(error)
        except StarcyteError as error:
            reason = error.message
        except Exception:  # whatever it is: the next change is saved if it can be
            log.exception("saving to the outputs folder failed")
            reason = "a defect of starcyte, see the server's log"
        else:
            return ""
        return one_line(
            f"What you make is kept, but the outputs folder {str(self.folder)!r} cannot be written: {reason}."
            " It is tried again until it can."
        )

    def _write_user(self, user: str) -> None:
        name = folder_of(user)
        folder = self.folder / name
        with self._curation.store.read() as reading:
            newest = reading.newest(user)
            if not newest or self._written.get(user) == newest:
                return
            folder.mkdir(parents=True, exist_ok=True)
            self._make_saving()
            if not self._files:
                self._files = self._read_manifest()
            wanted = list(self._outputs.of(user, reading))
            names = [output.name for output in wanted]
            before = self._files.get(name, [])
            # first what will be there, so that whoever comes after us knows what may go
            self._write_manifest({**self._files, name: sorted({*before, *names})})
            states = self._states.setdefault(name, {})
            for output in wanted:
                if states.get(output.name) != output.state or not (folder / output.name).exists():
                    self._write(folder / output.name, output)
                    states[output.name] = output.state
        for gone in set(before) - set(names):
            (folder / gone).unlink(missing_ok=True)
            states.pop(gone, None)
        _sync(folder)
        self._write_manifest({**self._files, name: names})
        self._written[user] = newest

    def _write(self, path: Path, output: Output) -> None:
        part = self._saving / f"{os.getpid()}.part"
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

    def _make_saving(self) -> None:
        try:
            self._saving.mkdir(exist_ok=True)
        except OSError:
            if not self._move_inside():
                raise

    def _move_inside(self) -> bool:
        """Write within the outputs folder, where that is a volume of its own; what is collected from it are files."""
        inside = self.folder / ".saving"
        if self._saving == inside:
            return False
        inside.mkdir(exist_ok=True)
        self._saving = inside
        return True

    def _read_manifest(self) -> dict[str, list[str]]:
        try:
            found = json.loads((self._saving / _MANIFEST).read_bytes())
            return {str(folder): [Path(str(name)).name for name in names] for folder, names in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def _write_manifest(self, files: dict[str, list[str]]) -> None:
        if files != self._files:
            part = self._saving / f"{_MANIFEST}.part"
            part.write_text(json.dumps(files))
            part.replace(self._saving / _MANIFEST)
            self._files = files


def _sync(folder: Path) -> None:
    """Have the disk know the names of the files too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
