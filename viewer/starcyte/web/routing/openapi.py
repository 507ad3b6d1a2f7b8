"""The OpenAPI 3.1 description of routes, derived from their declarations and the structs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from starcyte import __version__
from starcyte.web.contract.base import Answer, JsonObject, OneOf
from starcyte.web.contract.error import ErrorAnswer
from starcyte.web.encoding.media import JSON
from starcyte.web.routing.route import ERRORS, REF, Route, schema_of


class Info(Answer):
    """The title of an interface."""

    title: str
    version: str
    summary: str
    license: dict[str, str]


class Description(Answer):
    """An OpenAPI document."""

    openapi: str
    info: Info
    servers: list[dict[str, str]]
    paths: dict[str, JsonObject]
    components: dict[str, JsonObject]


def describe(routes: Iterable[tuple[str, Route]], title: str, summary: str) -> Description:
    """Return the OpenAPI document of routes.

    Parameters
    ----------
    routes
        The routes, each with the prefix of its path.
    title, summary
        Of the document.
    """
    paths: dict[str, Any] = {}
    structs = []
    for prefix, route in routes:
        structs += list(_structs(route, with_query=False))
        for path in route.paths():
            paths.setdefault(f"{prefix}{path}", {})[route.method.lower()] = route.operation()
    return Description(
        openapi="3.1.0",
        info=Info(title=title, version=__version__, summary=summary, license={"name": "MIT", "identifier": "MIT"}),
        # relative to the document itself
        servers=[{"url": "../.."}],
        paths=paths,
        components={"schemas": schemas(structs), "responses": _error_responses()},
    )


def _error_responses() -> dict[str, Any]:
    content = {JSON: {"schema": schema_of(ErrorAnswer)}}
    return {f"Error{status}": {"description": text, "content": content} for status, text in ERRORS.items()}


def structs_of(routes: Iterable[Route]) -> list[type[msgspec.Struct]]:
    """Return the structs of routes: queries, bodies and answers."""
    return [struct for route in routes for struct in _structs(route, with_query=True)]


def schemas(structs: Iterable[type[msgspec.Struct]]) -> dict[str, Any]:
    """Return the JSON Schemas of structs, and of those that they refer to, by name."""
    _, components = msgspec.json.schema_components(dict.fromkeys(structs), ref_template=REF)
    alternatives = {struct.__name__: struct for struct in _subclasses(OneOf)}
    for name, schema in components.items():
        schema.pop("title", None)
        if name in alternatives:
            components[name] = _one_of(schema, alternatives[name])
    return dict(sorted(components.items()))


def _structs(route: Route, with_query: bool) -> Iterator[type[msgspec.Struct]]:
    if with_query and route.query is not None:
        yield route.query
    if route.body is not None:
        yield route.body
    for answers in route.answers.values():
        yield from answers


def _one_of(schema: dict[str, Any], struct: type[OneOf]) -> dict[str, Any]:
    """Return the schema of an object with exactly one of some fields: one object for each of them."""
    properties = schema["properties"]
    names = list(struct.alternatives().values())
    objects = []
    for name in names:
        fields = [f for f in properties if f == name or (f not in names and name in struct.COMPANIONS.get(f, {name}))]
        objects.append(
            {
                "type": "object",
                "properties": {field: properties[field] for field in fields},
                "required": fields,
                "additionalProperties": False,
            }
        )
    return {"description": schema["description"], "oneOf": objects}


def _subclasses(base: type[OneOf]) -> Iterator[type[OneOf]]:
    for struct in base.__subclasses__():
        yield struct
        yield from _subclasses(struct)
