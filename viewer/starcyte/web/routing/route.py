"""The declaration of a route, and its description as an OpenAPI operation."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, get_args, get_type_hints

import msgspec

from starcyte.web.contract.base import Request
from starcyte.web.contract.error import ErrorAnswer
from starcyte.web.encoding.decode import struct_schema
from starcyte.web.encoding.media import CLIENT, JSON

REF = "#/components/schemas/{name}"
ERROR_REF = "#/components/responses/Error{status}"

ERRORS = {
    400: "The request is malformed",
    401: "The user has not signed in",
    403: "The user's role does not allow this, the request comes from a page of another site, or lacks a header",
    404: "Something that the request names does not exist",
    409: "The job was cancelled, or the file was changed after the page was opened",
    412: "The revision of If-Match is not the current one",
    413: "The request is over a limit, which the message names",
    421: "The host name is not one of this server",
    422: "The file contradicts itself, or cannot be used",
    429: "Too many requests or jobs",
    502: "The host of the dataset's URL fails",
    503: "The dataset is still loading, or the data folder cannot be used",
    507: "The disk is full; nothing was changed",
}
#: The errors of every route, most of them of the checks in front of it
COMMON = (400, 401, 403, 421, 429)
#: The errors of a route that reads the dataset
READ = (404, 409, 422, 502, 503)
#: Those that it has as well if it changes something
WRITE = (*READ, 413, 507)

_VARIABLE = re.compile(r"<(?:any\(([^)]*)\):|\w+:)?(\w+)>")
_CONVERTED = re.compile(r"<any\(([^)]*)\):(\w+)>")


class Declaration(TypedDict, total=False):
    """The optional parts of a declaration; see ``Route``."""

    media: tuple[str, ...]
    accepts: tuple[str, ...]
    other: Mapping[int, type[msgspec.Struct]]
    errors: tuple[int, ...]
    cached: bool
    if_match: bool
    size: str


@dataclass(frozen=True, eq=False)
class Route:
    """A route of the interface.

    Parameters
    ----------
    method
        The HTTP method.
    path
        The path as flask has it. A choice (``<any(a, b):kind>``) is described as a path for each alternative.
    function
        The function that answers. The first line of its docstring is the summary of the operation, the rest the
        description. A parameter ``query`` or ``body`` is annotated with its struct, every other one is a part of the
        path; the return annotation ``ResponseOf[Struct]`` is the answer with status 200.
    media
        The media types of the answer with status 200; JSON is described by the answer's struct.
    accepts
        The media types of a body that is not described by a struct.
    other
        Answers with other statuses.
    errors
        Statuses of errors beside COMMON.
    cached
        Whether an ETag saves sending the answer again.
    if_match
        Whether the header If-Match may name a revision.
    size
        The limit of the body: a number of bytes, or the name of a setting.
    """

    method: str
    path: str
    function: Callable[..., Any]
    media: tuple[str, ...] = (JSON,)
    accepts: tuple[str, ...] = ()
    other: Mapping[int, Any] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    cached: bool = False
    if_match: bool = False
    size: str = ""
    hints: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Read the annotations of the function."""
        object.__setattr__(self, "hints", get_type_hints(self.function, include_extras=True))
        if not self.size and (self.body is not None or self.accepts):
            object.__setattr__(self, "size", "max_small_body_bytes")

    @property
    def query(self) -> type[Request] | None:
        """The struct of the query."""
        return self.hints.get("query")

    @property
    def body(self) -> type[Request] | None:
        """The struct of the body."""
        return self.hints.get("body")

    @property
    def answers(self) -> dict[int, tuple[Any, ...]]:
        """The structs of the JSON answers by status, with all alternatives."""
        own = get_args(self.hints["return"])[0]
        answers = {200: own} if own not in {bytes, type(None)} else {}
        answers |= dict.fromkeys((*COMMON, *self.errors), ErrorAnswer) | dict(self.other)
        return {status: get_args(answer) or (answer,) for status, answer in answers.items()}

    def paths(self) -> Iterator[str]:
        """Yield the paths as OpenAPI has them."""
        choice = _CONVERTED.search(self.path)
        if choice is None:
            yield _VARIABLE.sub(r"{\2}", self.path)
            return
        for alternative in choice[1].split(","):
            rest = self.path.replace(choice[0], alternative.strip())
            yield _VARIABLE.sub(r"{\2}", rest)

    def operation(self) -> dict[str, Any]:
        """Return the OpenAPI operation."""
        summary, _, description = (inspect.getdoc(self.function) or "").partition("\n")
        operation: dict[str, Any] = {"summary": summary.rstrip("."), "description": " ".join(description.split())}
        operation["parameters"] = [*self._path_parameters(), *self._query_parameters()]
        if self.if_match:
            operation["parameters"].append(_IF_MATCH)
        if self.method != "GET":
            operation["parameters"].append(_CLIENT)
        if self.body is not None:
            operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema_of(self.body)}}}
        elif self.accepts:
            content = {media: {"schema": _media_schema(media)} for media in self.accepts}
            operation["requestBody"] = {"required": True, "content": content}
        operation["responses"] = self._responses()
        return {key: value for key, value in operation.items() if value}

    def _path_parameters(self) -> Iterator[dict[str, Any]]:
        for choices, name in _VARIABLE.findall(self.path):
            if not choices:
                schema = msgspec.json.schema(self.hints[name])
                text = schema.pop("description", "Percent-encoded")
                yield {"name": name, "in": "path", "required": True, "description": text, "schema": schema}

    def _query_parameters(self) -> Iterator[dict[str, Any]]:
        if self.query is None:
            return
        described = struct_schema(self.query)
        for name, given in described["properties"].items():
            schema = dict(given)
            parameter = {"name": name, "in": "query", "required": name in described["required"]}
            if text := schema.pop("description", ""):
                parameter["description"] = text
            yield parameter | {"schema": schema}

    def _responses(self) -> dict[str, Any]:
        responses: dict[str, Any] = {}
        for status, alternatives in self.answers.items():
            if alternatives == (ErrorAnswer,):
                responses[str(status)] = {"$ref": ERROR_REF.format(status=status)}
                continue
            responses[str(status)] = {
                "description": ERRORS.get(status) or summary_of(alternatives[0]),
                "content": {JSON: {"schema": _any_of(alternatives)}},
            }
        own = get_args(self.hints["return"])[0]
        if own is type(None):
            responses["204"] = {"description": "Done"}
        elif own is bytes:
            responses["200"] = {"description": "The file", "content": {}}
        if self.media != (JSON,):
            struct = responses["200"]["content"].get(JSON)
            responses["200"]["content"] = {
                media: struct if media == JSON and struct else {"schema": _media_schema(media)} for media in self.media
            }
        if self.cached:
            responses["304"] = {"description": "Unchanged (ETag)"}
        return dict(sorted(responses.items()))


_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": 'The revision that is changed, such as "17"; * for any. For annotations, later ones that the'
    " client made itself may follow after commas",
    "schema": {"type": "string", "pattern": r'^((W/)?"?[0-9]{1,15}"?|\*)$'},
}


_CLIENT = {
    "name": CLIENT,
    "in": "header",
    "required": True,
    "description": "Any value: a page of another site cannot send it",
    "schema": {"type": "string", "minLength": 1},
}


def schema_of(struct: Any) -> dict[str, Any]:
    """Return the reference to a struct's schema."""
    return {"$ref": REF.format(name=struct.__name__)}


def summary_of(struct: type) -> str:
    """Return the first line of a docstring, without its full stop."""
    return (inspect.getdoc(struct) or "").partition("\n")[0].rstrip(".")


def _any_of(alternatives: tuple[Any, ...]) -> dict[str, Any]:
    if len(alternatives) == 1:
        return schema_of(alternatives[0])
    return {"anyOf": [schema_of(one) for one in alternatives]}


def _media_schema(media: str) -> dict[str, Any]:
    """Return the schema of a body that no struct describes: any JSON, text, or bytes."""
    if media == JSON:
        return {}
    return {"type": "string"} if media.startswith("text/") else {"type": "string", "format": "binary"}
