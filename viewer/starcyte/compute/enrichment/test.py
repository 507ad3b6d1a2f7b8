"""The parts of a test of enrichment: its description, what it is given, what it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from starcyte.store.dataset import Tick


@dataclass(frozen=True, eq=False)
class Ranking:
    """The genes that were tested, by decreasing score.

    Parameters
    ----------
    genes
        The name of each, shape (genes,).
    score
        Such as a t-statistic: above 0 if the gene is higher in A; float64, decreasing, shape (genes,).
    chosen
        Which genes are taken for changed, bool, shape (genes,).
    """

    genes: Sequence[str]
    score: NDArray[np.float64]
    chosen: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SetsOfGenes:
    """Sets of the genes of a ranking, each as their ranks.

    Parameters
    ----------
    names, descriptions
        Of each set.
    starts
        The first place of each set in ``ranks``, int64, shape (sets + 1,).
    ranks
        The ranks of the genes from 0, increasing within each set, int64.
    """

    names: Sequence[str]
    descriptions: Sequence[str]
    starts: NDArray[np.int64]
    ranks: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """The number of genes of each set, shape (sets,)."""
        return np.diff(self.starts)

    def ranks_of(self, number: int) -> NDArray[np.int64]:
        """Return the ranks of the genes of one set."""
        return self.ranks[self.starts[number] : self.starts[number + 1]]

    def of_size(self, least: int, most: int) -> SetsOfGenes:
        """Return the sets of some sizes."""
        kept = np.flatnonzero((self.sizes >= least) & (self.sizes <= most)).tolist()
        starts = np.r_[0, np.cumsum(self.sizes[kept])].astype(np.int64)
        ranks = np.concatenate([self.ranks_of(k) for k in kept]) if kept else self.ranks[:0]
        return SetsOfGenes([self.names[k] for k in kept], [self.descriptions[k] for k in kept], starts, ranks)


@dataclass(frozen=True, eq=False)
class Enrichment:
    """The result of a test, of all sets in their order; arrays are float64 of shape (sets,) unless said otherwise.

    Parameters
    ----------
    effect
        How far a set is enriched: see the test's ``effect``.
    score
        The running sum's largest deviation; NaN of a test that has none.
    p_value
        One-sided towards the sign of the effect.
    floor
        The smallest p-value that was possible: of permutations, one divided by their number.
    leading
        For each set, the ranks of the genes that make the result: those that were chosen, or the leading edge.
    """

    effect: NDArray[np.float64]
    score: NDArray[np.float64]
    p_value: NDArray[np.float64]
    floor: NDArray[np.float64]
    leading: Sequence[NDArray[np.int64]]


@dataclass(frozen=True)
class EnrichmentTest:
    """A test of enrichment: a row of ENRICHMENT_TESTS.

    Parameters
    ----------
    id, label
        In requests, and on the page.
    name
        As in a sentence.
    description
        One sentence for users.
    effect
        What ``Enrichment.effect`` is.
    is_ranked
        Whether it takes the order of all genes, not a choice of them.
    run
        Called with the ranking, the sets and the tick, which raises to stop.
    """

    id: str
    label: str
    name: str
    description: str
    effect: str
    is_ranked: bool
    run: Callable[[Ranking, SetsOfGenes, Tick], Enrichment]
