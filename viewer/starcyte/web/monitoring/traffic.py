"""Requests counted and, where the operator wants it, written down: never a header, a cookie, a token or a query."""

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
from starcyte.web.security.proxy import MOUNT, client_address

#: Upper ends of the classes that durations are counted in, in seconds
CLASSES = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
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
        "Of each method, route and status, how many."
        self.durations = [0] * (len(CLASSES) + 1)
        self.seconds = 0.0
        self._users: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._log = _open_log(settings.access_log)

    def begin(self) -> None:
        """Note that a request has come."""
        g.began = time.perf_counter()

    def end(self, response: Response) -> Response:
        """Note how a request was answered."""
        seconds = time.perf_counter() - g.get("began", time.perf_counter())
        identity = g.get("identity")
        user = identity.user if identity is not None else ""
        method = request.method if request.method in _METHODS else "other"
        address = client_address(self._settings)
        with self._lock:
            self.requests[method, request.endpoint or "none", response.status_code] += 1
            self.durations[bisect_left(CLASSES, seconds)] += 1
            self.seconds += seconds
            if identity is not None:
                self._users[user, "" if user else address] = time.monotonic()
                self._users.move_to_end((user, "" if user else address))
                while len(self._users) > _MOST_USERS:
                    self._users.popitem(last=False)
        if self._log is not None:
            # the path in front of us may be a secret, as it is in Galaxy
            line = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "address": address,
                "user": user,
                "method": method,
                "path": (request.environ.get(MOUNT, "") + request.path)[:2000],
                "status": response.status_code,
                "bytes": response.content_length,
                "ms": round(seconds * 1000, 1),
            }
            self._log.handle(logging.LogRecord("access", logging.INFO, "", 0, json.dumps(line), None, None))
        return response

    def close(self) -> None:
        """Let go of the log."""
        if self._log is not None:
            self._log.close()

    def users(self) -> list[tuple[str, str, float]]:
        """Return who was here lately: name, or the address of who has none, and seconds since; the latest first."""
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
        # a file that was moved away is begun anew, as logrotate expects
        return logging.StreamHandler(sys.stdout) if place == "-" else WatchedFileHandler(place, encoding="utf-8")
    except OSError as error:
        raise SettingInvalid(f"The access log {place!r} cannot be written: {error.strerror}.", "Check it.") from None
