"""The proxy in front: which one is trusted, and the path prefix, client address and user that it sends."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from flask import g, request

from starcyte.errors import BadRequest, Forbidden, SettingInvalid
from starcyte.settings import Settings

_MAX_USER_LENGTH = 200
#: A key of the WSGI environment: the path of a dataset in a catalog, such as /d/pbmc
MOUNT_PATH = "starcyte.mount_path"
_PREFIX = re.compile(r"(/[A-Za-z0-9_.~-]+)+")


def trusted_prefix(settings: Settings) -> str:
    """Return the path prefix of the proxy, without a trailing slash; empty if there is none.

    A proxy that does not strip the prefix from requests need not send it (setting ``base_path``). A value that is not
    a plain path is ignored, as a client may have sent it.
    """
    named = request.headers.get("X-Forwarded-Prefix", "").rstrip("/") if settings.trust_prefix else ""
    given = named + request.environ.get(MOUNT_PATH, "") if named else request.script_root
    return given if _PREFIX.fullmatch(given) and ".." not in given else ""


def server_prefix(settings: Settings) -> str:
    """Return the path prefix of the server, which all datasets of a catalog share."""
    return trusted_prefix(settings).removesuffix(request.environ.get(MOUNT_PATH, ""))


def client_address(settings: Settings) -> str:
    """Return the address of the client, as sent by the trusted proxy in front."""
    peer = request.remote_addr or ""
    named = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return named[:64] if named and is_trusted(peer, settings) else peer


def is_secure(settings: Settings) -> bool:
    """Return whether the browser uses https, with this server or the trusted proxy in front."""
    named = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip()
    return request.is_secure or (named == "https" and is_trusted(request.remote_addr or "", settings))


def current_user(settings: Settings) -> str:
    """Return the user of the request: the one who signed in, else the one named by a trusted proxy, else empty.

    Raises
    ------
    Forbidden
        If the header with the user is not from a trusted proxy.
    BadRequest
        If the header has no valid name.
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
            f"Header {settings.user_header} was sent by {peer}, which is not a trusted proxy (trusted_proxies).",
            "Open this page through the site that signs you in.",
        )
    # WSGI decodes headers as latin-1; proxies send UTF-8
    try:
        name = given.encode("latin-1").decode("utf-8")
    except UnicodeError:
        name = given
    if len(name) > _MAX_USER_LENGTH or not name.isprintable():
        raise BadRequest(f"Header {settings.user_header} has no valid user name.", "Check the proxy.")
    return name


def is_trusted(peer: str, settings: Settings) -> bool:
    """Return whether an address is that of a trusted proxy."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    # an IPv6 socket shows IPv4 peers as mapped addresses
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in trusted_networks(settings.trusted_proxies))


@lru_cache(maxsize=8)
def trusted_networks(given: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Return the networks of the setting ``trusted_proxies``; raise SettingInvalid if it is invalid."""
    try:
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in given.split(",") if part.strip())
    except ValueError as error:
        raise SettingInvalid(
            f"Invalid trusted_proxies {given!r}: {error}.", "Use addresses or networks, such as 10.0.0.0/8."
        ) from None
