"""An annotation at one moment, and the way back from it to the moment before.

A change is kept as its undoing: what the annotation was called, which labels it had where those have changed, and for
each label the cells that have left it. So a change takes as much room as it moves cells, and every moment of the
past is reached by undoing from what stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from pyroaring import BitMap

from starcyte.curation.annotations.cell_sets import from_codes, from_rows, pack, rows_of, unpack
from starcyte.curation.models import Label

NOWHERE = -1
"""In place of a label's id: the cell was unlabelled."""
_UNMOVED = -2


@dataclass(frozen=True)
class HistoryEntry:
    """A label without its cells. Its id stays when it is renamed, and is never given to another of the annotation."""

    id: int
    name: str
    color: str = ""
    note: str = ""


@dataclass(frozen=True)
class State:
    """An annotation at one moment. Its sets of cells are shared between moments, and so never changed.

    Parameters
    ----------
    name
        What it is called.
    gone
        Whether it is deleted.
    entries
        The labels, in order.
    cells
        The cells of each label, by id; no cell is in two.
    next_id
        The id of the next new label.
    """

    name: str
    gone: bool = False
    entries: tuple[HistoryEntry, ...] = ()
    cells: Mapping[int, BitMap] | None = None
    next_id: int = 0

    def of(self, entry_id: int) -> BitMap:
        """Return the cells of a label; empty where there is no such label."""
        return (self.cells or {}).get(entry_id) or BitMap()

    def find(self, name: str) -> HistoryEntry | None:
        """Return a label by name."""
        return next((e for e in self.entries if e.name == name), None)

    @property
    def n_labelled(self) -> int:
        """Cells that are in a label."""
        return sum(len(self.of(e.id)) for e in self.entries)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels as values."""
        return tuple(Label(e.name, e.color, e.note, self.of(e.id)) for e in self.entries)


def moves(before: State, after: State) -> dict[int, BitMap]:
    """Return the cells whose label is another after than before, by the label that they had before."""
    found: dict[int, BitMap] = {}
    gained, left = BitMap(), BitMap()
    for entry_id in {e.id for e in (*before.entries, *after.entries)}:
        had, has = before.of(entry_id), after.of(entry_id)
        if had is has:
            continue
        lost = had - has
        if lost:
            found[entry_id] = lost
            left |= lost
        gained |= has - had
    unlabelled = gained - left
    if unlabelled:
        found[NOWHERE] = unlabelled
    return found


def undoing(before: State, after: State, moved: Mapping[int, BitMap]) -> bytes:
    """Return what leads back from a state to the one before it.

    Parameters
    ----------
    before, after
        The states.
    moved
        The moves between them.
    """
    for cells in moved.values():
        cells.run_optimize()
    header = {
        "name": before.name,
        "gone": before.gone,
        "entries": None
        if before.entries == after.entries
        else [[e.id, e.name, e.color, e.note] for e in before.entries],
        "from": list(moved),
    }
    return pack(header, list(moved.values()))


def undone(state: State, undoings: Iterable[bytes], n_obs: int) -> State:
    """Return the state that some changes have led from.

    Parameters
    ----------
    state
        What they have led to.
    undoings
        What leads back, the newest change first.
    n_obs
        How many cells there are.
    """
    origin = np.full(n_obs, _UNMOVED, np.int32)
    name, gone, entries = state.name, state.gone, state.entries
    for undoing_ in undoings:
        header, sets = unpack(undoing_)
        name, gone = header["name"], header["gone"]
        if header["entries"] is not None:
            entries = tuple(HistoryEntry(*e) for e in header["entries"])
        # an older change overwrites: what counts is where a cell was first
        for entry_id, cells in zip(header["from"], sets, strict=True):
            origin[rows_of(cells)] = entry_id
    moved = np.flatnonzero(origin != _UNMOVED)
    ids, codes = np.unique(origin[moved], return_inverse=True)
    back = dict(zip(ids.tolist(), from_codes(codes, ids.size), strict=True))
    away = from_rows(moved)
    cells_then = {}
    for entry_id in (e.id for e in entries):
        has, had = state.of(entry_id), back.get(entry_id)
        stays = has - away if has.intersect(away) else has
        cells_then[entry_id] = stays if had is None else stays | from_rows(moved[rows_of(had)])
    # ids of labels that were made since are not given again
    return State(name, gone, entries, cells_then, state.next_id)


def assigned(state: State, target: HistoryEntry | None, cells: BitMap) -> tuple[State, dict[int, BitMap]]:
    """Return a state with these cells in one label, or in none, and the moves that lead there.

    Parameters
    ----------
    state
        The state before.
    target
        One of its labels; None unlabels the cells.
    cells
        Which ones.
    """
    after, moved = dict(state.cells or {}), {}
    unlabelled = cells.copy()
    for entry in state.entries:
        has = state.of(entry.id)
        hit = has & cells
        if not hit:
            continue
        unlabelled -= hit
        if target is None or entry.id != target.id:
            moved[entry.id] = hit
            after[entry.id] = has - hit
    if target is not None:
        if unlabelled:
            moved[NOWHERE] = unlabelled
        if moved:
            after[target.id] = state.of(target.id) | cells
    return replace(state, cells=after), moved
