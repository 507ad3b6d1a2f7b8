"""Files from web servers: every host on the way is one that the operator allows, at an address that is looked at.

A name is looked up once, all its addresses are checked, and it is one of these that is connected to: a name that is
given another address a moment later (DNS rebinding) leads nowhere else. Redirects are followed one by one, each as
distrusted as the first URL.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import TypeAlias
from urllib.parse import SplitResult, urljoin

from starcyte import __version__
from starcyte.errors import RemoteFailed
from starcyte.settings import Settings
from starcyte.store.remote.source import Transfer, TransferError, check_place, split_url

_MOST_REDIRECTS = 5
_PIECE = 1 << 20
_REDIRECTS = {301, 302, 303, 307, 308}
# too much to do, or a part of the way is down: another attempt may do better
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
# what Python takes for public: protocols' own addresses (Oracle's clouds answer there), Azure's host of each machine,
# relays of version 6, addresses of a site
_NOT_PUBLIC = [ipaddress.ip_network(n) for n in ("192.0.0.0/24", "168.63.129.16", "192.88.99.0/24", "fec0::/10")]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_Answer: TypeAlias = tuple[http.client.HTTPResponse, http.client.HTTPConnection, SplitResult]
_Ask: TypeAlias = Callable[[dict[str, str]], _Answer]


class HttpSource:
    """A file at an http or https URL.

    Parameters
    ----------
    url
        The URL.
    settings
        ``remote_schemes``, ``remote_hosts``, ``remote_private`` and ``remote_timeout`` are used.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self._url, self._settings = url, settings

    def is_current(self, version: str) -> bool:
        """Say whether this is still the version there."""
        if not version:
            return False
        name = "If-None-Match" if _is_tag(version) else "If-Modified-Since"
        response, connection, _ = self._ask({name: version})
        response.close()
        connection.close()
        if response.status in {200, 304}:
            return response.status == 304
        raise _failure(self._url, response)

    def transfer(self, start: int, version: str, stop: int | None = None) -> Transfer:
        """Begin to read at a place, up to another or the end, where the version is still that."""
        is_part = (start > 0 or stop is not None) and _is_strong(version)
        last = "" if stop is None else stop - 1
        headers = {"Range": f"bytes={start}-{last}", "If-Range": version} if is_part else {}
        response, connection, _ = self._ask(headers)
        try:
            if response.status == 416 and headers:
                raise TransferError("it is shorter than what has come", begin_again=True)
            if response.status not in {200, 206}:
                raise _failure(self._url, response)
            if (response.getheader("Content-Encoding") or "identity") != "identity":
                raise RemoteFailed(
                    f"{_shown(self._url)} is sent compressed.", "Have the server send the file as it is."
                )
            begin, total = _extent(response, start if headers else 0)
        except BaseException:
            response.close()
            connection.close()
            raise
        found = _version(response)
        in_parts = response.getheader("Accept-Ranges") == "bytes" and _is_strong(found)

        def close() -> None:
            response.close()
            connection.close()

        return Transfer(begin, total, found, _pieces(response), close, in_parts)

    def parts(self, version: str) -> HttpParts:
        """Return what reads parts of a version."""
        return HttpParts(self._ask, self._url, version)

    def _ask(self, headers: dict[str, str]) -> _Answer:
        url = self._url
        for _ in range(_MOST_REDIRECTS + 1):
            parts = split_url(url)
            check_place(parts, self._settings)
            connection = _connect(parts, self._settings)
            response = _request(connection, parts, headers)
            target = response.getheader("Location")
            if response.status not in _REDIRECTS or not target:
                return response, connection, parts
            response.close()
            connection.close()
            following = urljoin(url, target)
            if parts.scheme == "https" and not following.startswith("https:"):
                raise RemoteFailed(f"{_shown(self._url)} leads from https to another scheme.", "Give its last address.")
            url = following
        raise RemoteFailed(f"{_shown(self._url)} leads from address to address.", "Give its last address.")


