"""Editing the labels of an annotation: the request lists all labels, and which of the present ones each replaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyroaring import BitMap

from starcyte.curation.annotations.state import UNLABELLED, AnnotationState, LabelEntry, assign_cells
from starcyte.curation.models import Label
from starcyte.curation.names import check_color, check_name, check_note
from starcyte.errors import BadRequest, LimitExceeded, NotFound
from starcyte.settings import Settings


@dataclass(frozen=True)
class EditedLabel:
    """A label as requested.

    Parameters
    ----------
    name
        The new name.
    color, note
        None keeps the present ones.
    was
        The present labels that it replaces; by default the one of the same name, if there is one.
    ids
        The same by their ids, which are used if there are any. A label of these that was deleted meanwhile is dropped.
    """

    name: str
    color: str | None = None
    note: str | None = None
    was: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class NewLabel:
    """The label that cells are given.

    Parameters
    ----------
    name
        Its name.
    id
        Its id, which is used if there is a label of it.
    create, color
        Whether it is added if it does not exist, and then its colour.
    """

    name: str
    id: int = UNLABELLED
    create: bool = False
    color: str = ""


def edit_labels(state: AnnotationState, edited: Sequence[EditedLabel], settings: Settings) -> AnnotationState:
    """Return the state with the edited labels in their order. Present labels that none replaces are deleted.

    Parameters
    ----------
    state
        The state before.
    edited
        All labels.
    settings
        ``max_annotation_labels`` is used.

    Raises
    ------
    BadRequest
        If two have the same name, two replace the same label, or one takes the name of a label that it would delete.
    NotFound
        If a replaced label does not exist.
    LimitExceeded
        If there are too many.
    """
    edited = _without_deleted(state, edited)
    check_number(len(edited), settings)
    for label in edited:
        check_name(label.name, "the label", settings)
        check_color(label.color or "")
        check_note(label.note or "", f"The note of {label.name!r}", settings)
    replaced = _replaced(state, edited)
    entries, cells, next_id = [], {}, state.next_id
    for label, sources in zip(edited, replaced, strict=True):
        if sources:
            first = sources[0]
            sets = [state.cells_of(e.id) for e in sources]
            merged = sets[0] if len(sets) == 1 else BitMap.union(*sets)
        else:
            first, merged = LabelEntry(next_id, label.name), BitMap()
            next_id += 1
        entries.append(
            replace(
                first,
                name=label.name,
                color=first.color if label.color is None else label.color.lower(),
                note=first.note if label.note is None else label.note,
            )
        )
        cells[first.id] = merged
    return replace(state, entries=tuple(entries), cells=cells, next_id=next_id)


def label_cells(state: AnnotationState, label: NewLabel | None, cells: BitMap, settings: Settings) -> AnnotationState:
    """Return the state after giving cells a label, or none.

    Parameters
    ----------
    state
        The state before.
    label
        The label; None removes the label of the cells.
    cells
        The cells.
    settings
        ``max_text`` is used.

    Raises
    ------
    NotFound
        If there is no such label, and it is not to be created.
    """
    if label is None:
        return assign_cells(state, None, cells)[0]
    target = next((e for e in state.entries if e.id == label.id), None) or state.find(label.name)
    if target is None:
        # a label that was known by its id has been deleted meanwhile
        if not label.create and not 0 <= label.id < state.next_id:
            raise NotFound(f"No such label in annotation {state.name!r}: {label.name!r}.", "Create it first.")
        name, color = check_name(label.name, "the label", settings), check_color(label.color)
        target = LabelEntry(state.next_id, name, color)
        state = replace(state, entries=(*state.entries, target), next_id=state.next_id + 1)
    return assign_cells(state, target, cells)[0]


def with_labels(state: AnnotationState, labels: Sequence[Label], settings: Settings) -> AnnotationState:
    """Return a state with these labels; one whose name the state knows keeps its id."""
    check_number(len(labels), settings)
    if len({label.name for label in labels}) < len(labels):
        raise BadRequest(f"Two labels of annotation {state.name!r} have the same name.", "Use different names.")
    known = {e.name: e.id for e in state.entries}
    entries: list[LabelEntry] = []
    cells: dict[int, BitMap] = {}
    next_id, taken = state.next_id, BitMap()
    for label in labels:
        name = check_name(label.name, "the label", settings)
        note = check_note(label.note, f"The note of {name!r}", settings)
        entry = LabelEntry(known.get(name, next_id), name, check_color(label.color), note)
        next_id += name not in known
        if label.cells.intersect(taken):
            raise BadRequest(f"Some cells of {label.name!r} have another label too.", "A cell has one label.")
        taken |= label.cells
        entries.append(entry)
        cells[entry.id] = label.cells.copy()
    return replace(state, entries=tuple(entries), cells=cells, next_id=next_id)


def check_number(n: int, settings: Settings) -> None:
    """Raise LimitExceeded if an annotation would have too many labels."""
    limit = settings.max_annotation_labels
    if n > limit:
        raise LimitExceeded(
            f"An annotation of {n} labels is too large. The limit is {limit} (max_annotation_labels).",
            "Merge some labels, or use several annotations.",
        )


def _without_deleted(state: AnnotationState, edited: Sequence[EditedLabel]) -> list[EditedLabel]:
    """Return the edited labels without ids of labels that existed once."""
    present = {e.id for e in state.entries}
    kept = []
    for label in edited:
        ids = tuple(i for i in label.ids if i in present or i >= state.next_id)
        if ids or not label.ids:
            kept.append(replace(label, ids=ids))
    return kept


def _replaced(state: AnnotationState, edited: Sequence[EditedLabel]) -> list[list[LabelEntry]]:
    """Return the present labels that each edited label replaces."""
    names = [label.name for label in edited]
    if len(set(names)) < len(names):
        duplicate = next(n for n in names if names.count(n) > 1)
        raise BadRequest(f"Two labels have the name {duplicate!r}.", 'Use different names, or merge them with "was".')
    present = {e.name: e for e in state.entries}
    by_id = {e.id: e for e in state.entries}
    claimed: set[int] = set()
    for label in edited:
        missing = [n for n in label.was if n not in present] + [str(i) for i in label.ids if i not in by_id]
        if missing:
            raise NotFound(f"No such label in annotation {state.name!r}: {missing[0]!r}.", "Reload the annotation.")
        for source in label.ids or [present[name].id for name in label.was]:
            if source in claimed:
                name = by_id[source].name
                raise BadRequest(f"Two labels replace label {name!r}.", 'Name it in one "was" only.')
            claimed.add(source)
    replaced = []
    for label in edited:
        same = present.get(label.name)
        if same is not None and same.id in claimed:
            same = None
        if label.ids:
            replaced.append([by_id[source] for source in label.ids])
        elif label.was:
            if same is not None:
                raise BadRequest(
                    f"Label {label.name!r} exists already.", 'Merge them by naming both in "was", or rename it.'
                )
            replaced.append([present[name] for name in label.was])
        else:
            replaced.append([same] if same else [])
    return replaced
