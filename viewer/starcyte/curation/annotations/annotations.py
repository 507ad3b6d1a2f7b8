"""Labels: categorical columns that users make, in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pyroaring import BitMap

from starcyte.curation.annotations.edit import EditedLabel, check_number, edited
from starcyte.curation.annotations.history import LabelHistory
from starcyte.curation.annotations.state import HistoryEntry, State, assigned, moves, undoing
from starcyte.curation.database.record import Change, Record
from starcyte.curation.database.revisions import ANY, check_revision, no_such, too_many
from starcyte.curation.database.store import Store
from starcyte.curation.database.transaction import Reading, Writing
from starcyte.curation.models import Category, Label, LabelInfo
from starcyte.curation.names import check_color, check_name, check_note
from starcyte.errors import BadRequest, Conflict, NotFound
from starcyte.settings import Settings

KIND = "label"
# the path of a label's history is its own with this at the end
_TAKEN_ENDING = "/revisions"


class Labels:
    """The labels of all users of one dataset.

    Writing methods take ``expected``: the revision that the change is made for, ANY for whatever stands.

    Parameters
    ----------
    store
        The database.
    settings
        ``max_labels``, ``max_label_categories`` and ``max_text`` are used.
    n_obs
        How many cells there are.
    """

    def __init__(self, store: Store, settings: Settings, n_obs: int) -> None:
        self._store = store
        self._settings = settings
        self._n_obs = n_obs
        self._history = LabelHistory(n_obs)

    def listed(self, user: str) -> list[LabelInfo]:
        """Return all labels of a user without their cells."""
        with self._store.read() as reading:
            return [_info(t) for t in reading.things(user, KIND)]

    def get(self, user: str, name: str) -> Label:
        """Return a label by name; raise NotFound where there is none."""
        with self._store.read() as reading:
            thing = reading.thing(user, KIND, name)
            if thing is None:
                raise no_such("label", name)
            return _label(thing, self._history.now(reading, thing))

    def all(self, user: str, reading: Reading) -> list[Label]:
        """Return all labels of a user in a read transaction."""
        return [_label(t, self._history.now(reading, t)) for t in reading.things(user, KIND)]

    def revisions(self, user: str, name: str) -> list[Change]:
        """Return the history of a label that stands or was deleted, newest first; its size is of cells labelled."""
        with self._store.read() as reading:
            thing = reading.thing(user, KIND, name) or reading.gone(user, KIND, name)
            if thing is None:
                raise no_such("label", name)
            return reading.history(thing)

    def create(
        self,
        user: str,
        name: str,
        wanted: Sequence[EditedLabel] | None = None,
        start: Sequence[Category] = (),
        action: str = "create",
    ) -> LabelInfo:
        """Make a label.

        Parameters
        ----------
        user
            Whose it will be.
        name
            What it will be called.
        wanted
            Its categories; None takes those of the start.
        start
            Categories with cells to begin from.
        action
            What to call it in the history.

        Raises
        ------
        Conflict
            If it is there already.
        BadRequest, NotFound, LimitExceeded
            If the name or the categories cannot be.
        """
        self._check_name(name)
        with self._store.write(user) as writing:
            standing = writing.thing(user, KIND, name)
            if standing is not None:
                raise Conflict(
                    f"There is a label {name!r} already.", "Choose another name, or send If-Match.", _info(standing)
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
    ) -> LabelInfo:
        """Give a label other categories, or another name.

        Made for an older revision, it is done where since then nothing but cells has changed, and none of those that
        it moves itself.

        Parameters
        ----------
        user, name, expected
            Which one.
        wanted
            All its categories; None leaves them.
        new_name
            What it will be called.

        Raises
        ------
        Conflict
            If it has changed since, or is not there, or the new name is another's.
        BadRequest, NotFound, LimitExceeded
            If the name or the categories cannot be.
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
        category: str | None,
        cells: BitMap,
        create: bool = False,
        expected: int = ANY,
    ) -> tuple[LabelInfo, int]:
        """Put cells into a category, or into none.

        Made for an older revision, it is done where none of the cells has been given something else since.

        Parameters
        ----------
        user, name, expected
            Which label.
        category
            Its name; None unlabels the cells.
        cells
            Which ones.
        create
            Make the category if it is not there.

        Returns
        -------
        label, n
            The label, and how many cells have changed.

        Raises
        ------
        NotFound
            If the label, or the category, is not there.
        Conflict
            If the cells or the category have changed since the expected revision.
        """
        if cells and cells.max() >= self._n_obs:
            raise BadRequest(f"There is no cell {cells.max()}.", f"Cells are numbered from 0 to {self._n_obs - 1}.")
        with self._store.write(user) as writing:
            thing = writing.thing(user, KIND, name)
            if thing is None and expected == ANY:
                raise no_such("label", name)
            check_revision(thing, expected, name, _info)
            assert thing is not None
            before = self._history.now(writing, thing)
            target = None if category is None else before.find(category)
            if expected not in {ANY, thing.revision}:
                old = self._expected(writing, thing, expected)
                then = None if category is None else old.find(category)
                if then is not None and (target is None or target.id != then.id):
                    raise _changed(thing)
                done = BitMap() if target is None else before.of(target.id)
                if category is None:
                    done = cells - BitMap.union(BitMap(), *(before.of(e.id) for e in before.entries))
                _refuse_same_cells({0: cells - done}, moves(old, before), thing)
            start = before
            if category is not None and target is None:
                if not create:
                    raise NotFound(f"There is no category {category!r} in label {name!r}.", "Make it first.")
                check_number(len(before.entries) + 1, self._settings)
                check_name(category, "the category", self._settings)
                target = HistoryEntry(before.next_id, category)
                start = replace(before, entries=(*before.entries, target), next_id=before.next_id + 1)
            after, moved = assigned(start, target, cells)
            n = sum(len(c) for c in moved.values())
            if n == 0 and start is before:
                return _info(thing), 0
            action = "unassign" if category is None else "assign"
            return self._save(writing, user, thing, before, after, action, moved), n

    def restore(self, user: str, name: str, revision: int, expected: int = ANY) -> tuple[int, LabelInfo | None]:
        """Make a label what it was at a revision, as a new revision; also one that was deleted.

        Parameters
        ----------
        user, name, expected
            Which one.
        revision
            The number of any change from its first on.

        Returns
        -------
        revision, label
            The new revision; the label is None where it was deleted at the revision asked for, and so is now.

        Raises
        ------
        NotFound
            If there is no such label or revision, or its history is no longer kept.
        Conflict
            If it has changed since the expected revision, or its name of then is another's now.
        """
        with self._store.write(user) as writing:
            thing = writing.thing(user, KIND, name) or writing.gone(user, KIND, name)
            if thing is None:
                raise no_such("label", name)
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
        """Delete a label, and return the revision of that; it can be restored.

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
                raise no_such("label", name)
            if expected not in {ANY, thing.revision}:
                raise _changed(thing)
            before = self._history.now(writing, thing)
            after = State(name, gone=True, next_id=before.next_id)
            return self._save(writing, user, thing, before, after, "delete").revision

    def _check_name(self, name: str) -> None:
        check_name(name, "the label", self._settings)
        if name.endswith(_TAKEN_ENDING):
            raise BadRequest(f"The name of a label cannot end in {_TAKEN_ENDING!r}.", "Choose another.")

    def _filled(self, state: State, categories: Sequence[Category]) -> State:
        """Return a state with these categories and cells, those of a present name being the present ones."""
        check_number(len(categories), self._settings)
        entries: list[HistoryEntry] = []
        cells: dict[int, BitMap] = {}
        next_id = state.next_id
        taken = BitMap()
        if len({c.name for c in categories}) < len(categories):
            raise BadRequest(f"Two categories of label {state.name!r} have one name.", "Give each a name of its own.")
        known = {e.name: e.id for e in state.entries}
        for category in categories:
            name = check_name(category.name, "the category", self._settings)
            note = check_note(category.note, f"The note of {name!r}", self._settings)
            entry = HistoryEntry(known.get(name, next_id), name, check_color(category.color), note)
            next_id += name not in known
            if category.cells.intersect(taken):
                raise BadRequest(f"Some cells of {category.name!r} are in another category too.", "A cell has one.")
            taken |= category.cells
            entries.append(entry)
            cells[entry.id] = category.cells.copy()
        if taken and taken.max() >= self._n_obs:
            raise BadRequest(f"There is no cell {taken.max()}.", f"Cells are numbered from 0 to {self._n_obs - 1}.")
        return replace(state, entries=tuple(entries), cells=cells, next_id=next_id)

    def _refuse_taken(self, writing: Writing, user: str, thing: Record, name: str) -> None:
        other = writing.thing(user, KIND, name)
        if other is not None and other.id != thing.id:
            raise Conflict(f"There is another label {name!r}.", "Rename that first.", _info(other))

    def _expected(self, reading: Reading, thing: Record, revision: int) -> State:
        """Return what a label was at the revision that a change is made for; raise Conflict where nobody knows."""
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
    ) -> LabelInfo:
        """Make a label what it is after, and note how it was before."""
        if before.gone and not after.gone and len(writing.things(user, KIND)) >= self._settings.max_labels:
            raise too_many("labels", self._settings.max_labels, "max_labels")
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


def _label(thing: Record, state: State) -> Label:
    return Label(thing.name, thing.revision, state.categories, thing.author, thing.time)


def _info(thing: Record) -> LabelInfo:
    categories = tuple(Category(name, color, note) for _, name, color, note in thing.header["entries"])
    return LabelInfo(thing.name, thing.revision, thing.author, thing.time, categories, tuple(thing.header["n"]))


def _alike(a: State, b: State) -> bool:
    return (a.name, a.gone, a.entries) == (b.name, b.gone, b.entries) and not moves(a, b)


def _changed(thing: Record) -> Conflict:
    current = None if thing.gone else _info(thing)
    return Conflict(
        f"Label {thing.name!r} has changed since (it is at {thing.revision}).", "Look at it again.", current
    )


def _refuse_same_cells(touched: dict[int, BitMap], changed: dict[int, BitMap], thing: Record) -> None:
    """Raise Conflict where a change is about cells that have changed meanwhile."""
    mine, theirs = BitMap.union(BitMap(), *touched.values()), BitMap.union(BitMap(), *changed.values())
    if mine.intersect(theirs):
        raise _changed(thing)
