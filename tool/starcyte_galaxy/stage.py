"""What the wrapper asks for: its JSON config file, and the environment the viewer gets."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starcyte_galaxy.errors import JobError

TELL_ADMIN = "Please show this message to the administrator of this Galaxy server."


@dataclass(frozen=True)
class Job:
    """One session of the viewer, as the wrapper's config file describes it.

    Parameters
    ----------
    dataset
        The dataset's file, where Galaxy keeps it. Its name says nothing: it ends in ``.dat``.
    name
        The dataset's name in the history, whatever characters it has.
    port
        The port that the tool declares for its entry point.
    report
        The output that becomes the session report. Galaxy chose this file and may have mounted it, so it is
        written in place and never replaced.
    outputs
        The folder whose files Galaxy collects when the job ends.
    galaxy_url
        Where Galaxy answers, seen from a job. Empty where Galaxy did not say.
    """

    dataset: Path
    name: str
    port: int
    report: Path
    outputs: Path
    galaxy_url: str = ""


def read_config(path: Path) -> Job:
    """Read the config file that the wrapper wrote.

    Parameters
    ----------
    path
        The JSON file.

    Returns
    -------
    Job
        What it asks for, with paths made absolute.

    Raises
    ------
    JobError
        If the file is not one that the wrapper writes, or the dataset it names cannot be read.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JobError(f"The job's config file {str(path)!r} cannot be read: {error}.", TELL_ADMIN) from None
    if not isinstance(config, dict):
        raise JobError(f"The job's config file {str(path)!r} holds no JSON object.", TELL_ADMIN)
    job = Job(
        dataset=Path(_take(config, "dataset", str)).absolute(),
        name=printable(_take(config, "name", str)) or "unnamed dataset",
        port=_take(config, "port", int),
        report=Path(_take(config, "report", str)).absolute(),
        outputs=Path(_take(config, "outputs", str)).absolute(),
        galaxy_url=_take(config, "galaxy_url", str, ""),
    )
    if not 0 < job.port < 65536:
        raise JobError(f"The job's config file gives {job.port} as the port.", TELL_ADMIN)
    _check_readable(job)
    return job


def _take(config: Mapping[str, Any], key: str, kind: type, default: Any = None) -> Any:
    value = config.get(key, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise JobError(f"The job's config file gives {value!r} as {key!r}.", TELL_ADMIN)
    return value


def _check_readable(job: Job) -> None:
    try:
        with job.dataset.open("rb"):
            return
    except FileNotFoundError:
        why, hint = "its file is not there", "It may have been purged: look whether the history still shows its size."
    except OSError as error:
        why, hint = error.strerror or str(error), TELL_ADMIN
    raise JobError(f'The dataset "{job.name}" cannot be opened: {why}.', hint)


def printable(name: str) -> str:
    """Return a history name as it can be handed to another program.

    Parameters
    ----------
    name
        Any text that JSON can hold.

    Returns
    -------
    str
        The same text without line breaks and control characters, and without the halves of broken surrogate pairs,
        which no argument of a program can carry.
    """
    # what cannot be encoded becomes a question mark
    whole = name.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in whole).split())


def viewer_environment(environ: Mapping[str, str], working: Path) -> dict[str, str]:
    """Return the environment to run the viewer in.

    Parameters
    ----------
    environ
        The job's own.
    working
        The job's working folder, used as a home where there is no other that can be written to: a job may run under a
        uid that has no passwd entry.

    Returns
    -------
    dict of str to str
        The job's own, settings of the viewer (``STARCYTE_...``) that an administrator gives the destination included.
    """
    env = dict(environ)
    # the name arrives as UTF-8, whatever locale the job has
    env["PYTHONUTF8"] = "1"
    # a lock on Galaxy's file store fails where that is NFS or read-only
    env["HDF5_USE_FILE_LOCKING"] = "FALSE"
    if not os.access(env.get("HOME") or "/nonexistent", os.W_OK):
        env["HOME"] = str(working)
    env.setdefault("TMPDIR", tempfile.gettempdir())
    # the column index goes with the job, unless the administrator gives a folder that all jobs of a dataset share
    env.setdefault("STARCYTE_CACHE_DIR", str(working / "cache"))
    slots = env.get("GALAXY_SLOTS", "")
    for name in ("STARCYTE_WORKERS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        env.setdefault(name, slots if slots.isdigit() and int(slots) else "1")
    return env
