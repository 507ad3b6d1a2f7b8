"""Protection against cross-site requests."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request

from starcyte.errors import Forbidden
from starcyte.web.encoding.media import CLIENT


def refuse_cross_site() -> None:
    """Refuse an unsafe request from a page of another site.

    Browsers send ``Sec-Fetch-Site``, or, over plain HTTP, ``Origin``, which is the same for all ports of a host. Other
    ports are told apart by the header ``CLIENT``; it alone does not protect a server behind Galaxy's proxy, which
    allows every origin and header.

    Raises
    ------
    Forbidden
        If the request is one, or lacks the header.
    """
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        foreign = site not in {"same-origin", "none"}
    else:
        origin = request.headers.get("Origin")
        foreign = origin is not None and not _is_our_host(origin)
    if foreign:
        raise Forbidden("Cross-site request refused.", "Use the page of this server.")
    if not request.headers.get(CLIENT):
        raise Forbidden(
            f"The request has no header {CLIENT}, which every request that changes something needs.",
            f"Send it with any value, such as {CLIENT}: curl.",
        )


def _is_our_host(origin: str) -> bool:
    # without the port, as the proxy in front may listen on another
    try:
        ours, theirs = urlsplit(f"//{request.host}").hostname, urlsplit(origin).hostname
    except ValueError:  # such as a truncated IPv6 address
        return False
    return theirs is not None and theirs == ours
