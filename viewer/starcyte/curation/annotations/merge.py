"""Three-way merge of annotations: changes made from one state are applied to another, label by label and cell by cell.

Labels are matched by id, so a renamed label is the same label. A new label is the same as a new one of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pyroaring import BitMap

from starcyte.curation.annotations.merge_names import merge_order, with_unique_names
from starcyte.curation.annotations.state import UNLABELLED, AnnotationState, LabelEntry, moved_cells

Field = Literal["cells", "name", "color", "note", "deleted", "annotation"]


@dataclass(frozen=True)
class MergeConflict:
    """Two changes of the same thing, of which one can be kept.

    Parameters
    ----------
    key
        Identifies the choice; several conflicts that are decided together have the same key.
    field
        What both have changed; ``deleted``: one deleted what the other changed; ``annotation``: its name.
    label
        The name of the label before; empty for cells.
    mine, theirs
        The values, which are names of labels for cells; None if there is none.
    n
        The number of cells that it is about.
    """

    key: str
    field: Field
    label: str
    mine: str | None
    theirs: str | None
    n: int


@dataclass(frozen=True)
class Merge:
    """The merged state, and the conflicts that were decided for it."""

    state: AnnotationState
    conflicts: tuple[MergeConflict, ...]


def merge(
    base: AnnotationState, mine: AnnotationState, theirs: AnnotationState, keep_mine: Collection[str] | None = None
) -> Merge:
    """Return the state that has the changes from base to mine as well as those from base to theirs.

    Parameters
    ----------
    base
        The state from which both were made. New labels of ``mine`` must have ids that ``theirs`` has not.
    mine, theirs
        The states.
    keep_mine
        The keys of the conflicts that ``mine`` wins; ``theirs`` wins the others. None: ``mine`` wins all.
    """
    merging = _Merging(base, keep_mine)
    return Merge(merging.merged(mine, theirs), tuple(merging.conflicts))


def same_state(a: AnnotationState, b: AnnotationState) -> bool:
    """Return whether two states differ in nothing that a user sees."""
    return (a.name, a.deleted, a.entries) == (b.name, b.deleted, b.entries) and not moved_cells(a, b)


def with_known_labels(base: AnnotationState, current: AnnotationState, ids: Collection[int]) -> AnnotationState:
    """Return base with those labels of these ids, without cells, that were added since.

    A client may have added a label that another client had added before: it knows that one's id from the answer.
    """
    known = by_id(base)
    added = [e for e in current.entries if e.id in ids and e.id not in known]
    if not added:
        return base
    cells = dict(base.cells or {}) | {e.id: BitMap() for e in added}
    return replace(base, entries=(*base.entries, *added), cells=cells)


class _Merging:
    def __init__(self, base: AnnotationState, keep_mine: Collection[str] | None) -> None:
        self.base = base
        self.conflicts: list[MergeConflict] = []
        self._keep_mine = keep_mine

    def merged(self, mine: AnnotationState, theirs: AnnotationState) -> AnnotationState:
        next_id = max(mine.next_id, theirs.next_id)
        if mine.deleted or theirs.deleted:
            return replace(self._of_deleted(mine, theirs), next_id=next_id)
        mine = _with_ids_of(mine, self.base, theirs)
        mine, theirs = self._deleted_labels(mine, theirs)
        cells = self._cells(mine, theirs)
        base_ids, mine_ids, theirs_ids = (set(by_id(state)) for state in (self.base, mine, theirs))
        present = (mine_ids & theirs_ids) | (mine_ids - base_ids) | (theirs_ids - base_ids)
        entries = {label: self._entry(label, mine, theirs) for label in present}
        entries = with_unique_names(entries, self.base, mine, theirs, self._name_clash(cells))
        order = [label for label in merge_order(self.base, mine, theirs) if label in present]
        return AnnotationState(
            self._annotation_name(mine, theirs),
            False,
            tuple(entries[label] for label in order),
            {label: cells.get(label) or BitMap() for label in order},
            next_id,
        )

    def _is_mine(self, conflict: MergeConflict) -> bool:
        """Note a conflict, and return whether the value of mine is kept."""
        self.conflicts.append(conflict)
        return self._keep_mine is None or conflict.key in self._keep_mine

    def _of_deleted(self, mine: AnnotationState, theirs: AnnotationState) -> AnnotationState:
        """Return the state if at least one is deleted."""
        if self.base.deleted or mine.deleted == theirs.deleted:
            return theirs if mine.deleted else mine
        changed = theirs if mine.deleted else mine
        if same_state(changed, self.base):
            return mine if mine.deleted else theirs
        kept = True
        for name, n in _changed_labels(self.base, changed):
            my, their = (None, name) if mine.deleted else (name, None)
            kept = self._is_mine(MergeConflict("deleted", "deleted", name, my, their, n))
        return mine if kept else theirs

    def _deleted_labels(
        self, mine: AnnotationState, theirs: AnnotationState
    ) -> tuple[AnnotationState, AnnotationState]:
        """Decide about labels that one side deleted and the other changed."""
        for entry in self.base.entries:
            in_mine, in_theirs = entry.id in by_id(mine), entry.id in by_id(theirs)
            if in_mine == in_theirs:
                continue
            changed, without = (mine, theirs) if in_mine else (theirs, mine)
            after = by_id(changed)[entry.id]
            gained = changed.cells_of(entry.id) - self.base.cells_of(entry.id)
            if after == entry and (not gained or follow(self.base, mine, theirs, entry.id) is not None):
                continue
            n = len(gained) if after == entry else len(changed.cells_of(entry.id))
            into = merged_into(self.base, without, entry.id)
            other = None if into is None else by_id(without)[into].name
            my, their = (after.name, other) if in_mine else (other, after.name)
            # each merged the label into the one that the other merged
            circular = into is not None and merged_into(self.base, changed, into) == entry.id
            key = "-".join(map(str, sorted([entry.id, into]))) if circular and into is not None else str(entry.id)
            keeps_mine = self._is_mine(MergeConflict(f"deleted:{key}", "deleted", entry.name, my, their, n))
            if keeps_mine == in_mine:
                without = self._with_label(without, entry.id, into)
            elif circular and into is not None:
                changed = self._with_label(changed, into, entry.id)
            else:
                changed = self._without_changes(changed, without, entry, undone=in_mine)
            mine, theirs = (changed, without) if in_mine else (without, changed)
        return mine, theirs

    def _with_label(self, state: AnnotationState, label: int, into: int | None) -> AnnotationState:
        """Return a state without the deletion of a label, or the merging of it into another."""
        labelled = BitMap.union(BitMap(), *(state.cells_of(e.id) for e in state.entries if e.id != into))
        cells = dict(state.cells or {})
        cells[label] = self.base.cells_of(label) - labelled
        if into is not None:
            cells[into] = state.cells_of(into) - cells[label]
        return replace(state, entries=(*state.entries, by_id(self.base)[label]), cells=cells)

    def _without_changes(
        self, state: AnnotationState, other: AnnotationState, entry: LabelEntry, undone: bool
    ) -> AnnotationState:
        """Return a state without the changes of a label that the other state deleted.

        Parameters
        ----------
        state, other, entry
            The states, and the label as it was.
        undone
            Whether the cells that it gained have their labels of base again; else none.
        """
        if undone:
            for merged in self.base.entries:
                if merged_into(self.base, state, merged.id) == entry.id:
                    state = self._with_label(state, merged.id, entry.id)
        cells = dict(state.cells or {})
        if follow(self.base, state, other, entry.id) is None:
            gained = state.cells_of(entry.id) - self.base.cells_of(entry.id)
            cells[entry.id] = state.cells_of(entry.id) - gained
            for label in by_id(state) if undone else ():
                back = self.base.cells_of(label) & gained
                if back and label != entry.id:
                    cells[label] = state.cells_of(label) | back
        entries = tuple(entry if e.id == entry.id else e for e in state.entries)
        return replace(state, entries=entries, cells=cells)

    def _cells(self, mine: AnnotationState, theirs: AnnotationState) -> dict[int, BitMap]:
        """Return the cells of each label after both changes."""
        mine_to = _forwarded(_gains(self.base, mine), self.base, mine, theirs)
        theirs_to = _forwarded(_gains(self.base, theirs), self.base, mine, theirs)
        mine_weak, theirs_weak = _moved_with_label(self.base, mine), _moved_with_label(self.base, theirs)
        wins = {}
        for to, cells in mine_to.items():
            won = cells.copy()
            for other, others in theirs_to.items():
                both = cells & others
                if not both or to == other:
                    continue
                # a cell that was moved by itself has left the label that the other side deleted or merged
                theirs_only = (both & mine_weak) - theirs_weak
                contested = both - (mine_weak ^ theirs_weak)
                if contested:
                    my, their = _label_name(to, mine, theirs), _label_name(other, theirs, mine)
                    if self._is_mine(MergeConflict(f"cells:{to}:{other}", "cells", "", my, their, len(contested))):
                        contested = BitMap()
                won -= theirs_only | contested
            wins[to] = won
        moved = BitMap.union(BitMap(), *wins.values())
        after = {}
        start = _gained(self.base, theirs, theirs_to)
        for label in {*start, *wins} - {UNLABELLED}:
            after[label] = (start.get(label, BitMap()) - moved) | wins.get(label, BitMap())
        return after

    def _entry(self, label: int, mine: AnnotationState, theirs: AnnotationState) -> LabelEntry:
        """Return a label after both changes."""
        was, my, their = (by_id(state).get(label) for state in (self.base, mine, theirs))
        if my is None or their is None:
            found = my or their
            assert found is not None
            return found
        if was is None:
            return replace(their, color=their.color or my.color, note=their.note or my.note)
        n = len(theirs.cells_of(label))

        def decided(field: Literal["name", "color", "note"]) -> str:
            before, one, other = (str(getattr(entry, field)) for entry in (was, my, their))
            if one == other or other == before:
                return one
            if one == before:
                return other
            kept = self._is_mine(MergeConflict(f"{field}:{label}", field, was.name, one, other, n))
            return one if kept else other

        return LabelEntry(label, decided("name"), decided("color"), decided("note"))

    def _annotation_name(self, mine: AnnotationState, theirs: AnnotationState) -> str:
        if mine.name == theirs.name or theirs.name == self.base.name:
            return mine.name
        if mine.name == self.base.name:
            return theirs.name
        row = MergeConflict("annotation", "annotation", self.base.name, mine.name, theirs.name, theirs.n_labelled)
        return mine.name if self._is_mine(row) else theirs.name

    def _name_clash(self, cells: Mapping[int, BitMap]) -> Callable[[LabelEntry, LabelEntry], bool]:
        """Return a function that decides which of two labels keeps a name that both were given."""

        def decide(my: LabelEntry, their: LabelEntry) -> bool:
            was = by_id(self.base).get(my.id, my).name
            n = len(cells.get(my.id, ()))
            return self._is_mine(
                MergeConflict(f"name:{my.id}", "name", was, my.name, f"{their.name} (another label)", n)
            )

        return decide


def by_id(state: AnnotationState) -> dict[int, LabelEntry]:
    """Return the labels by id."""
    return {entry.id: entry for entry in state.entries}


def merged_into(base: AnnotationState, state: AnnotationState, label: int) -> int | None:
    """Return the label that has all cells of a label of base which is gone; None if there is no such label or cell."""
    cells = base.cells_of(label)
    if label in by_id(state) or not cells:
        return None
    return next((entry.id for entry in state.entries if cells <= state.cells_of(entry.id)), None)


def follow(base: AnnotationState, mine: AnnotationState, theirs: AnnotationState, label: int) -> int | None:
    """Return the label that a label is or was merged into after both changes; None if it was deleted."""
    passed: set[int] = set()
    found: int | None = label
    while found in by_id(base) and found not in passed:
        gone = next((state for state in (mine, theirs) if found not in by_id(state)), None)
        if gone is None:
            return found
        passed.add(found)
        found = merged_into(base, gone, found)
    return None if found in passed or found == UNLABELLED else found


def _with_ids_of(mine: AnnotationState, base: AnnotationState, theirs: AnnotationState) -> AnnotationState:
    """Return mine, in which a new label has the id of a new label of theirs with its name."""
    old = by_id(base)
    new = {e.name: e.id for e in theirs.entries if e.id not in old}
    ids = {e.id: new[e.name] for e in mine.entries if e.id not in old and e.name in new}
    taken = set(ids) | set(by_id(mine))
    ids = {one: other for one, other in ids.items() if one == other or other not in taken}
    if not ids:
        return mine
    entries = tuple(replace(e, id=ids.get(e.id, e.id)) for e in mine.entries)
    cells = {ids.get(label, label): cells for label, cells in (mine.cells or {}).items()}
    return replace(mine, entries=entries, cells=cells)


def _gains(base: AnnotationState, state: AnnotationState) -> dict[int, BitMap]:
    """Return the cells that each label gained; those that lost their label by UNLABELLED."""
    gains = {e.id: gained for e in state.entries if (gained := state.cells_of(e.id) - base.cells_of(e.id))}
    lost = BitMap.union(BitMap(), *(base.cells_of(e.id) - state.cells_of(e.id) for e in base.entries))
    unlabelled = lost - BitMap.union(BitMap(), *gains.values())
    return gains | ({UNLABELLED: unlabelled} if unlabelled else {})


def _forwarded(
    gains: Mapping[int, BitMap], base: AnnotationState, mine: AnnotationState, theirs: AnnotationState
) -> dict[int, BitMap]:
    """Return gains in which a label that was merged is the one that it was merged into."""
    forwarded: dict[int, BitMap] = {}
    for label, cells in gains.items():
        into = follow(base, mine, theirs, label)
        to = UNLABELLED if into is None else into
        forwarded[to] = forwarded.get(to, BitMap()) | cells
    return forwarded


def _moved_with_label(base: AnnotationState, state: AnnotationState) -> BitMap:
    """Return the cells that moved because their label was deleted or merged, not by themselves."""
    labelled = BitMap.union(BitMap(), *(state.cells_of(e.id) for e in state.entries))
    moved = BitMap()
    for entry in base.entries:
        if entry.id not in by_id(state):
            into = merged_into(base, state, entry.id)
            cells = base.cells_of(entry.id)
            moved |= cells - labelled if into is None else cells
    return moved


def _gained(base: AnnotationState, state: AnnotationState, gains: Mapping[int, BitMap]) -> dict[int, BitMap]:
    """Return the cells of each label of a state whose gains were forwarded."""
    moved = BitMap.union(BitMap(), *gains.values())
    labels = {e.id for e in (*base.entries, *state.entries)} | set(gains)
    return {label: (base.cells_of(label) - moved) | gains.get(label, BitMap()) for label in labels - {UNLABELLED}}


def _changed_labels(base: AnnotationState, changed: AnnotationState) -> list[tuple[str, int]]:
    """Return the labels that differ between two states, with the number of cells that they gained or lost."""
    labels = by_id(base) | by_id(changed)
    rows = []
    for label, entry in labels.items():
        n = len(changed.cells_of(label) ^ base.cells_of(label))
        if n or by_id(base).get(label) != by_id(changed).get(label):
            rows.append((entry.name, n))
    return rows or [(changed.name, changed.n_labelled)]


def _label_name(label: int, *states: AnnotationState) -> str | None:
    """Return the name of a label in the first state that has it; None for unlabelled cells."""
    return next((by_id(state)[label].name for state in states if label in by_id(state)), None)
