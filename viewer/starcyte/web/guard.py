"""What is refused before it is looked at, and the headers that keep a page to itself."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Response, request

from starcyte.errors import Forbidden
from starcyte.settings import Settings

# Strings of the file are shown on Galaxy's own origin: no script but ours, from nowhere but here. Styles may be inline
# because the client's positions and widths are; they cannot call out, as nothing may be loaded from elsewhere.
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "font-src 'self'",
    "worker-src 'self'",
    "base-uri 'self'",
    "form-action 'none'",
)
_PREFIX = re.compile(r"(/[A-Za-z0-9_.~-]+)+")


def refuse_cross_site() -> None:
    """Refuse a request that changes something and comes from a page of another site.

    CORS does not protect what is behind Galaxy's proxy, which allows every origin. Browsers say where a request comes
    from in ``Sec-Fetch-Site``, and where they do not (plain HTTP), in ``Origin``.

    Raises
    ------
    Forbidden
        If it does.
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
        raise Forbidden("The request comes from a page of another site.", "Use the viewer's own page.")


def _is_our_host(origin: str) -> bool:
    # names alone are compared: a proxy in front may listen on another port
    try:
        ours, theirs = urlsplit(f"//{request.host}").hostname, urlsplit(origin).hostname
    except ValueError:  # such as half an address of version 6
        return False
    return theirs is not None and theirs == ours


def trusted_prefix(settings: Settings) -> str:
    """Return the path in front of ours that the proxy names, without a slash at the end; empty where there is none.

    A proxy that leaves the path in its requests need not name it (setting ``base_path``). A value that is not a plain
    path is ignored: a client may have sent it.
    """
    named = request.headers.get("X-Forwarded-Prefix", "").rstrip("/") if settings.trust_prefix else ""
    given = named or request.script_root
    return given if _PREFIX.fullmatch(given) and ".." not in given else ""


def protect(response: Response, settings: Settings) -> Response:
    """Add the headers that every answer carries."""
    policy = _POLICY if settings.allow_framing else (*_POLICY, "frame-ancestors 'self'")
    response.headers["Content-Security-Policy"] = "; ".join(policy)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin" if settings.allow_framing else "same-origin"
    return response
