"""Protection against cross-site requests."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request

from starcyte.errors import Forbidden


def refuse_cross_site() -> None:
    """Refuse an unsafe request from a page of another site.

    CORS does not protect a server behind Galaxy's proxy, which allows every origin. Browsers send ``Sec-Fetch-Site``,
    or, over plain HTTP, ``Origin``.

    Raises
    ------
    Forbidden
        If the request is one.
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


def _is_our_host(origin: str) -> bool:
    # without the port, as the proxy in front may listen on another
    try:
        ours, theirs = urlsplit(f"//{request.host}").hostname, urlsplit(origin).hostname
    except ValueError:  # such as a truncated IPv6 address
        return False
    return theirs is not None and theirs == ours
