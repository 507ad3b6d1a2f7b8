"""Routes of a catalog: the list of datasets, their thumbnails, and the status and metrics for the operator."""

from __future__ import annotations

import time
from collections import Counter
from typing import cast

from flask import Flask, Response, current_app, g, send_file

from starcyte import __version__
from starcyte.catalog import resource_usage
from starcyte.catalog.entry import CatalogEntry
from starcyte.catalog.service import CatalogService, no_such_dataset
from starcyte.errors import Forbidden, NotFound, NotSignedIn
from starcyte.web.context import Context, ContextFactory
from starcyte.web.contract.catalog import Catalog, CatalogDataset, DatasetId
from starcyte.web.contract.error import error_of
from starcyte.web.contract.health import ServerHealth
from starcyte.web.contract.status import (
    BrokenDataset,
    DatasetCounts,
    FileUsage,
    JobCounts,
    MemoryUsage,
    OpenDataset,
    RecentUser,
    RequestCounts,
    Status,
)
from starcyte.web.encoding.media import PNG
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.monitoring.traffic import Traffic
from starcyte.web.responses import answer_uncached, as_file
from starcyte.web.routes.pages import page, robots
from starcyte.web.routing.blueprint import Routes
from starcyte.web.security.access import Role, role_in_dataset, role_name

routes = Routes("catalog")
metrics_routes = Routes("metrics", prefix="")


def add_pages(app: Flask) -> None:
    """Add the pages of a catalog."""
    app.add_url_rule("/", "catalog_page", index)
    app.add_url_rule("/status", "status_page", lambda: page("status.html"))
    app.add_url_rule("/robots.txt", "robots", robots)


def index() -> Response:
    """Return the page of the catalog."""
    idle = cast(ContextFactory, current_app.extensions["starcyte_contexts"]).idle
    if idle is not None:
        idle.use()
    return page("catalog.html")


@routes.get("/health")
def health() -> ResponseOf[ServerHealth]:
    """Return the status of the server."""
    return answer_uncached(ServerHealth(app="starcyte", version=__version__, state="ready"))


@routes.get("/catalog")
def listing() -> ResponseOf[Catalog]:
    """Return the datasets that the user may read."""
    from starcyte.web.encoding.markdown import as_html

    service = _service()
    identity = g.get("identity")
    return answer_uncached(
        Catalog(
            title=service.title,
            description=as_html(service.description),
            version=__version__,
            complete=service.is_complete,
            role=role_name(identity.role if identity else Role.NOBODY),
            datasets=[_describe(entry, role) for entry, role in _visible()],
        )
    )


@routes.get("/catalog/<dataset_id>/thumbnail", media=(PNG,), errors=(404,), cached=True)
def thumbnail(dataset_id: DatasetId) -> ResponseOf[bytes]:
    """Return the thumbnail of a dataset."""
    entry = next((entry for entry, _ in _visible(dataset_id)), None)
    if entry is None:
        raise no_such_dataset(dataset_id)
    path = _service().thumbnail(entry)
    if path is None:
        raise NotFound(f"{dataset_id!r} has no thumbnail, or not yet.", "The catalog lists those that have one.")
    try:
        response = as_file(send_file(path, PNG, conditional=True, etag=path.stem, max_age=0))
    except FileNotFoundError:  # the cache was cleared
        raise NotFound(
            f"The thumbnail of {dataset_id!r} was deleted.", "Restart the server, which makes it again."
        ) from None
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@routes.get("/status")
def status() -> ResponseOf[Status]:
    """Return the status of the server, for its administrators."""
    return answer_uncached(_status())


