"""Answers: in the form asked for, with an ETag, compressed where that helps."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import ipaddress
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import msgspec
import zstandard
from flask import Response, current_app, request

from starcyte import __version__
from starcyte.errors import BadRequest, LimitExceeded
from starcyte.settings import Settings
from starcyte.web.context import context
from starcyte.web.contract.encode import encode
from starcyte.web.media import BINARY, CSV, JSON

if TYPE_CHECKING:
    from starcyte.web.contract.columns import Columns
    from starcyte.web.wire import WireColumn

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

_SMALLEST_COMPRESSED = 1024
_COMPRESSIBLE = ("text/", "application/json", "application/vnd.starcyte.columns", "application/javascript", "image/svg")


class ResponseOf(Response, Generic[T]):
    """A response whose JSON form is that of a struct; ``bytes``: a file; ``None``: without a body."""


def answer_json(answer: S, status: int = 200) -> ResponseOf[S]:
    """Return a struct as JSON; a number that is not finite becomes null."""
    return ResponseOf(encode(answer), status=status, mimetype=JSON)


def as_file(response: Response) -> ResponseOf[bytes]:
    """Return a response of flask's ``send_file`` with its type."""
    return cast("ResponseOf[bytes]", response)


def answer_now(answer: S) -> ResponseOf[S]:
    """Return a struct as JSON that no cache keeps."""
    response = answer_json(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


def answer_columns(read: Callable[[], tuple[int, Sequence[WireColumn]]]) -> ResponseOf[Columns]:
    """Return columns in the form that the request accepts; JSON where it does not care.

    Parameters
    ----------
    read
        Called, unless the client has the columns already, for the number of rows and the columns.
    """
    from starcyte.web.wire import ENCODERS

    def make() -> ResponseOf[Columns]:
        form = accepted_form()
        n, columns = read()
        return ResponseOf(ENCODERS[form](n, columns), mimetype=form)

    return answer_once(make)


def accepted_form() -> str:
    """Return the form of columns that the request accepts."""
    return str(request.accept_mimetypes.best_match([JSON, BINARY, CSV], default=JSON))


def answer_once(make: Callable[[], ResponseOf[T]], more: str = "") -> ResponseOf[T]:
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
    response: ResponseOf[T] = ResponseOf(status=304) if request.if_none_match.contains_weak(etag) else make()
    response.set_etag(etag, weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.add("Accept")
    return response


@lru_cache
def _digest(settings: Settings, more: str) -> str:
    return hashlib.blake2b((repr(settings) + more).encode(), digest_size=4).hexdigest()


def gene_names(text: str, setting: str, needed: bool = True) -> list[str]:
    """Return the names in a line of CSV, in which a name with a comma is quoted.

    Parameters
    ----------
    text
        The line.
    setting
        The setting that limits their number.
    needed
        Whether there must be one.

    Raises
    ------
    BadRequest
        If there is none, or the line is not CSV.
    LimitExceeded
        If there are too many names.
    """
    most = getattr(context().settings, setting)
    try:
        names = [name for row in csv.reader(io.StringIO(text, newline="")) for name in row if name]
    except csv.Error as error:
        raise BadRequest(f"The list of genes is not valid CSV: {error}.", 'Quote names: "a,b",c.') from None
    if needed and not names:
        raise BadRequest("The list of genes is empty.", "Give their names, comma-separated.")
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
