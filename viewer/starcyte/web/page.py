"""The pages: built files, with the path in front of them where a proxy names it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from flask import Response, current_app, request, send_from_directory
from markupsafe import escape

from starcyte.errors import StarcyteError
from starcyte.settings import Settings
from starcyte.web.access import Role, access, needed_role
from starcyte.web.guard import MOUNT, trusted_prefix

STATIC = Path(__file__).parent.parent / "static"


def page(name: str) -> Response:
    """Return a page of the client."""
    try:
        text = (STATIC / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StarcyteError("The page is not built.", "Run `make client`, or install starcyte from a wheel.") from None
    prefix = trusted_prefix(_settings())
    if prefix and name == "index.html":
        # the proxy serves us without a redirect where the slash at the end is missing: links need their base
        text = text.replace("<head>", f'<head><base href="{escape(prefix)}/">', 1)
    response = Response(text, mimetype="text/html")
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def asset(path: str) -> Response:
    """Return a file of the client."""
    response = send_from_directory(STATIC, path, max_age=31_536_000 if path.startswith("assets/") else 0)
    # so that small files can be compressed like every other answer
    response.direct_passthrough = False
    return response


def answer_stranger() -> Response | None:
    """Answer a browser that has not come in: by the link with the token it does, else it is sent to sign in.

    Returns
    -------
    Response or None
        None for every other request.
    """
    if request.method != "GET" or needed_role(request.endpoint, "GET") == Role.NOBODY or not _wants_page():
        return None
    door, given = access(), request.args.get("token")
    if given is not None and door.mode == "token" and door.takes(given):
        return door.remember(_redirect("./"), {})
    if door.identify() is not None or door.mode not in {"password", "token"}:
        return None
    mount = request.environ.get(MOUNT, "")
    target = mount.strip("/") + ("/" if mount else "") + request.path.lstrip("/")
    up = "../" * mount.count("/")
    return _redirect(f"{up or './'}login?next={quote(target)}")


def _wants_page() -> bool:
    return not request.path.startswith("/api/") and request.accept_mimetypes.best != "application/json"


def _redirect(target: str) -> Response:
    """Send the browser to a path relative to where it is, whatever is in front of us."""
    response = Response(status=303)
    response.autocorrect_location_header = False
    response.headers["Location"] = target
    response.headers["Cache-Control"] = "no-store"
    return response


def _settings() -> Settings:
    settings: Settings = current_app.extensions["starcyte_settings"]
    return settings
