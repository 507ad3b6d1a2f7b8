"""The JSON config files that the wrappers write for a job."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starcyte_galaxy.errors import JobError

ASK_ADMIN = "Please show this message to the administrator of this Galaxy server."
#: Length of an id without the number that may be appended
_MAX_ID_LENGTH = 56
# the usual endings of datasets
_ENDING = re.compile(r"\.(h5ad|h5mu|loom|(spatialdata|zarr)\.zip|zarr)$")


@dataclass(frozen=True)
class Dataset:
    """A dataset of the history.

    Parameters
    ----------
    path
        Its file in Galaxy's file store, whose name ends in ``.dat``.
    name
        Its name in the history: any text.
    id
        Its id in URLs, and the name of its output folder; empty for a single dataset.
    """

    path: Path
    name: str
    id: str = ""


def with_dataset_names(text: str, datasets: Iterable[Dataset]) -> str:
    """Return a message of the viewer with the names of datasets in place of those of their files."""
    known = {
        spelling: f'"{dataset.name}"'
        for dataset in datasets
        for path in (dataset.path,)
        for spelling in (repr(str(path)), repr(path.name), str(path), path.name, repr(path.stem))
    }
    pattern = "|".join(re.escape(spelling) for spelling in sorted(known, key=len, reverse=True))
    return re.sub(pattern, lambda found: known[found[0]], text)


def with_ids(datasets: Sequence[Dataset]) -> tuple[Dataset, ...]:
    """Return the datasets with ids derived from their names, of ASCII letters, digits, ``-`` and ``_``.

    Parameters
    ----------
    datasets
        At least two.

    Returns
    -------
    tuple of Dataset
        The ids depend on the names and their order only.
    """
    taken: set[str] = set()
    found = []
    for dataset in datasets:
        letters = unicodedata.normalize("NFKD", _ENDING.sub("", dataset.name)).encode("ascii", "ignore").decode()
        # the report lists the names of datasets whose names have no ASCII letters
        base = re.sub(r"[^A-Za-z0-9-]+", "_", letters)[:_MAX_ID_LENGTH].strip("_-") or "dataset"
        id_, n = base, 1
        while id_.lower() in taken:
            n += 1
            id_ = f"{base}_{n}"
        taken.add(id_.lower())
        found.append(replace(dataset, id=id_))
    return tuple(found)


@dataclass(frozen=True)
class Job:
    """The configuration of one session of the viewer.

    Parameters
    ----------
    datasets
        The datasets, one or more.
    port
        The port that the tool declares for its entry point.
    report
        The file of the session report. Galaxy may have mounted it, so it is written in place and never replaced.
    outputs
        The folder whose files Galaxy collects when the job ends.
    galaxy_url
        The URL of Galaxy for jobs; empty if unknown.
    index
        A prepared column index.
    session
        A saved session to import.
    color_by, embedding
        The initial colouring and embedding; empty: automatic.
    idle_minutes
        Minutes without use after which the session ends; 0: never; None: the setting of the destination.
    read_only
        Whether users can change nothing.
    only_report
        Whether to write a report without a session.
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


class Config:
    """A config file, or a JSON object in it.

    Parameters
    ----------
    values
        The values by key.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    @classmethod
    def read(cls, path: Path) -> Config:
        """Read a config file; raise JobError if it is invalid."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise JobError(f"The job's config file {str(path)!r} cannot be read: {error}.", ASK_ADMIN) from None
        if not isinstance(values, dict):
            raise JobError(f"The job's config file {str(path)!r} is not a JSON object.", ASK_ADMIN)
        return cls(values)

    def take(self, key: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        """Return a value; raise JobError if it is of another type."""
        value = self._values.get(key, default)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise JobError(f"The job's config file has {value!r} as {key!r}.", ASK_ADMIN)
        return value

    def path(self, key: str) -> Path:
        """Return an absolute path."""
        return Path(self.take(key, str)).absolute()

    def dataset(self) -> Dataset:
        """Return the dataset; raise JobError if it cannot be read."""
        dataset = Dataset(self.path("dataset"), printable(self.take("name", str)) or "unnamed dataset")
        _check_readable(dataset.path, f'The dataset "{dataset.name}"')
        return dataset

    def datasets(self) -> tuple[Dataset, ...]:
        """Return the datasets without duplicate files; raise JobError if there is none or one cannot be read."""
        given = self.take("datasets", list)
        if not given or not all(isinstance(entry, dict) for entry in given):
            raise JobError(f"The job's config file has {given!r} as 'datasets'.", ASK_ADMIN)
        found: dict[Path, Dataset] = {}
        for entry in given:
            dataset = Config(entry).dataset()
            found.setdefault(dataset.path, dataset)
        return with_ids(list(found.values())) if len(found) > 1 else tuple(found.values())

    def optional_input(self, key: str, subject: str) -> Path | None:
        """Return the path of an optional input, or None; raise JobError if it cannot be read."""
        if not self.take(key, str, ""):
            return None
        path = self.path(key)
        _check_readable(path, subject)
        return path

    def minutes(self, key: str) -> float | None:
        """Return a number of minutes, or None."""
        value = self.take(key, (int, float, str, type(None)))
        if value is None or value in ("", "None"):
            return None
        try:
            number = float(value)
        except ValueError:
            number = -1
        if not 0 <= number < float("inf"):
            raise JobError(f"The session cannot end after {value!r} minutes.", "Enter a number, or 0 for never.")
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
        The configuration, with absolute paths.

    Raises
    ------
    JobError
        If the file is invalid, or an input cannot be read.
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
        raise JobError(f"The job's config file has {job.port} as the port.", ASK_ADMIN)
    if len(job.datasets) > 1:
        for optional, subject in ((job.index, "prepared column index"), (job.session, "saved session")):
            if optional:
                raise JobError(
                    f"A {subject} belongs to one dataset, but {len(job.datasets)} were selected.",
                    f"Select only that dataset, or omit the {subject}.",
                )
    return job


def _check_readable(path: Path, subject: str) -> None:
    try:
        # a store of Zarr is a folder
        if any((path / name).is_file() for name in ("zarr.json", ".zgroup")):
            return
        with path.open("rb"):
            return
    except FileNotFoundError:
        reason, hint = "its file does not exist", "It may have been purged: check whether the history shows its size."
    except OSError as error:
        reason, hint = error.strerror or str(error), ASK_ADMIN
    raise JobError(f"{subject} cannot be opened: {reason}.", hint)


def printable(name: str) -> str:
    """Return a name of the history as a valid argument of a program.

    Parameters
    ----------
    name
        Any text of JSON.

    Returns
    -------
    str
        The text without line breaks and control characters, with question marks for lone surrogates.
    """
    encodable = name.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in encodable).split())
