"""The names and the order of merged labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from starcyte.curation.annotations.state import AnnotationState, LabelEntry


def with_unique_names(
    entries: Mapping[int, LabelEntry],
    base: AnnotationState,
    mine: AnnotationState,
    theirs: AnnotationState,
    keeps_mine: Callable[[LabelEntry, LabelEntry], bool],
) -> dict[int, LabelEntry]:
    """Return labels of which no two have the same name.

    Parameters
    ----------
    entries
        The labels by id.
    base, mine, theirs
        The states that are merged.
    keeps_mine
        Called with a label that mine named and one that theirs named alike; returns whether the former keeps the name.
    """
    names = [{e.id: e.name for e in state.entries} for state in (base, mine, theirs)]
    before, my_names, their_names = names
    after = dict(entries)
    first: dict[str, int] = {}
    for label in sorted(entries, key=lambda label: entries[label].name == their_names.get(label), reverse=True):
        name = entries[label].name
        other = first.setdefault(name, label)
        if other == label:
            continue
        # the names of each state differ, so that one of the two has its name from mine
        my, their = (label, other) if name == my_names.get(label) != their_names.get(label) else (other, label)
        loser, names_of = (their, my_names) if keeps_mine(entries[my], entries[their]) else (my, their_names)
        taken = {entry.name for entry in after.values()}
        fallback = names_of.get(loser, before.get(loser, name))
        after[loser] = replace(after[loser], name=_free(fallback, taken))
    return after


def merge_order(base: AnnotationState, mine: AnnotationState, theirs: AnnotationState) -> list[int]:
    """Return the ids of all labels in the order of mine if it reordered them, else of theirs."""
    orders = [[e.id for e in state.entries] for state in (base, mine, theirs)]
    common = set(orders[0]) & set(orders[1])
    reordered = [i for i in orders[0] if i in common] != [i for i in orders[1] if i in common]
    first, second = (orders[1], orders[2]) if reordered else (orders[2], orders[1])
    order = list(first)
    for place, label in enumerate(second):
        if label not in order:
            before = next((order.index(i) for i in reversed(second[:place]) if i in order), -1)
            order.insert(before + 1, label)
    return order


def _free(name: str, taken: set[str]) -> str:
    """Return the name, with a number if it is taken."""
    candidate, k = name, 2
    while candidate in taken:
        candidate, k = f"{name} ({k})", k + 1
    return candidate
