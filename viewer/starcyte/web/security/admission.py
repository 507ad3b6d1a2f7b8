"""Admission of request bodies: the head of a request is routed and authorized before any of its body is read."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Response, current_app, g, request

from starcyte.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

#: Key of the WSGI environment of a head without its body: the list that takes the limit of the body
HEAD_ONLY = "starcyte.head_only"
#: Bytes of a body that no route reads, such as an empty object sent with a DELETE request
_IGNORED_BYTES = 4096


class BodyLimit(NamedTuple):
    """The limit of a request's body."""

    bytes: int
    name: str
    "The setting that limits it; empty for a constant."

    @property
    def text(self) -> str:
        """Return the limit as in messages."""
        return f"{self.bytes:,} bytes{f' ({self.name})' if self.name else ''}"


class Refusal(NamedTuple):
    """The response to a request whose body is not read."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


def admit(app: WSGIApplication, environ: WSGIEnvironment) -> BodyLimit | Refusal:
    """Return the limit of a request's body, or the error response that its head deserves.

    Parameters
    ----------
    app
        The application, with :func:`limit_body` in front of its routes.
    environ
        The environment of the request.
    """
    limits: list[BodyLimit] = []
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        started[:] = [status, headers]
        return lambda data: None

    answer: Iterable[bytes] = app(environ | {HEAD_ONLY: limits, "wsgi.input": io.BytesIO()}, start_response)
    try:
        body = b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    return limits[0] if limits else Refusal(started[0], started[1], body)


def limit_body(sizes: dict[str, str], settings: Settings) -> Response | None:
    """Limit the body of the present request; answer if only its head is here.

    Parameters
    ----------
    sizes
        The sizes of bodies by endpoint; see ``Route.size``.
    settings
        The settings that they name.
    """
    if request.routing_exception is not None and HEAD_ONLY in request.environ:
        raise request.routing_exception
    g.body_limit = limit = _limit(sizes.get(request.endpoint or "", ""), settings)
    request.max_content_length = limit.bytes
    if HEAD_ONLY not in request.environ:
        return None
    request.environ[HEAD_ONLY].append(limit)
    return Response(status=204)


def is_admitted() -> bool:
    """Return whether this is the head of a request that will follow as a whole."""
    return bool(request.environ.get(HEAD_ONLY))


def current_limit() -> BodyLimit:
    """Return the limit of the present request's body."""
    known: BodyLimit | None = g.get("body_limit")
    return known or BodyLimit(current_app.extensions["starcyte_settings"].max_body_bytes, "max_body_bytes")


def _limit(size: str, settings: Settings) -> BodyLimit:
    if not size or size.isdigit():
        return BodyLimit(int(size or _IGNORED_BYTES), "")
    if size == "max_small_body_bytes" and settings.max_body_bytes < settings.max_small_body_bytes:
        size = "max_body_bytes"
    return BodyLimit(getattr(settings, size), size)