class HttpParts:
    """Parts of one version of a file, over one connection as long as that holds.

    Parameters
    ----------
    ask
        Asks for the file with some headers, wherever that leads.
    url
        The URL of the file, for messages.
    version
        The version.
    """

    def __init__(self, ask: _Ask, url: str, version: str) -> None:
        self._ask, self._url, self._version = ask, url, version
        self._kept: tuple[http.client.HTTPConnection, SplitResult] | None = None

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from start up to stop."""
        headers = {"Range": f"bytes={start}-{stop - 1}", "If-Range": self._version}
        response = self._answer(headers)
        done = False
        try:
            if response.status in {200, 416}:
                raise TransferError("it was replaced meanwhile", begin_again=True)
            if response.status != 206:
                raise _failure(self._url, response)
            if _version(response) != self._version:
                raise TransferError("it was replaced meanwhile", begin_again=True)
            _extent(response, start)
            # no more than was asked for, whatever is sent
            body = response.read(stop - start + 1)
            done = response.isclosed()
        except (OSError, http.client.HTTPException) as error:
            raise TransferError(_reason(error)) from None
        finally:
            response.close()
            if not done or response.will_close:
                self.close()
        if len(body) != stop - start:
            raise TransferError(f"{len(body):,} bytes came in place of {stop - start:,}")
        return body

    def _answer(self, headers: dict[str, str]) -> http.client.HTTPResponse:
        if self._kept is not None:
            connection, place = self._kept
            try:
                response = _request(connection, place, headers)
                if response.status == 206:
                    return response
                # the place that a redirect led to may be so for a while only
                response.close()
            except TransferError:
                pass  # a server may close what was not used for a while
            self.close()
        response, connection, place = self._ask(headers)
        self._kept = connection, place
        return response

    def close(self) -> None:
        """Let go of the connection."""
        if self._kept is not None:
            self._kept[0].close()
            self._kept = None


def _request(
    connection: http.client.HTTPConnection, place: SplitResult, headers: dict[str, str]
) -> http.client.HTTPResponse:
    try:
        connection.request(
            "GET",
            (place.path or "/") + (f"?{place.query}" if place.query else ""),
            headers={"Accept-Encoding": "identity", "User-Agent": f"starcyte/{__version__}", **headers},
        )
        return connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise TransferError(_reason(error)) from None


def addresses(host: str, port: int, settings: Settings) -> list[str]:
    """Return the addresses of a host, each of which may be connected to.

    Raises
    ------
    TransferError
        If the name is not known.
    RemoteFailed
        If one of them is private, loopback, link-local or the like, unless ``remote_private`` allows it.
    """
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise TransferError(f"the host {host!r} is not found: {_reason(error)}") from None
    if not settings.remote_private:
        for address in found:
            if not is_public(address):
                raise RemoteFailed(
                    f"The host {host!r} is at {address}, which is no public address.",
                    "--remote-private allows such addresses.",
                )
    return list(dict.fromkeys(found))


def is_public(address: str) -> bool:
    """Say whether an address is one of the open internet, whatever way it is written."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        # an address of version 4 may be wrapped in one of version 6
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    if any(ip in network for network in _NOT_PUBLIC):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _connect(parts: SplitResult, settings: Settings) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    reason: OSError | None = None
    for address in addresses(host, port, settings):
        try:
            raw: socket.socket = socket.create_connection((address, port), settings.remote_timeout)
        except OSError as error:
            reason = error
            continue
        try:
            if parts.scheme == "https":
                raw = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            raw.close()
            raise RemoteFailed(
                f"The certificate of {host!r} is refused: {error.verify_message}.", "Check the URL."
            ) from None
        except OSError as error:
            raw.close()
            reason = error
            continue
        # the name goes into the Host header alone
        connection = http.client.HTTPConnection(
            host if port in {80, 443} else parts.netloc, timeout=settings.remote_timeout
        )
        connection.sock = raw
        return connection
    raise TransferError(_reason(reason or OSError("it has no address")))


def _version(response: http.client.HTTPResponse) -> str:
    return response.getheader("ETag") or response.getheader("Last-Modified") or ""


def _extent(response: http.client.HTTPResponse, wanted: int) -> tuple[int, int | None]:
    """Return where the bytes begin, and how many the file has."""
    if response.status == 206:
        given = _RANGE.fullmatch(response.getheader("Content-Range") or "")
        if not given or int(given[1]) != wanted:
            raise TransferError("the server answered with another range than it was asked for", begin_again=True)
        return wanted, int(given[3])
    length = response.getheader("Content-Length") or ""
    return 0, int(length) if length.isascii() and length.isdigit() else None


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            # what has come, without waiting for the rest of a piece: a slow server is seen to move
            piece = response.read1(_PIECE)
        except http.client.IncompleteRead as error:
            raise TransferError("the connection was closed early") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise TransferError(_reason(error)) from None
        if not piece:
            return
        yield piece


def _failure(url: str, response: http.client.HTTPResponse) -> Exception:
    if response.status in _PASSING:
        return TransferError(f"the server answered {response.status}")
    known = {401: "asks for a password", 403: "refuses it", 404: "has no such file", 410: "has it no more"}
    reason = known.get(response.status, f"answered {response.status}")
    return RemoteFailed(f"{_shown(url)}: the server {reason}.", "Check the URL.")


def _shown(url: str) -> str:
    """Return a URL without what may be a key."""
    parts = split_url(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the server is silent"
    return str(getattr(error, "strerror", None) or error or type(error).__name__).rstrip(".")


def _is_tag(version: str) -> bool:
    return version.startswith(('"', "W/"))


def _is_strong(version: str) -> bool:
    return bool(version) and not version.startswith("W/")
