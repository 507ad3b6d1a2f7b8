"""JobError: an error of a job, with a hint for the Galaxy user."""

from __future__ import annotations


class JobError(Exception):
    """A job cannot run as configured.

    Parameters
    ----------
    message
        The problem, with the name of its object.
    hint
        The remedy, for the user or the administrator.
    """

    exit_status = 2

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint
