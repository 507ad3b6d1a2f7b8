"""The application factories, the only place that connects all parts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
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
from starcyte.web.context import Context, ContextFactory, context, current_mount
from starcyte.web.contract.error import ErrorAnswer, error_of
from starcyte.web.encoding.compression import compress
from starcyte.web.interface import catalog_routes, dataset_routes
from starcyte.web.monitoring.traffic import Traffic
from starcyte.web.responses import answer_json
from starcyte.web.routes.curation import answer_conflict
from starcyte.web.routes.health import REVISION
from starcyte.web.routes.pages import asset, page, redirect_to_login, robots
from starcyte.web.routing.blueprint import Routes
from starcyte.web.security.access import Access
from starcyte.web.security.admission import current_limit, limit_body
from starcyte.web.security.csrf import refuse_cross_site
from starcyte.web.security.headers import protect
from starcyte.web.security.hosts import refuse_other_hosts
from starcyte.web.security.proxy import trusted_networks

if TYPE_CHECKING:
    from starcyte.catalog.catalog import Catalog

log = logging.getLogger(__name__)


class NameConverter(BaseConverter):
    """A name of the file as the rest of a path; it may contain slashes."""

    regex = "(?s:.+)"
    part_isolating = False


class AssetConverter(NameConverter):
    """The path of a file of the client, outside of api, so that a wrong method there is answered with 405."""

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
        The dataset; it may still be loading.
    access
        Access control; by default that of the settings, without accounts.
    roles
        The dataset's own roles by user, with ``*`` for all others.
    """
    app = _protected_app(settings, access or Access(settings), Traffic(settings), lambda: (loader.title, roles, None))
    app.wsgi_app = BasePath(app.wsgi_app, settings.base_path)  # type: ignore[method-assign]
    app.extensions["starcyte"] = Context(settings, loader, Jobs(settings))
    _add_dataset(app)
    app.add_url_rule("/robots.txt", "robots", robots)
    return app


