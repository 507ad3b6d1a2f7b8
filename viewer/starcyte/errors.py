"""The exception tree.

::

    StarcyteError               code, status, exit_status, message, hint
    ├── InputError              2     what was given cannot be used
    │   ├── DatasetMissing      404   no such file
    │   ├── DatasetInvalid      422   not HDF5, not AnnData, truncated, contradicts itself
    │   ├── FilterMissing       422   compressed by a filter that is not installed
    │   ├── RemoteFailed        502   a URL's host refuses, fails or lies
    │   ├── SettingInvalid      400   a setting's value
    │   └── AddressUnusable     -     the port is taken, the host is not ours
    ├── RequestError            2     a request that cannot be answered as asked
    │   ├── BadRequest          400   malformed
    │   ├── NotFound            404   names something that is not there
    │   ├── NotSignedIn         401   comes from nobody who may come in
    │   ├── TooManyAttempts     429   passwords that do not fit, too many of them
    │   │   └── TooManyRequests 429   more requests than the operator allows
    │   ├── Forbidden           403   refused by the guard
    │   ├── DatasetChanged      409   is of a file that is another by now
    │   ├── Conflict            412   what stands is not what the request was made for
    │   ├── LimitExceeded       413   over a limit, which it names
    │   └── TooManyJobs         429   the queue is full
    ├── DatasetLoading          503   not open yet
    ├── StorageUnusable         503   what users make cannot be kept or read
    │   └── StorageFull         507   the disk is full
    └── Cancelled               409   nobody waits for the answer any more

Each says what is wrong, which thing it is about, and what to do (the hint). Anything else that is raised is a defect
of starcyte's own: status 500, exit status 1.
"""

from __future__ import annotations


class StarcyteError(Exception):
    """The base of every error that a user is meant to read.

    Parameters
    ----------
    message
        What is wrong, and which thing it is about. One line.
    hint
        What to do about it. One line, may be empty.
    """

    code = "error"
    status = 500
    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = one_line(message)
        self.hint = one_line(hint)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def as_dict(self) -> dict[str, str]:
        """Return the one shape in which every error is answered."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class InputError(StarcyteError):
    """What was given on the command line, in the environment or as a dataset cannot be used."""

    code = "input_unusable"
    status = 422
    exit_status = 2


class DatasetMissing(InputError):
    """There is no file at the path."""

    code = "dataset_missing"
    status = 404


class DatasetInvalid(InputError):
    """The file is not an AnnData file, or contradicts itself."""

    code = "dataset_invalid"


class FilterMissing(InputError):
    """The file is compressed by an HDF5 filter that is not installed."""

    code = "filter_missing"


class RemoteFailed(InputError):
    """The dataset cannot be had from its URL."""

    code = "remote_failed"
    status = 502


class SettingInvalid(InputError):
    """A setting has a value that it cannot have."""

    code = "setting_invalid"
    status = 400


class AddressUnusable(InputError):
    """The address cannot be listened on."""

    code = "address_unusable"


class RequestError(StarcyteError):
    """A request that cannot be answered as asked."""

    code = "bad_request"
    status = 400
    exit_status = 2


class BadRequest(RequestError):
    """A malformed request."""


class NotFound(RequestError):
    """The request names something that is not there."""

    code = "not_found"
    status = 404


class NotSignedIn(RequestError):
    """Whoever asks has not come in, or cannot."""

    code = "not_signed_in"
    status = 401


class TooManyAttempts(RequestError):
    """Too many passwords or tokens that do not fit have come.

    Parameters
    ----------
    message, hint
        As of every error.
    seconds
        When the next may come.
    """

    code = "too_many_attempts"
    status = 429

    def __init__(self, message: str, hint: str = "", seconds: int = 1) -> None:
        super().__init__(message, hint)
        self.seconds = seconds


class TooManyRequests(TooManyAttempts):
    """Somebody asks more often than the operator allows."""

    code = "too_many_requests"


class Forbidden(RequestError):
    """The request is refused by the guard."""

    code = "forbidden"
    status = 403


class DatasetChanged(RequestError):
    """The request comes from a page that shows what the file was before it was changed."""

    code = "dataset_changed"
    status = 409


class Conflict(RequestError):
    """What stands is not what the request was made for: it has changed since, or is there already.

    Parameters
    ----------
    message, hint
        As of every error.
    current
        What stands; None where nothing does.
    """

    code = "conflict"
    status = 412

    def __init__(self, message: str, hint: str = "", current: object = None) -> None:
        super().__init__(message, hint)
        self.current = current


class LimitExceeded(RequestError):
    """The request is over a limit; the message names the setting."""

    code = "limit_exceeded"
    status = 413


class TooManyJobs(RequestError):
    """The queue of jobs is full."""

    code = "too_many_jobs"
    status = 429


class DatasetLoading(StarcyteError):
    """The dataset is not open yet."""

    code = "dataset_loading"
    status = 503


class StorageUnusable(StarcyteError):
    """What users make cannot be kept or read: the data folder or its database fails."""

    code = "storage_unusable"
    status = 503
    exit_status = 2


class StorageFull(StorageUnusable):
    """The disk is full; what was to be kept is not, and all that was kept before is."""

    code = "storage_full"
    status = 507


class Cancelled(StarcyteError):
    """The work was given up before it was done."""

    code = "cancelled"
    status = 409


def one_line(text: str, limit: int = 500) -> str:
    """Fold text from anywhere (a file's strings among it) into one printable line.

    Parameters
    ----------
    text
        Any text.
    limit
        The most characters to keep; the rest is replaced by an ellipsis.

    Returns
    -------
    str
        The text without control characters and line breaks.
    """
    folded = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"
