"""What users make, as values: nothing here reads or writes."""

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
        ``#rrggbb``, or empty where the page chooses.
    note
        Free text.
    cells
        The rows of obs that carry it.
    """

    name: str
    color: str = ""
    note: str = ""
    cells: BitMap = field(default_factory=BitMap)


@dataclass(frozen=True)
class Annotation:
    """A categorical column that a user makes. A cell is in one of its labels or in none.

    Parameters
    ----------
    name
        Any text that is not empty.
    revision
        The number of the change that made it what it is.
    labels
        In the order that the user gave them.
    author, time
        Of that change.
    """

    name: str
    revision: int
    labels: tuple[Label, ...]
    author: str = ""
    time: str = ""

    def codes(self, n_obs: int) -> NDArray[np.int32]:
        """Return the label of each cell, -1 where it has none: shape (n_obs,)."""
        codes = np.full(n_obs, -1, np.int32)
        for code, label in enumerate(self.labels):
            codes[np.frombuffer(label.cells.to_array(), np.uint32)] = code
        return codes

    @property
    def n_labelled(self) -> int:
        """Cells that are in a label."""
        return sum(len(c.cells) for c in self.labels)


@dataclass(frozen=True)
class AnnotationInfo:
    """An annotation without its cells, as lists show it.

    Parameters
    ----------
    name, revision, author, time
        As of an annotation.
    labels
        Without cells.
    counts
        How many cells each label has.
    """

    name: str
    revision: int
    author: str
    time: str
    labels: tuple[Label, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class GeneSet:
    """A list of genes that a user keeps.

    Parameters
    ----------
    name
        Any text that is not empty.
    revision
        The number of the change that made it what it is.
    genes
        Names as the user gave them, without repeats; the file need not have them.
    description
        Free text.
    author, time
        Of that change.
    """

    name: str
    revision: int
    genes: tuple[str, ...]
    description: str = ""
    author: str = ""
    time: str = ""


@dataclass(frozen=True)
class SavedItem:
    """A view, a result or a figure that the page keeps; its body is the page's own.

    Parameters
    ----------
    kind
        ``view``, ``result`` or ``figure``.
    name
        Any text that is not empty.
    revision
        The number of the change that made it what it is.
    media_type
        ``application/json`` for views and results; ``image/svg+xml`` or ``image/png`` for figures.
    body
        The bytes that were sent.
    author, time
        Of that change.
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
    """All that one user has made of one dataset, at one moment.

    Parameters
    ----------
    user
        Whose it is.
    revision
        The newest change in it; 0 where nothing was made.
    """

    user: str
    revision: int
    annotations: Sequence[Annotation]
    gene_sets: Sequence[GeneSet]
    saved_items: Sequence[SavedItem]
