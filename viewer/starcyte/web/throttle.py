"""How often somebody may fail, or ask."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from starcyte.errors import TooManyAttempts

_MOST_KEYS = 10_000


class Throttle:
    """Counts failures, and lets them be forgotten one by one.

    Parameters
    ----------
    most
        Failures at once, at most.
    seconds
        The time after which all of them are forgotten.
    error, message
        What is raised beyond.
    """

    def __init__(
        self,
        most: int,
        seconds: float,
        error: type[TooManyAttempts] = TooManyAttempts,
        message: str = "Too many attempts have failed.",
    ) -> None:
        self._most, self._seconds = max(most, 1), seconds
        self._error, self._message = error, message
        self._lock = threading.Lock()
        #: for each key how full its measure is, and when that was so; the one that failed last is last
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, *keys: str) -> None:
        """Raise TooManyAttempts where one of these has failed too often."""
        with self._lock:
            level = max(self._level(key) for key in keys)
        if level > self._most - 1:
            seconds = int((level - self._most + 1) * self._seconds / self._most) + 1
            raise self._error(self._message, f"Try again in {seconds} s.", seconds)

    def fail(self, *keys: str) -> None:
        """Note a failure of each of these."""
        now = time.monotonic()
        with self._lock:
            for key in keys:
                self._levels[key] = (self._level(key) + 1, now)
                self._levels.move_to_end(key)
            while len(self._levels) > _MOST_KEYS:
                self._levels.popitem(last=False)

    def _level(self, key: str) -> float:
        level, when = self._levels.get(key, (0.0, 0.0))
        return max(level - (time.monotonic() - when) * self._most / self._seconds, 0.0)
