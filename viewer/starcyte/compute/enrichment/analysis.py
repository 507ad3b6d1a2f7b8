"""The enrichment of the sets of a library among the genes of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.corrections import benjamini_hochberg
from starcyte.compute.enrichment.library import Library
from starcyte.compute.enrichment.test import Enrichment, EnrichmentTest, Ranking, SetsOfGenes
from starcyte.errors import BadRequest
from starcyte.store.dataset import Tick, no_tick

_FEW_FOUND = 0.1
_EXAMPLES = 3


@dataclass(frozen=True, eq=False)
class EnrichmentAnalysis:
    """The sets that were tested, and their results.

    Parameters
    ----------
    test
        The test.
    library
        The name of the library.
    matrix
        The name of the matrix of the genes.
    ranking
        The genes.
    sets
        The sets that were tested.
    found
        Their results.
    p_adjusted
        By Benjamini and Hochberg, shape (sets,).
    n_left_out
        Sets with too few or too many tested genes.
    sizes
        The least and the largest number of tested genes of a set.
    warnings
        What to know of it, in sentences.
    """

    test: EnrichmentTest
    library: str
    matrix: str
    ranking: Ranking
    sets: SetsOfGenes
    found: Enrichment
    p_adjusted: NDArray[np.float64]
    n_left_out: int
    sizes: tuple[int, int]
    warnings: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        """The bytes of memory of the arrays."""
        return int(self.ranking.score.nbytes + self.sets.ranks.nbytes + sum(r.nbytes for r in self.found.leading))

    def order(self) -> NDArray[np.intp]:
        """Return the sets by increasing p-value; of equal ones, the largest effect first."""
        effect = np.abs(np.where(np.isnan(self.found.effect), 0, self.found.effect))
        return np.lexsort((-effect, self.found.p_value))


def analyse_enrichment(
    test: EnrichmentTest,
    library: Library,
    genes: Sequence[str],
    score: NDArray[np.float64],
    chosen: NDArray[np.bool_],
    positions: Sequence[int],
    match: Callable[[str], int | None],
    matrix: str,
    sizes: tuple[int, int],
    tick: Tick = no_tick,
) -> EnrichmentAnalysis:
    """Test each set of a library for enrichment among the genes of a comparison.

    Parameters
    ----------
    test
        The test.
    library
        The sets.
    genes
        The names of the genes that were tested.
    score
        Their scores, float64, shape (genes,); genes without a finite one are left out.
    chosen
        Which are taken for changed, bool, shape (genes,).
    positions
        Their positions in the matrix.
    match
        Returns the position of a gene of the matrix by its name, id or alias, or None.
    matrix
        The name of the matrix.
    sizes
        The least and the largest number of tested genes of a set.
    tick
        Called with the fraction done; raises to stop.

    Raises
    ------
    BadRequest
        If no set has enough of the genes, or no gene is chosen.
    """
    kept = np.flatnonzero(~np.isnan(score))
    order = kept[np.argsort(-score[kept], kind="stable")]
    ranking = Ranking([genes[k] for k in order.tolist()], _finite(score[order]), chosen[order])
    if not test.is_ranked and not ranking.chosen.any():
        raise BadRequest("No gene is chosen.", "Widen the limits of the result, or rank all genes.")
    places = np.asarray(positions, np.int64)[order]
    ranks = np.full(int(places.max(initial=-1)) + 1, -1, np.int64)
    ranks[places] = np.arange(order.size)

    def known(name: str) -> int | None:
        position = match(name)
        return position if position is not None and position < ranks.size else None

    every = library.among(ranks, known)
    sets = every.of_size(*sizes)
    if not len(sets):
        raise BadRequest(
            f"No set of {library.name!r} has {sizes[0]} to {sizes[1]} of the {order.size:,} tested genes.",
            f"It names genes such as {', '.join(library.genes[:_EXAMPLES])}; this dataset has"
            f" {', '.join(ranking.genes[:_EXAMPLES])}. Choose another library, or other sizes.",
        )
    warnings: list[str] = []
    share = np.unique(every.ranks).size / max(len(library.genes), 1)
    if share < _FEW_FOUND:
        warnings.append(
            f"Only {share:.1%} of the genes of {library.name!r} were tested: is it of the same organism, with the same"
            " kind of names?"
        )
    if test.is_ranked and np.unique(ranking.score).size < order.size / 2:
        warnings.append("More than half of the genes have the score of another: their order is arbitrary.")
    found = test.run(ranking, sets, tick)
    return EnrichmentAnalysis(
        test,
        library.name,
        matrix,
        ranking,
        sets,
        found,
        benjamini_hochberg(found.p_value),
        len(every) - len(sets),
        sizes,
        tuple(warnings),
    )


def _finite(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores in which an infinite one is as large as the largest other one."""
    finite = np.abs(score[np.isfinite(score)])
    most = float(finite.max(initial=1.0))
    return np.clip(score, -most, most)
