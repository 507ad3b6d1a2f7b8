"""The objects below an http or https URL; each request, and each redirect, is checked as the URL itself was."""

from __future__ import annotations

import http.client
import re
import threading
import time
from urllib.parse import SplitResult, quote

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from starcyte.errors import Cancelled, RemoteFailed
from starcyte.settings import Settings
from starcyte.store.remote.http import REDIRECTS, HttpSource, failure_of, version_of
from starcyte.store.remote.objects import Part, Received
from starcyte.store.remote.route import Route, Unreachable, reason, routes
from starcyte.store.remote.source import TransferError, check_allowed, shown_url, split_url

_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
# a slower transfer ends after the timeout, though some bytes arrive now and then
_LEAST_RATE = 8 << 10
# of an object that a server without ranges sends from its start
_SKIPPED_BYTES = 64 << 20
_MISSING = {404, 410}


class WebObjects:
    """The objects below a URL of a web server.

    The query of the URL, which may be a signature, is that of each object's URL as well.

    Parameters
    ----------
    url
        The URL.
    settings
        ``remote_schemes``, ``remote_hosts``, ``remote_private``, ``remote_timeout`` and ``remote_connections`` are
        used.

    Raises
    ------
    InputError
        If the URL is malformed or not allowed.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self._parts, self._settings = split_url(url), settings
        check_allowed(self._parts, settings)
        self.shown = shown_url(url)
        self._lock = threading.Lock()
        self._route: Route | None = None
        self._closed = threading.Event()

    def get(self, part: Part, most: int, version: str = "") -> Received | None:
        """Request a part of an object."""
        parts = self._url_of(part.key)
        shown = f"{self.shown.rstrip('/')}/{part.key}" if part.key else self.shown
        headers = _range(part)
        if headers and version and not version.startswith("W/"):
            headers["If-Range"] = version
        response, route = self._request(parts, headers)
        try:
            if response.status in _MISSING:
                return None
            if response.status == 416:
                return Received(b"", 0, version_of(response))
            if response.status not in {200, 206}:
                raise failure_of(parts.geturl(), response)
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise RemoteFailed(f"{shown} is sent compressed.", "Configure the server to send files as they are.")
            found = version_of(response)
            if version and found != version:
                raise TransferError("it was replaced", restart=True)
            if response.status == 206:
                return self._part(response, part, most, found)
            return self._whole(response, part, most, found, shown)
        except (HTTPError, OSError, http.client.HTTPException) as error:
            raise TransferError(reason(error)) from None
        finally:
            # a response that was read to its end has given its connection back already
            response.close()
            if route is not None:
                route.close()

    def folders(self, key: str) -> list[str] | None:
        """Return None: a web server does not list its files."""
        return None

    def close(self) -> None:
        """Close the connections."""
        self._closed.set()
        self._forget_route(self._route)

    def _url_of(self, key: str) -> SplitResult:
        path = f"{self._parts.path.rstrip('/')}/{quote(key, safe='/')}" if key else self._parts.path
        return self._parts._replace(path=path)

    def _request(self, parts: SplitResult, headers: dict[str, str]) -> tuple[BaseHTTPResponse, Route | None]:
        """Return the response, and the route that must be closed after it."""
        route = self._known_route()
        if route is None:
            response, own = self._connect(parts, headers)
        else:
            own = None
            try:
                response = route.to(parts).get(headers)
            except TransferError:
                self._forget_route(route)
                raise
        if response.status not in REDIRECTS:
            return response, own
        response.close()
        if own is not None:
            own.close()
        return HttpSource(parts.geturl(), self._settings).get(headers)

    def _known_route(self) -> Route | None:
        if self._closed.is_set():
            raise Cancelled("The dataset was closed.")
        with self._lock:
            return self._route

    def _connect(self, parts: SplitResult, headers: dict[str, str]) -> tuple[BaseHTTPResponse, Route | None]:
        failure = TransferError("the host has no address")
        for route in routes(self._parts, self._settings, max(self._settings.remote_connections, 1)):
            try:
                response = route.to(parts).get(headers)
            except Unreachable as error:
                failure = error
                route.close()
            except BaseException:
                route.close()
                raise
            else:
                with self._lock:
                    if self._route is None:
                        self._route = route
                        return response, None
                return response, route
        raise failure

    def _forget_route(self, route: Route | None) -> None:
        """Resolve the host again for the next request."""
        with self._lock:
            if self._route is route:
                self._route = None
        if route is not None:
            route.close()

    def _part(self, response: BaseHTTPResponse, part: Part, most: int, version: str) -> Received:
        given = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not given:
            raise TransferError("the server answered with a range that it does not name")
        first, last, size = (int(n) for n in given.groups())
        start, stop = _extent(part, size)
        if (first, last + 1) != (start, stop) or stop - start > most:
            raise TransferError("the server answered with another range than the requested one")
        body = self._body(response, stop - start)
        if len(body) != stop - start:
            raise TransferError(f"{len(body):,} bytes were received in place of {stop - start:,}")
        return Received(body, size, version)

    def _whole(self, response: BaseHTTPResponse, part: Part, most: int, version: str, shown: str) -> Received:
        """Return all of an object, or a part of it if the server ignores ranges."""
        given = response.headers.get("Content-Length", "")
        stated = int(given) if given.isascii() and given.isdigit() and len(given) <= 19 else None
        allowed = most if part.is_whole else max(most, _SKIPPED_BYTES)
        if part.start is not None and part.length is not None:
            # what follows the part need not be received
            allowed = part.start + part.length
            if allowed > max(most, _SKIPPED_BYTES):
                raise _no_ranges(shown)
            body = self._body(response, min(allowed, stated if stated is not None else allowed))
            size = stated if stated is not None else len(body)
            if len(body) < min(allowed, size):
                raise TransferError(f"it ended after {len(body):,} of {size:,} bytes")
            return Received(body[part.start :], size, version)
        if (stated or 0) > allowed:
            raise _too_large(shown, allowed) if part.is_whole else _no_ranges(shown)
        body = self._body(response, allowed + 1 if stated is None else stated)
        if len(body) > allowed:
            raise _too_large(shown, allowed) if part.is_whole else _no_ranges(shown)
        if stated is not None and len(body) != stated:
            raise TransferError(f"it ended after {len(body):,} of {stated:,} bytes")
        start, stop = _extent(part, len(body))
        return Received(body[start:stop], len(body), version)

    def _body(self, response: BaseHTTPResponse, n: int) -> bytes:
        """Return up to n bytes of a response; fewer if it ends before."""
        deadline = time.monotonic() + self._settings.remote_timeout + n / _LEAST_RATE
        received, left = [], n
        while left > 0:
            # read1 returns the bytes that are there: a server that sends few at a time is noticed
            chunk = response.read1(min(_CHUNK, left))
            if not chunk:
                response.release_conn()
                break
            if self._closed.is_set():
                raise Cancelled("The dataset was closed.")
            if time.monotonic() > deadline:
                raise TransferError("the server is too slow")
            received.append(chunk)
            left -= len(chunk)
        if left == 0 and response.length_remaining == 0:
            response.drain_conn()  # ends the response, so that its connection is used again
            response.release_conn()
        return b"".join(received)


def _range(part: Part) -> dict[str, str]:
    if part.is_whole:
        return {}
    if part.start is None:
        return {"Range": f"bytes=-{part.length}"}
    last = "" if part.length is None else part.start + part.length - 1
    return {"Range": f"bytes={part.start}-{last}"}


def _extent(part: Part, size: int) -> tuple[int, int]:
    """Return the first byte of a part, and its end, in an object of some size."""
    if part.start is None:
        return max(size - (part.length or 0), 0), size
    return min(part.start, size), size if part.length is None else min(part.start + part.length, size)


def _too_large(shown: str, most: int) -> RemoteFailed:
    return RemoteFailed(f"{shown} has more than {most:,} bytes that are read at once.", "Write it with smaller chunks.")


def _no_ranges(shown: str) -> RemoteFailed:
    return RemoteFailed(
        f"{shown} is needed in parts, which the server does not send (range requests).",
        "Use a server that answers range requests, such as nginx, or a store without shards and without zip.",
    )
