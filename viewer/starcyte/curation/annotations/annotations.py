"""Annotations: the categorical columns that users make, in the database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from pyroaring import BitMap

from starcyte.curation.annotations.edit import (
    EditedLabel,
    NewLabel,
    check_number,
    edit_labels,
    label_cells,
    with_labels,
)
from starcyte.curation.annotations.history import AnnotationHistory
from starcyte.curation.annotations.merge import MergeConflict, merge, same_state, with_known_labels
from starcyte.curation.annotations.state import (
    AnnotationState,
    encode_undo,
    moved_cells,
)
from starcyte.curation.database.record import Change, Record
from starcyte.curation.database.revisions import (
    ANY,
    Resolution,
    Seen,
    changed_since,
    check_revision,
    no_such,
    record_or_deleted,
    too_many,
)
from starcyte.curation.database.store import Store
from starcyte.curation.database.transaction import ReadTransaction, WriteTransaction
from starcyte.curation.models import Annotation, AnnotationInfo, Label
from starcyte.curation.names import check_name
from starcyte.errors import BadRequest, Conflict, NotFound
from starcyte.settings import Settings

KIND = "annotation"
# annotations/<name>/revisions is the address of a history
_RESERVED_ENDING = "/revisions"
ANY_STATE = Seen()


class Annotations:
    """The annotations of all users of one dataset.

    Methods that change one take ``seen``: the state that the change was made for. Changes of others since are merged.

    Parameters
    ----------
    store
        The database.
    settings
        ``max_annotations``, ``max_annotation_labels`` and ``max_text`` are used.
    n_obs
        The number of cells of the dataset.
    """

    def __init__(self, store: Store, settings: Settings, n_obs: int) -> None:
        self._store = store
        self._settings = settings
        self._n_obs = n_obs
        self._history = AnnotationHistory(n_obs)

    def listed(self, user: str) -> list[AnnotationInfo]:
        """Return all annotations of a user without their cells."""
        with self._store.read() as transaction:
            return [_info(record) for record in transaction.records(user, KIND)]

    def get(self, user: str, name: str) -> Annotation:
        """Return an annotation by name; raise NotFound if there is none."""
        with self._store.read() as transaction:
            record = transaction.record(user, KIND, name)
            if record is None:
                raise no_such("annotation", name)
            return _annotation(record, self._history.current(transaction, record))

    def all(self, user: str, transaction: ReadTransaction) -> list[Annotation]:
        """Return all annotations of a user in a read transaction."""
        records = transaction.records(user, KIND)
        return [_annotation(record, self._history.current(transaction, record)) for record in records]

    def revisions(self, user: str, name: str) -> list[Change]:
        """Return the history of an annotation, also of a deleted one, latest first; sizes are labelled cells."""
        with self._store.read() as transaction:
            return transaction.history(record_or_deleted(transaction, user, KIND, name, "annotation"))

    def create(
        self,
        user: str,
        name: str,
        labels: Sequence[EditedLabel] | None = None,
        start: Sequence[Label] = (),
        action: str = "create",
    ) -> AnnotationInfo:
        """Create an annotation.

        Parameters
        ----------
        user
            Its owner.
        name
            Its name.
        labels
            Its labels, which may replace those of ``start``; None takes those of ``start``.
        start
            Labels with cells.
        action
            The action in the history.

        Raises
        ------
        Conflict
            If there is an annotation of this name.
        BadRequest, NotFound, LimitExceeded
            If the name or the labels are invalid.
        """
        self._check_name(name)
        with self._store.write(user) as transaction:
            existing = transaction.record(user, KIND, name)
            if existing is not None:
                raise Conflict(
                    f"Annotation {name!r} exists already.", "Choose another name, or send If-Match.", _info(existing)
                )
            record = transaction.deleted_record(user, KIND, name)
            before = AnnotationState(name, deleted=True)
            if record is not None:
                before = self._history.current(transaction, record)
            after = with_labels(replace(before, deleted=False), start, self._settings)
            self._check_cells(BitMap.union(BitMap(), *(label.cells for label in start)))
            if labels is not None:
                after = edit_labels(after, labels, self._settings)
            return self._save(transaction, user, record, before, after, action)

    def put(
        self,
        user: str,
        name: str,
        seen: Seen,
        labels: Sequence[EditedLabel] | None = None,
        new_name: str | None = None,
    ) -> AnnotationInfo:
        """Edit the labels of an annotation, or rename it.

        Parameters
        ----------
        user, name, seen
            The annotation, and the state that the change was made for. Changes since are merged.
        labels
            All its labels, with the names of that state; None keeps them.
        new_name
            Its new name.

        Raises
        ------
        Conflict
            If a change since cannot be merged, it does not exist, or the new name is taken.
        BadRequest, NotFound, LimitExceeded
            If the name or the labels are invalid.
        """
        if new_name is not None:
            self._check_name(new_name)

        def edited(base: AnnotationState) -> AnnotationState:
            after = base if labels is None else edit_labels(base, labels, self._settings)
            return replace(after, name=new_name or base.name)

        with self._store.write(user) as transaction:
            record = self._record(transaction, user, name, seen)
            ids = {number for one in labels or () for number in one.ids}
            return self._change(transaction, user, record, seen, edited, "edit", ids)[0]

    def assign(
        self, user: str, name: str, label: NewLabel | str | None, cells: BitMap, seen: Seen = ANY_STATE
    ) -> tuple[AnnotationInfo, int]:
        """Give cells a label, or remove their label.

        Parameters
        ----------
        user, name, seen
            The annotation, and the state that the change was made for. Changes since are merged.
        label
            The label, or its name in that state; None removes the label of the cells.
        cells
            The cells.

        Returns
        -------
        annotation, n
            The annotation, and the number of cells that changed.

        Raises
        ------
        NotFound
            If the annotation or the label does not exist.
        Conflict
            If the cells or the label were changed since.
        """
        self._check_cells(cells)
        target = NewLabel(label) if isinstance(label, str) else label

        def assigned(base: AnnotationState) -> AnnotationState:
            return label_cells(base, target, cells, self._settings)

        with self._store.write(user) as transaction:
            if seen.revision == ANY and transaction.record(user, KIND, name) is None:
                raise no_such("annotation", name)
            record = self._record(transaction, user, name, seen)
            action, ids = ("unassign", set[int]()) if target is None else ("assign", {target.id})
            return self._change(transaction, user, record, seen, assigned, action, ids)

    def revert(self, user: str, name: str, revision: int, resolution: Resolution | None = None) -> AnnotationInfo:
        """Undo one change of an annotation; later changes stay.

        Parameters
        ----------
        user, name
            The annotation; it may have another name now.
        revision
            The revision that the change made.
        resolution
            How conflicts with later changes are resolved.

        Raises
        ------
        NotFound
            If there is no such annotation or change, or its undo was deleted.
        Conflict
            If a later change cannot be merged, or the former name is taken.
        """
        with self._store.write(user) as transaction:
            record = transaction.record_at(user, KIND, [revision], name)
            if record is None:
                raise NotFound(f"Annotation {name!r} has no revision {revision}.", "Its history lists them.")
            base = self._history.at(transaction, record, revision)
            former = self._history.before(transaction, record, revision)
            seen = Seen(revision, (), resolution)
            return self._merge(transaction, user, record, seen, base, former, "restore")[0]

    def restore(self, user: str, name: str, revision: int, expected: int = ANY) -> tuple[int, AnnotationInfo | None]:
        """Restore an annotation, also a deleted one, to the state of a revision, as a new revision.

        Parameters
        ----------
        user, name, expected
            The annotation and its expected revision.
        revision
            Any revision since its first.

        Returns
        -------
        revision, annotation
            The new revision; the annotation is None if it was deleted at that revision, and so is now.

        Raises
        ------
        NotFound
            If there is no such annotation or revision, or its undo was deleted.
        Conflict
            If it was changed since the expected revision, or its former name is taken.
        """
        with self._store.write(user) as transaction:
            record = record_or_deleted(transaction, user, KIND, name, "annotation")
            if expected not in {ANY, record.revision}:
                raise _changed(record, expected)
            before = self._history.current(transaction, record)
            after = replace(self._history.at(transaction, record, revision), next_id=before.next_id)
            if same_state(before, after):
                return record.revision, None if record.deleted else _info(record)
            if not after.deleted:
                self._refuse_taken(transaction, user, record, after.name)
            info = self._save(transaction, user, record, before, after, "restore")
            return info.revision, None if after.deleted else info

    def delete(self, user: str, name: str, seen: Seen = ANY_STATE) -> int:
        """Delete an annotation, which can be restored, and return the revision of the deletion.

        Raises
        ------
        NotFound
            If there is none.
        Conflict
            If it was changed since the state that the client has seen.
        """
        with self._store.write(user) as transaction:
            if seen.revision == ANY and transaction.record(user, KIND, name) is None:
                raise no_such("annotation", name)
            record = self._record(transaction, user, name, seen)

            def deleted(base: AnnotationState) -> AnnotationState:
                return AnnotationState(base.name, deleted=True, next_id=base.next_id)

            return self._change(transaction, user, record, seen, deleted, "delete")[0].revision

    def _check_name(self, name: str) -> None:
        check_name(name, "the annotation", self._settings)
        if name.endswith(_RESERVED_ENDING):
            raise BadRequest(f"The name of an annotation must not end in {_RESERVED_ENDING!r}.", "Choose another name.")

    def _check_cells(self, cells: BitMap) -> None:
        if cells and cells.max() >= self._n_obs:
            raise BadRequest(f"No such cell: {cells.max()}.", f"Cells are numbered from 0 to {self._n_obs - 1}.")

    def _record(self, transaction: ReadTransaction, user: str, name: str, seen: Seen) -> Record:
        """Return the record of a change, which may be renamed or deleted since; raise Conflict if there is none."""
        record = None
        if seen.revision != ANY:
            record = transaction.record_at(user, KIND, [seen.revision, *seen.own], name)
        record = record or transaction.record(user, KIND, name)
        check_revision(record, seen.revision, name, _info)
        assert record is not None
        return record

    def _change(
        self,
        transaction: WriteTransaction,
        user: str,
        record: Record,
        seen: Seen,
        change: Callable[[AnnotationState], AnnotationState],
        action: str,
        ids: Collection[int] = (),
    ) -> tuple[AnnotationInfo, int]:
        """Save a change of the state that a client has seen, merged with the changes since.

        Parameters
        ----------
        transaction, user, record, seen
            The annotation, and the state that the client has seen.
        change
            Returns the state after the change, from that state.
        action
            The action in the history.
        ids
            The ids of labels in the request.

        Returns
        -------
        annotation, n
            The annotation, and the number of cells whose label changed.
        """
        try:
            base = self._history.seen(transaction, record, seen)
        except NotFound:
            raise _changed(record, seen.revision) from None
        # ids of labels that were added since are not used again
        base = replace(base, next_id=max(base.next_id, record.header["next"]))
        base = with_known_labels(base, self._history.current(transaction, record), ids)
        return self._merge(transaction, user, record, seen, base, change(base), action)

    def _merge(
        self,
        transaction: WriteTransaction,
        user: str,
        record: Record,
        seen: Seen,
        base: AnnotationState,
        mine: AnnotationState,
        action: str,
    ) -> tuple[AnnotationInfo, int]:
        current = self._history.current(transaction, record)
        resolution = seen.resolution
        keys = resolution.keep_mine if resolution and resolution.revision == record.revision else None
        found = merge(base, mine, current, keys)
        if found.conflicts and keys is None:
            raise _changed(record, seen.revision, found.conflicts)
        after = found.state
        check_number(len(after.entries), self._settings)
        moved = moved_cells(current, after)
        merged = not same_state(base, current)
        if not moved and (after.name, after.deleted, after.entries) == (current.name, current.deleted, current.entries):
            return replace(_info(record), merged=merged, changed=False), 0
        if not after.deleted:
            self._refuse_taken(transaction, user, record, after.name)
        info = self._save(transaction, user, record, current, after, action, moved)
        return replace(info, merged=merged), sum(len(cells) for cells in moved.values())

    def _refuse_taken(self, transaction: WriteTransaction, user: str, record: Record, name: str) -> None:
        other = transaction.record(user, KIND, name)
        if other is not None and other.id != record.id:
            raise Conflict(f"Another annotation has the name {name!r}.", "Rename that one first.", _info(other))

    def _save(
        self,
        transaction: WriteTransaction,
        user: str,
        record: Record | None,
        before: AnnotationState,
        after: AnnotationState,
        action: str,
        moved: Mapping[int, BitMap] | None = None,
    ) -> AnnotationInfo:
        """Save the state after a change, with the undo of the change."""
        limit = self._settings.max_annotations
        if before.deleted and not after.deleted and len(transaction.records(user, KIND)) >= limit:
            raise too_many("annotations", limit, "max_annotations")
        blobs: dict[int, bytes | None] = {}
        for entry in after.entries:
            cells = after.cells_of(entry.id)
            if cells is not before.cells_of(entry.id):
                cells.run_optimize()
                blobs[entry.id] = cells.serialize() if cells else None
        remaining = {e.id for e in after.entries}
        blobs |= {e.id: None for e in before.entries if e.id not in remaining}
        header = {
            "entries": [[e.id, e.name, e.color, e.note] for e in after.entries],
            "n": [len(after.cells_of(e.id)) for e in after.entries],
            "next": after.next_id,
        }
        undo = encode_undo(before, after, moved_cells(before, after) if moved is None else moved)
        saved = transaction.save(record, KIND, after.name, header, action, after.n_labelled, undo, blobs, after.deleted)
        # not before the commit: the number of a change that fails is used again
        transaction.after_commit(lambda: self._history.cache(saved, after))
        return _info(saved)


def _annotation(record: Record, state: AnnotationState) -> Annotation:
    return Annotation(record.name, record.revision, state.labels, record.author, record.time)


def _info(record: Record) -> AnnotationInfo:
    labels = tuple(Label(name, color, note, id=label) for label, name, color, note in record.header["entries"])
    counts = tuple(record.header["n"])
    return AnnotationInfo(
        record.name, record.revision, record.author, record.time, labels, counts, record.id, record.deleted
    )


def _changed(record: Record, expected: int, conflicts: Sequence[MergeConflict] = ()) -> Conflict:
    return changed_since(record, "Annotation", expected, None if record.deleted else _info(record), conflicts)