@metrics_routes.get("/metrics", media=("text/plain",))
def metrics() -> ResponseOf[bytes]:
    """Return the server's metrics in Prometheus' format, for administrators, or for all with the setting metrics."""
    from starcyte.web.monitoring.metrics import exposition

    settings = current_app.extensions["starcyte_settings"]
    if not settings.metrics and g.role < Role.ADMIN:
        if g.get("identity") is None:
            raise NotSignedIn("You are not signed in.", "Sign in, or start the server with --metrics.")
        raise Forbidden("This requires the role admin.", "Ask the operator of this server, or start it with --metrics.")
    content_type = "text/plain; version=0.0.4; charset=utf-8"
    response: ResponseOf[bytes] = ResponseOf(exposition(_traffic(), _status()), content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response


def _visible(dataset_id: str | None = None) -> list[tuple[CatalogEntry, Role]]:
    """Return the datasets that the user may read (or only the given one), with the user's role in each."""
    identity = g.get("identity")
    if identity is None:
        return []
    service = _service()
    one = service.entry(dataset_id) if dataset_id is not None else None
    entries = service.entries() if dataset_id is None else [one] if one else []
    found = [(entry, role_in_dataset(identity, entry.roles)) for entry in entries]
    return [(entry, role) for entry, role in found if role >= Role.READ]


def _describe(entry: CatalogEntry, role: Role) -> CatalogDataset:
    from starcyte.web.encoding.markdown import as_html

    service = _service()
    status = service.status(entry)
    summary = status.summary
    has_thumbnail = summary is not None and summary.has_thumbnail
    return CatalogDataset(
        id=entry.id,
        url=f"d/{entry.id}/",
        title=service.title_of(entry),
        place=entry.place,
        description=as_html(entry.description),
        state=status.state,
        progress=status.progress,
        message=status.message,
        error=error_of(status.error) if status.error else None,
        open=status.is_open,
        role=role_name(role),
        size=entry.size,
        modified=entry.state.changed / 1e9 if entry.state else None,
        n_obs=summary.n_obs if summary else None,
        n_vars=summary.n_vars if summary else None,
        organism=list(summary.organism) if summary else [],
        tissue=list(summary.tissue) if summary else [],
        thumbnail=f"api/v1/catalog/{entry.id}/thumbnail" if has_thumbnail else None,
    )


def _status() -> Status:
    service, traffic = _service(), _traffic()
    settings = current_app.extensions["starcyte_settings"]
    running, queued = service.jobs.under_way()
    requests, _, _ = traffic.counted()
    return Status(
        version=__version__,
        uptime=time.time() - traffic.started,
        memory=MemoryUsage(bytes=resource_usage.memory(), limit=settings.open_bytes),
        files=FileUsage(n=resource_usage.open_files(), limit=settings.open_files),
        datasets=_dataset_counts(),
        jobs=JobCounts(running=running, queued=queued, limit=settings.queue_length),
        users=[
            RecentUser(name=user, address=address, seconds=round(seconds)) for user, address, seconds in traffic.users()
        ],
        requests=RequestCounts(
            n=sum(requests.values()),
            refused=sum(n for (_, _, status), n in requests.items() if 400 <= status < 500),
            failed=sum(n for (_, _, status), n in requests.items() if status >= 500),
        ),
        notes=service.notes,
    )


def _dataset_counts() -> DatasetCounts:
    service = _service()
    settings = current_app.extensions["starcyte_settings"]
    statuses = [(entry, service.status(entry)) for entry in service.entries()]
    opened = service.opened()
    loaders = [(dataset_id, one.context.loader) for dataset_id, one in opened]
    counts = service.counts
    return DatasetCounts(
        n=len(statuses),
        n_open=len(opened),
        limit=settings.max_open,
        states=dict(Counter(status.state for _, status in statuses)),
        opened=counts["opened"],
        closed=counts["closed"],
        waiting=counts["waiting"],
        open=[
            OpenDataset(
                id=dataset_id,
                title=loader.title,
                state=loader.state,
                downloaded=loader.downloaded,
                indexing=loader.indexing.done if loader.indexing else None,
            )
            for dataset_id, loader in loaders
        ],
        broken=[
            BrokenDataset(id=entry.id, place=entry.place, error=error_of(status.error))
            for entry, status in statuses
            if status.error
        ],
    )


def _service() -> CatalogService[Context]:
    return cast("CatalogService[Context]", current_app.extensions["starcyte_catalog"])


def _traffic() -> Traffic:
    return cast(Traffic, current_app.extensions["starcyte_traffic"])
