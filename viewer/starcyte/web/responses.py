"""Responses from structs and columns, with an ETag or without caching."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec
from flask import Response, request

from starcyte import __version__
from starcyte.settings import Settings
from starcyte.web.context import context
from starcyte.web.encoding.encode import encode
from starcyte.web.encoding.media import BINARY, CSV, JSON
from starcyte.web.encoding.response import ResponseOf

if TYPE_CHECKING:
    from starcyte.web.contract.columns import Columns
    from starcyte.web.encoding.wire import WireColumn

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)


def answer_json(answer: S, status: int = 200) -> ResponseOf[S]:
    """Return a struct as JSON; a number that is not finite becomes null."""
    return ResponseOf(encode(answer), status=status, mimetype=JSON)


def as_file(response: Response) -> ResponseOf[bytes]:
    """Return a response of flask's ``send_file`` with its type."""
    return cast("ResponseOf[bytes]", response)


def answer_uncached(answer: S) -> ResponseOf[S]:
    """Return a struct as JSON that is not cached."""
    response = answer_json(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


def answer_columns(read: Callable[[], tuple[int, Sequence[WireColumn]]], is_cached: bool = True) -> ResponseOf[Columns]:
    """Return columns in the media type that the request accepts, by default JSON.

    Parameters
    ----------
    read
        Returns the number of rows and the columns; not called if the client has them in its cache.
    is_cached
        Whether they depend on the file, the settings and the address only, so that a client may cache them.
    """
    from starcyte.web.encoding.wire import ENCODERS

    def make() -> ResponseOf[Columns]:
        form = accepted_form()
        n, columns = read()
        return ResponseOf(ENCODERS[form](n, columns), mimetype=form)

    if is_cached:
        return answer_cached(make)
    response = make()
    response.headers["Cache-Control"] = "no-store"
    return response


def accepted_form() -> str:
    """Return the media type of columns that the request accepts."""
    return str(request.accept_mimetypes.best_match([JSON, BINARY, CSV], default=JSON))


def answer_cached(make: Callable[[], ResponseOf[T]], more: str = "") -> ResponseOf[T]:
    """Return an answer that depends on the file and the settings only, or 304 if the client has it in its cache.

    Parameters
    ----------
    make
        Returns the answer.
    more
        Anything else that the answer depends on.
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
