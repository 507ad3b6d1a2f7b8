"""A session of the viewer: started, waited for, started again where it was killed, stopped."""

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

from starcyte_galaxy import batch, collect, register
from starcyte_galaxy.errors import JobError
from starcyte_galaxy.stage import TELL_ADMIN, Dataset, Job
from starcyte_galaxy.viewer import Viewer

#: Seconds until the port listens; Python and its packages may come over a slow network file system.
READY_TIMEOUT = 300.0
#: How often a viewer that was killed is started again, what was made being on disk.
MOST_RESTARTS = 3
#: Seconds between looks at what was made.
LOOK_SECONDS = 1.0
#: Seconds between looks at whether Galaxy asked the job to end, or the viewer has.
POLL_SECONDS = 0.02
EVERYWHERE = "0.0.0.0"  # noqa: S104


class StopError(Exception):
    """Galaxy asked the job to end."""


class _Stop:
    """The handler of the signals that end a job: they are noted, and acted upon between two steps."""

    def __init__(self) -> None:
        self._requested = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._handle)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._requested = True

    def check(self) -> None:
        """Raise StopError if a signal came."""
        if self._requested:
            raise StopError


def viewer_arguments(
    job: Job, host: str, port: int, ready_file: Path, environ: Mapping[str, str] = os.environ
) -> list[str]:
    """Return the arguments that start the viewer.

    Parameters
    ----------
    job
        The session.
    host, port
        Where to listen.
    ready_file
        The file that the viewer writes once it listens.
    environ
        The job's environment.

    Returns
    -------
    list of str
        The command and its arguments.
    """
    if len(job.datasets) == 1:
        (dataset,) = job.datasets
        # with "=", a name that begins with a dash stays a value
        arguments = ["launch", str(dataset.path), f"--title={dataset.name}"]
    else:
        arguments = ["serve", str(catalog_file(job))]
    arguments += [
        *(f"--host={host}", f"--port={port}", f"--ready-file={ready_file}"),
        *("--trust-prefix", "--allow-framing", "--allow-finish"),
        # Galaxy's proxy alone leads here, by an address that nobody can guess
        *("--access=none", "--public"),
        # what is made lies beside what Galaxy collects: one file system, on which files can be renamed
        *(f"--outputs-dir={job.outputs}", f"--data-dir={job.outputs.parent / 'starcyte_data'}"),
    ]
    given = {
        "--index-file": job.index,
        "--session-file": job.session,
        "--color-by": job.color_by,
        "--first-embedding": job.embedding,
        # on Kubernetes, the ingress leaves the path in its requests
        "--base-path": environ.get("INTERACTIVETOOL_PATH", "").rstrip("/"),
    }
    arguments += [f"{flag}={value}" for flag, value in given.items() if value]
    if job.idle_minutes is not None:
        arguments.append(f"--idle-timeout={job.idle_minutes * 60}")
    return arguments + (["--read-only"] if job.read_only else [])


def catalog_file(job: Job) -> Path:
    """Return the file that names the datasets, where there are several."""
    return job.outputs.parent / "starcyte_catalog.json"


def catalog_of(datasets: Sequence[Dataset]) -> str:
    """Return the content of a catalog that the viewer serves.

    Parameters
    ----------
    datasets
        The datasets, each with an id.

    Returns
    -------
    str
        JSON that is YAML too: what is no ASCII stands for itself, for YAML knows no pairs of surrogates.
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
        0 where it was ended by its user, by Galaxy or for want of use, or where something was made in it, which an
        error would make useless in the history; else the viewer's own exit status.

    Raises
    ------
    JobError
        If the viewer cannot be started, or does not begin to listen.
    """
    collect.make_outputs_folder(job)
    report = collect.Report(job)
    if job.only_report:
        report.described([batch.describe(dataset) for dataset in job.datasets])
        return 0
    if len(job.datasets) > 1:
        catalog_file(job).write_text(catalog_of(job.datasets), encoding="utf-8")
    return _Session(job, report).run()


class _Session:
    def __init__(self, job: Job, report: collect.Report) -> None:
        self._job, self._report = job, report
        self._working = Path.cwd()
        self._ready_file = self._working / "starcyte_ready.json"
        self._entry = register.entry_point(self._working, job.port, job.galaxy_url)
        self._stop = _Stop()
        self._viewer: Viewer | None = None

    def run(self) -> int:
        try:
            port = self._entry.free_port() if self._entry else self._job.port
            ready = self._start(port)
            if ready is None and self._entry and port and not self._entry.free_port():
                # another session took the port between the look and the start, as in a class that starts all at once
                ready = self._start(0)
            if ready is not None:
                self._report.opened()
                if self._entry and not self._entry.register(ready["port"]):
                    _say("the job's folder cannot be written to, so Galaxy has to find the port by itself")
            status = self._wait(ready)
        except StopError:
            if self._viewer is not None:
                self._viewer.ask_to_leave()
                self._report.closed("by Galaxy")
                self._viewer.leave()
                self._report.closed("by Galaxy")
            return 0
        finally:
            if self._viewer is not None:
                self._viewer.kill()
        # a process that a signal ended has a negative status here, and by custom 128 more than the signal outside
        return status if status >= 0 else 128 - status

    def _start(self, port: int) -> dict[str, Any] | None:
        """Start the viewer, and return what its ready file says, or None where it ended before it wrote that."""
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
                raise JobError(
                    f"The viewer did not begin to listen within {READY_TIMEOUT:.0f} s.", f"Try again. {TELL_ADMIN}"
                )
            time.sleep(POLL_SECONDS)

    def _wait(self, ready: dict[str, Any] | None) -> int:
        """Wait until the viewer has ended for good, and return its exit status."""
        restarts = 0
        while True:
            status = self._end_of_viewer()
            if ready is None:
                return status
            if status < 0 and restarts < MOST_RESTARTS:
                # killed, for want of memory as a rule: what was made is on disk, and the page goes on where it was
                restarts += 1
                how = signal.Signals(-status).name
                _say(f"the viewer was ended by {how}; it is started again ({restarts} of {MOST_RESTARTS})")
                self._report.restarted(how)
                if self._start(ready["port"]) is not None:
                    continue
            return self._ended(status)

    def _end_of_viewer(self) -> int:
        """Wait until the viewer's process has ended, looking at what is made meanwhile, and return its exit status."""
        assert self._viewer is not None
        look = time.monotonic() + LOOK_SECONDS
        while (status := self._viewer.wait(POLL_SECONDS)) is None:
            self._stop.check()
            if time.monotonic() > look:
                self._report.refresh()
                look = time.monotonic() + LOOK_SECONDS
        self._stop.check()
        return status

    def _ended(self, status: int) -> int:
        assert self._viewer is not None
        if status == 0:
            self._report.closed(self._viewer.last_line.removeprefix("starcyte: ") or "by the viewer")
            return 0
        self._report.closed("the viewer failed; the job's error message says why")
        if self._report.saved:
            _say("the viewer failed, but what was made is in the saved files; so the job is no error")
            return 0
        return status


def _say(message: str) -> None:
    print(f"starcyte-galaxy: {message}", flush=True)  # noqa: T201
