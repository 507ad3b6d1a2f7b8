"""Annotations: categorical columns that users make, in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pyroaring import BitMap

from starcyte.curation.annotations.edit import EditedLabel, check_number, edited
from starcyte.curation.annotations.history import AnnotationHistory
from starcyte.curation.annotations.state import HistoryEntry, State, assigned, moves, undoing
from starcyte.curation.database.record import Change, Record
from starcyte.curation.database.revisions import ANY, check_revision, no_such, too_many
from starcyte.curation.database.store import Store
from starcyte.curation.database.transaction import Reading, Writing
from starcyte.curation.models import Annotation, AnnotationInfo, Label
from starcyte.curation.names import check_color, check_name, check_note
from starcyte.errors import BadRequest, Conflict, NotFound
from starcyte.settings import Settings

KIND = "annotation"
# the path of an annotation's history is its own with this at the end
_TAKEN_ENDING = "/revisions"


class Annotations:
    """The annotations of all users of one dataset.

    Writing methods take ``expected``: the revision that the change is made for, ANY for whatever stands.

    Parameters
    ----------
    store
        The database.
    settings
        ``max_annotations``, ``max_annotation_labels`` and ``max_text`` are used.
    n_obs
        How many cells there are.
    """

    def __init__(self, store: Store, settings: Settings, n_obs: int) -> None:
        self._store = store
        self._settings = settings
        self._n_obs = n_obs
        self._history = AnnotationHistory(n_obs)

    def listed(self, user: str) -> list[AnnotationInfo]:
        """Return all annotations of a user without their cells."""
        with self._store.read() as reading:
            return [_info(t) for t in reading.things(user, KIND)]

    def get(self, user: str, name: str) -> Annotation:
        """Return an annotation by name; raise NotFound where there is none."""
        with self._store.read() as reading:
            thing = reading.thing(user, KIND, name)
            if thing is None:
                raise no_such("annotation", name)
            return _annotation(thing, self._history.now(reading, thing))

    def all(self, user: str, reading: Reading) -> list[Annotation]:
        """Return all annotations of a user in a read transaction."""
        return [_annotation(t, self._history.now(reading, t)) for t in reading.things(user, KIND)]

    def revisions(self, user: str, name: str) -> list[Change]:
        """Return the history of an annotation, also of a deleted one, newest first; sizes are labelled cells."""
        with self._store.read() as reading:
            thing = reading.thing(user, KIND, name) or reading.gone(user, KIND, name)
            if thing is None:
                raise no_such("annotation", name)
            return reading.history(thing)

    def create(
        self,
        user: str,
        name: str,
        wanted: Sequence[EditedLabel] | None = None,
        start: Sequence[Label] = (),
        action: str = "create",
    ) -> AnnotationInfo:
        """Make an annotation.

        Parameters
        ----------
        user
            Whose it will be.
        name
            What it will be called.
        wanted
            Its labels; None takes those of the start.
        start
            Labels with cells to begin from.
        action
            What to call it in the history.

        Raises
        ------
        Conflict
            If it is there already.
        BadRequest, NotFound, LimitExceeded
            If the name or the labels cannot be.
        """
        self._check_name(name)
        with self._store.write(user) as writing:
            standing = writing.thing(user, KIND, name)
            if standing is not None:
                raise Conflict(
                    f"There is an annotation {name!r} already.",
                    "Choose another name, or send If-Match.",
                    _info(standing),
                )
            thing = writing.gone(user, KIND, name)
            before = State(name, gone=True) if thing is None else self._history.now(writing, thing)
            after = self._filled(replace(before, gone=False), start)
            if wanted is not None:
                after = edited(after, wanted, self._settings)
            return self._save(writing, user, thing, before, after, action)

    def put(
        self,
        user: str,
        name: str,
        expected: int,
        wanted: Sequence[EditedLabel] | None = None,
        new_name: str | None = None,
    ) -> AnnotationInfo:
        """Give an annotation other labels, or another name.

        Made for an older revision, it is done where since then nothing but cells has changed, and none of those that
        it moves itself.

        Parameters
        ----------
        user, name, expected
            Which one.
        wanted
            All its labels; None leaves them.
        new_name
            What it will be called.

        Raises
        ------
        Conflict
            If it has changed since, or is not there, or the new name is another's.
        BadRequest, NotFound, LimitExceeded
            If the name or the labels cannot be.
        """
        if new_name is not None:
            self._check_name(new_name)
        with self._store.write(user) as writing:
            thing = writing.thing(user, KIND, name)
            check_revision(thing, expected, name, _info)
            assert thing is not None
            before = self._history.now(writing, thing)
            old = before if expected == ANY else self._expected(writing, thing, expected)
            if (old.name, old.entries) != (before.name, before.entries):
                raise _changed(thing)
            after = before if wanted is None else edited(before, wanted, self._settings)
            _refuse_same_cells(moves(before, after), moves(old, before), thing)
            after = replace(after, name=new_name or name)
            if _alike(before, after):
                return _info(thing)
            self._refuse_taken(writing, user, thing, after.name)
            return self._save(writing, user, thing, before, after, "edit")

    def assign(
        self,
        user: str,
        name: str,
        label: str | None,
        cells: BitMap,
        create: bool = False,
        expected: int = ANY,
    ) -> tuple[AnnotationInfo, int]:
        """Put cells into a label, or into none.

        Made for an older revision, it is done where none of the cells has been given something else since.

        Parameters
        ----------
        user, name, expected
            Which annotation.
        label
            Its name; None unlabels the cells.
        cells
            Which ones.
        create
            Make the label if it is not there.

        Returns
        -------
        annotation, n
            The annotation, and how many cells have changed.

        Raises
        ------
        NotFound
            If the annotation, or the label, is not there.
        Conflict
            If the cells or the label have changed since the expected revision.
        """
        if cells and cells.max() >= self._n_obs:
            raise BadRequest(f"There is no cell {cells.max()}.", f"Cells are numbered from 0 to {self._n_obs - 1}.")
        with self._store.write(user) as writing:
            thing = writing.thing(user, KIND, name)
            if thing is None and expected == ANY:
                raise no_such("annotation", name)
            check_revision(thing, expected, name, _info)
            assert thing is not None
            before = self._history.now(writing, thing)
            target = None if label is None else before.find(label)
            if expected not in {ANY, thing.revision}:
                old = self._expected(writing, thing, expected)
                then = None if label is None else old.find(label)
                if then is not None and (target is None or target.id != then.id):
                    raise _changed(thing)
                done = BitMap() if target is None else before.of(target.id)
                if label is None:
                    done = cells - BitMap.union(BitMap(), *(before.of(e.id) for e in before.entries))
                _refuse_same_cells({0: cells - done}, moves(old, before), thing)
            start = before
            if label is not None and target is None:
                if not create:
                    raise NotFound(f"There is no label {label!r} in annotation {name!r}.", "Make it first.")
                check_number(len(before.entries) + 1, self._settings)
                check_name(label, "the label", self._settings)
                target = HistoryEntry(before.next_id, label)
                start = replace(before, entries=(*before.entries, target), next_id=before.next_id + 1)
            after, moved = assigned(start, target, cells)
            n = sum(len(c) for c in moved.values())
            if n == 0 and start is before:
                return _info(thing), 0
            action = "unassign" if label is None else "assign"
            return self._save(writing, user, thing, before, after, action, moved), n

    def restore(self, user: str, name: str, revision: int, expected: int = ANY) -> tuple[int, AnnotationInfo | None]:
        """Make an annotation what it was at a revision, as a new revision; also one that was deleted.

        Parameters
        ----------
        user, name, expected
            Which one.
        revision
            The number of any change from its first on.

        Returns
        -------
        revision, annotation
            The new revision; the annotation is None where it was deleted at the revision asked for, and so is now.

        Raises
        ------
        NotFound
            If there is no such annotation or revision, or its history is no longer kept.
        Conflict
            If it has changed since the expected revision, or its name of then is another's now.
        """
        with self._store.write(user) as writing:
            thing = writing.thing(user, KIND, name) or writing.gone(user, KIND, name)
            if thing is None:
                raise no_such("annotation", name)
            if expected not in {ANY, thing.revision}:
                raise _changed(thing)
            before = self._history.now(writing, thing)
            after = replace(self._history.at(writing, thing, revision), next_id=before.next_id)
            if _alike(before, after):
                return thing.revision, None if thing.gone else _info(thing)
            if not after.gone:
                self._refuse_taken(writing, user, thing, after.name)
            info = self._save(writing, user, thing, before, after, "restore")
            return info.revision, None if after.gone else info

    def delete(self, user: str, name: str, expected: int = ANY) -> int:
        """Delete an annotation, and return the revision of that; it can be restored.

        Raises
        ------
        NotFound
            If there is none.
        Conflict
            If it has changed since the expected revision.
        """
        with self._store.write(user) as writing:
            thing = writing.thing(user, KIND, name)
            if thing is None:
                raise no_such("annotation", name)
            if expected not in {ANY, thing.revision}:
                raise _changed(thing)
            before = self._history.now(writing, thing)
            after = State(name, gone=True, next_id=before.next_id)
            return self._save(writing, user, thing, before, after, "delete").revision

    def _check_name(self, name: str) -> None:
        check_name(name, "the annotation", self._settings)
        if name.endswith(_TAKEN_ENDING):
            raise BadRequest(f"The name of an annotation cannot end in {_TAKEN_ENDING!r}.", "Choose another.")

    def _filled(self, state: State, labels: Sequence[Label]) -> State:
        """Return a state with these labels and cells, those of a present name being the present ones."""
        check_number(len(labels), self._settings)
        entries: list[HistoryEntry] = []
        cells: dict[int, BitMap] = {}
        next_id = state.next_id
        taken = BitMap()
        if len({c.name for c in labels}) < len(labels):
            raise BadRequest(f"Two labels of annotation {state.name!r} have one name.", "Give each a name of its own.")
        known = {e.name: e.id for e in state.entries}
        for label in labels:
            name = check_name(label.name, "the label", self._settings)
            note = check_note(label.note, f"The note of {name!r}", self._settings)
            entry = HistoryEntry(known.get(name, next_id), name, check_color(label.color), note)
            next_id += name not in known
            if label.cells.intersect(taken):
                raise BadRequest(f"Some cells of {label.name!r} are in another label too.", "A cell has one.")
            taken |= label.cells
            entries.append(entry)
            cells[entry.id] = label.cells.copy()
        if taken and taken.max() >= self._n_obs:
            raise BadRequest(f"There is no cell {taken.max()}.", f"Cells are numbered from 0 to {self._n_obs - 1}.")
        return replace(state, entries=tuple(entries), cells=cells, next_id=next_id)

    def _refuse_taken(self, writing: Writing, user: str, thing: Record, name: str) -> None:
        other = writing.thing(user, KIND, name)
        if other is not None and other.id != thing.id:
            raise Conflict(f"There is another annotation {name!r}.", "Rename that first.", _info(other))

    def _expected(self, reading: Reading, thing: Record, revision: int) -> State:
        """Return the state at the revision that a change is made for; raise Conflict if it is no longer kept."""
        try:
            return self._history.at(reading, thing, revision)
        except NotFound:
            raise _changed(thing) from None

    def _save(
        self,
        writing: Writing,
        user: str,
        thing: Record | None,
        before: State,
        after: State,
        action: str,
        moved: Mapping[int, BitMap] | None = None,
    ) -> AnnotationInfo:
        """Make an annotation what it is after, and note how it was before."""
        if before.gone and not after.gone and len(writing.things(user, KIND)) >= self._settings.max_annotations:
            raise too_many("annotations", self._settings.max_annotations, "max_annotations")
        parts: dict[int, bytes | None] = {}
        for entry in after.entries:
            cells = after.of(entry.id)
            if cells is not before.of(entry.id):
                cells.run_optimize()
                parts[entry.id] = cells.serialize() if cells else None
        kept = {e.id for e in after.entries}
        parts |= {e.id: None for e in before.entries if e.id not in kept}
        header = {
            "entries": [[e.id, e.name, e.color, e.note] for e in after.entries],
            "n": [len(after.of(e.id)) for e in after.entries],
            "next": after.next_id,
        }
        undo = undoing(before, after, moves(before, after) if moved is None else moved)
        saved = writing.save(thing, KIND, after.name, header, action, after.n_labelled, undo, parts, after.gone)
        # not before: a number of a change that fails is given again
        writing.when_kept(lambda: self._history.keep(saved, after))
        return _info(saved)


def _annotation(thing: Record, state: State) -> Annotation:
    return Annotation(thing.name, thing.revision, state.labels, thing.author, thing.time)


def _info(thing: Record) -> AnnotationInfo:
    labels = tuple(Label(name, color, note) for _, name, color, note in thing.header["entries"])
    return AnnotationInfo(thing.name, thing.revision, thing.author, thing.time, labels, tuple(thing.header["n"]))


def _alike(a: State, b: State) -> bool:
    return (a.name, a.gone, a.entries) == (b.name, b.gone, b.entries) and not moves(a, b)


def _changed(thing: Record) -> Conflict:
    current = None if thing.gone else _info(thing)
    return Conflict(
        f"Annotation {thing.name!r} has changed since (it is at {thing.revision}).", "Look at it again.", current
    )


def _refuse_same_cells(touched: dict[int, BitMap], changed: dict[int, BitMap], thing: Record) -> None:
    """Raise Conflict where a change is about cells that have changed meanwhile."""
    mine, theirs = BitMap.union(BitMap(), *touched.values()), BitMap.union(BitMap(), *changed.values())
    if mine.intersect(theirs):
        raise _changed(thing)
