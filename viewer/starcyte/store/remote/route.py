"""Route: the connection to the host of a URL, at an address that was checked or through a proxy.

Without a proxy, a host name is resolved once, its addresses are checked, and the connection is made to one of them: a
name that resolves to another address a moment later (DNS rebinding) does not matter. The Host header, SNI and the check
of the certificate still use the name.

A proxy (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) resolves the name itself, so that the address cannot be pinned. The operator
who sets it is trusted to have a proxy that connects only to hosts which users may reach; a host that has a private
address for this machine is refused all the same.
"""

from __future__ import annotations

import http.client
import logging
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    ProxySchemeUnknown,
    SSLError,
)

from starcyte import __version__
from starcyte.errors import InputError, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.remote.address import resolve
from starcyte.store.remote.source import TransferError

_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})")
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"starcyte/{__version__}"}

# its warnings contain the URL, which may contain a key
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


class Unreachable(TransferError):
    """No connection could be made; another address of the host may be reachable."""


class Route:
    """Sends requests for one URL, over one connection as long as it is open.

    Parameters
    ----------
    parts
        The URL.
    pool
        The connection: to an address of the host, or through a proxy.
    target
        The URL for a proxy, its path and query otherwise.
    """

    def __init__(
        self, parts: SplitResult, pool: urllib3.HTTPConnectionPool | urllib3.ProxyManager, target: str
    ) -> None:
        self._host, self._pool, self._target = parts.hostname or "", pool, target
        self._headers = {**_HEADERS, "Host": _host_header(parts)}

    def to(self, parts: SplitResult) -> Route:
        """Return the route to another URL of the same host, over the same connections."""
        is_proxied = isinstance(self._pool, urllib3.ProxyManager)
        return Route(parts, self._pool, _without_fragment(parts) if is_proxied else _target(parts))

    def get(self, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """Return the response to a GET request, of which the body is not read yet.

        Redirects are not followed.

        Raises
        ------
        Unreachable, TransferError
            If no connection could be made, or it broke.
        RemoteFailed
            If the certificate is refused, or the proxy refuses.
        """
        try:
            return self._pool.urlopen(
                "GET",
                self._target,
                headers={**self._headers, **headers},
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                enforce_content_length=False,
            )
        except (HTTPError, OSError, http.client.HTTPException, ValueError) as error:
            raise self._failure(error) from None

    def close(self) -> None:
        """Close the connection."""
        if isinstance(self._pool, urllib3.ProxyManager):
            self._pool.clear()
        else:
            self._pool.close()

    def _failure(self, error: Exception) -> Exception:
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                return RemoteFailed(
                    f"The certificate of {self._host!r} is not trusted: {cause.verify_message.rstrip('.')}.",
                    "Check the URL; SSL_CERT_FILE names a file of further certificate authorities.",
                )
            refused = _TUNNEL_REFUSED.search(str(cause))
            if refused:
                return proxy_failure(int(refused[1]))
        if isinstance(error, ProxyError):
            return TransferError(f"the proxy cannot be reached: {reason(error)}")
        kind = Unreachable if isinstance(error, NewConnectionError | ConnectTimeoutError | SSLError) else TransferError
        return kind(reason(error))


def routes(parts: SplitResult, settings: Settings, connections: int = 1) -> Iterator[Route]:
    """Yield the ways to the host of a URL: the proxy, or each of its addresses.

    Parameters
    ----------
    parts
        The URL.
    settings
        ``remote_private`` and ``remote_timeout`` are used.
    connections
        Connections that are kept open, for as many threads.

    Raises
    ------
    TransferError
        If the host is not found.
    RemoteFailed
        If it has an address that is not public, and ``remote_private`` does not allow it.
    InputError
        If the environment names a proxy or a file of certificates that cannot be used.
    """
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    timeout = urllib3.Timeout(connect=settings.remote_timeout, read=settings.remote_timeout)
    proxy = _proxy_of(parts)
    if proxy is not None:
        if not settings.remote_private:
            with suppress(TransferError):  # a name that the proxy alone can resolve
                resolve(host, port, settings)
        yield Route(parts, _proxy_manager(proxy, timeout, connections), _without_fragment(parts))
        return
    for address in resolve(host, port, settings):
        if parts.scheme == "https":
            pool: urllib3.HTTPConnectionPool = urllib3.HTTPSConnectionPool(
                address,
                port,
                timeout=timeout,
                maxsize=connections,
                ssl_context=_tls_context(),
                server_hostname=host,
            )
        else:
            pool = urllib3.HTTPConnectionPool(address, port, timeout=timeout, maxsize=connections)
        yield Route(parts, pool, _target(parts))


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _without_fragment(parts: SplitResult) -> str:
    return parts._replace(fragment="").geturl()


def proxy_failure(status: int) -> Exception:
    """Return the error for a request that the proxy refused."""
    if status == 407:
        return RemoteFailed("The proxy requires a password.", "Set HTTPS_PROXY=http://user:password@host:port.")
    if status >= 500:
        return TransferError(f"the proxy answered {status}")
    return RemoteFailed(f"The proxy refuses the connection (status {status}).", "Check HTTPS_PROXY and NO_PROXY.")


def reason(error: BaseException) -> str:
    """Return the reason for an error of a connection, in the words of the system if possible."""
    *_, cause = _causes(error)
    if isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError):
        return "the server is silent"
    if isinstance(cause, http.client.IncompleteRead):
        return "the connection was closed early"
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__).rstrip(".")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and the errors that it wraps."""
    following: BaseException | None = error
    while following is not None:
        yield following
        wrapped = (arg for arg in following.args if isinstance(arg, BaseException))
        following = following.__cause__ or next(wrapped, None)


def _host_header(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    is_default = parts.port in {None, {"http": 80, "https": 443}[parts.scheme]}
    return host if is_default else f"{host}:{parts.port}"


def _proxy_of(parts: SplitResult) -> str | None:
    """Return the URL of the proxy that the environment names for a URL."""
    proxies = getproxies()
    if proxy_bypass(parts.netloc):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _proxy_manager(proxy: str, timeout: urllib3.Timeout, connections: int) -> urllib3.ProxyManager:
    context = _tls_context()
    try:
        given = urlsplit(proxy)
        login = f"{unquote(given.username or '')}:{unquote(given.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=login) if given.username is not None else None
        return urllib3.ProxyManager(
            proxy,
            proxy_headers=headers,
            timeout=timeout,
            maxsize=connections,
            ssl_context=context,
            proxy_ssl_context=context,
        )
    except (ProxySchemeUnknown, HTTPError, ValueError):
        raise InputError(
            "The proxy of the environment is not an http:// or https:// URL.", "Check HTTPS_PROXY and HTTP_PROXY."
        ) from None


def _tls_context() -> ssl.SSLContext:
    """Return a context that trusts the authorities of the system (or of SSL_CERT_FILE) and of REQUESTS_CA_BUNDLE.

    OpenSSL reads SSL_CERT_FILE by itself, but ignores a missing file.
    """
    context = ssl.create_default_context()
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        bundle = os.environ.get(name)
        try:
            if bundle:
                is_folder = Path(bundle).is_dir()
                context.load_verify_locations(**{"capath" if is_folder else "cafile": bundle})
        except OSError as error:
            raise InputError(
                f"The certificates {bundle!r} ({name}) cannot be read: {error.strerror or error}.", f"Check {name}."
            ) from None
    return context
