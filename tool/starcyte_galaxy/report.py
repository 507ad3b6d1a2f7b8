"""Report: the session report in the history, and the folder of files that Galaxy collects."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from starcyte_galaxy.errors import JobError
from starcyte_galaxy.job_config import ASK_ADMIN, Dataset, Job, printable

#: Size of the largest saved session whose content is reported; of a larger one only the files are
MAX_SESSION_BYTES = 16 << 20
#: Labels of an annotation, gene sets, views or results in a line of the report
MAX_LISTED = 50

Line = tuple[str, str]


def viewer_version() -> str:
    """Return the version of the installed viewer and of this package."""
    try:
        return metadata.version("starcyte")
    except metadata.PackageNotFoundError:
        return "(not installed as a package)"


def make_outputs_folder(job: Job) -> None:
    """Create the folder whose files Galaxy collects.

    Raises
    ------
    JobError
        If it cannot be created.
    """
    try:
        job.outputs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JobError(f"The output folder {str(job.outputs)!r} cannot be created: {error}.", ASK_ADMIN) from None


class Report:
    """The session report, a plain text output of the job.

    Galaxy may end the job without notice, so the file is kept up to date during the session.

    Parameters
    ----------
    job
        The session.
    now
        Returns the current time in UTC.
    """

    def __init__(self, job: Job, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._job = job
        self._now = now
        # once: a dataset may be purged while the session runs
        self._sizes = {dataset.id: _size(dataset.path) for dataset in job.datasets}
        self._times: list[Line] = []
        self._states: dict[str, list[tuple[Path, int, int, int]]] = {}
        self._contents: dict[str, Sequence[Line]] = {}

    def record_opened(self) -> None:
        """Record the start of the session."""
        self._times.append(("Opened", self._time()))
        self._write()

    def record_restarted(self, how: str) -> None:
        """Record a restart of the viewer.

        Parameters
        ----------
        how
            The signal that ended it.
        """
        self._times.append(("Restarted", f"{self._time()} (the viewer was ended by {how})"))
        self._write()

    def record_closed(self, how: str) -> None:
        """Record the end of the session.

        Parameters
        ----------
        how
            The cause of the end.
        """
        self._times = [(heading, time) for heading, time in self._times if heading != "Closed"]
        self._times.append(("Closed", f"{self._time()} ({how})"))
        self._write()

    def refresh(self) -> None:
        """Write the report if the files have changed since it was written."""
        if self._times and any(self._state(d) != self._states[d.id] for d in self._job.datasets):
            self._write()

    def write_descriptions(self, descriptions: Sequence[dict[str, Any]]) -> None:
        """Write the content of each dataset, without a session.

        Parameters
        ----------
        descriptions
            The output of ``starcyte inspect --json`` for each.
        """
        self._write_lines(
            [_described(description) for description in descriptions],
            "No session was opened: the tool was run for this report only.",
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

    def _state(self, dataset: Dataset) -> list[tuple[Path, int, int, int]]:
        """Return the path, size, time of change and inode of each saved file."""
        found = []
        for path in self._files(dataset):
            try:
                status = path.stat()
            except FileNotFoundError:  # the viewer deletes the files of deleted items
                continue
            found.append((path, status.st_size, status.st_mtime_ns, status.st_ino))
        return found

    def _write(self) -> None:
        saved = []
        for dataset in self._job.datasets:
            state = self._state(dataset)
            if dataset.id not in self._states or state != self._states[dataset.id]:
                self._states[dataset.id], self._contents[dataset.id] = state, self._read_content(dataset)
            files = [f"{path.relative_to(self._job.outputs)} ({size:,} bytes)" for path, size, *_ in state]
            saved.append(", ".join(files))
        if len(self._job.datasets) == 1:
            last = "To view the dataset again, run the tool on it again"
            last += ", with the saved session to continue from it." if saved[0] else "."
        else:
            last = "To view the datasets again, run the tool on them again."
            if any(saved):
                last += " To continue from the saved session of one, run it on that dataset only, with its session."
        contents = [self._contents[dataset.id] for dataset in self._job.datasets]
        self._write_lines(
            [[*lines, ("Saved", files or "nothing")] for lines, files in zip(contents, saved, strict=True)],
            last,
            [*_inputs(self._job), *self._times],
        )

    def _read_content(self, dataset: Dataset) -> list[Line]:
        """Return the content of the saved session of a dataset."""
        path = self._job.outputs / dataset.id / "session.json"
        try:
            if path.stat().st_size > MAX_SESSION_BYTES:
                return []
            session = json.loads(path.read_text(encoding="utf-8"))
            lines = [("Annotation", _annotation(annotation)) for annotation in session["annotations"]]
            sets = [f"{printable(s['name'])} ({len(s['genes']):,} genes)" for s in session["genesets"]]
            lines += [("Gene sets", _some(sets))] if sets else []
            for heading, key in (("Views", "views"), ("Results", "results")):
                names = [printable(entry["name"]) for entry in session[key]]
                lines += [(heading, _some(names))] if names else []
        except (OSError, ValueError, LookupError, TypeError):
            return []  # not written yet, or of another version; the report lists the files only
        return lines

    def _write_lines(self, of_each: Sequence[Sequence[Line]], last: str, times: Sequence[Line] = ()) -> None:
        """Write the lines of each dataset, those of the session, and a last sentence."""
        heads = [[("Dataset", d.name), ("Size", self._sizes[d.id])] for d in self._job.datasets]
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
    """Overwrite a file in one write, so that it is complete also if this process is killed.

    In place, as Galaxy may have mounted the file and renaming another over it would break the mount; and without
    truncating it first, as Galaxy kills the job shortly after its signal.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(file, content, 0)
        os.ftruncate(file, len(content))
    finally:
        os.close(file)


def _size(path: Path) -> str:
    try:
        if path.is_dir():
            return f"{sum(file.lstat().st_size for file in path.rglob('*') if file.is_file()):,} bytes"
        return f"{path.stat().st_size:,} bytes"
    except OSError:
        return "unknown"


def _inputs(job: Job) -> list[Line]:
    """Return the inputs of a session other than its datasets."""
    lines = [("Index", "prepared")] if job.index else []
    lines += [("Continued", "from a saved session")] if job.session else []
    return lines + ([("Changes", "disabled (read only)")] if job.read_only else [])


def _described(description: dict[str, Any]) -> list[Line]:
    """Return the content of a dataset from the output of ``starcyte inspect --json``."""

    def with_dataset_names(key: str) -> str:
        return ", ".join(printable(str(entry["name"])) for entry in description[key]) or "none"

    return [
        ("Cells", f"{description['n_obs']:,}"),
        ("Genes", f"{description['n_vars']:,}"),
        ("Metadata", with_dataset_names("obs")),
        ("Embedded", with_dataset_names("embeddings")),
        ("Matrices", with_dataset_names("matrices")),
        *(("Warning", printable(warning)) for warning in description["warnings"]),
    ]


def _annotation(annotation: dict[str, Any]) -> str:
    # run lengths, alternately outside and inside of the label
    counts = [f"{printable(c['name'])} ({sum(c['cells'][1::2]):,})" for c in annotation["labels"]]
    return f"{printable(annotation['name'])}: {_some(counts) or 'no labels'}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more
