"""The status of a server of many datasets, for its administrators."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from starcyte.web.contract.base import Answer, Count, Fraction
from starcyte.web.contract.error import Error


class MemoryUsage(Answer):
    """Memory that is not mapped from files."""

    bytes: Count
    limit: Annotated[Count, Meta(description="Setting open_bytes")]


class FileUsage(Answer):
    """Open files."""

    n: Count
    limit: Annotated[Count, Meta(description="Setting open_files")]


class OpenDataset(Answer):
    """A dataset that is open."""

    id: str
    title: str
    state: str
    downloaded: Annotated[Fraction | None, Meta(description="The fraction of a partial download")]
    indexing: Annotated[Fraction | None, Meta(description="The progress of the index that is being built")]


class BrokenDataset(Answer):
    """A dataset that cannot be opened."""

    id: str
    place: str
    error: Error


class DatasetCounts(Answer):
    """The datasets: their number, and those that are open or broken."""

    n: Count
    n_open: Count
    limit: Annotated[Count, Meta(description="Setting max_open")]
    states: Annotated[dict[str, Count], Meta(description="Datasets in each state")]
    opened: Annotated[Count, Meta(description="Since the start")]
    closed: Annotated[Count, Meta(description="Since the start")]
    waiting: Annotated[Count, Meta(description="Files that are still to be summarised")]
    open: list[OpenDataset]
    broken: list[BrokenDataset]


class JobCounts(Answer):
    """Jobs."""

    running: Count
    queued: Count
    limit: Annotated[Count, Meta(description="Setting queue_length")]


class RecentUser(Answer):
    """A user of the last quarter of an hour, or the address of one without a name."""

    name: str
    address: str
    seconds: Annotated[float, Meta(description="Since the last request")]


class RequestCounts(Answer):
    """Requests since the start."""

    n: Count
    refused: Annotated[Count, Meta(description="Answered with 4xx")]
    failed: Annotated[Count, Meta(description="Answered with 5xx")]


class Status(Answer):
    """The status of the server."""

    version: str
    uptime: Annotated[float, Meta(description="Seconds")]
    memory: MemoryUsage
    files: FileUsage
    datasets: DatasetCounts
    jobs: JobCounts
    users: list[RecentUser]
    requests: RequestCounts
    notes: Annotated[list[str], Meta(description="Warnings")]
