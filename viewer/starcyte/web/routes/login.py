"""Signing in and out."""

from __future__ import annotations

from flask import g

from starcyte.web.contract.login import Credentials, LoginStatus
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_uncached
from starcyte.web.routing.blueprint import Routes
from starcyte.web.security.access import access, role_name

routes = Routes("login")


@routes.get("/login")
def show() -> ResponseOf[LoginStatus]:
    """Return the mode of access, and the user and role of the request."""
    identity = g.get("identity")
    return answer_uncached(
        LoginStatus(
            mode=access().mode,
            signed_in=identity is not None,
            user=identity.user if identity else "",
            role=role_name(identity.role) if identity else None,
        )
    )


@routes.post("/login", errors=(413,), size="4096")
def begin(body: Credentials) -> ResponseOf[None]:
    """Sign in with a password, if the server runs with --access=password."""
    return access().sign_in(body.user, body.password)


@routes.delete("/login")
def end() -> ResponseOf[None]:
    """Sign out."""
    return access().forget(ResponseOf(status=204))
