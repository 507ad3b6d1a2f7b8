"""What the wrappers ask for, in their JSON config files."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starcyte_galaxy.errors import JobError

TELL_ADMIN = "Please show this message to the administrator of this Galaxy server."
#: Formats of annotations, and the ending by which the viewer knows them.
ANNOTATION_ENDINGS = {"tabular": "tabular", "tsv": "tsv", "csv": "csv", "json": "json"}
#: The longest id that is made of a name; a number may follow it.
_LONGEST_ID = 56


@dataclass(frozen=True)
class Dataset:
    """A dataset of the history.

    Parameters
    ----------
    path
        Its file, where Galaxy keeps it. The file's name says nothing: it ends in ``.dat``.
    name
        Its name in the history, whatever characters it has.
    id
        What it is called in addresses, and the folder of its files below that of the outputs; empty where it is the
        only one.
    """

    path: Path
    name: str
    id: str = ""


def named(text: str, datasets: Iterable[Dataset]) -> str:
    """Return a message of the viewer with datasets by their names, in place of those of their files."""
    known = {
        spelling: f'"{dataset.name}"'
        for dataset in datasets
        for path in (dataset.path,)
        for spelling in (repr(str(path)), repr(path.name), str(path), path.name, repr(path.stem))
    }
    pattern = "|".join(re.escape(spelling) for spelling in sorted(known, key=len, reverse=True))
    return re.sub(pattern, lambda found: known[found[0]], text)


def with_ids(datasets: Sequence[Dataset]) -> tuple[Dataset, ...]:
    """Give each dataset an id that tells its name, in letters of ASCII, digits, ``-`` and ``_``.

    Parameters
    ----------
    datasets
        At least two.

    Returns
    -------
    tuple of Dataset
        The same datasets, the same ids whenever it is asked.
    """
    taken: set[str] = set()
    found = []
    for dataset in datasets:
        letters = unicodedata.normalize("NFKD", dataset.name.removesuffix(".h5ad")).encode("ascii", "ignore").decode()
        # a name that has no such letters tells nothing here; the report tells which is which
        base = re.sub(r"[^A-Za-z0-9-]+", "_", letters)[:_LONGEST_ID].strip("_-") or "dataset"
        id_, n = base, 1
        while id_.lower() in taken:
            n += 1
            id_ = f"{base}_{n}"
        taken.add(id_.lower())
        found.append(replace(dataset, id=id_))
    return tuple(found)


@dataclass(frozen=True)
class Job:
    """One session of the viewer, as the wrapper's config file describes it.

    Parameters
    ----------
    datasets
        The datasets, one or more.
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

    datasets: tuple[Dataset, ...]
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
class AnnotateConfig:
    """Annotations to write into a dataset.

    Parameters
    ----------
    dataset
        The dataset.
    annotations
        The file of the annotations.
    annotations_format
        Its datatype in Galaxy.
    output
        The file to write, below the working folder.
    """

    dataset: Dataset
    annotations: Dataset
    annotations_format: str
    output: Path


class Config:
    """What a wrapper wrote into its config file, or into a part of it.

    Parameters
    ----------
    values
        Key to value.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    @classmethod
    def read(cls, path: Path) -> Config:
        """Read a JSON file; raise JobError if it is not one that a wrapper writes."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise JobError(f"The job's config file {str(path)!r} cannot be read: {error}.", TELL_ADMIN) from None
        if not isinstance(values, dict):
            raise JobError(f"The job's config file {str(path)!r} holds no JSON object.", TELL_ADMIN)
        return cls(values)

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

    def datasets(self) -> tuple[Dataset, ...]:
        """Return the datasets, each file once; raise JobError if there is none, or one cannot be read."""
        given = self.take("datasets", list)
        if not given or not all(isinstance(entry, dict) for entry in given):
            raise JobError(f"The job's config file gives {given!r} as 'datasets'.", TELL_ADMIN)
        found: dict[Path, Dataset] = {}
        for entry in given:
            dataset = Config(entry).dataset()
            found.setdefault(dataset.path, dataset)
        return with_ids(list(found.values())) if len(found) > 1 else tuple(found.values())

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
    config = Config.read(path)
    job = Job(
        datasets=config.datasets(),
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
    if len(job.datasets) > 1:
        for given, what in ((job.index, "prepared column index"), (job.session, "saved session")):
            if given:
                raise JobError(
                    f"A {what} is of one dataset, and {len(job.datasets)} were given.",
                    f"Give that dataset alone, or leave the {what} out.",
                )
    return job


def read_annotate_config(path: Path) -> AnnotateConfig:
    """Read the config file of annotations to apply; raise JobError as `read_config` does."""
    config = Config.read(path)
    annotations_format = config.take("annotations_format", str)
    if annotations_format not in ANNOTATION_ENDINGS:
        raise JobError(
            f"Annotations cannot be read from the datatype {annotations_format!r}.",
            f"Give one of {', '.join(ANNOTATION_ENDINGS)}; the pencil of a dataset changes its datatype.",
        )
    annotations = Dataset(
        config.path("annotations"), printable(config.take("annotations_name", str)) or "the annotations"
    )
    _check_readable(annotations.path, f'The annotations "{annotations.name}"')
    return AnnotateConfig(config.dataset(), annotations, annotations_format, config.path("output"))


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
