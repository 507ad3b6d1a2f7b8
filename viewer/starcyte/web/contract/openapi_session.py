"""The description of signing in and out, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from starcyte.web.contract.openapi_parts import failures, get, json_answer
from starcyte.web.contract.openapi_schemas import object_, ref
from starcyte.web.media import JSON


def schemas() -> dict[str, Any]:
    """Return the schemas by name."""
    text = {"type": "string"}
    return {
        "Session": object_(
            ("mode", "signed_in", "user", "role"),
            mode={"enum": ["none", "token", "password", "proxy"]},
            signed_in={"type": "boolean"},
            user=text,
            role={"enum": ["read", "annotate", "admin", None]},
        ),
        "Credentials": object_(("user", "password"), user=text, password=text),
    }


def paths() -> dict[str, Any]:
    """Return the operations by path."""
    return {
        "/session": {
            "get": get("How one comes in here, and who one is", {"200": json_answer("Always", "Session")}, errors=()),
            "post": {
                "summary": "Sign in with a password, where --access=password asks for one",
                "requestBody": {"required": True, "content": {JSON: {"schema": ref("Credentials")}}},
                "responses": {
                    "204": {"description": "Signed in: the cookie says so from now on"},
                    **failures("400", "401", "403", "413", "429"),
                },
            },
            "delete": {
                "summary": "Sign out",
                "responses": {"204": {"description": "Signed out"}, **failures("403")},
            },
        }
    }
