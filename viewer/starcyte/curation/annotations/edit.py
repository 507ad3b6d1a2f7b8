"""Editing the labels of an annotation: the whole list is said, and where each comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyroaring import BitMap

from starcyte.curation.annotations.state import HistoryEntry, State
from starcyte.curation.names import check_color, check_name, check_note
from starcyte.errors import BadRequest, LimitExceeded, NotFound
from starcyte.settings import Settings


@dataclass(frozen=True)
class EditedLabel:
    """A label as it is to be.

    Parameters
    ----------
    name
        What it is to be called.
    color, note
        None leaves them as they are.
    was
        The labels that it is made of; by default the one of its name, or a new one.
    """

    name: str
    color: str | None = None
    note: str | None = None
    was: tuple[str, ...] = ()


def edited(state: State, wanted: Sequence[EditedLabel], settings: Settings) -> State:
    """Return a state with these labels, in this order. Those that nothing is made of are deleted.

    Parameters
    ----------
    state
        The state before.
    wanted
        All labels.
    settings
        ``max_annotation_labels`` is used.

    Raises
    ------
    BadRequest
        If two have one name, or one is to become two, or a label would be lost under another's new name.
    NotFound
        If one is made of a label that is not there.
    LimitExceeded
        If there are too many.
    """
    check_number(len(wanted), settings)
    for want in wanted:
        check_name(want.name, "the label", settings)
        check_color(want.color or "")
        check_note(want.note or "", f"The note of {want.name!r}", settings)
    sources = _sources(state, wanted)
    entries, cells, next_id = [], {}, state.next_id
    for want, made_of in zip(wanted, sources, strict=True):
        if made_of:
            first = made_of[0]
            sets = [state.of(e.id) for e in made_of]
            together = sets[0] if len(sets) == 1 else BitMap.union(*sets)
        else:
            first, together = HistoryEntry(next_id, want.name), BitMap()
            next_id += 1
        entries.append(
            replace(
                first,
                name=want.name,
                color=first.color if want.color is None else want.color.lower(),
                note=first.note if want.note is None else want.note,
            )
        )
        cells[first.id] = together
    return replace(state, entries=tuple(entries), cells=cells, next_id=next_id)


def check_number(n: int, settings: Settings) -> None:
    """Raise LimitExceeded where an annotation would have too many labels."""
    most = settings.max_annotation_labels
    if n > most:
        raise LimitExceeded(
            f"{n} labels are more than an annotation may have, {most} (setting max_annotation_labels).",
            "Merge some, or use several annotations.",
        )


def _sources(state: State, wanted: Sequence[EditedLabel]) -> list[list[HistoryEntry]]:
    """Return which of the present labels each of the wanted ones is made of."""
    names = [w.name for w in wanted]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise BadRequest(f"Two labels are called {twice!r}.", 'Give each a name of its own, or merge: "was".')
    present = {e.name: e for e in state.entries}
    claimed: set[str] = set()
    for name in (name for w in wanted for name in w.was):
        if name not in present:
            raise NotFound(f"There is no label {name!r} in annotation {state.name!r}.", "Fetch the annotations again.")
        if name in claimed:
            raise BadRequest(f"Label {name!r} is to become two.", "Name it in one place alone.")
        claimed.add(name)
    sources = []
    for want in wanted:
        if want.was:
            if want.name in present and want.name not in claimed:
                raise BadRequest(
                    f"There is a label {want.name!r} already.", 'Merge them by naming both in "was", or rename it.'
                )
            sources.append([present[name] for name in want.was])
        else:
            same = want.name in present and want.name not in claimed
            sources.append([present[want.name]] if same else [])
    return sources
