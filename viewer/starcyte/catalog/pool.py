"""A shelf of open things: opened when they are first asked for, closed when they have not been for longest.

Invariant: while the lock is not held, a thing on the shelf, or one that has left it and is still held by somebody, is
open; every other is closed, and was closed once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class _Copy(Generic[T]):
    thing: T
    holders: int = 0
    used: float = 0.0
    gone: bool = False


class Pool(Generic[T]):
    """Keeps things open within budgets. Safe for use from several threads.

    Parameters
    ----------
    most
        Things on the shelf, at most, as far as nobody holds them.
    seconds
        After which a thing that nobody holds is closed.
    close
        Closes a thing.
    is_busy
        Says whether a thing that nobody holds has work under way.
    is_over
        Says whether some other budget is exceeded.
    clock
        Says the time.
    """

    def __init__(
        self,
        most: int,
        seconds: float,
        close: Callable[[T], None],
        is_busy: Callable[[T], bool] = lambda thing: False,
        is_over: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._seconds = max(most, 1), seconds
        self._close, self._is_busy, self._is_over, self._clock = close, is_busy, is_over, clock
        self._lock = threading.Lock()
        self._copies: dict[str, _Copy[T]] = {}
        self.opened = self.closed = 0

    @contextmanager
    def hold(self, key: str, make: Callable[[], T]) -> Iterator[T]:
        """Hold the thing under a key, made if it is not there; it stays open meanwhile."""
        copy = self.take(key, make)
        try:
            yield copy.thing
        finally:
            self.give_back(copy)

    def take(self, key: str, make: Callable[[], T]) -> _Copy[T]:
        """Begin to hold the thing under a key, made if it is not there; ``give_back`` ends it.

        Making must be quick: it is done while all others wait.
        """
        with self._lock:
            copy = self._copies.get(key)
            if copy is None:
                copy = self._copies[key] = _Copy(make())
                self.opened += 1
            copy.holders += 1
            copy.used = self._clock()
        return copy

    def give_back(self, copy: _Copy[T]) -> None:
        """Hold a thing no more."""
        with self._lock:
            copy.holders -= 1
            copy.used = self._clock()
            ends = copy.gone and copy.holders == 0
            self.closed += ends
        if ends:
            self._close(copy.thing)

    def look(self, key: str) -> T | None:
        """Return the thing under a key where it is open, which is no use of it."""
        with self._lock:
            copy = self._copies.get(key)
            return copy.thing if copy else None

    def drop(self, key: str, thing: T | None = None) -> None:
        """Take a thing off the shelf; it is closed when nobody holds it any more.

        Parameters
        ----------
        key
            Its key.
        thing
            The thing that is meant; where another stands under the key by now, that stays.
        """
        with self._lock:
            copy = self._copies.get(key)
            if copy is None or (thing is not None and copy.thing is not thing):
                return
            ends = self._remove(key)
        if ends:
            self._close(copy.thing)

    def sweep(self) -> None:
        """Close what has not been used for too long, and the least used until the budgets are kept."""
        now = self._clock()
        for key, copy in self._free():
            if now - copy.used >= self._seconds or len(self._copies) > self._most or self._is_over():
                self._close_free(key, copy)

    def clear(self) -> None:
        """Take all things off the shelf."""
        for key in list(self._copies):
            self.drop(key)

    def __len__(self) -> int:
        """Return how many things are on the shelf."""
        return len(self._copies)

    def items(self) -> list[tuple[str, T]]:
        """Return the things on the shelf, the least used first."""
        with self._lock:
            found = sorted(self._copies.items(), key=lambda item: item[1].used)
        return [(key, copy.thing) for key, copy in found]

    def _free(self) -> list[tuple[str, _Copy[T]]]:
        """Return what nobody holds and has no work under way, the least used first."""
        with self._lock:
            found = [(key, copy) for key, copy in self._copies.items() if not copy.holders]
        return sorted(
            [(key, copy) for key, copy in found if not self._is_busy(copy.thing)], key=lambda item: item[1].used
        )

    def _close_free(self, key: str, copy: _Copy[T]) -> None:
        with self._lock:
            if copy.holders or self._copies.get(key) is not copy:
                return
            self._remove(key)
        self._close(copy.thing)

    def _remove(self, key: str) -> bool:
        """Take a thing off the shelf, and say whether it is to be closed now; the lock is held."""
        copy = self._copies.pop(key)
        copy.gone = True
        ends = copy.holders == 0
        self.closed += ends
        return ends
