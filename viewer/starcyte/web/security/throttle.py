"""Throttle: a limit of failed logins, or of requests, per user and per address."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from starcyte.errors import TooManyAttempts

_MAX_KEYS = 10_000


class Throttle:
    """A leaky bucket of failures for each key.

    Parameters
    ----------
    limit
        The size of the bucket.
    seconds
        The time in which a full bucket drains.
    error, message
        Raised when the bucket is full.
    """

    def __init__(
        self,
        limit: int,
        seconds: float,
        error: type[TooManyAttempts] = TooManyAttempts,
        message: str = "Too many failed attempts.",
    ) -> None:
        self._limit, self._seconds = max(limit, 1), seconds
        self._error, self._message = error, message
        self._lock = threading.Lock()
        #: the level of each key and its time; the key that failed last is last
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, *keys: str) -> None:
        """Raise the error if the bucket of one of these keys is full."""
        with self._lock:
            level = max(self._level(key) for key in keys)
        if level > self._limit - 1:
            seconds = int((level - self._limit + 1) * self._seconds / self._limit) + 1
            raise self._error(self._message, f"Try again in {seconds} s.", seconds)

    def fail(self, *keys: str) -> None:
        """Add a failure to the bucket of each of these keys."""
        now = time.monotonic()
        with self._lock:
            for key in keys:
                self._levels[key] = (self._level(key) + 1, now)
                self._levels.move_to_end(key)
            while len(self._levels) > _MAX_KEYS:
                self._levels.popitem(last=False)

    def _level(self, key: str) -> float:
        level, when = self._levels.get(key, (0.0, 0.0))
        return max(level - (time.monotonic() - when) * self._limit / self._seconds, 0.0)
