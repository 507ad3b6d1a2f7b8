"""Annotations: the categorical columns that users make, in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pyroaring import BitMap

from starcyte.curation.annotations.edit import EditedLabel, check_number, edit_labels
from starcyte.curation.annotations.history import AnnotationHistory
from starcyte.curation.annotations.state import AnnotationState, LabelEntry, assign_cells, encode_undo, moved_cells
from starcyte.curation.database.record import Change, Record
from starcyte.curation.database.revisions import (
    ANY,
    changed_since,
    check_revision,
    no_such,
    record_or_deleted,
    too_many,
)
from starcyte.curation.database.store import Store
from starcyte.curation.database.transaction import ReadTransaction, WriteTransaction
from starcyte.curation.models import Annotation, AnnotationInfo, Label
from starcyte.curation.names import check_color, check_name, check_note
from starcyte.errors import BadRequest, Conflict, NotFound
from starcyte.settings import Settings

KIND = "annotation"
# annotations/<name>/revisions is the address of a history
_RESERVED_ENDING = "/revisions"


class Annotations:
    """The annotations of all users of one dataset.

    Methods that change one take ``expected``: the revision that the change was made for, or ANY.

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
            after = self._with_labels(replace(before, deleted=False), start)
            if labels is not None:
                after = edit_labels(after, labels, self._settings)
            return self._save(transaction, user, record, before, after, action)

    def put(
        self,
        user: str,
        name: str,
        expected: int,
        labels: Sequence[EditedLabel] | None = None,
        new_name: str | None = None,
    ) -> AnnotationInfo:
        """Edit the labels of an annotation, or rename it.

        A change made for an older revision is merged if only cells have moved since, and none of those that it moves.

        Parameters
        ----------
        user, name, expected
            The annotation and its expected revision.
        labels
            All its labels; None keeps them.
        new_name
            Its new name.

        Raises
        ------
        Conflict
            If it was changed since, does not exist, or the new name is taken.
        BadRequest, NotFound, LimitExceeded
            If the name or the labels are invalid.
        """
        if new_name is not None:
            self._check_name(new_name)
        with self._store.write(user) as transaction:
            record = transaction.record(user, KIND, name)
            check_revision(record, expected, name, _info)
            assert record is not None
            before = self._history.current(transaction, record)
            old = before if expected == ANY else self._state_at(transaction, record, expected)
            if (old.name, old.entries) != (before.name, before.entries):
                raise _changed(record, expected)
            after = before if labels is None else edit_labels(before, labels, self._settings)
            if _overlap(moved_cells(before, after), moved_cells(old, before)):
                raise _changed(record, expected)
            after = replace(after, name=new_name or name)
            if _same(before, after):
                return _info(record)
            self._refuse_taken(transaction, user, record, after.name)
            return self._save(transaction, user, record, before, after, "edit")

    def assign(
        self,
        user: str,
        name: str,
        label: str | None,
        cells: BitMap,
        create: bool = False,
        expected: int = ANY,
    ) -> tuple[AnnotationInfo, int]:
        """Give cells a label, or remove their label.

        A change made for an older revision is merged if none of the cells was given another label since.

        Parameters
        ----------
        user, name, expected
            The annotation and its expected revision.
        label
            The name of the label; None removes the label of the cells.
        cells
            The cells.
        create
            Add the label if it does not exist.

        Returns
        -------
        annotation, n
            The annotation, and the number of cells that changed.

        Raises
        ------
        NotFound
            If the annotation or the label does not exist.
        Conflict
            If the cells or the label were changed since the expected revision.
        """
        self._check_cells(cells)
        with self._store.write(user) as transaction:
            record = transaction.record(user, KIND, name)
            if record is None and expected == ANY:
                raise no_such("annotation", name)
            check_revision(record, expected, name, _info)
            assert record is not None
            before = self._history.current(transaction, record)
            target = None if label is None else before.find(label)
            if expected not in {ANY, record.revision}:
                self._check_merge(transaction, record, expected, label, cells)
            start = before
            if label is not None and target is None:
                if not create:
                    raise NotFound(f"No such label in annotation {name!r}: {label!r}.", "Create it first.")
                check_number(len(before.entries) + 1, self._settings)
                check_name(label, "the label", self._settings)
                target = LabelEntry(before.next_id, label)
                start = replace(before, entries=(*before.entries, target), next_id=before.next_id + 1)
            after, moved = assign_cells(start, target, cells)
            n = sum(len(c) for c in moved.values())
            if n == 0 and start is before:
                return _info(record), 0
            action = "unassign" if label is None else "assign"
            return self._save(transaction, user, record, before, after, action, moved), n

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
            if _same(before, after):
                return record.revision, None if record.deleted else _info(record)
            if not after.deleted:
                self._refuse_taken(transaction, user, record, after.name)
            info = self._save(transaction, user, record, before, after, "restore")
            return info.revision, None if after.deleted else info

    def delete(self, user: str, name: str, expected: int = ANY) -> int:
        """Delete an annotation, which can be restored, and return the revision of the deletion.

        Raises
        ------
        NotFound
            If there is none.
        Conflict
            If it was changed since the expected revision.
        """
        with self._store.write(user) as transaction:
            record = transaction.record(user, KIND, name)
            if record is None:
                raise no_such("annotation", name)
            if expected not in {ANY, record.revision}:
                raise _changed(record, expected)
            before = self._history.current(transaction, record)
            after = AnnotationState(name, deleted=True, next_id=before.next_id)
            return self._save(transaction, user, record, before, after, "delete").revision

    def _check_name(self, name: str) -> None:
        check_name(name, "the annotation", self._settings)
        if name.endswith(_RESERVED_ENDING):
            raise BadRequest(f"The name of an annotation must not end in {_RESERVED_ENDING!r}.", "Choose another name.")

    def _check_cells(self, cells: BitMap) -> None:
        if cells and cells.max() >= self._n_obs:
            raise BadRequest(f"No such cell: {cells.max()}.", f"Cells are numbered from 0 to {self._n_obs - 1}.")

    def _check_merge(
        self, transaction: ReadTransaction, record: Record, expected: int, label: str | None, cells: BitMap
    ) -> None:
        """Raise Conflict if an assignment made for an older revision cannot be merged."""
        before, old = self._history.current(transaction, record), self._state_at(transaction, record, expected)
        target, old_target = (None, None) if label is None else (before.find(label), old.find(label))
        if old_target is not None and (target is None or target.id != old_target.id):
            raise _changed(record, expected)
        done = BitMap() if target is None else before.cells_of(target.id)
        if label is None:
            done = cells - BitMap.union(BitMap(), *(before.cells_of(e.id) for e in before.entries))
        if _overlap({0: cells - done}, moved_cells(old, before)):
            raise _changed(record, expected)

    def _with_labels(self, state: AnnotationState, labels: Sequence[Label]) -> AnnotationState:
        """Return a state with these labels; one whose name the state knows keeps its id."""
        check_number(len(labels), self._settings)
        if len({label.name for label in labels}) < len(labels):
            raise BadRequest(f"Two labels of annotation {state.name!r} have the same name.", "Use different names.")
        known = {e.name: e.id for e in state.entries}
        entries: list[LabelEntry] = []
        cells: dict[int, BitMap] = {}
        next_id, taken = state.next_id, BitMap()
        for label in labels:
            name = check_name(label.name, "the label", self._settings)
            note = check_note(label.note, f"The note of {name!r}", self._settings)
            entry = LabelEntry(known.get(name, next_id), name, check_color(label.color), note)
            next_id += name not in known
            if label.cells.intersect(taken):
                raise BadRequest(f"Some cells of {label.name!r} have another label too.", "A cell has one label.")
            taken |= label.cells
            entries.append(entry)
            cells[entry.id] = label.cells.copy()
        self._check_cells(taken)
        return replace(state, entries=tuple(entries), cells=cells, next_id=next_id)

    def _refuse_taken(self, transaction: WriteTransaction, user: str, record: Record, name: str) -> None:
        other = transaction.record(user, KIND, name)
        if other is not None and other.id != record.id:
            raise Conflict(f"Another annotation has the name {name!r}.", "Rename that one first.", _info(other))

    def _state_at(self, transaction: ReadTransaction, record: Record, expected: int) -> AnnotationState:
        """Return the state at the expected revision; raise Conflict if it is not stored."""
        try:
            return self._history.at(transaction, record, expected)
        except NotFound:
            raise _changed(record, expected) from None

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
    labels = tuple(Label(name, color, note) for _, name, color, note in record.header["entries"])
    return AnnotationInfo(record.name, record.revision, record.author, record.time, labels, tuple(record.header["n"]))


def _same(a: AnnotationState, b: AnnotationState) -> bool:
    return (a.name, a.deleted, a.entries) == (b.name, b.deleted, b.entries) and not moved_cells(a, b)


def _changed(record: Record, expected: int) -> Conflict:
    return changed_since(record, "Annotation", expected, None if record.deleted else _info(record))


def _overlap(ours: dict[int, BitMap], theirs: dict[int, BitMap]) -> bool:
    """Return whether two changes move a cell in common."""
    return bool(BitMap.union(BitMap(), *ours.values()).intersect(BitMap.union(BitMap(), *theirs.values())))
