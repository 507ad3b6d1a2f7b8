"""Results of jobs, as structs and as tables."""

from __future__ import annotations

from typing import Any

from starcyte.compute.by_category import ComparisonByCategory
from starcyte.compute.diffexp import Comparison
from starcyte.compute.enrichment.analysis import EnrichmentAnalysis
from starcyte.compute.group_means import GroupMeans
from starcyte.compute.markers import Markers
from starcyte.compute.pseudobulk.table import SumsTable
from starcyte.settings import Settings
from starcyte.store.dataset import Dataset
from starcyte.web.contract.job import ExportedFile, JobResult
from starcyte.web.encoding.by_category import by_category_csv, by_category_result
from starcyte.web.encoding.enrichment import enrichment_csv, enrichment_result
from starcyte.web.encoding.means import means_csv, means_table
from starcyte.web.encoding.media import BINARY, CSV
from starcyte.web.encoding.pseudobulk import pseudobulk_table, samples_csv, sums_binary, sums_csv
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.encoding.results import diffexp_result, markers_result, result_csv

# of each category, unless the request has a limit
_GENES_EACH = 50
# of a test of enrichment, unless the request has a limit
_SETS = 200


def job_result(
    result: Any, dataset: Dataset, settings: Settings, job_id: str, limit: int | None, offset: int
) -> JobResult:
    """Return the result of a job as it is sent.

    Parameters
    ----------
    result
        The result.
    dataset
        Its dataset.
    settings
        ``diffexp_lfc_cutoff`` and ``max_sets_listed`` are used.
    job_id
        The job.
    limit, offset
        The page of the genes, best first.
    """
    cutoff = settings.diffexp_lfc_cutoff
    match result:
        case Comparison():
            return diffexp_result(result, dataset, job_id, cutoff, limit, offset)
        case Markers():
            return markers_result(result, dataset, job_id, cutoff)
        case ComparisonByCategory():
            return by_category_result(result, dataset, job_id, cutoff, _GENES_EACH if limit is None else limit)
        case SumsTable():
            return pseudobulk_table(result, dataset, job_id)
        case GroupMeans():
            return means_table(result, dataset, job_id)
        case EnrichmentAnalysis():
            most = min(_SETS if limit is None else limit, settings.max_sets_listed)
            return enrichment_result(result, dataset, job_id, most)
        case _:
            return ExportedFile(
                file=result.name,
                bytes=result.n_bytes,
                download=f"export/files/{result.id}",
                notes=list(result.notes),
                job_id=job_id,
            )


def job_table(
    result: Any, dataset: Dataset, settings: Settings, accepted: str | None, table: str | None
) -> ResponseOf[Any] | None:
    """Return the result of a job as a table; None if it has none of the accepted type.

    Parameters
    ----------
    result
        The result.
    dataset
        Its dataset.
    settings
        ``diffexp_lfc_cutoff`` and ``max_expression_bytes`` are used.
    accepted
        The media type.
    table
        Which table, of results that have several: ``samples`` of sums by sample, ``long`` of means.
    """
    cutoff = settings.diffexp_lfc_cutoff
    match result:
        case SumsTable() if accepted == BINARY:
            return sums_binary(result, dataset, settings.max_expression_bytes)
        case _ if accepted != CSV:
            return None
        case Comparison() | Markers():
            return result_csv(result, dataset, cutoff)
        case ComparisonByCategory():
            return by_category_csv(result, dataset, cutoff)
        case SumsTable():
            return samples_csv(result) if table == "samples" else sums_csv(result, dataset)
        case GroupMeans():
            return means_csv(result, dataset, table == "long")
        case EnrichmentAnalysis():
            return enrichment_csv(result)
        case _:
            return None
