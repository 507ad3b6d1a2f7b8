"""Enrichment of sets of genes, as it is sent and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from starcyte.compute.enrichment.analysis import EnrichmentAnalysis
from starcyte.store.dataset import Dataset
from starcyte.web.contract.enrichment import EnrichedSet, EnrichmentResult
from starcyte.web.encoding.media import CSV
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.encoding.wire import csv_bytes

COLUMNS = (
    "set",
    "description",
    "size",
    "found",
    "effect",
    "score",
    "p_value",
    "p_adjusted",
    "genes",
    "test",
    "library",
)
_SETS_AT_ONCE = 500
# of the sets of one answer, on average, at most
_GENES_OF_A_SET = 2000


def enrichment_result(found: EnrichmentAnalysis, dataset: Dataset, job_id: str, limit: int) -> EnrichmentResult:
    """Return the best sets as they are sent, fewer of many genes."""
    best = found.order()[:limit]
    best = best[np.cumsum(found.sets.sizes[best]) <= limit * _GENES_OF_A_SET]
    return EnrichmentResult(
        test=found.test.id,
        library=found.library,
        matrix=found.matrix,
        n_genes=len(found.ranking.genes),
        n_chosen=int(found.ranking.chosen.sum()),
        n_sets=len(found.sets),
        n_left_out=found.n_left_out,
        min_size=found.sizes[0],
        max_size=found.sizes[1],
        warnings=list(found.warnings),
        sets=[_enriched(found, k) for k in best.tolist()],
        fingerprint=dataset.fingerprint,
        job_id=job_id,
    )


def enrichment_csv(found: EnrichmentAnalysis) -> ResponseOf[Any]:
    """Return all sets as CSV, the best first."""
    order = found.order().tolist()

    def blocks() -> Iterator[bytes]:
        yield csv_bytes(COLUMNS, ())
        for first in range(0, len(order), _SETS_AT_ONCE):
            yield csv_bytes(None, (_row(found, _enriched(found, k)) for k in order[first : first + _SETS_AT_ONCE]))

    response: ResponseOf[Any] = ResponseOf(blocks(), mimetype=CSV)
    response.headers["Content-Disposition"] = 'attachment; filename="enrichment.csv"'
    return response


def _row(found: EnrichmentAnalysis, one: EnrichedSet) -> list[Any]:
    numbers = ("" if n is None else n for n in (one.effect, one.score, one.p_value, one.p_adjusted))
    genes = " ".join(one.genes)
    return [one.name, one.description, one.size, len(one.genes), *numbers, genes, found.test.id, found.library]


def _enriched(found: EnrichmentAnalysis, k: int) -> EnrichedSet:
    result, genes = found.found, found.ranking.genes
    return EnrichedSet(
        name=found.sets.names[k],
        description=found.sets.descriptions[k],
        size=int(found.sets.sizes[k]),
        effect=_number(result.effect[k]),
        score=_number(result.score[k]),
        p_value=float(result.p_value[k]),
        p_adjusted=float(found.p_adjusted[k]),
        at_floor=bool(result.floor[k] > 0 and np.isclose(result.p_value[k], result.floor[k])),
        genes=[genes[rank] for rank in result.leading[k].tolist()],
        ranks=found.sets.ranks_of(k).tolist(),
    )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
