"""The check that every answer of the tests is what its route declares."""

from __future__ import annotations

import gzip
import json

import msgspec
import zstandard
from starcyte.web.app import NameConverter
from starcyte.web.contract.error import ErrorAnswer
from starcyte.web.encoding.media import JSON
from starcyte.web.interface import catalog_routes, dataset_routes
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

DECOMPRESS = {"gzip": gzip.decompress, "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body)}


def rules(parts):
    found = [
        Rule(part.prefix + route.path, methods=[route.method], endpoint=route)
        for part in parts
        for route in part.declared
    ]
    return Map(found, converters={"name": NameConverter}, merge_slashes=False, strict_slashes=False).bind("localhost")


DATASET, CATALOG = rules(dataset_routes()), rules(catalog_routes())


def route_of(app, path, method):
    """Return the declaration of the route that answers a path; None if there is none."""
    if "starcyte_catalog" in app.extensions:
        _, mounted, rest = path.partition("/d/")
        known, path = (DATASET, "/" + rest.partition("/")[2]) if mounted else (CATALOG, path)
    else:
        known = DATASET
    try:
        return known.match(path, method)[0]
    except HTTPException:
        return None


def check(app, response):
    """Assert that a response has a status that its route declares, and decodes into a struct declared for it."""
    path, method = response.request.path, response.request.method
    route = route_of(app, path, "GET" if method == "HEAD" else method)
    if route is None or response.status_code == 500:
        answers = (ErrorAnswer,) if response.status_code >= 400 else ()
    else:
        operation = route.operation()
        assert str(response.status_code) in operation["responses"], f"{method} {path}: {response.status_code}"
        answers = route.answers.get(response.status_code, ())
    if answers and response.mimetype == JSON and method != "HEAD":
        decompress = DECOMPRESS.get(response.headers.get("Content-Encoding"), bytes)
        assert_one_of(json.loads(decompress(response.get_data())), answers)


def assert_one_of(data, structs):
    """Assert that JSON decodes into one of some structs, and has no key beside their fields."""
    problems = []
    for struct in structs:
        try:
            decoded = msgspec.to_builtins(msgspec.convert(data, struct))
        except msgspec.ValidationError as error:
            problems.append(f"{struct.__name__}: {error}")
        else:
            if decoded == data:
                return
            problems.append(f"{struct.__name__}: has no field for a part of {data}")
    raise AssertionError("; ".join(problems))
