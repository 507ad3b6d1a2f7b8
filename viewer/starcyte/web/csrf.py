"""What is refused before it is looked at, and the headers that keep a page to itself."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import urlsplit

from flask import Response, g, request

from starcyte.errors import BadRequest, Forbidden, SettingInvalid
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
_LONGEST_USER = 200
#: Key of WSGI's environment: the path of a dataset in a catalog, such as /d/pbmc
MOUNT = "starcyte.mount"
_PREFIX = re.compile(r"(/[A-Za-z0-9_.~-]+)+")


def refuse_cross_site() -> None:
    """Refuse a request that changes something and comes from a page of another site.

    CORS does not protect what is behind Galaxy's proxy, which allows every origin. Browsers say where a request comes
    from in ``Sec-Fetch-Site``, and where they do not (plain HTTP), in ``RemoteSource``.

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
    given = named + request.environ.get(MOUNT, "") if named else request.script_root
    return given if _PREFIX.fullmatch(given) and ".." not in given else ""


def site_prefix(settings: Settings) -> str:
    """Return the path in front of the whole server, which the datasets of a catalog share."""
    return trusted_prefix(settings).removesuffix(request.environ.get(MOUNT, ""))


def client_address(settings: Settings) -> str:
    """Return the address that a request comes from, as the trusted proxy in front tells it."""
    peer = request.remote_addr or ""
    named = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return named[:64] if named and is_trusted(peer, settings) else peer


def is_secure(settings: Settings) -> bool:
    """Say whether the browser speaks https, to us or to the trusted proxy in front."""
    named = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip()
    return request.is_secure or (named == "https" and is_trusted(request.remote_addr or "", settings))


def current_user(settings: Settings) -> str:
    """Return who asks: empty where users are not told apart, and for a request that names nobody.

    Whoever has signed in is known already; else a trusted proxy may name the user.

    Raises
    ------
    Forbidden
        If somebody who is not a trusted proxy names a user.
    BadRequest
        If the name is none.
    """
    signed_in = g.get("identity")
    if signed_in is not None and signed_in.user:
        return str(signed_in.user)
    given = request.headers.get(settings.user_header) if settings.user_header else None
    if not given:
        return ""
    peer = request.remote_addr or ""
    if not is_trusted(peer, settings):
        raise Forbidden(
            f"Header {settings.user_header} names a user, but comes from {peer}, which is no trusted proxy"
            " (setting trusted_proxies).",
            "Come by way of the site.",
        )
    # headers are bytes, which arrive as latin-1; proxies send UTF-8
    try:
        name = given.encode("latin-1").decode("utf-8")
    except UnicodeError:
        name = given
    if len(name) > _LONGEST_USER or not name.isprintable():
        raise BadRequest(f"Header {settings.user_header} holds no name of a user.", "Check the proxy's configuration.")
    return name


def is_trusted(peer: str, settings: Settings) -> bool:
    """Say whether an address is one of those that may name the user."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    # a socket of version 6 shows peers of version 4 in its own notation
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in trusted_networks(settings.trusted_proxies))


@lru_cache(maxsize=8)
def trusted_networks(given: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Return the networks of the setting ``trusted_proxies``; raise SettingInvalid where it is none."""
    try:
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in given.split(",") if part.strip())
    except ValueError as error:
        raise SettingInvalid(
            f"Setting 'trusted_proxies' is {given!r}: {error}.", "Give addresses or networks, such as 10.0.0.0/8."
        ) from None


def protect(response: Response, settings: Settings) -> Response:
    """Add the headers that every answer carries."""
    policy = _POLICY if settings.allow_framing else (*_POLICY, "frame-ancestors 'self'")
    response.headers["Content-Security-Policy"] = "; ".join(policy)
    response.headers["X-Content-Type-Options"] = "nosniff"
    if not settings.robots:
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin" if settings.allow_framing else "same-origin"
    return response
