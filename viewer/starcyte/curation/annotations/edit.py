"""Editing the labels of an annotation: the request lists all labels, and which of the present ones each replaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyroaring import BitMap

from starcyte.curation.annotations.state import AnnotationState, LabelEntry
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
    """

    name: str
    color: str | None = None
    note: str | None = None
    was: tuple[str, ...] = ()


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


def check_number(n: int, settings: Settings) -> None:
    """Raise LimitExceeded if an annotation would have too many labels."""
    limit = settings.max_annotation_labels
    if n > limit:
        raise LimitExceeded(
            f"An annotation of {n} labels is too large. The limit is {limit} (max_annotation_labels).",
            "Merge some labels, or use several annotations.",
        )


def _replaced(state: AnnotationState, edited: Sequence[EditedLabel]) -> list[list[LabelEntry]]:
    """Return the present labels that each edited label replaces."""
    names = [label.name for label in edited]
    if len(set(names)) < len(names):
        duplicate = next(n for n in names if names.count(n) > 1)
        raise BadRequest(f"Two labels have the name {duplicate!r}.", 'Use different names, or merge them with "was".')
    present = {e.name: e for e in state.entries}
    claimed: set[str] = set()
    for name in (name for label in edited for name in label.was):
        if name not in present:
            raise NotFound(f"No such label in annotation {state.name!r}: {name!r}.", "Reload the annotation.")
        if name in claimed:
            raise BadRequest(f"Two labels replace label {name!r}.", 'Name it in one "was" only.')
        claimed.add(name)
    replaced = []
    for label in edited:
        if label.was:
            if label.name in present and label.name not in claimed:
                raise BadRequest(
                    f"Label {label.name!r} exists already.", 'Merge them by naming both in "was", or rename it.'
                )
            replaced.append([present[name] for name in label.was])
        else:
            same = label.name in present and label.name not in claimed
            replaced.append([present[label.name]] if same else [])
    return replaced
