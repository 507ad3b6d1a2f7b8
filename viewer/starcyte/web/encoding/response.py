"""A response with the type of its body."""

from __future__ import annotations

from typing import Generic, TypeVar

from flask import Response

T = TypeVar("T")


class ResponseOf(Response, Generic[T]):
    """A response whose JSON form is that of a struct; ``bytes``: a file; ``None``: without a body."""
