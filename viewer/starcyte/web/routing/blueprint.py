"""Routes that are declared once: for flask, for the OpenAPI description and for the types of the client."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, Unpack

from flask import Blueprint, Response, current_app, request

from starcyte.errors import BadRequest
from starcyte.web.contract.base import Request
from starcyte.web.encoding.decode import decode_body, decode_query
from starcyte.web.encoding.json_limits import check_json
from starcyte.web.encoding.media import JSON
from starcyte.web.routing.route import Declaration, Route

V = TypeVar("V", bound=Callable[..., Response])

API = "/api/v1"


class NoParameters(Request):
    """The query of a route that has none."""


class Routes:
    """The routes of a blueprint, with their declarations.

    Parameters
    ----------
    name
        Name of the blueprint.
    prefix
        In front of all paths.
    """

    def __init__(self, name: str, prefix: str = API) -> None:
        self.blueprint = Blueprint(name, __name__, url_prefix=prefix)
        self.prefix = prefix
        self.declared: list[Route] = []

    def sizes(self) -> dict[str, str]:
        """Return the sizes of bodies by endpoint; see ``Route``."""
        return {f"{self.blueprint.name}.{route.function.__name__}": route.size for route in self.declared}

    def get(self, path: str, **declaration: Unpack[Declaration]) -> Callable[[V], V]:
        """Declare the route of a GET request; see ``Route``."""
        return self._route("GET", path, declaration)

    def post(self, path: str, **declaration: Unpack[Declaration]) -> Callable[[V], V]:
        """Declare the route of a POST request; see ``Route``."""
        return self._route("POST", path, declaration)

    def put(self, path: str, **declaration: Unpack[Declaration]) -> Callable[[V], V]:
        """Declare the route of a PUT request; see ``Route``."""
        return self._route("PUT", path, declaration)

    def delete(self, path: str, **declaration: Unpack[Declaration]) -> Callable[[V], V]:
        """Declare the route of a DELETE request; see ``Route``."""
        return self._route("DELETE", path, declaration)

    def _route(self, method: str, path: str, declaration: Declaration) -> Callable[[V], V]:
        def declare(function: V) -> V:
            route = Route(method, path, function, **declaration)

            @wraps(function)
            def view(**names: str) -> Response:
                query = decode_query(request.args, route.query or NoParameters)
                arguments: dict[str, Any] = dict(names)
                if route.query is not None:
                    arguments["query"] = query
                if route.body is not None:
                    data = json_body()
                    check_json(data, current_app.extensions["starcyte_settings"].max_body_values)
                    arguments["body"] = decode_body(data, route.body)
                return function(**arguments)

            self.blueprint.add_url_rule(path, view_func=view, methods=[method])
            self.declared.append(route)
            return function

        return declare


def json_body() -> bytes:
    """Return the body of the request; raise BadRequest if it is not sent as JSON."""
    if request.mimetype != JSON:
        raise BadRequest("The body is not sent as JSON.", "Send Content-Type: application/json.")
    return request.get_data()
