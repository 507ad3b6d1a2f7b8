"""The exception tree.

::

    StarcyteError               code, status, exit_status, message, hint
    ├── InputError              2     an option, setting or dataset is unusable
    │   ├── DatasetMissing      404   no such file
    │   ├── DatasetInvalid      422   not HDF5, not AnnData, truncated, inconsistent
    │   ├── FilterMissing       422   compressed with a filter that is not installed
    │   ├── RemoteFailed        502   a download failed
    │   ├── SettingInvalid      400   a setting has an invalid value
    │   └── AddressUnusable     -     the port is in use, or the host is not an address of this machine
    ├── RequestError            2     a request cannot be answered
    │   ├── BadRequest          400   malformed
    │   ├── NotFound            404   no such thing
    │   ├── NotSignedIn         401   authentication is required
    │   ├── TooManyAttempts     429   too many failed logins
    │   │   └── TooManyRequests 429   more requests than the operator allows
    │   ├── Forbidden           403   not allowed to this user, or from this site
    │   ├── Misdirected         421   sent to a host name that is not of this server
    │   ├── DatasetChanged      409   the file was replaced
    │   ├── Conflict            412   another revision than the request requires
    │   ├── LimitExceeded       413   over a limit, which it names
    │   └── TooManyJobs         429   the queue is full
    ├── DatasetLoading          503   not open yet
    ├── StorageUnusable         503   the database of annotations cannot be read or written
    │   └── StorageFull         507   the disk is full
    └── Cancelled               409   the computation was cancelled

Each message names the thing and its problem; the hint has a remedy. Every other exception is a defect of starcyte:
status 500, exit status 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self


class StarcyteError(Exception):
    """The base of all errors that are reported to users.

    Parameters
    ----------
    message
        The problem, with the name of the thing. One line.
    hint
        The remedy. One line, may be empty.
    """

    code = "error"
    status = 500
    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = one_line(message)
        self.hint = one_line(hint)

    def anew(self) -> Self:
        """Return a copy for keeping or for raising again.

        An error that was raised holds all that was in use then, the body of a request among it, for as long as it is
        kept; and one that is raised again and again holds what was in use each time.
        """
        copied = type(self).__new__(type(self), *self.args)
        copied.__dict__ |= self.__dict__
        return copied

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def as_dict(self) -> dict[str, str]:
        """Return the error as JSON, of which every error response consists."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class InputError(StarcyteError):
    """An option, a setting or the dataset is unusable."""

    code = "input_unusable"
    status = 422
    exit_status = 2


class DatasetMissing(InputError):
    """There is no file at the path."""

    code = "dataset_missing"
    status = 404


class DatasetInvalid(InputError):
    """The file is not an AnnData file, or is inconsistent."""

    code = "dataset_invalid"


class FilterMissing(InputError):
    """The file is compressed with an HDF5 filter that is not installed."""

    code = "filter_missing"


class RemoteFailed(InputError):
    """The dataset cannot be downloaded."""

    code = "remote_failed"
    status = 502


class SettingInvalid(InputError):
    """A setting has an invalid value."""

    code = "setting_invalid"
    status = 400


class AddressUnusable(InputError):
    """The address cannot be listened on."""

    code = "address_unusable"


class RequestError(StarcyteError):
    """A request that cannot be answered."""

    code = "bad_request"
    status = 400
    exit_status = 2


class BadRequest(RequestError):
    """A malformed request."""


class NotFound(RequestError):
    """The request names something that does not exist."""

    code = "not_found"
    status = 404


class NotSignedIn(RequestError):
    """The request is not authenticated."""

    code = "not_signed_in"
    status = 401


class TooManyAttempts(RequestError):
    """Too many failed logins.

    Parameters
    ----------
    message, hint
        As of every error.
    seconds
        Seconds until the next attempt is allowed.
    """

    code = "too_many_attempts"
    status = 429

    def __init__(self, message: str, hint: str = "", seconds: int = 1) -> None:
        super().__init__(message, hint)
        self.seconds = seconds


class TooManyRequests(TooManyAttempts):
    """The user or address has sent more requests than the operator allows."""

    code = "too_many_requests"


class Forbidden(RequestError):
    """The role of the user, or the origin of the request, does not allow it."""

    code = "forbidden"
    status = 403


class Misdirected(RequestError):
    """The request has the host name of another server."""

    code = "misdirected"
    status = 421


class DatasetChanged(RequestError):
    """The request is from a page that shows the file before it was replaced."""

    code = "dataset_changed"
    status = 409


class Conflict(RequestError):
    """The thing has another revision than the request requires, or exists already.

    Parameters
    ----------
    message, hint
        As of every error.
    current
        The current state; None: it does not exist.
    conflicts
        The parts that cannot be merged.
    revision
        The current revision; 0: it does not exist.
    """

    code = "conflict"
    status = 412

    def __init__(
        self,
        message: str,
        hint: str = "",
        current: object = None,
        conflicts: Sequence[object] = (),
        revision: int = 0,
    ) -> None:
        super().__init__(message, hint)
        self.current = current
        self.conflicts = conflicts
        self.revision = revision


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
    """The data folder or its database cannot be read or written."""

    code = "storage_unusable"
    status = 503
    exit_status = 2


class StorageFull(StorageUnusable):
    """The disk is full: the change was not saved, earlier ones are unaffected."""

    code = "storage_full"
    status = 507


class Cancelled(StarcyteError):
    """The work was cancelled."""

    code = "cancelled"
    status = 409


def one_line(text: str, limit: int = 500) -> str:
    """Return text, such as a string of a file, as one printable line.

    Parameters
    ----------
    text
        Any text.
    limit
        Characters, at most; the rest is replaced by an ellipsis.

    Returns
    -------
    str
        The text without control characters and line breaks.
    """
    folded = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"
