"""Files of web servers: redirects are followed one by one, each checked as the first URL was."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias
from urllib.parse import urljoin

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from starcyte.errors import RemoteFailed
from starcyte.settings import Settings
from starcyte.store.remote.objects import Refused
from starcyte.store.remote.route import Route, Unreachable, proxy_failure, reason, routes
from starcyte.store.remote.source import Transfer, TransferError, check_allowed, shown_url, split_url

_MAX_REDIRECTS = 5
_CHUNK = 1 << 20
REDIRECTS = {301, 302, 303, 307, 308}
"""Statuses of redirects."""
# overload, or a gateway without its server: another attempt may succeed
_TEMPORARY = {408, 425, 429, 500, 502, 503, 504}
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")

Answer: TypeAlias = tuple[BaseHTTPResponse, Route]
"""A response, of which the body is not read yet, and the route that it came by."""


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
        """Return whether the file still has this version."""
        if not version:
            return False
        name = "If-None-Match" if _is_etag(version) else "If-Modified-Since"
        response, route = self.get({name: version})
        response.close()
        route.close()
        if response.status in {200, 304}:
            return response.status == 304
        raise failure_of(self._url, response)

    def transfer(self, start: int, version: str, stop: int | None = None) -> Transfer:
        """Request the bytes from start to stop (excluded) or to the end, provided that the file has this version."""
        is_range = (start > 0 or stop is not None) and _is_strong(version)
        last = "" if stop is None else stop - 1
        headers = {"Range": f"bytes={start}-{last}", "If-Range": version} if is_range else {}
        response, route = self.get(headers)

        def close() -> None:
            response.close()
            route.close()

        try:
            if response.status == 416 and headers:
                raise TransferError("it is shorter than the part downloaded so far", restart=True)
            if response.status not in {200, 206}:
                raise failure_of(self._url, response)
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise RemoteFailed(
                    f"{shown_url(self._url)} is sent compressed.", "Configure the server to send the file as it is."
                )
            begin, total = _extent(response, start if headers else 0)
        except BaseException:
            close()
            raise
        found = version_of(response)
        accepts_ranges = response.headers.get("Accept-Ranges") == "bytes" and _is_strong(found)
        return Transfer(begin, total, found, _chunks(response), close, accepts_ranges)

    def range_reader(self, version: str) -> HttpRangeReader:
        """Return a reader of ranges of one version."""
        return HttpRangeReader(self.get, self._url, version)

    def get(self, headers: dict[str, str]) -> Answer:
        """Return the response to a GET request, and its route; redirects are followed."""
        url = self._url
        for _ in range(_MAX_REDIRECTS + 1):
            parts = split_url(url)
            check_allowed(parts, self._settings)
            response, route = self._connect(url, headers)
            target = response.headers.get("Location")
            if response.status not in REDIRECTS or not target:
                return response, route
            response.close()
            route.close()
            following = urljoin(url, target)
            if parts.scheme == "https" and not following.startswith("https:"):
                raise RemoteFailed(
                    f"{shown_url(self._url)} redirects from https to another scheme.", "Give the final URL."
                )
            url = following
        raise RemoteFailed(f"{shown_url(self._url)} has too many redirects.", "Give the final URL.")

    def _connect(self, url: str, headers: dict[str, str]) -> Answer:
        failure = TransferError("the host has no address")
        for route in routes(split_url(url), self._settings):
            try:
                return route.get(headers), route
            except Unreachable as error:
                failure = error
                route.close()
            except BaseException:
                route.close()
                raise
        raise failure


class HttpRangeReader:
    """Reads byte ranges of one version of a file, over one connection as long as it is open.

    Parameters
    ----------
    get
        Requests the file with the given headers, following redirects.
    url
        The URL of the file, for messages.
    version
        The version.
    """

    def __init__(self, get: Callable[[dict[str, str]], Answer], url: str, version: str) -> None:
        self._get, self._url, self._version = get, url, version
        self._route: Route | None = None

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from start to stop (excluded)."""
        response = self._request({"Range": f"bytes={start}-{stop - 1}", "If-Range": self._version})
        try:
            if response.status in {200, 416}:
                raise TransferError("it was replaced", restart=True)
            if response.status != 206:
                raise failure_of(self._url, response)
            if version_of(response) != self._version:
                raise TransferError("it was replaced", restart=True)
            _extent(response, start)
            # one byte more than requested, and not all that a server may send
            body = response.read(stop - start + 1)
        except (HTTPError, OSError, http.client.HTTPException) as error:
            raise TransferError(reason(error)) from None
        finally:
            response.close()
        if len(body) != stop - start:
            raise TransferError(f"{len(body):,} bytes were received in place of {stop - start:,}")
        return body

    def _request(self, headers: dict[str, str]) -> BaseHTTPResponse:
        if self._route is not None:
            try:
                response = self._route.get(headers)
                if response.status == 206:
                    return response
                # the target of a redirect may be valid for some time only
                response.close()
            except TransferError:
                pass  # a server may close a connection that is not used for a while
            self.close()
        response, self._route = self._get(headers)
        return response

    def close(self) -> None:
        """Close the connection."""
        if self._route is not None:
            self._route.close()
            self._route = None


def version_of(response: BaseHTTPResponse) -> str:
    """Return the ETag of a response, or the time of change; empty if it has neither."""
    return response.headers.get("ETag") or response.headers.get("Last-Modified") or ""


def _extent(response: BaseHTTPResponse, requested: int) -> tuple[int, int | None]:
    """Return the offset of the first byte of a response, and the size of the file."""
    if response.status == 206:
        given = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not given or int(given[1]) != requested:
            raise TransferError("the server answered with another range than the requested one", restart=True)
        return requested, int(given[3])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isascii() and length.isdigit() else None


def _chunks(response: BaseHTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            # read1 returns the bytes that are there, so that a slow download is seen to progress
            chunk = response.read1(_CHUNK)
        except (HTTPError, OSError, http.client.HTTPException, ValueError) as error:
            raise TransferError(reason(error)) from None
        if not chunk:
            return
        yield chunk


def failure_of(url: str, response: BaseHTTPResponse) -> Exception:
    """Return the error for a response without the file."""
    if response.status == 407:
        return proxy_failure(response.status)
    if response.status in _TEMPORARY:
        pause = response.headers.get("Retry-After", "")
        seconds = float(pause) if pause.isascii() and pause.isdigit() and len(pause) <= 9 else 0.0
        return TransferError(f"the server answered {response.status}", pause=seconds)
    known = {401: "requires a password", 403: "refuses it", 404: "has no such file", 410: "no longer has it"}
    answer = known.get(response.status, f"answered {response.status}")
    kind = Refused if response.status in {401, 403} else RemoteFailed
    return kind(f"{shown_url(url)}: the server {answer}.", "Check the URL.")


def _is_etag(version: str) -> bool:
    return version.startswith(('"', "W/"))


def _is_strong(version: str) -> bool:
    return bool(version) and not version.startswith("W/")
