"""Answers: in the form asked for, with an ETag, compressed where that helps."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import ipaddress
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import zstandard
from flask import Response, current_app, request

from starcyte import __version__
from starcyte.errors import BadRequest, LimitExceeded
from starcyte.settings import Settings
from starcyte.web.context import context
from starcyte.web.media import BINARY, CSV, JSON

if TYPE_CHECKING:
    from starcyte.web.wire import WireColumn

_SMALLEST_COMPRESSED = 1024
_COMPRESSIBLE = ("text/", "application/json", "application/vnd.starcyte.columns", "application/javascript", "image/svg")


def answer_json(data: Any, status: int = 200) -> Response:
    """Return JSON; NaN and infinity in it are a defect."""
    body = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Response(body, status=status, mimetype="application/json")


def answer_now(data: Any) -> Response:
    """Return JSON about this moment, which no cache keeps."""
    response = answer_json(data)
    response.headers["Cache-Control"] = "no-store"
    return response


def answer_columns(read: Callable[[], tuple[int, Sequence[WireColumn]]]) -> Response:
    """Return columns in the form that the request accepts; JSON where it does not care.

    Parameters
    ----------
    read
        Called, unless the client has the columns already, for the number of rows and the columns.
    """
    from starcyte.web.wire import ENCODERS

    def make() -> Response:
        form = accepted_form()
        n, columns = read()
        return Response(ENCODERS[form](n, columns), mimetype=form)

    return answer_once(make)


def accepted_form() -> str:
    """Return the form of columns that the request accepts."""
    return str(request.accept_mimetypes.best_match([JSON, BINARY, CSV], default=JSON))


def answer_once(make: Callable[[], Response], more: str = "") -> Response:
    """Return what depends on the file (and the settings) alone: not made again for a client that has it.

    Parameters
    ----------
    make
        Makes the answer.
    more
        What else it depends on.
    """
    ctx = context()
    etag = f"{ctx.dataset().revision}-{__version__}-{_digest(ctx.settings, more)}"
    response = Response(status=304) if request.if_none_match.contains_weak(etag) else make()
    response.set_etag(etag, weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.add("Accept")
    return response


@lru_cache
def _digest(settings: Settings, more: str) -> str:
    return hashlib.blake2b((repr(settings) + more).encode(), digest_size=4).hexdigest()


def body_json() -> dict[str, Any]:
    """Return the request's body, a JSON object.

    Raises
    ------
    BadRequest
        If it is something else.
    """
    if request.mimetype != "application/json":
        raise BadRequest("The body is not sent as JSON.", "Send Content-Type: application/json.")
    try:
        data = json.loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}.", "Send a JSON object.") from None
    if not isinstance(data, dict):
        raise BadRequest("The body is JSON, but not an object.", "Send a JSON object.")
    return data


def whole_number(given: Any, name: str, default: int | None, most: int | None = None) -> int | None:
    """Return a whole number that is not negative, from a query or a body.

    Raises
    ------
    BadRequest
        If it is something else.
    """
    if given is None:
        return default
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 16:
        given = int(given)
    if type(given) is not int or given < 0:
        raise BadRequest(f"{name} is {given!r}.", "Give a whole number that is not negative.")
    return given if most is None else min(given, most)


def names_listed(parameter: str, setting: str, needed: bool = True) -> list[str]:
    """Return the names of a query, from a line of CSV: a name that holds a comma is quoted.

    Parameters
    ----------
    parameter
        Of the query.
    setting
        The setting that says how many there may be.
    needed
        Whether there must be one.

    Raises
    ------
    BadRequest
        If there is none, or the line is not understood.
    LimitExceeded
        If there are more.
    """
    most = getattr(context().settings, setting)
    try:
        lines = csv.reader(io.StringIO(request.args.get(parameter, ""), newline=""))
        names = [name for row in lines for name in row if name]
    except csv.Error as error:
        raise BadRequest(f"The list of genes is not understood: {error}.", 'Quote names: "a,b",c.') from None
    if needed and not names:
        raise BadRequest("No gene is named.", f"Add ?{parameter}=<name>,<name>.")
    if len(names) > most:
        raise LimitExceeded(f"{len(names)} genes are more than {most} (setting {setting}).", "Ask for fewer.")
    return names


def compress(response: Response) -> Response:
    """Compress a body for a client that accepts it and is not on this machine."""
    if (
        response.direct_passthrough
        or response.status_code not in {200, 202}
        or "Content-Encoding" in response.headers
        or not (response.mimetype or "").startswith(_COMPRESSIBLE)
    ):
        return response
    response.vary.add("Accept-Encoding")
    if _is_near() or (response.content_length or 0) < _SMALLEST_COMPRESSED:
        return response
    accepted = request.accept_encodings
    if accepted.quality("zstd") > 0:
        response.set_data(zstandard.ZstdCompressor(level=1).compress(response.get_data()))
        response.headers["Content-Encoding"] = "zstd"
    elif accepted.quality("gzip") > 0:
        response.set_data(gzip.compress(response.get_data(), compresslevel=1))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _is_near() -> bool:
    """Say whether the client is on this machine, with no proxy between: there compressing costs more than it saves."""
    if current_app.extensions["starcyte_settings"].trust_prefix:
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
