"""What a session leaves in the history: the report, and the folder of files that Galaxy collects."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from starcyte_galaxy.errors import JobError
from starcyte_galaxy.stage import TELL_ADMIN, Dataset, Job, printable

#: The longest saved session whose content the report tells; of a longer one it names the files.
MOST_BYTES_READ = 16 << 20
#: Labels of an annotation, or names of sets and views, that the report names.
MOST_NAMED = 50

Line = tuple[str, str]


def viewer_version() -> str:
    """Return the version of the installed viewer, which is also this package's."""
    try:
        return metadata.version("starcyte")
    except metadata.PackageNotFoundError:
        return "(not installed as a package)"


def make_outputs_folder(job: Job) -> None:
    """Make the folder whose files Galaxy collects.

    Raises
    ------
    JobError
        If it cannot be made.
    """
    try:
        job.outputs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JobError(f"The folder for outputs {str(job.outputs)!r} cannot be made: {error}.", TELL_ADMIN) from None


class Report:
    """The session report, one plain text output of the job.

    A stop in Galaxy may end the job without a moment to write, so what stands in the file is true at any time.

    Parameters
    ----------
    job
        The session.
    now
        A clock, in UTC.
    """

    def __init__(self, job: Job, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._job = job
        self._now = now
        self._times: list[Line] = []
        self._states: dict[str, object] = {}
        self._made: dict[str, Sequence[Line]] = {}

    def opened(self) -> None:
        """Write that the session began."""
        self._times.append(("Opened", self._time()))
        self._write()

    def restarted(self, how: str) -> None:
        """Write that the viewer is started again.

        Parameters
        ----------
        how
            What ended it.
        """
        self._times.append(("Restarted", f"{self._time()} (the viewer was ended by {how})"))
        self._write()

    def closed(self, how: str) -> None:
        """Write that the session ended.

        Parameters
        ----------
        how
            By whom or by what it was ended.
        """
        self._times = [(what, when) for what, when in self._times if what != "Closed"]
        self._times.append(("Closed", f"{self._time()} ({how})"))
        self._write()

    def refresh(self) -> None:
        """Write it anew if something was made since it was written."""
        if self._times and any(self._look(d) != self._states[d.id] for d in self._job.datasets):
            self._write()

    def described(self, descriptions: Sequence[dict[str, Any]]) -> None:
        """Write what is in each dataset, without a session.

        Parameters
        ----------
        descriptions
            What ``starcyte inspect --json`` prints of each.
        """
        self._print(
            [_described(description) for description in descriptions],
            "No session was opened, as the tool was asked for this report alone.",
        )

    @property
    def saved(self) -> list[Path]:
        """The files that Galaxy will collect."""
        return [path for dataset in self._job.datasets for path in self._files(dataset)]

    def _files(self, dataset: Dataset) -> list[Path]:
        folder = self._job.outputs / dataset.id
        return sorted(p for p in folder.iterdir() if p.is_file()) if folder.is_dir() else []

    def _time(self) -> str:
        return f"{self._now():%Y-%m-%d %H:%M:%S} UTC"

    def _look(self, dataset: Dataset) -> object:
        found = []
        for path in self._files(dataset):
            try:
                status = path.stat()
            except FileNotFoundError:  # what was deleted in the page goes from the folder
                continue
            found.append((path, status.st_size, status.st_mtime_ns, status.st_ino))
        return found

    def _write(self) -> None:
        saved = []
        for dataset in self._job.datasets:
            state = self._look(dataset)
            if dataset.id not in self._states or state != self._states[dataset.id]:
                self._states[dataset.id], self._made[dataset.id] = state, self._contents(dataset)
            files = [
                f"{p.relative_to(self._job.outputs)} ({p.stat().st_size:,} bytes)"
                for p in self._files(dataset)
                if p.exists()
            ]
            saved.append(", ".join(files))
        if len(self._job.datasets) == 1:
            last = "To look at the dataset again, run the tool on it again"
            last += ", with the saved session to go on with what was made." if saved[0] else "."
        else:
            last = "To look at the datasets again, run the tool on them again."
            if any(saved):
                last += " To go on with what was made of one, run it on that one alone, with its saved session."
        made = [self._made[dataset.id] for dataset in self._job.datasets]
        self._print(
            [[*lines, ("Saved", files or "nothing")] for lines, files in zip(made, saved, strict=True)],
            last,
            self._times,
        )

    def _contents(self, dataset: Dataset) -> list[Line]:
        """Return what the saved session of a dataset says was made."""
        path = self._job.outputs / dataset.id / "session.json"
        try:
            if path.stat().st_size > MOST_BYTES_READ:
                return []
            session = json.loads(path.read_text(encoding="utf-8"))
            lines = [("Annotation", _annotation(annotation)) for annotation in session["annotations"]]
            sets = [f"{printable(s['name'])} ({len(s['genes']):,} genes)" for s in session["genesets"]]
            lines += [("Gene sets", _some(sets))] if sets else []
            for what, key in (("Views", "views"), ("Results", "results")):
                names = [printable(entry["name"]) for entry in session[key]]
                lines += [(what, _some(names))] if names else []
        except (OSError, ValueError, LookupError, TypeError):
            return []  # there is none yet, or it is of another version; the files are named all the same
        return lines

    def _print(self, of_each: Sequence[Sequence[Line]], last: str, times: Sequence[Line] = ()) -> None:
        """Write what there is to say of each dataset, and of the session."""
        heads = [[("Dataset", d.name), ("Size", f"{d.path.stat().st_size:,} bytes")] for d in self._job.datasets]
        session = [("Viewer", f"starcyte {viewer_version()}"), *times]
        if len(heads) == 1:
            paragraphs = [[*heads[0], *session, *of_each[0]]]
            last += " The dataset itself was not changed."
        else:
            paragraphs = [[("Datasets", f"{len(heads):,}"), *session]]
            paragraphs += [[*head, *lines] for head, lines in zip(heads, of_each, strict=True)]
            last += " The datasets themselves were not changed."
        text = "starcyte: session report\n\n"
        for paragraph in paragraphs:
            text += "".join(f"{heading:<12}{value}\n" for heading, value in paragraph) + "\n"
        text += f"{last}\n"
        try:
            _write_over(self._job.report, text.encode())
        except OSError as error:
            print(f"starcyte-galaxy: the session report cannot be written: {error}", flush=True)  # noqa: T201


def _write_over(path: Path, content: bytes) -> None:
    """Write a file that is whole at any time, also where this process is killed meanwhile.

    In place, as Galaxy chose this file, and renaming another one over it would break a mount; and never empty, as a
    file opened for writing is: at a stop, Galaxy leaves but a moment between its signal and the end.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(file, content, 0)
        os.ftruncate(file, len(content))
    finally:
        os.close(file)


def _described(description: dict[str, Any]) -> list[Line]:
    """Return what is in a dataset, of what ``starcyte inspect --json`` prints."""

    def named(key: str) -> str:
        return ", ".join(printable(str(entry["name"])) for entry in description[key]) or "none"

    return [
        ("Cells", f"{description['n_obs']:,}"),
        ("Genes", f"{description['n_vars']:,}"),
        ("Metadata", named("obs")),
        ("Embedded", named("embeddings")),
        ("Matrices", named("matrices")),
        *(("Warning", printable(warning)) for warning in description["warnings"]),
    ]


def _annotation(annotation: dict[str, Any]) -> str:
    # runs of cells, by turns of those that are not in it and those that are
    counts = [f"{printable(c['name'])} ({sum(c['cells'][1::2]):,})" for c in annotation["labels"]]
    return f"{printable(annotation['name'])}: {_some(counts) or 'no labels'}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
