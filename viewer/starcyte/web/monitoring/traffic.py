"""Counters of requests, and the access log, which has no header, cookie, token or query."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from bisect import bisect_left
from collections import Counter, OrderedDict
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler

from flask import Response, g, request

from starcyte.errors import SettingInvalid
from starcyte.settings import Settings
from starcyte.web.security.admission import is_admitted
from starcyte.web.security.proxy import MOUNT_PATH, client_address

#: Upper bounds of the buckets of durations, in seconds
BUCKETS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}
_MOST_USERS = 10_000
_HERE_SECONDS = 900.0


class Traffic:
    """The requests of one server.

    Parameters
    ----------
    settings
        ``access_log`` and those of the proxy are used.

    Raises
    ------
    SettingInvalid
        If the log cannot be written.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self.started = time.time()
        self.requests: Counter[tuple[str, str, int]] = Counter()
        "The number of requests by method, route and status."
        self.durations = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self._users: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._log = _open_log(settings.access_log)

    def begin(self) -> None:
        """Record the start of a request."""
        g.began = time.perf_counter()

    def end(self, response: Response) -> Response:
        """Count an answered request, and write it to the access log."""
        if is_admitted():
            return response
        seconds = time.perf_counter() - g.get("began", time.perf_counter())
        identity = g.get("identity")
        user = identity.user if identity is not None else ""
        method = request.method if request.method in _METHODS else "other"
        address = client_address(self._settings)
        with self._lock:
            self.requests[method, request.endpoint or "none", response.status_code] += 1
            self.durations[bisect_left(BUCKETS, seconds)] += 1
            self.seconds += seconds
            if identity is not None:
                self._users[user, "" if user else address] = time.monotonic()
                self._users.move_to_end((user, "" if user else address))
                while len(self._users) > _MOST_USERS:
                    self._users.popitem(last=False)
        if self._log is not None:
            # without the path prefix of the proxy, which is a secret in Galaxy
            line = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "address": address,
                "user": user,
                "method": method,
                "path": (request.environ.get(MOUNT_PATH, "") + request.path)[:2000],
                "status": response.status_code,
                "bytes": response.content_length,
                "ms": round(seconds * 1000, 1),
            }
            self._log.handle(logging.LogRecord("access", logging.INFO, "", 0, json.dumps(line), None, None))
        return response

    def close(self) -> None:
        """Close the access log."""
        if self._log is not None:
            self._log.close()

    def users(self) -> list[tuple[str, str, float]]:
        """Return the recent users: the name, or the address if there is none, and the seconds since; latest first."""
        now = time.monotonic()
        with self._lock:
            found = [(user, address, now - when) for (user, address), when in reversed(self._users.items())]
        return [entry for entry in found if entry[2] <= _HERE_SECONDS]

    def counted(self) -> tuple[Counter[tuple[str, str, int]], list[int], float]:
        """Return requests by method, route and status; by class of duration; and the sum of all durations."""
        with self._lock:
            return self.requests.copy(), list(self.durations), self.seconds


def _open_log(place: str) -> logging.Handler | None:
    if not place:
        return None
    try:
        # reopens a file that logrotate has moved
        return logging.StreamHandler(sys.stdout) if place == "-" else WatchedFileHandler(place, encoding="utf-8")
    except OSError as error:
        raise SettingInvalid(
            f"The access log {place!r} cannot be written: {error.strerror}.", "Check its path."
        ) from None
