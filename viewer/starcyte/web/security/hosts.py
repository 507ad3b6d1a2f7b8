"""The host names of the server. Requests to another one are refused: they come by DNS rebinding.

A page of evil.example whose name is then resolved to 127.0.0.1 is, to the browser, of the same origin as this server
at evil.example, and may read and change everything. Its requests have the name in the header Host, which no page can
change.
"""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache
from urllib.parse import urlsplit

from flask import request

from starcyte.errors import Misdirected
from starcyte.settings import SETTINGS, Settings
from starcyte.web.security.proxy import is_trusted

_DEFAULT_PROXIES = next(s.default for s in SETTINGS if s.name == "trusted_proxies")
_OWN_LOGIN = {"token", "password", "proxy"}


def refuse_other_hosts(settings: Settings) -> None:
    """Refuse a request to a name that is not of this server.

    Beyond this machine, a server with a login is reached by names that it does not know, and needs none of this: the
    cookie belongs to the right name.

    Raises
    ------
    Misdirected
        If it is one.
    """
    if is_own_host(settings) or (settings.access in _OWN_LOGIN and not _is_loopback(settings.host)):
        return
    raise Misdirected(
        f"{request.host!r} is not a name of this server (allowed_hosts).",
        "Open the address that starcyte printed, or start it with --allowed-hosts=NAME.",
    )


def is_own_host(settings: Settings) -> bool:
    """Return whether the present request has no other host name than one of this server."""
    if "Host" not in request.headers:
        return True
    name = _name(request.headers["Host"])
    if name is None:
        return False
    allowed = [text.strip().lower() for text in settings.allowed_hosts.split(",")]
    if any(part in {"*", name} or (part.startswith("*.") and name.endswith(part[1:])) for part in allowed):
        return True
    if name in {"localhost", settings.host.lower()} or _is_own_address(name, settings.host):
        return True
    if not _is_loopback(settings.host) and name == socket.gethostname().lower():
        return True
    return _has_proxy(settings) and is_trusted(request.remote_addr or "", settings)


def _name(host: str) -> str | None:
    """Return the name in a header Host, without the port: a tunnel may listen on another."""
    try:
        name = urlsplit(f"//{host.strip()}").hostname
    except ValueError:
        return None
    return name.removesuffix(".") if name else None


def _is_own_address(name: str, listening: str) -> bool:
    """Return whether a name is an address on which the server may listen; an address cannot be rebound."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback if _is_loopback(listening) else True


def _has_proxy(settings: Settings) -> bool:
    """Return whether the settings are those of a server behind a proxy."""
    named = settings.user_header or settings.trust_prefix or settings.base_path
    return bool(named) or settings.trusted_proxies != _DEFAULT_PROXIES


@lru_cache(maxsize=8)
def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() == "localhost"
