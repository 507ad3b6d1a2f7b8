"""A catalogue over HTTP: its list, its pictures, and what its operator wants to know."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, g, send_file

from starcyte import __version__
from starcyte.catalog import memory_usage as footprint
from starcyte.catalog.catalog import CatalogEntry
from starcyte.catalog.service import CatalogService, absent
from starcyte.errors import Forbidden, NotFound, NotSignedIn
from starcyte.web.access import Role, role_here
from starcyte.web.contract.openapi_site import description
from starcyte.web.media import PNG
from starcyte.web.responses import answer_json, answer_now
from starcyte.web.routes.pages import page, robots
from starcyte.web.traffic import Traffic

blueprint = Blueprint("catalog", __name__)


def add_routes(app: Flask) -> None:
    """Add what belongs to the server, and not to the list."""
    app.add_url_rule("/robots.txt", "robots", robots)
    app.add_url_rule("/api/v1/health", "health", health)
    app.add_url_rule("/api/v1/openapi.json", "openapi", lambda: answer_json(description()))
    app.add_url_rule("/api/v1/status", "status", lambda: answer_now(_status()))
    app.add_url_rule("/status", "status_page", lambda: page("status.html"))
    app.add_url_rule("/metrics", "metrics", metrics)


@blueprint.get("/")
def index() -> Response:
    """Return the page."""
    idle = _catalogue().idle
    if idle is not None:
        idle.use()
    return page("catalog.html")


def health() -> Response:
    """Say that the server lives."""
    return answer_now({"app": "starcyte", "version": __version__, "state": "ready"})


@blueprint.get("/api/v1/catalog")
def listing() -> Response:
    """Return the datasets that who asks may see."""
    from starcyte.web.markdown import as_html

    catalog_service = _catalogue()
    datasets = [_describe(entry, role) for entry, role in _visible()]
    answer = {
        "title": catalog_service.title,
        "description": as_html(catalog_service.description),
        "version": __version__,
        "complete": catalog_service.is_complete,
        "role": _server_role().name.lower(),
        "datasets": datasets,
    }
    return answer_now(answer)


@blueprint.get("/api/v1/catalog/<key>/thumbnail")
def picture(key: str) -> Response:
    """Return a small picture of a dataset."""
    entry = next((entry for entry, _ in _visible(key)), None)
    if entry is None:
        raise absent(key)
    path = _catalogue().picture(entry)
    if path is None:
        raise NotFound(f"There is no picture of {key!r}, or not yet.", "The catalogue says which have one.")
    try:
        response = send_file(path, PNG, conditional=True, etag=path.stem, max_age=0)
    except FileNotFoundError:  # the cache was cleared
        raise NotFound(f"The picture of {key!r} is gone.", "Start again: it is made anew.") from None
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def metrics() -> Response:
    """Return the numbers of the server in Prometheus' format."""
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
    """Return the datasets that who asks may see, or the one that is meant, with the role in each."""
    identity = g.get("identity")
    if identity is None:
        return []
    catalog_service = _catalogue()
    one = catalog_service.entry(key) if key is not None else None
    entries = catalog_service.entries() if key is None else [one] if one else []
    found = [(entry, role_here(identity, entry.roles)) for entry in entries]
    return [(entry, role) for entry, role in found if role >= Role.READ]


def _describe(entry: CatalogEntry, role: Role) -> dict[str, Any]:
    from starcyte.web.markdown import as_html

    catalog_service = _catalogue()
    standing = catalog_service.standing(entry)
    survey = standing.survey
    has_picture = survey is not None and survey.has_picture
    return {
        "id": entry.id,
        "url": f"d/{entry.id}/",
        "title": catalog_service.title_of(entry),
        "place": entry.place,
        "description": as_html(entry.description),
        "state": standing.state,
        "progress": standing.progress,
        "message": standing.message,
        "error": standing.error.as_dict() if standing.error else None,
        "open": standing.is_open,
        "role": role.name.lower(),
        "size": entry.size,
        "modified": entry.state.changed / 1e9 if entry.state else None,
        "n_obs": survey.n_obs if survey else None,
        "n_vars": survey.n_vars if survey else None,
        "organism": list(survey.organism) if survey else [],
        "tissue": list(survey.tissue) if survey else [],
        "thumbnail": f"api/v1/catalog/{entry.id}/thumbnail" if has_picture else None,
    }


def _status() -> dict[str, Any]:
    catalog_service, traffic = _catalogue(), _traffic()
    settings = current_app.extensions["starcyte_settings"]
    standings = [(entry, catalog_service.standing(entry)) for entry in catalog_service.entries()]
    running, queued = catalog_service.jobs.under_way()
    requests, _, _ = traffic.counted()
    opened = catalog_service.opened()
    return {
        "version": __version__,
        "uptime": time.time() - traffic.started,
        "memory": {"bytes": footprint.memory(), "limit": settings.open_bytes},
        "files": {"n": footprint.files(), "limit": settings.open_files},
        "datasets": {
            "n": len(standings),
            "n_open": len(opened),
            "limit": settings.max_open,
            "states": dict(Counter(standing.state for _, standing in standings)),
            **catalog_service.counts,
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
                {"id": entry.id, "place": entry.place, "error": standing.error.as_dict()}
                for entry, standing in standings
                if standing.error
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
        "notes": catalog_service.notes,
    }


def _server_role() -> Role:
    identity = g.get("identity")
    return identity.role if identity is not None else Role.NOBODY


def _catalogue() -> CatalogService:
    return cast(CatalogService, current_app.extensions["starcyte_catalogue"])


def _traffic() -> Traffic:
    return cast(Traffic, current_app.extensions["starcyte_traffic"])
