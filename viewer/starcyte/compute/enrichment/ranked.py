"""Gene set enrichment analysis of ranked genes (Subramanian et al. 2005, doi:10.1073/pnas.0506580102)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.enrichment.test import Enrichment, EnrichmentTest, Ranking, SetsOfGenes
from starcyte.errors import LimitExceeded

if TYPE_CHECKING:
    from starcyte.store.dataset import Tick

#: Permutations of each round; sets that few of them reach are in the next one as well
ROUNDS = (1_000, 9_000, 90_000)
# a p-value from fewer random sets that reach a score is inexact by over a third
_FEW = 10
# random sets that are scored at once; some 100 bytes for each of their genes
_AT_ONCE = 200
# genes of all random sets together: a first round of more is refused, and without further ones p-values stay at their
# floor
_MOST_DRAWS = 2_000_000_000
_SEED = 0


def running_sum(ranks: NDArray[np.integer], weight: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return the running sum just before and just after each gene of a set, shape (2, genes).

    It rises at a gene of the set by the share of the gene's weight in that of the set, and falls at others by
    1 / (n - genes). It is 0 before the first gene and after the last.

    Parameters
    ----------
    ranks
        The ranks of the genes of the set, increasing, shape (genes,).
    weight
        The absolute score of each gene, shape (n,).
    n
        The number of ranked genes.
    """
    rise, fallen, total = _steps(ranks[None], weight, n)
    after = np.cumsum(rise, axis=1)
    return np.concatenate([after - rise - fallen, after - fallen]) / total


def enrichment_scores(ranks: NDArray[np.integer], weight: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return the largest deviation of the running sum from 0 of sets of one size, shape (sets,).

    Parameters
    ----------
    ranks
        The ranks of the genes of each set, increasing, shape (sets, genes).
    weight, n
        As of ``running_sum``.
    """
    rise, fallen, total = _steps(ranks, weight, n)
    # in place: there are many random sets
    np.subtract(np.cumsum(rise, axis=1), fallen, out=fallen)
    highest = fallen.max(axis=1)
    fallen -= rise
    lowest = fallen.min(axis=1)
    return np.asarray(np.where(highest >= -lowest, highest, lowest) / total[:, 0])


def _steps(
    ranks: NDArray[np.integer], weight: NDArray[np.float64], n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the rise at each gene, how far the sum has fallen before it, both times the total, and the total."""
    k = ranks.shape[1]
    rise = weight.take(ranks)
    total = rise.sum(axis=1, keepdims=True)
    # a set whose genes all score 0 rises by the same at each
    rise[total[:, 0] == 0] = 1
    total[total == 0] = k
    fallen = np.subtract(ranks, np.arange(k), dtype=np.float64)
    fallen *= total / max(n - k, 1)
    return rise, fallen, total


def run(ranking: Ranking, sets: SetsOfGenes, tick: Tick) -> Enrichment:
    """Return the normalised enrichment score of each set, and its p-value from random sets of the same size.

    The score is divided by the mean of the scores of its sign among the random sets, and its p-value is the share of
    these that reach it, counting itself: as fgseaSimple (Korotkevich et al. 2021, doi:10.1101/060012). Sets whose
    p-value would rest on fewer than 10 random ones get more, at most 100,000.
    """
    n, weight = len(ranking.genes), np.abs(ranking.score)
    score = np.zeros(len(sets))
    sizes, of_size = np.unique(sets.sizes, return_inverse=True)
    members = [np.flatnonzero(of_size == k) for k in range(sizes.size)]
    for some in members:
        score[some] = enrichment_scores(np.stack([sets.ranks_of(k) for k in some.tolist()]), weight, n)
    if ROUNDS[0] * int(sizes.sum()) > _MOST_DRAWS:
        raise LimitExceeded(
            f"The sets have {sizes.size:,} different sizes of up to {int(sizes[-1]):,} genes: random sets of each take"
            " too long.",
            "Leave out larger sets.",
        )
    null = _Null(score)
    drawn, rng = 0, np.random.default_rng(_SEED)
    for number, permutations in enumerate(ROUNDS):
        open_sizes = [k for k in range(sizes.size) if number == 0 or (null.reached[members[k]] < _FEW).any()]
        cost = permutations * int(sizes[open_sizes].sum())
        if not open_sizes or (number and drawn + cost > _MOST_DRAWS):
            break
        for done, order in _random_orders(rng, n, int(sizes[open_sizes].max()), permutations):
            for k in open_sizes:
                tick((number + done) / len(ROUNDS))
                random = enrichment_scores(np.sort(order[:, : sizes[k]], axis=1), weight, n)
                null.add(members[k], random)
        drawn += cost
    leading = [_leading_edge(sets.ranks_of(k), weight, n, score[k] >= 0) for k in range(len(sets))]
    return Enrichment(null.normalized(), score, null.p_value(), 1 / (null.of_sign + 1), leading)


class _Null:
    """The scores of random sets, as far as they are needed.

    Parameters
    ----------
    score
        The scores of the sets, shape (sets,).
    """

    def __init__(self, score: NDArray[np.float64]) -> None:
        self._score = score
        # random sets with a score of the sign of the set's, the sum of their scores, and how many reach the set's
        self.of_sign, self._sum, self.reached = (np.zeros(score.size) for _ in range(3))

    def add(self, members: NDArray[np.intp], random: NDArray[np.float64]) -> None:
        """Add scores of random sets of the size of some sets."""
        positive, negative = np.sort(random[random >= 0]), np.sort(-random[random <= 0])
        for is_up, scores in ((True, positive), (False, negative)):
            some = members[(self._score[members] >= 0) == is_up]
            self.of_sign[some] += scores.size
            self._sum[some] += scores.sum()
            self.reached[some] += scores.size - np.searchsorted(scores, np.abs(self._score[some]))

    def normalized(self) -> NDArray[np.float64]:
        """Return the scores divided by the mean of those of their sign, NaN if there is none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self._score / (self._sum / self.of_sign))

    def p_value(self) -> NDArray[np.float64]:
        """Return the p-values, at most 1."""
        return np.asarray((self.reached + 1) / (self.of_sign + 1))


def _random_orders(rng: np.random.Generator, n: int, k: int, times: int) -> Iterator[tuple[float, NDArray[np.int32]]]:
    """Yield the fraction done, and k of n genes in random order, several times: shape (times at once, k)."""
    for first in range(0, times, _AT_ONCE):
        some = min(_AT_ONCE, times - first)
        yield first / times, np.stack([rng.choice(n, k, replace=False) for _ in range(some)]).astype(np.int32)


def _leading_edge(ranks: NDArray[np.int64], weight: NDArray[np.float64], n: int, is_up: bool) -> NDArray[np.int64]:
    """Return the genes up to the highest point of the running sum, or from its lowest point on."""
    before, after = running_sum(ranks, weight, n)
    return ranks[: int(after.argmax()) + 1] if is_up else ranks[int(before.argmin()) :]


TEST = EnrichmentTest(
    id="ranked",
    label="All genes, ranked",
    name="gene set enrichment analysis",
    description="Sets whose genes gather at one end of all tested genes, ordered by their score: no choice of genes",
    effect="normalised enrichment score",
    is_ranked=True,
    run=run,
)
