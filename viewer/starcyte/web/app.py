"""create_app: the only wiring."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from flask import Flask, Response, request, send_from_directory
from markupsafe import escape
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from starcyte import __version__
from starcyte.compute.jobs import Jobs
from starcyte.errors import Conflict, DatasetLoading, NotFound, StarcyteError, TooManyJobs
from starcyte.settings import Settings
from starcyte.store.opening import Opening
from starcyte.web import analysis, curation, data, genesets, kept, labels, summaries
from starcyte.web.answer import answer_json, compress
from starcyte.web.base_path import BasePath
from starcyte.web.context import Context, context
from starcyte.web.curation import answer_conflict
from starcyte.web.guard import protect, refuse_cross_site, trusted_networks, trusted_prefix
from starcyte.web.openapi import description

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent.parent / "static"
API = "/api/v1"


class NameConverter(BaseConverter):
    """A name from a file as the rest of a path: anything, slashes too."""

    regex = "(?s:.+)"
    part_isolating = False


class AssetConverter(NameConverter):
    """The path of a file of the client: nothing below api, where a wrong method must be told from a wrong path."""

    regex = "(?!api/).+"


def create_app(settings: Settings, opening: Opening) -> Flask:
    """Return the application that shows one dataset.

    Parameters
    ----------
    settings
        The settings in force.
    opening
        The dataset; it may still be opening.
    """
    trusted_networks(settings.trusted_proxies)  # a mistake in it is told now, not with the first request
    app = Flask("starcyte", static_folder=None)
    app.extensions["starcyte"] = Context(settings, opening, Jobs(settings))
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.converters |= {"name": NameConverter, "asset": AssetConverter}
    # a name may be empty, start with a slash or hold two: the path means what it says
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.wsgi_app = BasePath(app.wsgi_app, settings.base_path)  # type: ignore[method-assign]
    app.before_request(refuse_cross_site)
    app.register_error_handler(Exception, _answer_error)
    app.after_request(compress)
    app.after_request(lambda response: protect(response, settings))
    app.add_url_rule("/", view_func=index)
    app.add_url_rule("/<asset:path>", view_func=asset)
    app.add_url_rule(f"{API}/health", view_func=health)
    app.add_url_rule(f"{API}/openapi.json", view_func=openapi)
    for part in (data, summaries, analysis, curation, labels, genesets, kept):
        app.register_blueprint(part.blueprint, url_prefix=API)
    return app


def index() -> Response:
    """Return the page."""
    try:
        page = (STATIC / "index.html").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StarcyteError("The page is not built.", "Run `make client`, or install starcyte from a wheel.") from None
    prefix = trusted_prefix(context().settings)
    if prefix:
        # the proxy serves us without a redirect where the slash at the end is missing: links need their base
        page = page.replace("<head>", f'<head><base href="{escape(prefix)}/">', 1)
    response = Response(page, mimetype="text/html")
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def asset(path: str) -> Response:
    """Return a file of the client."""
    response = send_from_directory(STATIC, path, max_age=31_536_000 if path.startswith("assets/") else 0)
    # so that small files can be compressed like every other answer
    response.direct_passthrough = False
    return response


def health() -> Response:
    """Say how far the dataset is."""
    opening = context().opening
    answer: dict[str, Any] = {
        "app": "starcyte",
        "version": __version__,
        "state": opening.state,
        "progress": opening.progress,
        "message": opening.message,
        "title": opening.title,
    }
    indexing = opening.indexing
    if indexing:
        answer["indexing"] = {"matrix": indexing.matrix, "progress": indexing.done}
    problems = [*opening.problems, *([context().problem] if context().problem else [])]
    if problems:
        answer["problems"] = problems
    if opening.state == "error" and opening.error:
        answer["error"] = opening.error.as_dict()
    response = answer_json(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


def openapi() -> Response:
    """Return the description of this interface."""
    return answer_json(description())


def _answer_error(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return _answer_http_error(error)
    if not isinstance(error, StarcyteError):
        # the method and the path, never headers: they may carry a session cookie of the site around us
        log.error("%s %s failed", request.method, request.path, exc_info=error)
        error = StarcyteError("The request failed: a defect of starcyte.", "See the server's log.")
    if isinstance(error, Conflict):
        return answer_conflict(error)
    response = answer_json({"error": error.as_dict()}, error.status)
    if isinstance(error, DatasetLoading | TooManyJobs):
        response.headers["Retry-After"] = "1"
    return response


def _answer_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    code, message, hint = {
        404: (NotFound.code, f"There is nothing at {request.path!r}.", "api/v1/openapi.json lists what there is."),
        405: ("method_not_allowed", f"{request.method} is not allowed here.", "api/v1/openapi.json lists what is."),
        413: ("limit_exceeded", "The request is too large (setting max_body_bytes).", "Send fewer cells, or ranges."),
    }.get(status, ("bad_request", error.description or error.name, ""))
    failure = StarcyteError(message, hint)
    response = answer_json({"error": failure.as_dict() | {"code": code}}, status)
    if error.code == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return response
