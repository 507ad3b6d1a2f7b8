"""Compression of answers."""

from __future__ import annotations

import gzip
import ipaddress

import zstandard
from flask import Response, current_app, request

_SMALLEST_COMPRESSED = 1024
_COMPRESSIBLE = ("text/", "application/json", "application/vnd.starcyte.columns", "application/javascript", "image/svg")


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
    """Return whether the client is on this machine without a proxy between, where compression only costs time."""
    if current_app.extensions["starcyte_settings"].trust_prefix:
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
