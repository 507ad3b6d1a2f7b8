"""AnnotationState: an annotation at one revision, and the undo that leads to the revision before.

The history stores for each change only what undoes it: the former name, the former labels if they changed, and for
each label the cells that lost it. So a change takes as many bytes as it moves cells, and every former state is
computed from the current one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from pyroaring import BitMap

from starcyte.curation.annotations.cell_sets import from_codes, from_rows, pack, rows_of, unpack
from starcyte.curation.models import Label

UNLABELLED = -1
"""In place of a label's id: the cell had no label."""
_UNMOVED = -2


@dataclass(frozen=True)
class LabelEntry:
    """A label without its cells. Renaming keeps its id, and the annotation never reuses an id."""

    id: int
    name: str
    color: str = ""
    note: str = ""


@dataclass(frozen=True)
class AnnotationState:
    """An annotation at one revision. States share their cell sets, which are therefore never modified.

    Parameters
    ----------
    name
        The name of the annotation.
    deleted
        Whether it is deleted.
    entries
        The labels, in order.
    cells
        The cells of each label, by the label's id; disjoint.
    next_id
        The id of the next new label.
    """

    name: str
    deleted: bool = False
    entries: tuple[LabelEntry, ...] = ()
    cells: Mapping[int, BitMap] | None = None
    next_id: int = 0

    def cells_of(self, label_id: int) -> BitMap:
        """Return the cells of a label; empty if there is no such label."""
        return (self.cells or {}).get(label_id) or BitMap()

    def find(self, name: str) -> LabelEntry | None:
        """Return a label by name, or None."""
        return next((e for e in self.entries if e.name == name), None)

    @property
    def n_labelled(self) -> int:
        """The number of labelled cells."""
        return sum(len(self.cells_of(e.id)) for e in self.entries)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels with their cells."""
        return tuple(Label(e.name, e.color, e.note, self.cells_of(e.id), e.id) for e in self.entries)


def moved_cells(before: AnnotationState, after: AnnotationState) -> dict[int, BitMap]:
    """Return the cells whose label differs between two states, by the id of their label before."""
    moved: dict[int, BitMap] = {}
    gained, left = BitMap(), BitMap()
    for label_id in {e.id for e in (*before.entries, *after.entries)}:
        had, has = before.cells_of(label_id), after.cells_of(label_id)
        if had is has:
            continue
        lost = had - has
        if lost:
            moved[label_id] = lost
            left |= lost
        gained |= has - had
    unlabelled = gained - left
    if unlabelled:
        moved[UNLABELLED] = unlabelled
    return moved


def encode_undo(before: AnnotationState, after: AnnotationState, moved: Mapping[int, BitMap]) -> bytes:
    """Return the undo of a change as bytes.

    Parameters
    ----------
    before, after
        The states before and after the change.
    moved
        The cells that it moved, as of :func:`moved_cells`.
    """
    for cells in moved.values():
        cells.run_optimize()
    header = {
        "name": before.name,
        "deleted": before.deleted,
        "entries": None
        if before.entries == after.entries
        else [[e.id, e.name, e.color, e.note] for e in before.entries],
        "from": list(moved),
    }
    return pack(header, list(moved.values()))


def undo_changes(state: AnnotationState, undos: Iterable[bytes], n_obs: int) -> AnnotationState:
    """Return the state before some changes.

    Parameters
    ----------
    state
        The state after them.
    undos
        Their undos, that of the latest change first.
    n_obs
        The number of cells of the dataset.
    """
    origin = np.full(n_obs, _UNMOVED, np.int32)
    name, deleted, entries = state.name, state.deleted, state.entries
    for undo in undos:
        header, sets = unpack(undo)
        name, deleted = header["name"], header["deleted"]
        if header["entries"] is not None:
            entries = tuple(LabelEntry(*e) for e in header["entries"])
        # an older undo overwrites a newer one: the first label of a cell counts
        for label_id, cells in zip(header["from"], sets, strict=True):
            origin[rows_of(cells)] = label_id
    moved = np.flatnonzero(origin != _UNMOVED)
    ids, codes = np.unique(origin[moved], return_inverse=True)
    returning = dict(zip(ids.tolist(), from_codes(codes, ids.size), strict=True))
    moved_set = from_rows(moved)
    former_cells = {}
    for label_id in (e.id for e in entries):
        has, had = state.cells_of(label_id), returning.get(label_id)
        stays = has - moved_set if has.intersect(moved_set) else has
        former_cells[label_id] = stays if had is None else stays | from_rows(moved[rows_of(had)])
    # next_id stays, so that the ids of labels created since are not reused
    return AnnotationState(name, deleted, entries, former_cells, state.next_id)


def assign_cells(
    state: AnnotationState, target: LabelEntry | None, cells: BitMap
) -> tuple[AnnotationState, dict[int, BitMap]]:
    """Return the state after giving cells a label, and the cells that this moves.

    Parameters
    ----------
    state
        The state before.
    target
        One of its labels; None removes the label of the cells.
    cells
        The cells.
    """
    after, moved = dict(state.cells or {}), {}
    unlabelled = cells.copy()
    for entry in state.entries:
        has = state.cells_of(entry.id)
        hit = has & cells
        if not hit:
            continue
        unlabelled -= hit
        if target is None or entry.id != target.id:
            moved[entry.id] = hit
            after[entry.id] = has - hit
    if target is not None:
        if unlabelled:
            moved[UNLABELLED] = unlabelled
        if moved:
            after[target.id] = state.cells_of(target.id) | cells
    return replace(state, cells=after), moved
