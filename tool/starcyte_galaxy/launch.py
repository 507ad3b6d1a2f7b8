"""The viewer's process: started, waited for, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from starcyte_galaxy import collect, register
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.stage import TELL_ADMIN, Job, viewer_environment

#: Seconds until the port listens; Python and its packages may come over a slow network file system.
READY_TIMEOUT = 300.0
#: Seconds the viewer has to leave. Galaxy itself waits one second before it kills.
LEAVE_TIMEOUT = 0.5
EVERYWHERE = "0.0.0.0"  # noqa: S104


class StopError(Exception):
    """Galaxy asked the job to end."""


class _Stop:
    """The handler of the signals that end a job.

    It interrupts only once armed: an exception while the process is being started would leave one nobody knows.
    """

    def __init__(self) -> None:
        self.requested = False
        self._armed = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._handle)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        if self._armed:
            raise StopError

    def arm(self) -> None:
        self._armed = True
        if self.requested:
            raise StopError

    def disarm(self) -> None:
        self._armed = False


def viewer_command(job: Job, host: str, port: int, ready_file: Path) -> list[bytes]:
    """Return the command line that starts the viewer.

    Parameters
    ----------
    job
        The session.
    host, port
        Where to listen.
    ready_file
        The file that the viewer writes once it listens.

    Returns
    -------
    list of bytes
        The arguments; UTF-8, whatever locale the job has.
    """
    # with "=", a name that begins with a dash stays a value
    arguments = [
        *("launch", str(job.dataset), f"--title={job.name}", f"--host={host}", f"--port={port}"),
        *(f"--ready-file={ready_file}", "--trust-prefix", "--allow-framing"),
    ]
    return [os.fsencode(a) for a in (sys.executable, "-m", "starcyte")] + [
        a.encode("utf-8", "surrogateescape") for a in arguments
    ]


def run(job: Job) -> int:
    """Run one session until it ends.

    Parameters
    ----------
    job
        The session.

    Returns
    -------
    int
        The viewer's own exit status, or 0 where Galaxy ended the session.

    Raises
    ------
    JobError
        If the viewer cannot be started, or does not begin to listen.
    """
    working = Path.cwd()
    collect.make_outputs_folder(job)
    report = collect.Report(job)
    entry = register.entry_point(working, job.port, job.galaxy_url)
    ready_file = working / "starcyte_ready.json"
    stop = _Stop()
    process = None
    try:
        port = entry.free_port() if entry else job.port
        process = _start(job, entry, port, ready_file)
        stop.arm()
        ready = _wait_ready(process, ready_file)
        if ready is None and entry and port and not entry.free_port():
            # another session took the port between the look and the start, as in a class that starts all at once
            stop.disarm()
            process = _start(job, entry, 0, ready_file)
            stop.arm()
            ready = _wait_ready(process, ready_file)
        if ready is not None:
            report.opened()
            if entry and not entry.register(ready["port"]):
                _say("the job's folder cannot be written to, so Galaxy has to find the port by itself")
        status = process.wait()
        stop.disarm()
        if ready is not None:
            report.closed("by the viewer" if status == 0 else "the viewer failed; the job's error message says why")
    except StopError:
        stop.disarm()
        if process is not None:
            process.terminate()
            report.closed("by Galaxy")
            _leave(process)
        return 0
    finally:
        if process is not None and process.poll() is None:
            process.kill()
    if stop.requested:
        return 0
    # a process that a signal ended has a negative status here, and by custom 128 more than the signal outside
    return status if status >= 0 else 128 - status


def _start(job: Job, entry: register.EntryPoint | None, port: int, ready_file: Path) -> subprocess.Popen[bytes]:
    with contextlib.suppress(FileNotFoundError):
        ready_file.unlink()
    command = viewer_command(job, entry.bind if entry else EVERYWHERE, port, ready_file)
    try:
        return subprocess.Popen(command, env=viewer_environment(os.environ, Path.cwd()), stdin=subprocess.DEVNULL)  # noqa: S603
    except OSError as error:
        raise JobError(f"The viewer cannot be started: {error}.", TELL_ADMIN) from None


def _wait_ready(process: subprocess.Popen[bytes], ready_file: Path) -> dict[str, Any] | None:
    """Return what the ready file says, or None where the process ended before it wrote it."""
    deadline = time.monotonic() + READY_TIMEOUT
    while True:
        ended = process.poll() is not None
        try:
            ready = json.loads(ready_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if ended:
                return None
        else:
            assert isinstance(ready, dict)
            return ready
        if time.monotonic() > deadline:
            raise JobError(
                f"The viewer did not begin to listen within {READY_TIMEOUT:.0f} s.", f"Try again. {TELL_ADMIN}"
            )
        time.sleep(0.02)


def _leave(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(LEAVE_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _say(message: str) -> None:
    print(f"starcyte-galaxy: {message}", flush=True)  # noqa: T201
