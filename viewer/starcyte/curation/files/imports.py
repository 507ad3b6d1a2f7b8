"""Taking in what a file holds: labels, gene sets, sessions. Nothing that stands is written over.

What is there already, as it is, is left; what has the name of something else gets a number behind its own. A file is
taken in as a whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from starcyte.curation.annotations.annotations import KIND as LABEL
from starcyte.curation.gene_sets import KIND as GENESET
from starcyte.curation.models import Category, GeneSet, Label, SavedItem
from starcyte.curation.names import clean_color, clean_names, clean_note
from starcyte.curation.saved_items import thumbnail_of

if TYPE_CHECKING:
    from starcyte.curation.curation import Curation
    from starcyte.curation.files.session import Session
    from starcyte.settings import Settings

T = TypeVar("T", Label, GeneSet, SavedItem)


@dataclass(frozen=True)
class Taken:
    """The names under which things stand now, in the order of the file."""

    labels: Sequence[str] = ()
    genesets: Sequence[str] = ()
    views: Sequence[str] = ()
    results: Sequence[str] = ()


def take_labels(curation: Curation, user: str, labels: Sequence[Label]) -> Sequence[str]:
    """Take in labels, and return the names under which they stand.

    Parameters
    ----------
    curation
        Where.
    user
        Whose they will be.
    labels
        As a file gives them.

    Raises
    ------
    LimitExceeded
        If there are too many, or they are too large.
    """
    with curation.store.read() as reading:
        standing = {label.name: label for label in curation.labels.all(user, reading)}
    clean = [_clean_label(label, curation.settings) for label in labels]

    def make(label: Label, name: str) -> None:
        curation.labels.create(user, name, start=label.categories, action="import")

    return _take(curation, user, LABEL, clean, standing, _same_label, make)


def take_genesets(curation: Curation, user: str, genesets: Sequence[GeneSet]) -> Sequence[str]:
    """Take in gene sets, and return the names under which they stand; see :func:`take_labels`."""
    settings = curation.settings
    with curation.store.read() as reading:
        standing = {geneset.name: geneset for geneset in curation.genesets.all(user, reading)}

    def make(geneset: GeneSet, name: str) -> None:
        description = clean_note(geneset.description, settings)
        curation.genesets.put(user, name, geneset.genes, description, action="import")

    clean = [GeneSet(g.name, 0, tuple(clean_names(g.genes, settings)), g.description) for g in genesets]
    return _take(curation, user, GENESET, clean, standing, _same_geneset, make)


def take_session(curation: Curation, user: str, session: Session, labels: Sequence[Label]) -> Taken:
    """Take in all that a session holds; see :func:`take_labels`.

    Parameters
    ----------
    curation
        Where.
    user
        Whose it will be.
    session
        The session.
    labels
        Its labels, with the cells of the dataset here.
    """
    kept = session.snapshot.keepsakes
    with curation.store.write(user):
        return Taken(
            take_labels(curation, user, labels),
            take_genesets(curation, user, session.snapshot.genesets),
            _take_kept(curation, user, [k for k in kept if k.kind == "view"]),
            _take_kept(curation, user, [k for k in kept if k.kind == "result"]),
        )


def _take_kept(curation: Curation, user: str, kept: Sequence[SavedItem]) -> Sequence[str]:
    if not kept:
        return []
    kind = kept[0].kind
    with curation.store.read() as reading:
        wanted = {k.name for k in kept}
        standing = {k.name: k for k in curation.keepsakes.of(user, kind, reading) if k.name in wanted}

    def make(keepsake: SavedItem, name: str) -> None:
        picture = thumbnail_of(json.loads(keepsake.body)) or ""
        curation.keepsakes.put(user, kind, name, keepsake.media_type, keepsake.body, picture)

    return _take(curation, user, kind, kept, standing, _same_kept, make)


def _take(
    curation: Curation,
    user: str,
    kind: str,
    given: Sequence[T],
    standing: dict[str, T],
    is_same: Callable[[T, T], bool],
    make: Callable[[T, str], None],
) -> Sequence[str]:
    """Make what does not stand yet, each under a name that is free, all of it or nothing."""
    settings = curation.settings
    names: list[str] = clean_names((new.name for new in given), settings)
    with curation.store.write(user) as writing:
        taken: set[str] = {thing.name for thing in writing.things(user, kind)}
        for i, new in enumerate(given):
            name = names[i]
            if name in taken:
                if name in standing and is_same(standing[name], new):
                    continue
                names[i] = clean_names([name], settings, {*taken, *names})[0]
            make(new, names[i])
            taken.add(names[i])
    return names


def _clean_label(label: Label, settings: Settings) -> Label:
    names = clean_names((c.name for c in label.categories), settings)
    return Label(
        label.name,
        0,
        tuple(
            Category(name, clean_color(c.color), clean_note(c.note, settings), c.cells)
            for name, c in zip(names, label.categories, strict=True)
        ),
    )


def _same_label(there: Label, given: Label) -> bool:
    """Say whether a label says nothing that is not there: a table has no colours, no notes, no empty categories."""
    known = {c.name: c for c in there.categories}
    cells = sum(len(c.cells) for c in given.categories)
    return cells == there.n_labelled and all(
        c.name in known
        and c.cells == known[c.name].cells
        and c.color in {"", known[c.name].color}
        and c.note in {"", known[c.name].note}
        for c in given.categories
    )


def _same_geneset(there: GeneSet, given: GeneSet) -> bool:
    return there.genes == given.genes and given.description in {"", there.description}


def _same_kept(there: SavedItem, given: SavedItem) -> bool:
    return bool(json.loads(there.body) == json.loads(given.body))
