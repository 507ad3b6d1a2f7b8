"""Over-representation: whether a set has more of the chosen genes than a draw of as many tested genes would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from starcyte.compute.enrichment.test import Enrichment, EnrichmentTest, Ranking, SetsOfGenes

if TYPE_CHECKING:
    from starcyte.store.dataset import Tick


def run(ranking: Ranking, sets: SetsOfGenes, tick: Tick) -> Enrichment:
    """Return Fisher's exact test, one-sided, of each set: the upper tail of the hypergeometric distribution.

    The background are the genes that were tested: others could not have been chosen (Timmons et al. 2015,
    doi:10.1186/s13059-015-0761-7).
    """
    from scipy.stats import hypergeom

    tick(0.0)
    n, n_chosen = len(ranking.genes), int(ranking.chosen.sum())
    leading = [ranks[ranking.chosen[ranks]] for ranks in map(sets.ranks_of, range(len(sets)))]
    overlap = np.array([ranks.size for ranks in leading], np.int64)
    expected = sets.sizes * (n_chosen / max(n, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = overlap / expected
    p_value = hypergeom.sf(overlap - 1, n, n_chosen, sets.sizes)
    undefined = np.full(len(sets), np.nan)
    return Enrichment(effect, undefined, np.asarray(p_value, np.float64), np.zeros(len(sets)), leading)


TEST = EnrichmentTest(
    id="overrepresentation",
    label="Chosen genes",
    name="Fisher’s exact test, one-sided",
    description="Sets with more of the chosen genes than chance gives: Fisher’s exact test among all tested genes",
    effect="genes found, divided by those expected",
    is_ranked=False,
    run=run,
)
