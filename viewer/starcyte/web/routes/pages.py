"""The pages: files of the built client, with a base URL behind a proxy that sends its path prefix."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from flask import Response, current_app, request, send_from_directory
from markupsafe import escape

from starcyte.errors import StarcyteError
from starcyte.settings import Settings
from starcyte.web.context import context, current_mount
from starcyte.web.security.access import Role, access, required_role
from starcyte.web.security.hosts import is_own_host
from starcyte.web.security.proxy import MOUNT_PATH, is_secure, server_prefix, trusted_prefix

STATIC = Path(__file__).parents[2] / "static"


def page(name: str, status: int = 200) -> Response:
    """Return a page of the client."""
    try:
        text = (STATIC / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StarcyteError("The page is not built.", "Run `make client`, or install starcyte from a wheel.") from None
    prefix, head = trusted_prefix(_settings()), ""
    if prefix and name == "index.html":
        # the proxy does not redirect a path without its trailing slash: relative links need a base
        head = f'<base href="{escape(prefix)}/">'
    one = current_mount()
    if one is not None and name == "index.html":
        # the page shows a link back to the catalog
        head += _meta("name", "starcyte-catalog", one.catalog_title)
    if status == 200 and name != "login.html":
        head += _preview(name)
    response = Response(text.replace("<head>", f"<head>{head}", 1), status, mimetype="text/html")
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _preview(name: str) -> str:
    """Return the OpenGraph metadata of the page: title, image and description."""
    one = current_mount()
    service = current_app.extensions.get("starcyte_catalog")
    picture, line = "", ""
    if one is not None:
        title, picture, line = one.title, one.thumbnail, one.summary
    elif service is not None:
        title = service.title if name == "catalog.html" else ""
    else:
        loader = context().loader
        title = loader.title
        if loader.state == "ready":
            dataset = loader.dataset()
            line = f"{dataset.n_obs:,} cells, {dataset.n_vars:,} genes"
            picture = "api/v1/thumbnail" if dataset.embeddings else ""
    if not title:
        return ""
    parts = [_meta("property", "og:title", title), _meta("property", "og:type", "website")]
    parts += [_meta("property", "og:site_name", one.catalog_title if one else "starcyte")]
    if line:
        parts += [_meta("property", "og:description", line), _meta("name", "description", line)]
    if picture and is_own_host(_settings()):
        # fetched by other sites: an absolute URL
        scheme = "https" if is_secure(_settings()) else "http"
        url = f"{scheme}://{request.host}{server_prefix(_settings())}/{picture}"
        parts += [_meta("property", "og:image", url), _meta("name", "twitter:card", "summary_large_image")]
    return "".join(parts)


def _meta(kind: str, name: str, content: str) -> str:
    return f'<meta {kind}="{name}" content="{escape(content)}">'


def robots() -> Response:
    """Return robots.txt, by the setting robots."""
    response = Response(f"User-agent: *\n{'Allow' if _settings().robots else 'Disallow'}: /\n", mimetype="text/plain")
    response.headers["Cache-Control"] = "max-age=3600"
    return response


def asset(path: str) -> Response:
    """Return a file of the client."""
    response = send_from_directory(STATIC, path, max_age=31_536_000 if path.startswith("assets/") else 0)
    # so that small files can be compressed like every other answer
    response.direct_passthrough = False
    return response


def redirect_to_login() -> Response | None:
    """Redirect a browser that is not signed in to the login page, or sign it in by the link with the token.

    Returns
    -------
    Response or None
        None for every other request.
    """
    if request.method != "GET" or required_role(request.endpoint, "GET") == Role.NOBODY or not _wants_page():
        return None
    authentication, token = access(), request.args.get("token")
    if token is not None and authentication.mode == "token" and authentication.check_token(token):
        return authentication.remember(_redirect("./"), {})
    if authentication.identify() is not None or authentication.mode not in {"password", "token"}:
        return None
    mount = request.environ.get(MOUNT_PATH, "")
    target = mount.strip("/") + ("/" if mount else "") + request.path.lstrip("/")
    up = "../" * mount.count("/")
    return _redirect(f"{up or './'}login?next={quote(target)}")


def _wants_page() -> bool:
    return not request.path.startswith("/api/") and request.accept_mimetypes.best != "application/json"


def _redirect(target: str) -> Response:
    """Redirect the browser to a relative path, which is right behind any proxy."""
    response = Response(status=303)
    response.autocorrect_location_header = False
    response.headers["Location"] = target
    response.headers["Cache-Control"] = "no-store"
    return response


def _settings() -> Settings:
    settings: Settings = current_app.extensions["starcyte_settings"]
    return settings
