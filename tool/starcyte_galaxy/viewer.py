"""The viewer's process: its command line, what it says, how it leaves."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from starcyte_galaxy.environment import viewer_environment
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.stage import TELL_ADMIN, Dataset, named

#: Seconds the viewer has to leave. Galaxy itself waits one second before it kills.
LEAVE_TIMEOUT = 0.5
_PR_SET_PDEATHSIG = 1
_RELAY_SECONDS = 5.0
_PRCTL = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)


class Viewer:
    """A command of ``starcyte``, under way.

    What it says goes on to where we say things, with each dataset by the name that its user knows. It ends with us,
    however we end.

    Parameters
    ----------
    arguments
        The command and its arguments.
    datasets
        The datasets that it is about.
    keep_output
        Whether to keep what it says on standard output, instead of passing it on.

    Raises
    ------
    JobError
        If it cannot be started.
    """

    def __init__(self, arguments: Sequence[str], datasets: Sequence[Dataset], keep_output: bool = False) -> None:
        # UTF-8, whatever locale the job has
        command = [os.fsencode(a) for a in (sys.executable, "-m", "starcyte")] + [
            a.encode("utf-8", "surrogateescape") for a in arguments
        ]
        self._datasets = datasets
        #: The last line on standard output, which says why a session ended.
        self.last_line = ""
        self.output = b""
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                env=viewer_environment(os.environ, Path.cwd()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                preexec_fn=_end_with_parent,
            )
        except OSError as error:
            raise JobError(f"The viewer cannot be started: {error}.", TELL_ADMIN) from None
        assert self._process.stdout is not None and self._process.stderr is not None
        out = self._keep if keep_output else self._relay
        self._relays = [
            threading.Thread(target=out, args=(self._process.stdout, sys.stdout), daemon=True),
            threading.Thread(target=self._relay, args=(self._process.stderr, sys.stderr), daemon=True),
        ]
        for relay in self._relays:
            relay.start()

    def _keep(self, stream: IO[bytes], _to: IO[str]) -> None:
        self.output = stream.read()

    def _relay(self, stream: IO[bytes], to: IO[str]) -> None:
        for line in stream:
            text = named(line.decode("utf-8", "replace").rstrip("\n"), self._datasets)
            if to is sys.stdout:
                self.last_line = text
            print(text, file=to, flush=True)

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, negative for the signal that ended it; None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait until it has ended and all that it said was passed on.

        Parameters
        ----------
        seconds
            How long to wait; None: until it has ended.

        Returns
        -------
        int or None
            As `status`.
        """
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        for relay in self._relays:
            # what it started itself, and left behind, may hold the other end open
            relay.join(_RELAY_SECONDS)
        return status

    def ask_to_leave(self) -> None:
        """Ask it to end; return at once."""
        self._process.terminate()

    def leave(self) -> None:
        """Wait until it has ended, and make it if it does not."""
        try:
            self._process.wait(LEAVE_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """End it, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()


def _end_with_parent() -> None:
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)
