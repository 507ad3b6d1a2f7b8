"""The batch tools: prepare, inspect, apply annotations."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from starcyte_galaxy.errors import JobError
from starcyte_galaxy.inspection_page import inspection_page
from starcyte_galaxy.job_config import ANNOTATION_ENDINGS, AnnotateConfig, Config, Dataset, read_annotate_config
from starcyte_galaxy.viewer import Viewer


class CommandFailedError(JobError):
    """A command of the viewer failed, after printing an error message.

    Parameters
    ----------
    status
        Its exit status.
    """

    def __init__(self, status: int) -> None:
        super().__init__("The command failed.", "See the message above.")
        # a process ended by a signal has a negative status in Python, and 128 plus the signal in a shell
        self.exit_status = status if status >= 0 else 128 - status


def prepare(config: Config) -> int:
    """Write the column index of a dataset as one file.

    Parameters
    ----------
    config
        The ``dataset``, its ``name`` and the ``output``.

    Returns
    -------
    int
        The exit status.
    """
    dataset, output = config.dataset(), config.path("output")
    _run(dataset, "prepare", str(dataset.path), f"--title={dataset.name}", f"--output={output}")
    # the index is in it too, and Galaxy keeps the folder until it has moved the output
    shutil.rmtree(Path("cache"), ignore_errors=True)
    return 0


def inspect(config: Config) -> int:
    """Write the content of a dataset and its warnings as HTML and JSON.

    Parameters
    ----------
    config
        The ``dataset``, its ``name``, and the outputs ``html`` and ``json``.

    Returns
    -------
    int
        The exit status.
    """
    dataset, html, output = config.dataset(), config.path("html"), config.path("json")
    description = describe(dataset)
    output.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    html.write_text(inspection_page(dataset.name, dataset.path.stat().st_size, description), encoding="utf-8")
    return 0


def describe(dataset: Dataset) -> dict[str, Any]:
    """Return the output of ``starcyte inspect --json``."""
    output = _run(dataset, "inspect", str(dataset.path), "--json", f"--title={dataset.name}", keep_output=True)
    description: dict[str, Any] = json.loads(output)
    return description


def annotate(path: Path) -> int:
    """Write annotations into a copy of a dataset.

    Parameters
    ----------
    path
        The config file.

    Returns
    -------
    int
        The exit status.
    """
    config = read_annotate_config(path)
    dataset = config.dataset
    annotations = _with_ending(config)
    try:
        _run(
            dataset, "export", str(dataset.path), f"--title={dataset.name}", f"--output={config.output}",
            f"--annotations={annotations}",
        )  # fmt: skip
    finally:
        annotations.unlink()
    return 0


def _with_ending(config: AnnotateConfig) -> Path:
    """Return a link to the annotations whose name has the ending of their format; Galaxy's file name has none."""
    link = Path.cwd() / f"annotations.{ANNOTATION_ENDINGS[config.annotations_format]}"
    link.unlink(missing_ok=True)
    link.symlink_to(config.annotations.path)
    return link


def _run(dataset: Dataset, *arguments: str, keep_output: bool = False) -> bytes:
    sys.stdout.flush()
    viewer = Viewer(arguments, [dataset], keep_output)
    try:
        status = viewer.wait()
    finally:
        viewer.kill()
    if status:
        raise CommandFailedError(status)
    return viewer.output
