"""Annotations, gene sets and saved items as immutable values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Label:
    """One label of an annotation.

    Parameters
    ----------
    name
        Any text that is not empty.
    color
        ``#rrggbb``; empty for a colour of the page's palette.
    note
        Free text.
    cells
        The rows of obs that have this label.
    id
        Its number in the annotation, which does not change when it is renamed; -1 before it is saved.
    """

    name: str
    color: str = ""
    note: str = ""
    cells: BitMap = field(default_factory=BitMap)
    id: int = -1


@dataclass(frozen=True)
class Annotation:
    """A categorical column made by a user. A cell has one of its labels or none.

    Parameters
    ----------
    name
        Any text that is not empty.
    revision
        The number of the latest change.
    labels
        In the order of the user.
    author, time
        Of the latest change.
    """

    name: str
    revision: int
    labels: tuple[Label, ...]
    author: str = ""
    time: str = ""

    def codes(self, n_obs: int) -> NDArray[np.int32]:
        """Return the code of each cell's label, -1 for an unlabelled cell: shape (n_obs,)."""
        codes = np.full(n_obs, -1, np.int32)
        for code, label in enumerate(self.labels):
            codes[np.frombuffer(label.cells.to_array(), np.uint32)] = code
        return codes

    @property
    def n_labelled(self) -> int:
        """The number of labelled cells."""
        return sum(len(c.cells) for c in self.labels)


@dataclass(frozen=True)
class AnnotationInfo:
    """An annotation with numbers of cells in place of the cells.

    Parameters
    ----------
    name, revision, author, time
        As of an annotation.
    labels
        Without cells.
    counts
        The number of cells of each label.
    id
        The number of the annotation, which does not change when it is renamed.
    deleted
        Whether it is deleted.
    merged
        Whether changes of others were merged with the change that this is the result of.
    changed
        Whether that change had an effect.
    """

    name: str
    revision: int
    author: str
    time: str
    labels: tuple[Label, ...]
    counts: tuple[int, ...]
    id: int = 0
    deleted: bool = False
    merged: bool = field(default=False, compare=False)
    changed: bool = field(default=True, compare=False)


@dataclass(frozen=True)
class GeneSet:
    """A named list of genes.

    Parameters
    ----------
    name
        Any text that is not empty.
    revision
        The number of the latest change.
    genes
        Names without duplicates; the dataset need not have them.
    description
        Free text.
    author, time
        Of the latest change.
    """

    name: str
    revision: int
    genes: tuple[str, ...]
    description: str = ""
    author: str = ""
    time: str = ""


@dataclass(frozen=True)
class SavedItem:
    """A saved view, result or figure. The server does not interpret its body.

    Parameters
    ----------
    kind
        ``view``, ``result`` or ``figure``.
    name
        Any text that is not empty.
    revision
        The number of the latest change.
    media_type
        ``application/json`` for views and results; ``image/svg+xml`` or ``image/png`` for figures.
    body
        The bytes as the client sent them.
    author, time
        Of the latest change.
    """

    kind: str
    name: str
    revision: int
    media_type: str
    body: bytes
    author: str = ""
    time: str = ""


@dataclass(frozen=True)
class Snapshot:
    """All annotations, gene sets and saved items of one user, read in one transaction.

    Parameters
    ----------
    user
        Their owner.
    revision
        The latest change; 0 if there is none.
    """

    user: str
    revision: int
    annotations: Sequence[Annotation]
    gene_sets: Sequence[GeneSet]
    saved_items: Sequence[SavedItem]
