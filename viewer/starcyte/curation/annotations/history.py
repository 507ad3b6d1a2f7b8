"""AnnotationHistory: the state of an annotation at any revision."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator

from pyroaring import BitMap

from starcyte.curation.annotations.merge import merge
from starcyte.curation.annotations.state import AnnotationState, LabelEntry, undo_changes
from starcyte.curation.database.record import Record
from starcyte.curation.database.revisions import ANY, Seen
from starcyte.curation.database.transaction import ReadTransaction
from starcyte.errors import NotFound

_CACHED_STATES = 32


class AnnotationHistory:
    """Reads the states of annotations from the database, with a cache of the last ones used.

    Parameters
    ----------
    n_obs
        The number of cells of the dataset.
    """

    def __init__(self, n_obs: int) -> None:
        self._n_obs = n_obs
        self._states: OrderedDict[tuple[int, int], AnnotationState] = OrderedDict()
        self._lock = threading.Lock()

    def current(self, transaction: ReadTransaction, record: Record) -> AnnotationState:
        """Return the state at the record's revision."""
        key = (record.id, record.revision)
        with self._lock:
            cached = self._states.get(key)
            if cached is not None:
                self._states.move_to_end(key)
                return cached
        entries = tuple(LabelEntry(*e) for e in record.header["entries"])
        blobs = transaction.blobs(record)
        cells = {e.id: BitMap.deserialize(blobs[e.id]) if e.id in blobs else BitMap() for e in entries}
        state = AnnotationState(record.name, record.deleted, entries, cells, record.header["next"])
        self.cache(record, state)
        return state

    def at(self, transaction: ReadTransaction, record: Record, revision: int) -> AnnotationState:
        """Return the state at a revision.

        Raises
        ------
        NotFound
            If the annotation had no such revision, or its undo was deleted.
        """
        if not transaction.first_revision(record) <= revision <= record.revision:
            raise NotFound(f"Annotation {record.name!r} has no revision {revision}.", "Its history lists them.")
        state = self.current(transaction, record)
        if revision == record.revision:
            return state

        def undos() -> Iterator[bytes]:
            for change in transaction.changes_with_undo(record, revision):
                if change.undo is None:
                    raise NotFound(
                        f"Revision {revision} of annotation {record.name!r} is no longer stored (max_user_bytes).",
                        "Choose a later revision.",
                    )
                yield change.undo

        return undo_changes(state, undos(), self._n_obs)

    def before(self, transaction: ReadTransaction, record: Record, revision: int) -> AnnotationState:
        """Return the state before the change that made a revision."""
        if revision == transaction.first_revision(record):
            next_id = record.header["next"]
            return AnnotationState(record.name, deleted=True, next_id=next_id)
        return self.at(transaction, record, revision - 1)

    def seen(self, transaction: ReadTransaction, record: Record, seen: Seen) -> AnnotationState:
        """Return the state that a client has seen: that of a revision, and the client's own changes since.

        Raises
        ------
        NotFound
            If it is not stored.
        """
        since = transaction.change_numbers(record, seen.revision)
        if seen.revision == ANY or set(since) <= set(seen.own):
            return self.current(transaction, record)
        state = self.at(transaction, record, seen.revision)
        for number in sorted(set(since) & set(seen.own)):
            before, after = self.before(transaction, record, number), self.at(transaction, record, number)
            state = merge(before, after, state).state
        return state

    def cache(self, record: Record, state: AnnotationState) -> None:
        """Cache the state at the record's revision."""
        with self._lock:
            self._states[record.id, record.revision] = state
            while len(self._states) > _CACHED_STATES:
                self._states.popitem(last=False)
