"""What can go wrong in a job, said so that a Galaxy user knows what to do."""

from __future__ import annotations


class JobError(Exception):
    """The job cannot go on as it was set up.

    Parameters
    ----------
    message
        What is wrong, and which thing it is about.
    hint
        What the user, or the administrator, can do about it.
    """

    exit_status = 2

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint
