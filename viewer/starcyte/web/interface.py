"""The HTTP interface of each application: its routes, and their OpenAPI description."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from starcyte import __version__
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_json
from starcyte.web.routes import (
    analysis,
    cells,
    curation,
    data,
    enrichment,
    exports,
    gene_sets,
    health,
    imports,
    login,
    samples,
    saved_items,
    shutdown,
    stored,
    summaries,
)
from starcyte.web.routes import annotations as annotation_routes
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.openapi import Description, describe, schemas, structs_of
from starcyte.web.routing.route import Route

_dataset = Routes("openapi")
_catalog = Routes("openapi")


@_dataset.get("/openapi.json")
def dataset_description() -> ResponseOf[Description]:
    """Return this description."""
    return answer_json(describe_dataset())


@_catalog.get("/openapi.json")
def catalog_description() -> ResponseOf[Description]:
    """Return this description."""
    return answer_json(describe_catalog())


def dataset_routes() -> tuple[Routes, ...]:
    """Return the routes of the application of one dataset."""
    parts = (
        *(health, data, stored, cells, summaries, samples, analysis, enrichment),
        *(curation, annotation_routes, gene_sets, saved_items, exports, imports),
        *(shutdown, login),
    )
    return (*(part.routes for part in parts), _dataset)


def catalog_routes() -> tuple[Routes, ...]:
    """Return the routes of the application of a catalog, without those of its datasets."""
    from starcyte.web.routes import catalog

    return (catalog.routes, catalog.metrics_routes, login.routes, _catalog)


@cache
def describe_dataset() -> Description:
    """Return the OpenAPI document of the interface of one dataset."""
    return describe(_declared(dataset_routes()), "starcyte", "One single-cell dataset, read in place.")


@cache
def describe_catalog() -> Description:
    """Return the OpenAPI document of the interface of a catalog."""
    return describe(
        _declared(catalog_routes()),
        "starcyte catalog",
        "Many single-cell datasets; each has its own interface at d/{id}/api/v1/openapi.json.",
    )


def types_document() -> dict[str, Any]:
    """Return an OpenAPI document of all structs, from which the types of the client are generated."""
    declared = [route for _, route in _declared((*dataset_routes(), *catalog_routes()))]
    return {
        "openapi": "3.1.0",
        "info": {"title": "starcyte", "version": __version__},
        "paths": {},
        "components": {"schemas": _without_registered(schemas(structs_of(declared)))},
    }


def _without_registered(schema: Any) -> Any:
    """Return a schema in which the choices of a registry are any text."""
    if isinstance(schema, list):
        return [_without_registered(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-registered"):
        return {"type": "string"}
    return {key: _without_registered(part) for key, part in schema.items()}


def _declared(parts: Iterable[Routes]) -> Iterator[tuple[str, Route]]:
    for part in parts:
        for route in part.declared:
            yield part.prefix, route


if __name__ == "__main__":
    sys.stdout.write(json.dumps(types_document(), indent=2))
