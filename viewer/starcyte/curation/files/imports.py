"""Taking in what a file holds: annotations, gene sets, sessions. Nothing that stands is written over.

What is there already, as it is, is left; what has the name of something else gets a number behind its own. A file is
taken in as a whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from starcyte.curation.annotations.annotations import KIND as ANNOTATION
from starcyte.curation.gene_sets import KIND as GENE_SET
from starcyte.curation.models import Annotation, GeneSet, Label, SavedItem
from starcyte.curation.names import clean_color, clean_names, clean_note
from starcyte.curation.saved_items import thumbnail_of

if TYPE_CHECKING:
    from starcyte.curation.curation import Curation
    from starcyte.curation.files.session import Session
    from starcyte.settings import Settings

T = TypeVar("T", Annotation, GeneSet, SavedItem)


@dataclass(frozen=True)
class Taken:
    """The names under which things stand now, in the order of the file."""

    annotations: Sequence[str] = ()
    gene_sets: Sequence[str] = ()
    views: Sequence[str] = ()
    results: Sequence[str] = ()


def take_annotations(curation: Curation, user: str, annotations: Sequence[Annotation]) -> Sequence[str]:
    """Take in annotations, and return the names under which they stand.

    Parameters
    ----------
    curation
        Where.
    user
        Whose they will be.
    annotations
        As a file gives them.

    Raises
    ------
    LimitExceeded
        If there are too many, or they are too large.
    """
    with curation.store.read() as reading:
        standing = {annotation.name: annotation for annotation in curation.annotations.all(user, reading)}
    clean = [_clean_annotation(annotation, curation.settings) for annotation in annotations]

    def make(annotation: Annotation, name: str) -> None:
        curation.annotations.create(user, name, start=annotation.labels, action="import")

    return _take(curation, user, ANNOTATION, clean, standing, _same_annotation, make)


def take_gene_sets(curation: Curation, user: str, gene_sets: Sequence[GeneSet]) -> Sequence[str]:
    """Take in gene sets, and return the names under which they stand; see :func:`take_annotations`."""
    settings = curation.settings
    with curation.store.read() as reading:
        standing = {gene_set.name: gene_set for gene_set in curation.gene_sets.all(user, reading)}

    def make(gene_set: GeneSet, name: str) -> None:
        description = clean_note(gene_set.description, settings)
        curation.gene_sets.put(user, name, gene_set.genes, description, action="import")

    clean = [GeneSet(g.name, 0, tuple(clean_names(g.genes, settings)), g.description) for g in gene_sets]
    return _take(curation, user, GENE_SET, clean, standing, _same_gene_set, make)


def take_session(curation: Curation, user: str, session: Session, annotations: Sequence[Annotation]) -> Taken:
    """Take in all that a session holds; see :func:`take_annotations`.

    Parameters
    ----------
    curation
        Where.
    user
        Whose it will be.
    session
        The session.
    annotations
        Its annotations, with the cells of the dataset here.
    """
    kept = session.snapshot.saved_items
    with curation.store.write(user):
        return Taken(
            take_annotations(curation, user, annotations),
            take_gene_sets(curation, user, session.snapshot.gene_sets),
            _take_kept(curation, user, [k for k in kept if k.kind == "view"]),
            _take_kept(curation, user, [k for k in kept if k.kind == "result"]),
        )


def _take_kept(curation: Curation, user: str, kept: Sequence[SavedItem]) -> Sequence[str]:
    if not kept:
        return []
    kind = kept[0].kind
    with curation.store.read() as reading:
        wanted = {k.name for k in kept}
        standing = {k.name: k for k in curation.saved_items.of(user, kind, reading) if k.name in wanted}

    def make(item: SavedItem, name: str) -> None:
        picture = thumbnail_of(json.loads(item.body)) or ""
        curation.saved_items.put(user, kind, name, item.media_type, item.body, picture)

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


def _clean_annotation(annotation: Annotation, settings: Settings) -> Annotation:
    names = clean_names((c.name for c in annotation.labels), settings)
    return Annotation(
        annotation.name,
        0,
        tuple(
            Label(name, clean_color(c.color), clean_note(c.note, settings), c.cells)
            for name, c in zip(names, annotation.labels, strict=True)
        ),
    )


def _same_annotation(there: Annotation, given: Annotation) -> bool:
    """Say whether an annotation says nothing that is not there: a table has no colours, no notes, no empty labels."""
    known = {c.name: c for c in there.labels}
    cells = sum(len(c.cells) for c in given.labels)
    return cells == there.n_labelled and all(
        c.name in known
        and c.cells == known[c.name].cells
        and c.color in {"", known[c.name].color}
        and c.note in {"", known[c.name].note}
        for c in given.labels
    )


def _same_gene_set(there: GeneSet, given: GeneSet) -> bool:
    return there.genes == given.genes and given.description in {"", there.description}


def _same_kept(there: SavedItem, given: SavedItem) -> bool:
    return bool(json.loads(there.body) == json.loads(given.body))
