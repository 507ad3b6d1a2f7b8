"""A label at one moment, and the way back from it to the moment before.

A change is kept as its undoing: what the label was called, which categories it had where those have changed, and for
each category the cells that have left it. So a change takes as much room as it moves cells, and every moment of the
past is reached by undoing from what stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyroaring import BitMap

from starcyte.curation.base import Category
from starcyte.curation.cells import pack, unpack

NOWHERE = -1
"""In place of a category's id: the cell was unlabelled."""


@dataclass(frozen=True)
class Entry:
    """A category without its cells. Its id stays when it is renamed, and is never given to another of the label."""

    id: int
    name: str
    color: str = ""
    note: str = ""


@dataclass(frozen=True)
class State:
    """A label at one moment. Its sets of cells are shared between moments, and so never changed.

    Parameters
    ----------
    name
        What it is called.
    gone
        Whether it is deleted.
    entries
        The categories, in order.
    cells
        The cells of each category, by id; no cell is in two.
    next_id
        The id of the next new category.
    """

    name: str
    gone: bool = False
    entries: tuple[Entry, ...] = ()
    cells: Mapping[int, BitMap] | None = None
    next_id: int = 0

    def of(self, entry_id: int) -> BitMap:
        """Return the cells of a category; empty where there is no such category."""
        return (self.cells or {}).get(entry_id) or BitMap()

    def find(self, name: str) -> Entry | None:
        """Return a category by name."""
        return next((e for e in self.entries if e.name == name), None)

    @property
    def n_labelled(self) -> int:
        """Cells that are in a category."""
        return sum(len(self.of(e.id)) for e in self.entries)

    @property
    def categories(self) -> tuple[Category, ...]:
        """The categories as values."""
        return tuple(Category(e.name, e.color, e.note, self.of(e.id)) for e in self.entries)


def moves(before: State, after: State) -> dict[int, BitMap]:
    """Return the cells whose category is another after than before, by the category that they had before."""
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


def undoing(before: State, after: State) -> bytes:
    """Return what leads back from a state to the one before it."""
    moved = moves(before, after)
    for cells in moved.values():
        cells.run_optimize()
    header = {
        "name": before.name,
        "gone": before.gone,
        "entries": None
        if before.entries == after.entries
        else [[e.id, e.name, e.color, e.note] for e in before.entries],
        "next": before.next_id,
        "from": list(moved),
    }
    return pack(header, list(moved.values()))


def undone(after: State, undo: bytes) -> State:
    """Return the state before the one that a change has led to."""
    header, sets = unpack(undo)
    entries = after.entries if header["entries"] is None else tuple(Entry(*e) for e in header["entries"])
    moved = BitMap.union(*sets) if sets else BitMap()
    cells = {}
    for entry in entries:
        has = after.of(entry.id)
        cells[entry.id] = has - moved if has.intersect(moved) else has
    for entry_id, back in zip(header["from"], sets, strict=True):
        if entry_id != NOWHERE:
            cells[entry_id] = cells[entry_id] | back
    # ids of categories that were made since are not given again
    return State(header["name"], header["gone"], entries, cells, max(header["next"], after.next_id))


def assigned(state: State, target: Entry | None, cells: BitMap) -> State:
    """Return a state with these cells in one category, or in none.

    Parameters
    ----------
    state
        The state before.
    target
        One of its categories; None unlabels the cells.
    cells
        Which ones.
    """
    after = dict(state.cells or {})
    for entry in state.entries:
        has = state.of(entry.id)
        if target is not None and entry.id == target.id:
            if not cells.issubset(has):
                after[entry.id] = has | cells
        elif has.intersect(cells):
            after[entry.id] = has - cells
    return replace(state, cells=after)
