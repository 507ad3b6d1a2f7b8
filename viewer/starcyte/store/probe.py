"""Probe: opens a file in another process first, as a damaged file may crash a library or keep it busy for ever.

Python cannot catch either. Only the process of the probe is lost.
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
    """A forked process that opens a file and exits.

    Parameters
    ----------
    path
        The file.
    settings
        ``open_deadline`` and the settings of opening are used.
    target
        The function that the process runs; by default it opens the file.
    """

    def __init__(
        self, path: Path, settings: Settings, target: Callable[[Path, Settings], object] | None = None
    ) -> None:
        self._path = path
        self._deadline = time.monotonic() + settings.open_deadline
        self._seconds = settings.open_deadline
        # forking a process with threads is not safe; then there is no probe
        self._pid = os.fork() if threading.active_count() == 1 else None
        if self._pid == 0:
            try:
                (target or _open)(path, settings)
            finally:
                os._exit(0)

    def wait(self) -> None:
        """Wait until the process has opened the file, or has failed with an ordinary error.

        Raises
        ------
        DatasetInvalid
            If the file crashed the process, or opening it takes too long.
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
                raise _too_slow(self._path.name, self._seconds)
            time.sleep(_POLL_SECONDS)
        if os.WIFSIGNALED(status):
            raise _crash(self._path, os.WTERMSIG(status))


def probe_in_new_process(path: Path, settings: Settings, is_cancelled: Callable[[], bool]) -> None:
    """Open a file in a new process: this one has threads, and must not be forked.

    Parameters
    ----------
    path
        The file.
    settings
        ``open_deadline`` and the settings of opening are used.
    is_cancelled
        Called several times a second; True ends the process.

    Raises
    ------
    DatasetInvalid
        If the file crashed the process, or opening it takes too long.
    Cancelled
        If it was cancelled.
    """
    process = multiprocessing.get_context("spawn").Process(target=_open, args=(path, settings), daemon=True)
    process.start()
    end = time.monotonic() + settings.open_deadline
    try:
        while process.exitcode is None:
            process.join(_POLL_SECONDS * 2)
            if is_cancelled():
                raise Cancelled("The viewer is stopping.")
            if process.exitcode is None and time.monotonic() > end:
                raise _too_slow(path.name, settings.open_deadline)
    finally:
        process.kill()
        process.join()
    if process.exitcode < 0:
        raise _crash(path, -process.exitcode)


def _too_slow(name: str, seconds: float) -> DatasetInvalid:
    return DatasetInvalid(f"Opening {name!r} takes longer than {seconds:g} s (open_deadline).", _HINT)


def _crash(path: Path, number: int) -> DatasetInvalid:
    # imported late, as the probe starts before anything else
    from starcyte.store.open import crash_error

    return crash_error(path, signal.Signals(number).name)


def _open(path: Path, settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the process that serves
    from starcyte.store.open import open_dataset

    try:
        dataset = open_dataset(path, settings)
        dataset.describe()  # reads samples of the matrices
        dataset.close()
    except StarcyteError:
        return  # the process that serves finds the same error, and reports it
