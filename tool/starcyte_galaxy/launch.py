"""One session of the viewer: start, restart after a kill, stop."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from starcyte_galaxy.description import describe
from starcyte_galaxy.entry_point import entry_point
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.job_config import ASK_ADMIN, Dataset, Job
from starcyte_galaxy.report import Report, make_outputs_folder
from starcyte_galaxy.viewer import Viewer

#: Seconds until the port listens; Python and its packages may be on a slow network file system
READY_TIMEOUT = 300.0
#: Restarts of a killed viewer; its data is on the disk
MAX_RESTARTS = 3
#: Seconds between updates of the report
REPORT_SECONDS = 1.0
#: Seconds between polls of signals and of the viewer's process
POLL_SECONDS = 0.02
EVERYWHERE = "0.0.0.0"  # noqa: S104


class StopError(Exception):
    """Galaxy has sent the job a signal to end."""


class _Stop:
    """The handler of the signals that end a job: it records them until the next check."""

    def __init__(self) -> None:
        self._requested = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._handle)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._requested = True

    def check(self) -> None:
        """Raise StopError if a signal was received."""
        if self._requested:
            raise StopError


def viewer_arguments(
    job: Job, host: str, port: int, ready_file: Path, environ: Mapping[str, str] = os.environ
) -> list[str]:
    """Return the arguments of the viewer.

    Parameters
    ----------
    job
        The session.
    host, port
        The address to listen on.
    ready_file
        The file that the viewer writes once it listens.
    environ
        The environment of the job.

    Returns
    -------
    list of str
        The command and its arguments.
    """
    if len(job.datasets) == 1:
        (dataset,) = job.datasets
        # with "=", a name that starts with a dash is not an option
        arguments = ["launch", str(dataset.path), f"--title={dataset.name}"]
    else:
        arguments = ["serve", str(catalog_file(job))]
    arguments += [
        *(f"--host={host}", f"--port={port}", f"--ready-file={ready_file}"),
        *("--trust-prefix", "--allow-framing", "--allow-finish"),
        # only Galaxy's proxy forwards requests here, from an address that cannot be guessed
        *("--access=none", "--public", "--allowed-hosts=*"),
        # beside the collected folder, on the same file system, so that files can be renamed into it
        *(f"--outputs-dir={job.outputs}", f"--data-dir={job.outputs.parent / 'starcyte_data'}"),
    ]
    optional = {
        "--index-file": job.index,
        "--session-file": job.session,
        "--color-by": job.color_by,
        "--first-embedding": job.embedding,
        # on Kubernetes, the ingress does not strip the path from requests
        "--base-path": environ.get("INTERACTIVETOOL_PATH", "").rstrip("/"),
    }
    arguments += [f"{flag}={value}" for flag, value in optional.items() if value]
    if job.idle_minutes is not None:
        arguments.append(f"--idle-timeout={job.idle_minutes * 60}")
    return arguments + (["--read-only"] if job.read_only else [])


def catalog_file(job: Job) -> Path:
    """Return the path of the catalog file, for several datasets."""
    return job.outputs.parent / "starcyte_catalog.json"


def catalog_of(datasets: Sequence[Dataset]) -> str:
    """Return the content of the catalog file.

    Parameters
    ----------
    datasets
        The datasets, each with an id.

    Returns
    -------
    str
        JSON that is also YAML: text is not escaped to ASCII, as YAML has no surrogate pairs.
    """
    entries = [{"path": str(d.path), "id": d.id, "title": d.name} for d in datasets]
    return json.dumps({"title": f"{len(datasets)} datasets", "datasets": entries}, ensure_ascii=False)


def run(job: Job) -> int:
    """Run one session until it ends.

    Parameters
    ----------
    job
        The session.

    Returns
    -------
    int
        0 if the user, Galaxy or the idle timeout ended it, or if it has saved files, which Galaxy would discard after
        an error; else the exit status of the viewer.

    Raises
    ------
    JobError
        If the viewer cannot be started or does not listen.
    """
    make_outputs_folder(job)
    report = Report(job)
    if job.only_report:
        report.write_descriptions([describe(dataset) for dataset in job.datasets])
        return 0
    if len(job.datasets) > 1:
        catalog_file(job).write_text(catalog_of(job.datasets), encoding="utf-8")
    return _Session(job, report).run()


class _Session:
    def __init__(self, job: Job, report: Report) -> None:
        self._job, self._report = job, report
        self._working = Path.cwd()
        self._ready_file = self._working / "starcyte_ready.json"
        self._entry = entry_point(self._working, job.port, job.galaxy_url)
        self._stop = _Stop()
        self._viewer: Viewer | None = None

    def run(self) -> int:
        try:
            port = self._entry.free_port() if self._entry else self._job.port
            ready = self._start(port)
            if ready is None and self._entry and port and not self._entry.free_port():
                # another session took the port meanwhile, as when a class starts at the same time
                ready = self._start(0)
            if ready is not None:
                self._report.record_opened()
                if self._entry and not self._entry.register(ready["port"]):
                    _print("the folder of the job cannot be written: Galaxy must find the port itself")
            status = self._wait(ready)
        except StopError:
            if self._viewer is not None:
                self._viewer.terminate()
                self._report.record_closed("by Galaxy")
                self._viewer.wait_or_kill()
                self._report.record_closed("by Galaxy")
            return 0
        finally:
            if self._viewer is not None:
                self._viewer.kill()
        # a process ended by a signal has a negative status in Python, and 128 plus the signal in a shell
        return status if status >= 0 else 128 - status

    def _start(self, port: int) -> dict[str, Any] | None:
        """Start the viewer, and return the content of its ready file; None if it ended before."""
        with contextlib.suppress(FileNotFoundError):
            self._ready_file.unlink()
        host = self._entry.bind if self._entry else EVERYWHERE
        self._viewer = Viewer(viewer_arguments(self._job, host, port, self._ready_file), self._job.datasets)
        deadline = time.monotonic() + READY_TIMEOUT
        while True:
            self._stop.check()
            ended = self._viewer.status is not None
            try:
                ready = json.loads(self._ready_file.read_text(encoding="utf-8"))
            except FileNotFoundError:
                if ended:
                    return None
            else:
                assert isinstance(ready, dict)
                return ready
            if time.monotonic() > deadline:
                raise JobError(f"The viewer did not listen within {READY_TIMEOUT:.0f} s.", f"Try again. {ASK_ADMIN}")
            time.sleep(POLL_SECONDS)

    def _wait(self, ready: dict[str, Any] | None) -> int:
        """Wait for the end of the viewer, restarting it if it was killed, and return its exit status."""
        restarts = 0
        while True:
            status = self._end_of_viewer()
            if ready is None:
                return status
            if status < 0 and restarts < MAX_RESTARTS:
                # usually killed for lack of memory; its data is on the disk, and the page reconnects
                restarts += 1
                how = signal.Signals(-status).name
                _print(f"the viewer was ended by {how} and is restarted ({restarts} of {MAX_RESTARTS})")
                self._report.record_restarted(how)
                if self._start(ready["port"]) is not None:
                    continue
            return self._ended(status)

    def _end_of_viewer(self) -> int:
        """Wait until the process has ended, updating the report meanwhile, and return its exit status."""
        assert self._viewer is not None
        next_report = time.monotonic() + REPORT_SECONDS
        while (status := self._viewer.wait(POLL_SECONDS)) is None:
            self._stop.check()
            if time.monotonic() > next_report:
                self._report.refresh()
                next_report = time.monotonic() + REPORT_SECONDS
        self._stop.check()
        return status

    def _ended(self, status: int) -> int:
        assert self._viewer is not None
        if status == 0:
            self._report.record_closed(self._viewer.last_line.removeprefix("starcyte: ") or "by the viewer")
            return 0
        self._report.record_closed("the viewer failed; see the error message of the job")
        if self._report.saved:
            _print("the viewer failed, but its files are saved; the job therefore does not fail")
            return 0
        return status


def _print(message: str) -> None:
    print(f"starcyte-galaxy: {message}", flush=True)  # noqa: T201
