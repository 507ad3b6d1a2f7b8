"""Requests for parts of objects: several at once, again after failures, and each part once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TypeVar

from starcyte.errors import Cancelled, DatasetChanged, RemoteFailed, StarcyteError
from starcyte.settings import Settings
from starcyte.store.in_place.chunk_cache import ChunkCache
from starcyte.store.remote.objects import Objects, Part, Received, Refused
from starcyte.store.remote.source import TransferError

T = TypeVar("T")

# of parts that were received and may be read again, or are not read yet
_MEMORY_BYTES = 48 << 20
_ENTRY_BYTES = 512
# parts that are requested before they are read
_MOST_AHEAD = 64
_MOST_VERSIONS = 50_000
# an earlier check of the version is not repeated so soon
_CHECK_SECONDS = 30.0
_RECHECK_SECONDS = 2.0


class Fetcher:
    """Reads parts of the objects of one store. Safe for use from several threads.

    Parameters
    ----------
    objects
        The objects; closed with the fetcher.
    settings
        ``remote_connections``, ``remote_attempts`` and ``remote_pause`` are used.

    Attributes
    ----------
    cache
        Where parts are kept; None: nowhere.
    keeps
        Whether parts that are received are put into the cache.
    failure
        The first error of a request.
    on_change
        Called with the error once the store is found to be replaced.
    """

    cache: ChunkCache | None = None
    keeps = True
    failure: StarcyteError | None = None

    def __init__(self, objects: Objects, settings: Settings) -> None:
        self._objects, self._settings = objects, settings
        self.shown = objects.shown
        self._pool = ThreadPoolExecutor(max(settings.remote_connections, 1), thread_name_prefix="chunks")
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.on_change: Callable[[DatasetChanged], None] = lambda error: None
        self._memory: OrderedDict[Part, bytes | None] = OrderedDict()
        self._memory_bytes = 0
        self._pending: dict[Part, Future[bytes | None]] = {}
        self._versions: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._root: tuple[Part, str] | None = None
        self._checked = time.monotonic()

    def read(self, part: Part, most: int) -> bytes | None:
        """Return a part of an object; None if there is no such object.

        Parameters
        ----------
        part
            The part.
        most
            Bytes that are received, at most.

        Raises
        ------
        RemoteFailed
            If it cannot be received.
        DatasetChanged
            If the object, or the store, has another version than before.
        Cancelled
            If the fetcher was closed.
        """
        check = self._begin_check(_CHECK_SECONDS)
        found = self._request(part, most)
        if isinstance(found, Future):
            found = _result(found)
        if found is None:
            # an object that is gone is not one that was never written
            check = check or self._begin_check(_RECHECK_SECONDS)
        if check is not None:
            _result(check)
        return found

    def ahead(self, part: Part, most: int) -> None:
        """Request a part that will be read soon, unless too many are requested already."""
        if len(self._pending) < _MOST_AHEAD and not self._closed.is_set():
            self._request(part, most)

    def folders(self, key: str) -> list[str] | None:
        """Return the names of the folders in a folder, sorted; None if they cannot be listed.

        Raises
        ------
        RemoteFailed
            If the request for them fails.
        """
        return self._patiently(lambda: self._objects.folders(key), key)

    def size(self, key: str) -> int | None:
        """Return the size of an object of which a part was received; None if none was."""
        return self._sizes.get(key)

    def watch(self, part: Part, version: str) -> None:
        """Check from now on that an object of the store still has a version: the store is replaced with it.

        Parameters
        ----------
        part
            A small part of the object.
        version
            The version.
        """
        self._root = (part, version) if version else None
        self._versions[part.key] = version

    def version(self, key: str) -> str:
        """Return the version of an object that was read; empty if it is unknown."""
        return self._versions.get(key, "")

    def _request(self, part: Part, most: int) -> bytes | Future[bytes | None] | None:
        """Return a part that was received lately, or the request that will have it."""
        with self._lock:
            if part in self._memory:
                self._memory.move_to_end(part)
                return self._memory[part]
            whole = None if part.start is None else self._memory.get(Part(part.key))
            if whole is not None:
                return whole[part.start :][: part.length]
            pending = self._pending.get(part)
            if pending is None:
                if self._closed.is_set():
                    raise Cancelled("The dataset was closed.")
                pending = self._pending[part] = self._pool.submit(self._fetch, part, most)
                pending.add_done_callback(lambda _: self._pending.pop(part, None))
            return pending

    def _fetch(self, part: Part, most: int) -> bytes | None:
        if self.cache is not None:
            kept = self.cache.get(part)
            if kept is not None:
                self._remember(part, kept)
                return kept
        try:
            received = self._receive(part, most)
        except Cancelled:
            raise
        except Refused:
            raise
        except StarcyteError as error:
            self.failure = self.failure or error.anew()
            raise
        if received is None:
            self._remember(part, None)
            return None
        self._sizes[part.key] = received.size
        self._remember(part, received.body)
        if self.cache is not None and self.keeps:
            self.cache.put(part, received.body)
        return received.body

    def _remember(self, part: Part, body: bytes | None) -> None:
        n = len(body or b"") + _ENTRY_BYTES
        if n > _MEMORY_BYTES:
            return
        with self._lock:
            if part not in self._memory:
                self._memory[part] = body
                self._memory_bytes += n
            while self._memory_bytes > _MEMORY_BYTES:
                self._memory_bytes -= len(self._memory.popitem(last=False)[1] or b"") + _ENTRY_BYTES

    def _receive(self, part: Part, most: int) -> Received | None:
        """Receive a part, and keep its version."""
        known = self._versions.get(part.key, "")
        received = self._patiently(lambda: self._objects.get(part, most, known), part.key)
        if received is not None and received.version and not known:
            if len(self._versions) >= _MOST_VERSIONS:
                self._versions.pop(next(iter(self._versions)), None)
            self._versions[part.key] = received.version
        return received

    def _patiently(self, request: Callable[[], T], key: str) -> T:
        """Return the answer to a request, which is tried again after failures."""
        failures = 0
        while True:
            if self._closed.is_set():
                raise Cancelled("The dataset was closed.")
            try:
                return request()
            except TransferError as error:
                if error.restart:
                    raise self._changed() from None
                failures += 1
                if failures >= self._settings.remote_attempts:
                    raise RemoteFailed(
                        f"{self._name(key)} cannot be read: {error}.", "Check the URL, or try again later."
                    ) from None
                pause = max(0.25 * 2**failures, error.pause)
                self._closed.wait(min(pause, self._settings.remote_pause))

    def _name(self, key: str) -> str:
        return f"{self.shown.rstrip('/')}/{key}" if key else self.shown

    def _changed(self) -> DatasetChanged:
        error = DatasetChanged(f"{self.shown} was replaced since it was opened.", "Open it again.")
        self.on_change(error)
        return error

    def _begin_check(self, seconds: float) -> Future[None] | None:
        """Begin to check that the store has not been replaced, unless it was checked lately."""
        with self._lock:
            if self._root is None or self._closed.is_set() or time.monotonic() - self._checked < seconds:
                return None
            self._checked = time.monotonic()
            return self._pool.submit(self._check, *self._root)

    def _check(self, part: Part, version: str) -> None:
        received = self._receive(part, 1 << 20)
        if received is None or received.version != version:
            raise self._changed()

    def close(self) -> None:
        """End all requests, and close the connections."""
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._objects.close()
        if self.cache is not None:
            self.cache.close()


def _result(future: Future[T]) -> T:
    try:
        return future.result()
    except CancelledError:
        raise Cancelled("The dataset was closed.") from None
