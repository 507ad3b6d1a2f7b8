"""What a session leaves in the history: the report, and the folder of files that Galaxy collects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata

from starcyte_galaxy.errors import JobError
from starcyte_galaxy.stage import TELL_ADMIN, Job


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
        self._opened = self._time()

    def opened(self) -> None:
        """Write that the session began."""
        self._write(("Opened", self._opened))

    def closed(self, how: str) -> None:
        """Write that the session ended.

        Parameters
        ----------
        how
            By whom or by what it was ended.
        """
        self._write(("Opened", self._opened), ("Closed", f"{self._time()} ({how})"))

    def _time(self) -> str:
        return f"{self._now():%Y-%m-%d %H:%M:%S} UTC"

    def _write(self, *times: tuple[str, str]) -> None:
        saved = sorted(p.name for p in self._job.outputs.iterdir() if p.is_file()) if self._job.outputs.is_dir() else []
        lines = [
            ("Dataset", self._job.name),
            ("Size", f"{self._job.dataset.stat().st_size:,} bytes"),
            ("Viewer", f"starcyte {viewer_version()}"),
            *times,
            ("Saved", ", ".join(saved) or "nothing"),
        ]
        text = "starcyte: session report\n\n" + "".join(f"{label:<10}{value}\n" for label, value in lines)
        text += "\nTo look at the dataset again, run the tool on it again. The dataset itself was not changed.\n"
        try:
            # in place: Galaxy chose this file, and renaming another one over it would break a mount
            self._job.report.write_text(text, encoding="utf-8")
        except OSError as error:
            print(f"starcyte-galaxy: the session report cannot be written: {error}", flush=True)  # noqa: T201
