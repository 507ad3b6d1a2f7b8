"""The clock that ends an unused server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from starcyte.web.contract.health import Idle


class IdleClock:
    """A countdown that starts again with each request of a page.

    Parameters
    ----------
    timeout
        Seconds.
    end
        Called once, at the end.
    is_busy
        Returns whether the clock is stopped, as while the dataset loads.
    """

    def __init__(self, timeout: float, end: Callable[[], None], is_busy: Callable[[], bool] = lambda: False) -> None:
        self.timeout = timeout
        self._end = end
        self._is_busy = is_busy
        self._used = time.monotonic()
        threading.Thread(target=self._run, name="idle", daemon=True).start()

    def use(self) -> None:
        """Start the countdown again."""
        self._used = time.monotonic()

    @property
    def left(self) -> float:
        """Seconds until the end."""
        return max(self._used + self.timeout - time.monotonic(), 0.0)

    def status(self) -> Idle:
        """Return the time that is left, as it is sent."""
        return Idle(timeout=self.timeout, left=round(self.left, 1))

    def _run(self) -> None:
        while self.left > 0:
            time.sleep(min(self.left, 1.0))
            if self._is_busy():
                self.use()
        self._end()
