"""A pool of open resources: opened on first use, closed when idle, the least recently used first.

Invariant: while the lock is not held, a resource that is in the pool, or was removed from it and is still in use, is
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
class Lease(Generic[T]):
    """A resource of the pool, shared by all its users.

    Parameters
    ----------
    value
        The resource.
    users
        The number of users.
    last_used
        The time of the last acquisition or release.
    removed
        Whether it was removed from the pool, so that its last user closes it.
    """

    value: T
    users: int = 0
    last_used: float = 0.0
    removed: bool = False


class Pool(Generic[T]):
    """Keeps resources open within limits. Safe for use from several threads.

    Parameters
    ----------
    max_size
        The largest number of resources in the pool, not counting more that are in use.
    max_idle
        Seconds after which an unused resource is closed.
    close
        Closes a resource.
    is_busy
        Returns whether an unused resource has work in progress.
    is_over
        Returns whether a further limit is exceeded.
    clock
        Returns the time.
    """

    def __init__(
        self,
        max_size: int,
        max_idle: float,
        close: Callable[[T], None],
        is_busy: Callable[[T], bool] = lambda value: False,
        is_over: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_size, self._max_idle = max(max_size, 1), max_idle
        self._close, self._is_busy, self._is_over, self._clock = close, is_busy, is_over, clock
        self._lock = threading.Lock()
        self._leases: dict[str, Lease[T]] = {}
        self.n_opened = self.n_closed = 0

    @contextmanager
    def using(self, key: str, make: Callable[[], T]) -> Iterator[T]:
        """Use the resource of a key, made if it does not exist; it stays open in the block."""
        lease = self.acquire(key, make)
        try:
            yield lease.value
        finally:
            self.release(lease)

    def acquire(self, key: str, make: Callable[[], T]) -> Lease[T]:
        """Return the resource of a key, made if it does not exist, which is in use until it is released.

        ``make`` must be quick: the pool is locked meanwhile.
        """
        with self._lock:
            lease = self._leases.get(key)
            if lease is None:
                lease = self._leases[key] = Lease(make())
                self.n_opened += 1
            lease.users += 1
            lease.last_used = self._clock()
        return lease

    def release(self, lease: Lease[T]) -> None:
        """End the use of a resource."""
        with self._lock:
            lease.users -= 1
            lease.last_used = self._clock()
            is_last = lease.removed and lease.users == 0
            self.n_closed += is_last
        if is_last:
            self._close(lease.value)

    def peek(self, key: str) -> T | None:
        """Return the resource of a key if it is open, without using it."""
        with self._lock:
            lease = self._leases.get(key)
            return lease.value if lease else None

    def remove(self, key: str, value: T | None = None) -> None:
        """Remove a resource from the pool; it is closed once it has no user.

        Parameters
        ----------
        key
            Its key.
        value
            The resource that is meant; another that now has the key is not removed.
        """
        with self._lock:
            lease = self._leases.get(key)
            if lease is None or (value is not None and lease.value is not value):
                return
            is_unused = self._pop(key)
        if is_unused:
            self._close(lease.value)

    def sweep(self) -> None:
        """Close resources that are idle for too long, and the least recently used until the limits are kept."""
        now = self._clock()
        for key, lease in self._unused():
            if now - lease.last_used >= self._max_idle or len(self._leases) > self._max_size or self._is_over():
                self._close_unused(key, lease)

    def clear(self) -> None:
        """Remove all resources."""
        for key in list(self._leases):
            self.remove(key)

    def __len__(self) -> int:
        """Return the number of resources in the pool."""
        return len(self._leases)

    def items(self) -> list[tuple[str, T]]:
        """Return keys and resources, the least recently used first."""
        with self._lock:
            found = sorted(self._leases.items(), key=lambda item: item[1].last_used)
        return [(key, lease.value) for key, lease in found]

    def _unused(self) -> list[tuple[str, Lease[T]]]:
        """Return resources without users and without work in progress, the least recently used first."""
        with self._lock:
            found = [(key, lease) for key, lease in self._leases.items() if not lease.users]
        return sorted(
            [(key, lease) for key, lease in found if not self._is_busy(lease.value)], key=lambda item: item[1].last_used
        )

    def _close_unused(self, key: str, lease: Lease[T]) -> None:
        with self._lock:
            if lease.users or self._leases.get(key) is not lease:
                return
            self._pop(key)
        self._close(lease.value)

    def _pop(self, key: str) -> bool:
        """Remove a resource, and return whether it is to be closed now; the lock is held."""
        lease = self._leases.pop(key)
        lease.removed = True
        is_unused = lease.users == 0
        self.n_closed += is_unused
        return is_unused
