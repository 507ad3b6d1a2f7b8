"""Results of an analysis that a file has: ranked genes, dendrograms, PAGA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

STATISTICS = ("scores", "logfoldchanges", "pvals", "pvals_adj")
"""The tables of ``rank_genes_groups``, besides the names."""


@dataclass(frozen=True)
class RankedGenesInfo:
    """The description of ranked genes, such as ``uns['rank_genes_groups']``.

    Parameters
    ----------
    key
        The key in ``uns``.
    groups
        The groups that have genes.
    n_genes
        The number of ranks of each group.
    statistics
        Those of ``STATISTICS`` that the file has, and ``pts`` and ``pts_rest`` for the shares of cells.
    method, group_by, reference, correction
        The parameters of the test; empty if the file does not have them.
    matrix
        The matrix whose values were tested; None if the dataset does not have it, or the file does not say.
    """

    key: str
    groups: tuple[str, ...]
    n_genes: int
    statistics: tuple[str, ...]
    method: str
    group_by: str
    reference: str
    correction: str
    matrix: str | None


@dataclass(frozen=True, eq=False)
class RankedGenes:
    """The ranked genes of one group.

    Parameters
    ----------
    names
        As the file has them, shape (n,), str objects; without those that a filter left out.
    statistics
        Shape (n,) each, float64, by the names of ``RankedGenesInfo.statistics``.
    """

    names: NDArray[np.object_]
    statistics: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Dendrogram:
    """The order of the categories in a dendrogram.

    Parameters
    ----------
    key
        The key in ``uns``.
    group_by
        The obs column.
    categories
        All its categories, as the leaves of the dendrogram.
    """

    key: str
    group_by: str
    categories: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Paga:
    """The graph of the categories of a column, of partition-based graph abstraction.

    Parameters
    ----------
    group_by
        The obs column.
    categories
        Its categories, the nodes.
    connectivities, tree
        Shape (n, n), float64, symmetric: the weight of each edge, and that of those in the tree (0 for others).
    positions
        Shape (n, 2), float64; None if the file has none.
    """

    group_by: str
    categories: tuple[str, ...]
    connectivities: NDArray[np.float64]
    tree: NDArray[np.float64]
    positions: NDArray[np.float64] | None


class StoredResults(Protocol):
    """The results that a file has. What is inconsistent is left out with a warning."""

    @property
    def ranked_genes(self) -> Sequence[RankedGenesInfo]:
        """The ranked genes, without the genes."""
        ...

    @property
    def dendrograms(self) -> Sequence[Dendrogram]:
        """The dendrograms of single columns."""
        ...

    @property
    def paga(self) -> Paga | None:
        """The graph of PAGA; None if there is none."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """Messages about results that are left out."""
        ...

    def genes(self, key: str, group: str) -> RankedGenes:
        """Read the ranked genes of a group; raise NotFound if they do not exist."""
        ...


def finite(value: Any) -> float | None:
    """Return a number, or None if it is not finite."""
    return float(value) if np.isfinite(value) else None
