"""Errors."""

from __future__ import annotations

from starcyte.errors import StarcyteError
from starcyte.web.contract.base import Answer


class Error(Answer):
    """A problem and its solution."""

    code: str
    message: str
    hint: str


class ErrorAnswer(Answer):
    """The one shape of all errors."""

    error: Error


def error_of(error: StarcyteError) -> Error:
    """Return an exception as it is sent."""
    return Error(code=error.code, message=error.message, hint=error.hint)
