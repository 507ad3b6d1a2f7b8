"""Signing in and out."""

from __future__ import annotations

from flask import Blueprint, Response, g

from starcyte.web.access import access
from starcyte.web.responses import answer_json, body_json
from starcyte.web.routes.pages import page as answer_page

blueprint = Blueprint("session", __name__)


@blueprint.get("/api/v1/session")
def show() -> Response:
    """Say how one comes in here, and who one is."""
    identity = g.get("identity")
    response = answer_json(
        {
            "mode": access().mode,
            "signed_in": identity is not None,
            "user": identity.user if identity else "",
            "role": identity.role.name.lower() if identity else None,
        }
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/api/v1/session")
def begin() -> Response:
    """Sign in with a password."""
    body = body_json()
    return access().sign_in(body.get("user"), body.get("password"))


@blueprint.delete("/api/v1/session")
def end() -> Response:
    """Sign out."""
    return access().forget(Response(status=204))


@blueprint.get("/login")
def page() -> Response:
    """Return the page to sign in on."""
    return answer_page("login.html")