def create_catalog_app(settings: Settings, catalog: Catalog, access: Access | None = None) -> Flask:
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
        Access control of all datasets; by default that of the settings, without accounts.
    """
    from starcyte.catalog.service import CatalogService
    from starcyte.web.dispatch import DatasetDispatcher
    from starcyte.web.routes.catalog import add_pages

    access, traffic = access or Access(settings), Traffic(settings)
    app = _protected_app(settings, access, traffic, lambda: ("", None, None))
    contexts = ContextFactory()
    service = CatalogService(catalog, settings, contexts)
    app.extensions["starcyte_catalog"], app.extensions["starcyte_contexts"] = service, contexts
    _register(app, catalog_routes())
    add_pages(app)
    app.add_url_rule("/<asset:path>", view_func=asset)

    dataset = _protected_app(settings, access, traffic, _current_dataset)
    _add_dataset(dataset)
    dataset.after_request(_refuse_changed_file)
    app.wsgi_app = BasePath(  # type: ignore[method-assign]
        DatasetDispatcher(app.wsgi_app, dataset.wsgi_app, service, contexts), settings.base_path
    )
    return app


def _current_dataset() -> tuple[str, Mapping[str, str] | None, NotFound | None]:
    one = current_mount()
    assert one is not None
    return one.title, one.roles, one.not_found


def _add_dataset(app: Flask) -> None:
    """Add the routes of one dataset."""
    app.add_url_rule("/", view_func=index)
    app.add_url_rule("/<asset:path>", view_func=asset)
    _register(app, dataset_routes())
    app.before_request(refuse_stale)


def _register(app: Flask, parts: Iterable[Routes]) -> None:
    """Add routes, with the sizes of their bodies."""
    for routes in parts:
        app.register_blueprint(routes.blueprint)
        app.extensions["starcyte_body_sizes"].update(routes.sizes())


def _protected_app(
    settings: Settings,
    access: Access,
    traffic: Traffic,
    dataset: Callable[[], tuple[str, Mapping[str, str] | None, NotFound | None]],
) -> Flask:
    """Return an application with access control, security headers and error answers, and only the login page.

    Parameters
    ----------
    settings, access, traffic
        As of ``create_app``.
    dataset
        Returns the title and the roles of the dataset of a request, and the error for users who may not see it.
    """
    trusted_networks(settings.trusted_proxies)  # raises SettingInvalid at the start, not at the first request
    app = Flask("starcyte", static_folder=None)
    app.extensions["starcyte_access"] = access
    app.extensions["starcyte_settings"] = settings
    app.extensions["starcyte_traffic"] = traffic
    sizes: dict[str, str] = {}
    app.extensions["starcyte_body_sizes"] = sizes
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.converters |= {"name": NameConverter, "asset": AssetConverter}
    # the name of a column may be empty, start with a slash or contain two
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False

    def authorize() -> None:
        g.role = access.authorize(*dataset())
        access.limit_rate()

    app.before_request(traffic.begin)
    app.before_request(lambda: refuse_other_hosts(settings))
    app.before_request(refuse_cross_site)
    app.before_request(redirect_to_login)
    app.before_request(authorize)
    app.before_request(lambda: limit_body(sizes, settings))
    app.register_error_handler(Exception, _answer_error)
    # called in the reverse order, the access log last
    app.after_request(traffic.end)
    app.after_request(compress)
    app.after_request(lambda response: protect(response, settings))
    app.add_url_rule("/login", "login_page", lambda: page("login.html"))
    return app


def index() -> Response:
    """Return the page."""
    one = current_mount()
    if one is not None and not one.exists:
        raise one.not_found
    return page("index.html")


def refuse_stale() -> None:
    """Compare the revision that the page shows with that of the file.

    Raises
    ------
    DatasetChanged
        If the file was changed after the page was opened.
    """
    given = request.headers.get(REVISION)
    if (
        not given
        or request.endpoint in {None, "asset", "index", "robots", "login_page"}
        or request.blueprint in {"login", "openapi"}
    ):
        return
    one = current_mount()
    if one is not None and one.is_closed and request.blueprint == "health":
        known = one.revision()
    else:
        ctx = context()
        if request.blueprint == "health" and ctx.loader.state != "ready":
            return
        known = ctx.dataset().revision
    if known and known != given:
        raise changed()


def changed() -> DatasetChanged:
    """Return the error for a page whose file was changed."""
    return DatasetChanged("The file of this dataset was changed after the page was opened.", "Reload the page.")


def _refuse_changed_file(response: Response) -> Response:
    """Replace an answer by an error if the file was changed while it was read."""
    one = current_mount()
    if one is None or response.status_code >= 400 or request.blueprint == "health" or not one.is_stale():
        return response
    return _answer_error(changed())


def _answer_error(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return _answer_http_error(error)
    if not isinstance(error, StarcyteError):
        # without headers and query, which may have a token or the cookie of the site around this one
        log.error("%s %s failed", request.method, request.path, exc_info=error)
        error = StarcyteError("The request failed: a defect of starcyte.", "See the server's log.")
    if isinstance(error, Conflict):
        return answer_conflict(error)
    if isinstance(error, NotFound) and request.endpoint == "index" and current_mount() is not None:
        # a link to a removed dataset: the page shows the error to a person
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
    code, message, hint = {
        404: (NotFound.code, f"No such path: {request.path!r}.", "api/v1/openapi.json lists all paths."),
        405: (
            "method_not_allowed",
            f"Method {request.method} is not allowed.",
            "api/v1/openapi.json lists the methods.",
        ),
        413: ("limit_exceeded", f"The body is larger than {current_limit().text}.", "Send less."),
    }.get(status, ("bad_request", error.description or error.name, ""))
    failure = error_of(StarcyteError(message, hint))
    response = answer_json(ErrorAnswer(error=msgspec.structs.replace(failure, code=code)), status)
    if error.code == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return response
