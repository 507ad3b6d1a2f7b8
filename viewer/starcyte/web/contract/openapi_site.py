"""The description of what a catalog answers beside its datasets, OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from starcyte import __version__
from starcyte.web.contract import openapi_session
from starcyte.web.contract.openapi_parts import NOT_MODIFIED, error_answers, failures, get, json_answer
from starcyte.web.contract.openapi_schemas import COUNT, list_, object_, ref
from starcyte.web.media import JSON, PNG


def description() -> dict[str, Any]:
    """Return the OpenAPI document; paths are relative to where it is found."""
    paths = _paths() | openapi_session.paths()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "starcyte catalog",
            "version": __version__,
            "summary": "Many single-cell datasets; each has its own interface at d/{id}/api/v1/openapi.json.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "../.."}],
        "paths": {f"/api/v1{path}": operations for path, operations in paths.items()} | {"/metrics": _metrics()},
        "components": {"schemas": _schemas() | openapi_session.schemas(), "responses": error_answers()},
    }


def _paths() -> dict[str, Any]:
    return {
        "/health": {"get": get("That the server lives", {"200": json_answer("Always", "SiteHealth")}, errors=())},
        "/catalog": {
            "get": get(
                "The datasets that who asks may see",
                {"200": json_answer("The list", "Catalog")},
                errors=("401", "403"),
            )
        },
        "/catalog/{id}/thumbnail": {
            "get": get(
                "A small picture of a dataset, as its page shows it when it opens",
                {
                    "200": {
                        "description": "The picture",
                        "content": {PNG: {"schema": {"type": "string", "format": "binary"}}},
                    },
                    **NOT_MODIFIED,
                },
                {
                    "name": "id",
                    "in": "path",
                    "required": True,
                    "description": "Id of the dataset",
                    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,80}$"},
                },
                errors=("401", "403", "404"),
            )
        },
        "/status": {
            "get": get(
                "How the server is, for those who administer it",
                {"200": json_answer("Now", "Status")},
                errors=("401", "403"),
            )
        },
        "/openapi.json": {
            "get": get(
                "This description",
                {"200": {"description": "OpenAPI 3.1", "content": {JSON: {"schema": {"type": "object"}}}}},
                errors=("401", "403"),
            )
        },
    }


def _metrics() -> dict[str, Any]:
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "get": {
            "summary": "Numbers of the server in Prometheus' format; for everybody with the setting metrics",
            "responses": {"200": {"description": "Now", "content": text}, **failures("401", "403")},
        }
    }


def _schemas() -> dict[str, Any]:
    text, number, flag = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
    failure = object_(("code", "message", "hint"), code=text, message=text, hint=text)
    share = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
    maybe_count = COUNT | {"type": ["integer", "null"]}
    budget = object_((), limit=COUNT)
    return {
        "Error": object_(("error",), error=failure),
        "SiteHealth": object_(
            ("app", "version", "state"), app={"const": "starcyte"}, version=text, state={"const": "ready"}
        ),
        "Catalog": object_(
            ("title", "description", "version", "complete", "role", "datasets"),
            title=text,
            description=text | {"description": "HTML, sanitised"},
            version=text,
            complete=flag | {"description": "Whether all files have been found once"},
            role={"enum": ["nobody", "read", "annotate", "admin"]},
            datasets=list_(ref("CatalogDataset")),
        ),
        "CatalogDataset": object_(
            ("id", "url", "title", "place", "state"),
            id=text,
            url=text | {"description": "Of its page, from the top of the site"},
            title=text,
            place=text,
            description=text | {"description": "HTML, sanitised"},
            state={"enum": ["waiting", "opening", "indexing", "ready", "error"]},
            progress=share,
            message=text,
            error={"anyOf": [failure, {"type": "null"}]},
            open=flag,
            role={"enum": ["read", "annotate", "admin"]},
            size=maybe_count,
            modified={"type": ["number", "null"], "description": "Seconds since 1970"},
            n_obs=maybe_count,
            n_vars=maybe_count,
            organism=list_(text),
            tissue=list_(text),
            thumbnail={"type": ["string", "null"], "description": "From the top of the site"},
        ),
        "Status": object_(
            ("version", "uptime", "memory", "files", "datasets", "jobs", "users", "requests", "notes"),
            version=text,
            uptime=number | {"description": "Seconds"},
            memory=budget,
            files=budget,
            datasets=object_((), n=COUNT, n_open=COUNT, limit=COUNT, opened=COUNT, closed=COUNT),
            jobs=object_((), running=COUNT, queued=COUNT, limit=COUNT),
            users=list_(object_((), name=text, address=text, seconds=number)),
            requests=object_((), n=COUNT, refused=COUNT, failed=COUNT),
            notes=list_(text),
        ),
    }
