"""The description of a dataset, by ``starcyte inspect``."""

from __future__ import annotations

import json
import sys
from typing import Any

from starcyte_galaxy.errors import JobError
from starcyte_galaxy.job_config import Dataset
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


def describe(dataset: Dataset) -> dict[str, Any]:
    """Return the output of ``starcyte inspect --json``.

    Parameters
    ----------
    dataset
        The dataset.

    Returns
    -------
    dict
        The decoded JSON.

    Raises
    ------
    CommandFailedError
        If the dataset cannot be described.
    """
    sys.stdout.flush()
    viewer = Viewer(["inspect", str(dataset.path), "--json", f"--title={dataset.name}"], [dataset], keep_output=True)
    try:
        status = viewer.wait()
    finally:
        viewer.kill()
    if status:
        raise CommandFailedError(status)
    description: dict[str, Any] = json.loads(viewer.output)
    return description
