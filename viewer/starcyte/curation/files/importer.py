"""Importing annotations, gene sets and sessions into the database. Nothing is overwritten.

A value that exists already with the same content is skipped; a different one of the same name gets a number appended
to its name. A file is imported as a whole or not at all.
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

# larger bodies are the same only if their bytes are: as objects they would take 30 times their bytes
_COMPARED_BYTES = 1 << 18

T = TypeVar("T", Annotation, GeneSet, SavedItem)


@dataclass(frozen=True)
class ImportedNames:
    """The names in the database of what was imported, in the order of the file."""

    annotations: Sequence[str] = ()
    gene_sets: Sequence[str] = ()
    views: Sequence[str] = ()
    results: Sequence[str] = ()


def import_annotations(curation: Curation, user: str, annotations: Sequence[Annotation]) -> Sequence[str]:
    """Import annotations, and return their names in the database.

    Parameters
    ----------
    curation
        The database.
    user
        Their owner.
    annotations
        As read from a file.

    Raises
    ------
    LimitExceeded
        If there are too many, or they are too large.
    """
    with curation.store.read() as transaction:
        existing = {annotation.name: annotation for annotation in curation.annotations.all(user, transaction)}
    clean = [_clean_annotation(annotation, curation.settings) for annotation in annotations]

    def create(annotation: Annotation, name: str) -> None:
        curation.annotations.create(user, name, start=annotation.labels, action="import")

    return _import(curation, user, ANNOTATION, clean, existing, _same_annotation, create)


def import_gene_sets(curation: Curation, user: str, gene_sets: Sequence[GeneSet]) -> Sequence[str]:
    """Import gene sets, and return their names in the database; see :func:`import_annotations`."""
    settings = curation.settings
    with curation.store.read() as transaction:
        existing = {gene_set.name: gene_set for gene_set in curation.gene_sets.all(user, transaction)}

    def create(gene_set: GeneSet, name: str) -> None:
        description = clean_note(gene_set.description, settings)
        curation.gene_sets.put(user, name, gene_set.genes, description, action="import")

    clean = [GeneSet(s.name, 0, tuple(clean_names(s.genes, settings)), s.description) for s in gene_sets]
    return _import(curation, user, GENE_SET, clean, existing, _same_gene_set, create)


def import_session(curation: Curation, user: str, session: Session, annotations: Sequence[Annotation]) -> ImportedNames:
    """Import a session; see :func:`import_annotations`.

    Parameters
    ----------
    curation
        The database.
    user
        The owner of the imported values.
    session
        The session.
    annotations
        Its annotations with the cells of this dataset.
    """
    items = session.snapshot.saved_items
    with curation.store.write(user):
        return ImportedNames(
            import_annotations(curation, user, annotations),
            import_gene_sets(curation, user, session.snapshot.gene_sets),
            _import_items(curation, user, [item for item in items if item.kind == "view"]),
            _import_items(curation, user, [item for item in items if item.kind == "result"]),
        )


def _import_items(curation: Curation, user: str, items: Sequence[SavedItem]) -> Sequence[str]:
    if not items:
        return []
    kind = items[0].kind
    with curation.store.read() as transaction:
        names = {item.name for item in items}
        of_kind = curation.saved_items.of_kind(user, kind, transaction)
        existing = {item.name: item for item in of_kind if item.name in names}

    def create(item: SavedItem, name: str) -> None:
        thumbnail = thumbnail_of(item.body) or ""
        curation.saved_items.put(user, kind, name, item.media_type, item.body, thumbnail)

    return _import(curation, user, kind, items, existing, _same_item, create)


def _import(
    curation: Curation,
    user: str,
    kind: str,
    values: Sequence[T],
    existing: dict[str, T],
    is_same: Callable[[T, T], bool],
    create: Callable[[T, str], None],
) -> Sequence[str]:
    """Create the values that do not exist, each under a free name, in one transaction."""
    settings = curation.settings
    names: list[str] = clean_names((value.name for value in values), settings)
    with curation.store.write(user) as transaction:
        taken: set[str] = {record.name for record in transaction.records(user, kind)}
        for i, value in enumerate(values):
            name = names[i]
            if name in taken:
                if name in existing and is_same(existing[name], value):
                    continue
                names[i] = clean_names([name], settings, {*taken, *names})[0]
            create(value, names[i])
            taken.add(names[i])
    return names


def _clean_annotation(annotation: Annotation, settings: Settings) -> Annotation:
    names = clean_names((label.name for label in annotation.labels), settings)
    return Annotation(
        annotation.name,
        0,
        tuple(
            Label(name, clean_color(label.color), clean_note(label.note, settings), label.cells)
            for name, label in zip(names, annotation.labels, strict=True)
        ),
    )


def _same_annotation(existing: Annotation, imported: Annotation) -> bool:
    """Return whether an imported annotation adds nothing; tables have no colours, notes or empty labels."""
    known = {label.name: label for label in existing.labels}
    n_labelled = sum(len(label.cells) for label in imported.labels)
    return n_labelled == existing.n_labelled and all(
        label.name in known
        and label.cells == known[label.name].cells
        and label.color in {"", known[label.name].color}
        and label.note in {"", known[label.name].note}
        for label in imported.labels
    )


def _same_gene_set(existing: GeneSet, imported: GeneSet) -> bool:
    return existing.genes == imported.genes and imported.description in {"", existing.description}


def _same_item(existing: SavedItem, imported: SavedItem) -> bool:
    if max(len(existing.body), len(imported.body)) > _COMPARED_BYTES:
        return existing.body == imported.body
    return bool(json.loads(existing.body) == json.loads(imported.body))
