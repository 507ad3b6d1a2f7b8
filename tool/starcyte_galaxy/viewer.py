"""Viewer: a process of the command ``starcyte``."""

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
from starcyte_galaxy.job_config import ASK_ADMIN, Dataset, with_dataset_names

#: Seconds between SIGTERM and SIGKILL; Galaxy itself waits one second
TERMINATE_TIMEOUT = 0.5
_PR_SET_PDEATHSIG = 1
_RELAY_SECONDS = 5.0
_PRCTL = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)


class Viewer:
    """A running command of ``starcyte``.

    Its output is relayed to ours, with the names of datasets in place of those of their files. It ends when this
    process ends.

    Parameters
    ----------
    arguments
        The command and its arguments.
    datasets
        Its datasets.
    keep_output
        Whether to collect its standard output instead of relaying it.

    Raises
    ------
    JobError
        If the process cannot be started.
    """

    def __init__(self, arguments: Sequence[str], datasets: Sequence[Dataset], keep_output: bool = False) -> None:
        # UTF-8, whatever the locale of the job
        command = [os.fsencode(a) for a in (sys.executable, "-m", "starcyte")] + [
            a.encode("utf-8", "surrogateescape") for a in arguments
        ]
        self._datasets = datasets
        #: The last line of standard output, which has the cause of a session's end
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
            raise JobError(f"The viewer cannot be started: {error}.", ASK_ADMIN) from None
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
            text = with_dataset_names(line.decode("utf-8", "replace").rstrip("\n"), self._datasets)
            if to is sys.stdout:
                self.last_line = text
            print(text, file=to, flush=True)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, negative for the signal that ended the process; None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait until the process has ended and its output is relayed.

        Parameters
        ----------
        seconds
            The timeout; None: no timeout.

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
            # a child that it left behind may keep the pipe open
            relay.join(_RELAY_SECONDS)
        return status

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def wait_or_kill(self) -> None:
        """Wait for the end of the process; kill it after a timeout."""
        try:
            self._process.wait(TERMINATE_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """Kill the process if it runs."""
        if self._process.poll() is None:
            self._process.kill()


def _end_with_parent() -> None:
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)
