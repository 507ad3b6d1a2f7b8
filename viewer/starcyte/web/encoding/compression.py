"""Compression of answers."""

from __future__ import annotations

import gzip
import ipaddress

import zstandard
from flask import Response, current_app, request

_SMALLEST_COMPRESSED = 1024
#: The level of compression for clients on a slow line
_SLOW_LEVEL = 6
_OF_PAGE = ("text/html", "text/css", "text/javascript", "application/javascript")
_COMPRESSIBLE = ("text/", "application/json", "application/vnd.starcyte.columns", "application/javascript", "image/svg")


#: The size of the body before its compression, by which a client shows how much of it has arrived
LENGTH_HEADER = "X-Starcyte-Length"


def compress(response: Response) -> Response:
    """Compress a body for a client that accepts it and is not on this machine.

    A client that sends ``Save-Data: on`` is far away whatever its
    address: behind the port that ``ssh -L`` forwards, every client has the address of this machine. Files of the page
    are always compressed, because a client can measure its line by them alone.
    """
    if (
        response.direct_passthrough
        or response.status_code not in {200, 202}
        or "Content-Encoding" in response.headers
        or not (response.mimetype or "").startswith(_COMPRESSIBLE)
    ):
        return response
    response.vary.add("Accept-Encoding")
    response.vary.add("Save-Data")
    response.headers[LENGTH_HEADER] = str(response.content_length or 0)
    is_page = (response.mimetype or "").startswith(_OF_PAGE)
    if (_is_near() and not is_page) or (response.content_length or 0) < _SMALLEST_COMPRESSED:
        return response
    accepted = request.accept_encodings
    level = _SLOW_LEVEL if _is_slow() else 1
    if accepted.quality("zstd") > 0:
        response.set_data(zstandard.ZstdCompressor(level=level).compress(response.get_data()))
        response.headers["Content-Encoding"] = "zstd"
    elif accepted.quality("gzip") > 0:
        response.set_data(gzip.compress(response.get_data(), compresslevel=level))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _is_slow() -> bool:
    """Return whether the client says that its line is slow."""
    return request.headers.get("Save-Data") == "on"


def _is_near() -> bool:
    """Return whether the client is on this machine without a proxy between, where compression only costs time."""
    if current_app.extensions["starcyte_settings"].trust_prefix or _is_slow():
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
