"""Routes of a catalog: the list of datasets, their thumbnails, and the status and metrics for the operator."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, g, send_file

from starcyte import __version__
from starcyte.catalog import resource_usage
from starcyte.catalog.entry import CatalogEntry
from starcyte.catalog.service import CatalogService, no_such_dataset
from starcyte.errors import Forbidden, NotFound, NotSignedIn
from starcyte.web.access import Role, role_here
from starcyte.web.context import Context, ContextFactory
from starcyte.web.contract.openapi_site import description
from starcyte.web.media import PNG
from starcyte.web.responses import answer_json, answer_now
from starcyte.web.routes.pages import page, robots
from starcyte.web.traffic import Traffic

blueprint = Blueprint("catalog", __name__)


def add_routes(app: Flask) -> None:
    """Add the routes that concern the server and not the list."""
    app.add_url_rule("/robots.txt", "robots", robots)
    app.add_url_rule("/api/v1/health", "health", health)
    app.add_url_rule("/api/v1/openapi.json", "openapi", lambda: answer_json(description()))
    app.add_url_rule("/api/v1/status", "status", lambda: answer_now(_status()))
    app.add_url_rule("/status", "status_page", lambda: page("status.html"))
    app.add_url_rule("/metrics", "metrics", metrics)


@blueprint.get("/")
def index() -> Response:
    """Return the page of the catalog."""
    idle = cast(ContextFactory, current_app.extensions["starcyte_contexts"]).idle
    if idle is not None:
        idle.use()
    return page("catalog.html")


def health() -> Response:
    """Return that the server runs."""
    return answer_now({"app": "starcyte", "version": __version__, "state": "ready"})


@blueprint.get("/api/v1/catalog")
def listing() -> Response:
    """Return the datasets that the user may see."""
    from starcyte.web.markdown import as_html

    service = _service()
    datasets = [_describe(entry, role) for entry, role in _visible()]
    answer = {
        "title": service.title,
        "description": as_html(service.description),
        "version": __version__,
        "complete": service.is_complete,
        "role": _server_role().name.lower(),
        "datasets": datasets,
    }
    return answer_now(answer)


@blueprint.get("/api/v1/catalog/<key>/thumbnail")
def thumbnail(key: str) -> Response:
    """Return the thumbnail of a dataset."""
    entry = next((entry for entry, _ in _visible(key)), None)
    if entry is None:
        raise no_such_dataset(key)
    path = _service().thumbnail(entry)
    if path is None:
        raise NotFound(f"{key!r} has no thumbnail, or not yet.", "The catalog lists those that have one.")
    try:
        response = send_file(path, PNG, conditional=True, etag=path.stem, max_age=0)
    except FileNotFoundError:  # the cache was cleared
        raise NotFound(f"The thumbnail of {key!r} was deleted.", "Restart the server, which makes it again.") from None
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def metrics() -> Response:
    """Return the metrics of the server in the format of Prometheus."""
    from starcyte.web.metrics import exposition

    settings = current_app.extensions["starcyte_settings"]
    if not settings.metrics and g.role < Role.ADMIN:
        if g.get("identity") is None:
            raise NotSignedIn("You have not signed in.", "Sign in, or start with --metrics.")
        raise Forbidden("This needs the role admin.", "Ask the operator of this server, or start it with --metrics.")
    response = Response(exposition(_traffic(), _status()), content_type="text/plain; version=0.0.4; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def _visible(key: str | None = None) -> list[tuple[CatalogEntry, Role]]:
    """Return the datasets that the user may see, or the one of a key, with the user's role in each."""
    identity = g.get("identity")
    if identity is None:
        return []
    service = _service()
    one = service.entry(key) if key is not None else None
    entries = service.entries() if key is None else [one] if one else []
    found = [(entry, role_here(identity, entry.roles)) for entry in entries]
    return [(entry, role) for entry, role in found if role >= Role.READ]


def _describe(entry: CatalogEntry, role: Role) -> dict[str, Any]:
    from starcyte.web.markdown import as_html

    service = _service()
    status = service.status(entry)
    summary = status.summary
    has_thumbnail = summary is not None and summary.has_thumbnail
    return {
        "id": entry.id,
        "url": f"d/{entry.id}/",
        "title": service.title_of(entry),
        "place": entry.place,
        "description": as_html(entry.description),
        "state": status.state,
        "progress": status.progress,
        "message": status.message,
        "error": status.error.as_dict() if status.error else None,
        "open": status.is_open,
        "role": role.name.lower(),
        "size": entry.size,
        "modified": entry.state.changed / 1e9 if entry.state else None,
        "n_obs": summary.n_obs if summary else None,
        "n_vars": summary.n_vars if summary else None,
        "organism": list(summary.organism) if summary else [],
        "tissue": list(summary.tissue) if summary else [],
        "thumbnail": f"api/v1/catalog/{entry.id}/thumbnail" if has_thumbnail else None,
    }


def _status() -> dict[str, Any]:
    service, traffic = _service(), _traffic()
    settings = current_app.extensions["starcyte_settings"]
    statuses = [(entry, service.status(entry)) for entry in service.entries()]
    running, queued = service.jobs.under_way()
    requests, _, _ = traffic.counted()
    opened = service.opened()
    return {
        "version": __version__,
        "uptime": time.time() - traffic.started,
        "memory": {"bytes": resource_usage.memory(), "limit": settings.open_bytes},
        "files": {"n": resource_usage.open_files(), "limit": settings.open_files},
        "datasets": {
            "n": len(statuses),
            "n_open": len(opened),
            "limit": settings.max_open,
            "states": dict(Counter(status.state for _, status in statuses)),
            **service.counts,
            "open": [
                {
                    "id": key,
                    "title": one.context.loader.title,
                    "state": one.context.loader.state,
                    "downloaded": one.context.loader.downloaded,
                    "indexing": one.context.loader.indexing.done if one.context.loader.indexing else None,
                }
                for key, one in opened
            ],
            "broken": [
                {"id": entry.id, "place": entry.place, "error": status.error.as_dict()}
                for entry, status in statuses
                if status.error
            ],
        },
        "jobs": {"running": running, "queued": queued, "limit": settings.queue_length},
        "users": [
            {"name": user, "address": address, "seconds": round(seconds)} for user, address, seconds in traffic.users()
        ],
        "requests": {
            "n": sum(requests.values()),
            "refused": sum(n for (_, _, status), n in requests.items() if 400 <= status < 500),
            "failed": sum(n for (_, _, status), n in requests.items() if status >= 500),
        },
        "notes": service.notes,
    }


def _server_role() -> Role:
    identity = g.get("identity")
    return identity.role if identity is not None else Role.NOBODY


def _service() -> CatalogService[Context]:
    return cast("CatalogService[Context]", current_app.extensions["starcyte_catalog"])


def _traffic() -> Traffic:
    return cast(Traffic, current_app.extensions["starcyte_traffic"])
