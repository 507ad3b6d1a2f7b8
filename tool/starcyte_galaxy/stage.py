"""What the wrappers ask for, in their JSON config files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starcyte_galaxy.errors import JobError

TELL_ADMIN = "Please show this message to the administrator of this Galaxy server."
#: Formats of labels, and the ending by which the viewer knows them.
LABEL_ENDINGS = {"tabular": "tabular", "tsv": "tsv", "csv": "csv", "json": "json"}


@dataclass(frozen=True)
class Dataset:
    """A dataset of the history.

    Parameters
    ----------
    path
        Its file, where Galaxy keeps it. The file's name says nothing: it ends in ``.dat``.
    name
        Its name in the history, whatever characters it has.
    """

    path: Path
    name: str

    def named_in(self, text: str) -> str:
        """Return a message of the viewer with the dataset's name in place of its file's, which no user knows."""
        shown = f'"{self.name}"'
        for known in (repr(str(self.path)), repr(self.path.name), str(self.path), self.path.name, repr(self.path.stem)):
            text = text.replace(known, shown)
        return text


@dataclass(frozen=True)
class Job:
    """One session of the viewer, as the wrapper's config file describes it.

    Parameters
    ----------
    dataset
        The dataset.
    port
        The port that the tool declares for its entry point.
    report
        The output that becomes the session report. Galaxy chose this file and may have mounted it, so it is
        written in place and never replaced.
    outputs
        The folder whose files Galaxy collects when the job ends.
    galaxy_url
        Where Galaxy answers, seen from a job. Empty where Galaxy did not say.
    index
        A prepared column index, if one was given.
    session
        A saved session to go on with, if one was given.
    color_by, embedding
        What the page opens with; empty: it chooses.
    idle_minutes
        After how long without use the session ends; 0: never; None: as the destination says.
    read_only
        Whether nothing can be made.
    only_report
        Whether there is to be no session, but only its report.
    """

    dataset: Dataset
    port: int
    report: Path
    outputs: Path
    galaxy_url: str = ""
    index: Path | None = None
    session: Path | None = None
    color_by: str = ""
    embedding: str = ""
    idle_minutes: float | None = None
    read_only: bool = False
    only_report: bool = False


@dataclass(frozen=True)
class Annotation:
    """Labels to write into a dataset.

    Parameters
    ----------
    dataset
        The dataset.
    labels
        The file of the labels.
    labels_format
        Its datatype in Galaxy.
    output
        The file to write, below the working folder.
    """

    dataset: Dataset
    labels: Dataset
    labels_format: str
    output: Path


class Config:
    """A config file that a wrapper wrote.

    Parameters
    ----------
    path
        The JSON file.

    Raises
    ------
    JobError
        If it is not one that a wrapper writes.
    """

    def __init__(self, path: Path) -> None:
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise JobError(f"The job's config file {str(path)!r} cannot be read: {error}.", TELL_ADMIN) from None
        if not isinstance(values, dict):
            raise JobError(f"The job's config file {str(path)!r} holds no JSON object.", TELL_ADMIN)
        self._values: Mapping[str, Any] = values

    def take(self, key: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        """Return a value; raise JobError if it is not of its kind."""
        value = self._values.get(key, default)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise JobError(f"The job's config file gives {value!r} as {key!r}.", TELL_ADMIN)
        return value

    def path(self, key: str) -> Path:
        """Return a path, made absolute."""
        return Path(self.take(key, str)).absolute()

    def dataset(self) -> Dataset:
        """Return the dataset; raise JobError if it cannot be read."""
        dataset = Dataset(self.path("dataset"), printable(self.take("name", str)) or "unnamed dataset")
        _check_readable(dataset.path, f'The dataset "{dataset.name}"')
        return dataset

    def optional_input(self, key: str, what: str) -> Path | None:
        """Return the path of an input that may be left out; raise JobError if it was given and cannot be read."""
        if not self.take(key, str, ""):
            return None
        path = self.path(key)
        _check_readable(path, what)
        return path

    def minutes(self, key: str) -> float | None:
        """Return a number that is not negative, None where none was given."""
        value = self.take(key, (int, float, str, type(None)))
        if value is None or value in ("", "None"):
            return None
        try:
            number = float(value)
        except ValueError:
            number = -1
        if not 0 <= number < float("inf"):
            raise JobError(f"The session cannot end after {value!r} minutes.", "Give a number, or 0 for never.")
        return number


def read_config(path: Path) -> Job:
    """Read the config file of a session.

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
        If the file is not one that the wrapper writes, or an input it names cannot be read.
    """
    config = Config(path)
    job = Job(
        dataset=config.dataset(),
        port=config.take("port", int),
        report=config.path("report"),
        outputs=config.path("outputs"),
        galaxy_url=config.take("galaxy_url", str, ""),
        index=config.optional_input("index", "The prepared column index"),
        session=config.optional_input("session", "The saved session"),
        color_by=config.take("color_by", str, ""),
        embedding=config.take("embedding", str, ""),
        idle_minutes=config.minutes("idle_minutes"),
        read_only=config.take("read_only", bool, False),
        only_report=config.take("only_report", bool, False),
    )
    if not 0 < job.port < 65536:
        raise JobError(f"The job's config file gives {job.port} as the port.", TELL_ADMIN)
    return job


def read_annotation(path: Path) -> Annotation:
    """Read the config file of labels to apply; raise JobError as `read_config` does."""
    config = Config(path)
    labels_format = config.take("labels_format", str)
    if labels_format not in LABEL_ENDINGS:
        raise JobError(
            f"Labels cannot be read from the datatype {labels_format!r}.",
            f"Give one of {', '.join(LABEL_ENDINGS)}; the pencil of a dataset changes its datatype.",
        )
    labels = Dataset(config.path("labels"), printable(config.take("labels_name", str)) or "the labels")
    _check_readable(labels.path, f'The labels "{labels.name}"')
    return Annotation(config.dataset(), labels, labels_format, config.path("output"))


def _check_readable(path: Path, what: str) -> None:
    try:
        with path.open("rb"):
            return
    except FileNotFoundError:
        why, hint = "its file is not there", "It may have been purged: look whether the history still shows its size."
    except OSError as error:
        why, hint = error.strerror or str(error), TELL_ADMIN
    raise JobError(f"{what} cannot be opened: {why}.", hint)


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
