"""create_app: the only wiring."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from starcyte.compute.jobs import Jobs
from starcyte.errors import (
    Conflict,
    DatasetChanged,
    DatasetLoading,
    NotFound,
    NotSignedIn,
    StarcyteError,
    TooManyAttempts,
    TooManyJobs,
)
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader
from starcyte.web.base_path import BasePath
from starcyte.web.context import Context, ContextFactory, context, mounted
from starcyte.web.contract.error import ErrorAnswer, error_of
from starcyte.web.encoding.compression import compress
from starcyte.web.interface import catalog_routes, dataset_routes
from starcyte.web.monitoring.traffic import Traffic
from starcyte.web.responses import answer_json
from starcyte.web.routes.curation import answer_conflict
from starcyte.web.routes.health import REVISION
from starcyte.web.routes.pages import asset, page, redirect_to_login, robots
from starcyte.web.security.access import Access
from starcyte.web.security.csrf import refuse_cross_site
from starcyte.web.security.headers import protect
from starcyte.web.security.proxy import trusted_networks

if TYPE_CHECKING:
    from starcyte.catalog.catalog import Catalog

log = logging.getLogger(__name__)


class NameConverter(BaseConverter):
    """A name from a file as the rest of a path: anything, slashes too."""

    regex = "(?s:.+)"
    part_isolating = False


class AssetConverter(NameConverter):
    """The path of a file of the client: nothing below api, where a wrong method must be told from a wrong path."""

    regex = "(?!api/).+"


def create_app(
    settings: Settings, loader: DatasetLoader, access: Access | None = None, roles: Mapping[str, str] | None = None
) -> Flask:
    """Return the application that shows one dataset.

    Parameters
    ----------
    settings
        The settings in force.
    loader
        The dataset; it may still be opening.
    access
        The door; by default that of the settings, without accounts.
    roles
        The dataset's own roles: user, or ``*`` for all others, to role.
    """
    app = _guarded(settings, access or Access(settings), Traffic(settings), lambda: (loader.title, roles, None))
    app.wsgi_app = BasePath(app.wsgi_app, settings.base_path)  # type: ignore[method-assign]
    app.extensions["starcyte"] = Context(settings, loader, Jobs(settings))
    _add_dataset(app)
    app.add_url_rule("/robots.txt", "robots", robots)
    return app


def create_site(settings: Settings, catalog: Catalog, access: Access | None = None) -> Flask:
    """Return the application that shows a catalog, with its datasets below ``/d/<id>/``.

    Its extension ``starcyte_catalog`` is the service that opens the datasets, ``starcyte_contexts`` the factory of
    their contexts.

    Parameters
    ----------
    settings
        The settings in force.
    catalog
        The catalog.
    access
        The door, the same for all of them; by default that of the settings, without accounts.
    """
    from starcyte.catalog.service import CatalogService
    from starcyte.web.dispatch import Mounts
    from starcyte.web.routes.catalog import add_pages

    door, traffic = access or Access(settings), Traffic(settings)
    app = _guarded(settings, door, traffic, lambda: ("", None, None))
    contexts = ContextFactory()
    service = CatalogService(catalog, settings, contexts)
    app.extensions["starcyte_catalog"], app.extensions["starcyte_contexts"] = service, contexts
    for routes in catalog_routes():
        app.register_blueprint(routes.blueprint)
    add_pages(app)
    app.add_url_rule("/<asset:path>", view_func=asset)

    dataset = _guarded(settings, door, traffic, _mounted_dataset)
    _add_dataset(dataset)
    dataset.after_request(_refuse_mixture)
    app.wsgi_app = BasePath(  # type: ignore[method-assign]
        Mounts(app.wsgi_app, dataset.wsgi_app, service, contexts), settings.base_path
    )
    return app


def _mounted_dataset() -> tuple[str, Mapping[str, str] | None, NotFound | None]:
    one = mounted()
    assert one is not None
    return one.title, one.roles, one.missing


def _add_dataset(app: Flask) -> None:
    """Add the routes of one dataset."""
    app.add_url_rule("/", view_func=index)
    app.add_url_rule("/<asset:path>", view_func=asset)
    for routes in dataset_routes():
        app.register_blueprint(routes.blueprint)
    app.before_request(refuse_stale)


def _guarded(
    settings: Settings,
    access: Access,
    traffic: Traffic,
    dataset: Callable[[], tuple[str, Mapping[str, str] | None, NotFound | None]],
) -> Flask:
    """Return an application without routes but those to sign in, which refuses what is to be refused."""
    trusted_networks(settings.trusted_proxies)  # a mistake in it is told now, not with the first request
    app = Flask("starcyte", static_folder=None)
    app.extensions["starcyte_access"] = access
    app.extensions["starcyte_settings"] = settings
    app.extensions["starcyte_traffic"] = traffic
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.converters |= {"name": NameConverter, "asset": AssetConverter}
    # a name may be empty, start with a slash or hold two: the path means what it says
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False

    def let_in() -> None:
        g.role = access.authorize(*dataset())
        access.limit_rate()

    app.before_request(traffic.begin)
    app.before_request(refuse_cross_site)
    app.before_request(redirect_to_login)
    app.before_request(let_in)
    app.register_error_handler(Exception, _answer_error)
    # in the reverse order: the log comes last
    app.after_request(traffic.end)
    app.after_request(compress)
    app.after_request(lambda response: protect(response, settings))
    app.add_url_rule("/login", "login_page", lambda: page("login.html"))
    return app


def index() -> Response:
    """Return the page."""
    one = mounted()
    if one is not None and not one.is_there:
        raise one.missing
    return page("index.html")


def refuse_stale() -> None:
    """Refuse a request of a page that shows the file as it was before it was changed.

    Raises
    ------
    DatasetChanged
        If it is one.
    """
    given = request.headers.get(REVISION)
    if (
        not given
        or request.endpoint in {None, "asset", "index", "robots", "login_page"}
        or request.blueprint in {"login", "openapi"}
    ):
        return
    one = mounted()
    if one is not None and one.is_shut and request.blueprint == "health":
        known = one.revision()
    else:
        ctx = context()
        if request.blueprint == "health" and ctx.loader.state != "ready":
            return
        known = ctx.dataset().revision
    if known and known != given:
        raise changed()


def changed() -> DatasetChanged:
    """Return what is told of a file that was changed."""
    return DatasetChanged("The file of this dataset was changed after the page was opened.", "Reload the page.")


def _refuse_mixture(response: Response) -> Response:
    """Take back an answer that was read from a file while it was being changed."""
    one = mounted()
    if one is None or response.status_code >= 400 or request.blueprint == "health" or not one.is_stale():
        return response
    return _answer_error(changed())


def _answer_error(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return _answer_http_error(error)
    if not isinstance(error, StarcyteError):
        # the method and the path, never headers: they may carry a session cookie of the site around us
        log.error("%s %s failed", request.method, request.path, exc_info=error)
        error = StarcyteError("The request failed: a defect of starcyte.", "See the server's log.")
    if isinstance(error, Conflict):
        return answer_conflict(error)
    if isinstance(error, NotFound) and request.endpoint == "index" and mounted() is not None:
        # a person who follows a link that leads nowhere any more: the page says so
        return page("index.html", 404)
    response = answer_json(ErrorAnswer(error=error_of(error)), error.status)
    if isinstance(error, DatasetLoading | TooManyJobs):
        response.headers["Retry-After"] = "1"
    if isinstance(error, TooManyAttempts):
        response.headers["Retry-After"] = str(error.seconds)
    if isinstance(error, NotSignedIn):
        response.headers["Cache-Control"] = "no-store"
    return response


def _answer_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    limit = "max_import_bytes" if request.blueprint == "imports" else "max_body_bytes"
    code, message, hint = {
        404: (NotFound.code, f"There is nothing at {request.path!r}.", "api/v1/openapi.json lists what there is."),
        405: ("method_not_allowed", f"{request.method} is not allowed here.", "api/v1/openapi.json lists what is."),
        413: ("limit_exceeded", f"The request is too large ({limit}).", "Send fewer cells, or ranges."),
    }.get(status, ("bad_request", error.description or error.name, ""))
    failure = error_of(StarcyteError(message, hint))
    response = answer_json(ErrorAnswer(error=msgspec.structs.replace(failure, code=code)), status)
    if error.code == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return response
