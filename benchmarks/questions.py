"""What a viewer is asked; each peer puts it into a request of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


class Unable(Exception):
    """A peer has no answer to this; the message says why, in a few words."""


@dataclass(frozen=True)
class Cells:
    """All cells as the page first shows them: one embedding, one column of obs."""


@dataclass(frozen=True)
class Nothing:
    """The smallest answer a server has."""


@dataclass(frozen=True)
class Genes:
    """The values of some genes in all cells, by position; gene i is named GENE<i>."""

    positions: tuple[int, ...]


@dataclass(frozen=True)
class GeneMean:
    """The mean of some genes in each cell."""

    positions: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Group:
    """Some cells: whole clusters, or cells one by one."""

    clusters: tuple[int, ...] = ()
    cells: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True, eq=False)
class Comparison:
    """All genes compared between two groups, or between one and the rest (b is None)."""

    method: str
    a: Group
    b: Group | None


@dataclass(frozen=True)
class Markers:
    """Every cluster against its rest, that many genes listed for each."""

    method: str
    limit: int


Question = Cells | Nothing | Genes | GeneMean | Comparison | Markers
