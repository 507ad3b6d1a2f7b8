"""A file opened by another process first: damage in it may end the HDF5 library itself, and with it its process.

The library has no guard against every damaged byte: some make it crash, some make it run for ever, and Python can catch
neither. The process that is lost is one that nobody waits for.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from starcyte.errors import DatasetInvalid, StarcyteError
from starcyte.settings import Settings

_POLL_SECONDS = 0.01


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
        hint = "The file is damaged; copy or download it again."
        while True:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > self._deadline:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                raise DatasetInvalid(
                    f"Opening {self._name!r} takes longer than {self._seconds:g} s (setting open_deadline).", hint
                )
            time.sleep(_POLL_SECONDS)
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            raise DatasetInvalid(f"{self._name!r} makes the HDF5 library crash ({name}).", hint)


def _open(path: Path, settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is told by the process that we serve
    from starcyte.store.h5ad import H5adDataset

    try:
        H5adDataset(path, settings).close()
    except StarcyteError:
        return  # whoever waits for us finds the same, and tells it
