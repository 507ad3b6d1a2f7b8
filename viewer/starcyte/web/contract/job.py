"""Jobs, and the new files that some of them write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count, Fraction
from starcyte.web.contract.by_category import ByCategoryResult
from starcyte.web.contract.comparison import DiffexpResult, MarkersResult, Page
from starcyte.web.contract.enrichment import EnrichmentResult
from starcyte.web.contract.error import Error
from starcyte.web.contract.means import MeansTable
from starcyte.web.contract.pseudobulk import PseudobulkTable

JobId = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]


class JobQuery(Page):
    """The part of the result of a job that is sent."""

    table: (
        Annotated[
            Literal["genes", "samples", "long"],
            Meta(
                description="As CSV. Of sums by sample: the sums, or what is known of the samples. Of means: a row for"
                " each gene, or (long) for each gene and group"
            ),
        ]
        | UnsetType
    ) = UNSET


class Job(Answer):
    """The state of a job."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: Fraction
    error: Error | UnsetType = UNSET


class ExportedFile(Answer):
    """A file that was written."""

    file: Annotated[str, Meta(description="Its name")]
    bytes: Count
    download: Annotated[str, Meta(description="Its URL, relative to api/v1/")]
    notes: Annotated[list[str], Meta(description="Warnings")]
    job_id: str


class JobAnswer(Answer):
    """A job that is not done; poll it."""

    job: Job


class DiffexpJob(JobAnswer):
    """A comparison, with its result if it is done."""

    result: DiffexpResult | UnsetType = UNSET


class MarkersJob(JobAnswer):
    """A search for markers, with its result if it is done."""

    result: MarkersResult | UnsetType = UNSET


class ByCategoryJob(JobAnswer):
    """A comparison within each category, with its result if it is done."""

    result: ByCategoryResult | UnsetType = UNSET


class PseudobulkJob(JobAnswer):
    """Sums by sample, with their description if they are done."""

    result: PseudobulkTable | UnsetType = UNSET


class MeansJob(JobAnswer):
    """Means of all genes, with their description if they are done."""

    result: MeansTable | UnsetType = UNSET


class EnrichmentJob(JobAnswer):
    """A test of gene sets, with its result if it is done."""

    result: EnrichmentResult | UnsetType = UNSET


class ExportedFileJob(JobAnswer):
    """An export, with the new file if it is done."""

    result: ExportedFile | UnsetType = UNSET


JobResult: TypeAlias = (
    DiffexpResult | MarkersResult | ByCategoryResult | PseudobulkTable | MeansTable | EnrichmentResult | ExportedFile
)
AnyJob: TypeAlias = DiffexpJob | MarkersJob | ByCategoryJob | PseudobulkJob | MeansJob | EnrichmentJob | ExportedFileJob
#: The answer with each result
JOBS: Mapping[type[JobResult], Callable[..., AnyJob]] = {
    DiffexpResult: DiffexpJob,
    MarkersResult: MarkersJob,
    ByCategoryResult: ByCategoryJob,
    PseudobulkTable: PseudobulkJob,
    MeansTable: MeansJob,
    EnrichmentResult: EnrichmentJob,
    ExportedFile: ExportedFileJob,
}
