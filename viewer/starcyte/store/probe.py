"""A file opened by another process first: damage in it may end the HDF5 library itself, and with it its process.

The library has no guard against every damaged byte: some make it crash, some make it run for ever, and Python can catch
neither. The process that is lost is one that nobody waits for.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from starcyte.errors import Cancelled, DatasetInvalid, StarcyteError
from starcyte.settings import Settings

_POLL_SECONDS = 0.01
_HINT = "The file is damaged; copy or download it again."


class Probe:
    """A process that opens a file and ends.

    Parameters
    ----------
    path
        The file.
    settings
        ``open_deadline`` and what opening uses.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self._name = path.name
        self._deadline = time.monotonic() + settings.open_deadline
        self._seconds = settings.open_deadline
        # a process with threads is not safe to fork; then the file is opened unprobed
        self._pid = os.fork() if threading.active_count() == 1 else None
        if self._pid == 0:
            try:
                _open(path, settings)
            finally:
                os._exit(0)

    def wait(self) -> None:
        """Wait until the process has opened the file, or has found it wrong in words.

        Raises
        ------
        DatasetInvalid
            If the file ended the process, or opening it does not end.
        """
        if self._pid is None:
            return
        while True:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > self._deadline:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                raise _too_slow(self._name, self._seconds)
            time.sleep(_POLL_SECONDS)
        if os.WIFSIGNALED(status):
            raise _crash(self._name, os.WTERMSIG(status))


def probe_apart(path: Path, settings: Settings, stopped: Callable[[], bool]) -> None:
    """Open a file in a process made for it, where ours has threads already and must not be forked.

    Parameters
    ----------
    path
        The file.
    settings
        ``open_deadline`` and what opening uses.
    stopped
        Asked now and then; true ends it.

    Raises
    ------
    DatasetInvalid
        If the file ended the process, or opening it does not end.
    Cancelled
        If it was stopped.
    """
    process = multiprocessing.get_context("spawn").Process(target=_open, args=(path, settings), daemon=True)
    process.start()
    end = time.monotonic() + settings.open_deadline
    try:
        while process.exitcode is None:
            process.join(_POLL_SECONDS * 2)
            if stopped():
                raise Cancelled("The viewer is stopping.")
            if process.exitcode is None and time.monotonic() > end:
                raise _too_slow(path.name, settings.open_deadline)
    finally:
        process.kill()
        process.join()
    if process.exitcode < 0:
        raise _crash(path.name, -process.exitcode)


def _too_slow(name: str, seconds: float) -> DatasetInvalid:
    return DatasetInvalid(f"Opening {name!r} takes longer than {seconds:g} s (setting open_deadline).", _HINT)


def _crash(name: str, number: int) -> DatasetInvalid:
    return DatasetInvalid(f"{name!r} makes the HDF5 library crash ({signal.Signals(number).name}).", _HINT)


def _open(path: Path, settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is told by the process that we serve
    from starcyte.store.open import open_dataset

    try:
        open_dataset(path, settings).close()
    except StarcyteError:
        return  # whoever waits for us finds the same, and tells it
