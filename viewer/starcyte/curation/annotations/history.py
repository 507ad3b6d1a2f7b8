"""What annotations are and were, at any revision that is kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator

from pyroaring import BitMap

from starcyte.curation.annotations.state import HistoryEntry, State, undone
from starcyte.curation.database.record import Record
from starcyte.curation.database.transaction import Reading
from starcyte.errors import NotFound

_KEPT = 32


class AnnotationHistory:
    """The states of annotations, of which the last ones asked for stay in memory.

    Parameters
    ----------
    n_obs
        How many cells there are.
    """

    def __init__(self, n_obs: int) -> None:
        self._n_obs = n_obs
        self._states: OrderedDict[tuple[int, int], State] = OrderedDict()
        self._lock = threading.Lock()

    def now(self, reading: Reading, thing: Record) -> State:
        """Return what an annotation is."""
        key = (thing.id, thing.revision)
        with self._lock:
            kept = self._states.get(key)
            if kept is not None:
                self._states.move_to_end(key)
                return kept
        entries = tuple(HistoryEntry(*e) for e in thing.header["entries"])
        parts = reading.parts(thing)
        cells = {e.id: BitMap.deserialize(parts[e.id]) if e.id in parts else BitMap() for e in entries}
        state = State(thing.name, thing.gone, entries, cells, thing.header["next"])
        self.keep(thing, state)
        return state

    def at(self, reading: Reading, thing: Record, revision: int) -> State:
        """Return what an annotation was at a revision; raise NotFound where that never was, or is no longer kept."""
        if not reading.first(thing) <= revision <= thing.revision:
            raise NotFound(f"Annotation {thing.name!r} has no revision {revision}.", "Its history lists them.")
        state = self.now(reading, thing)
        if revision == thing.revision:
            return state

        def undoings() -> Iterator[bytes]:
            for change in reading.undoing(thing, revision):
                if change.undo is None:
                    raise NotFound(
                        f"Revision {revision} of annotation {thing.name!r} is no longer kept (setting max_user_bytes).",
                        "Choose a newer one.",
                    )
                yield change.undo

        return undone(state, undoings(), self._n_obs)

    def keep(self, thing: Record, state: State) -> None:
        """Keep in memory what an annotation is at its revision."""
        with self._lock:
            self._states[thing.id, thing.revision] = state
            while len(self._states) > _KEPT:
                self._states.popitem(last=False)
