"""Decoding of requests into their structs, and the errors of those that do not fit."""

from __future__ import annotations

import csv
import io
import re
from functools import cache
from typing import Any, TypeVar

import msgspec
from werkzeug.datastructures import MultiDict

from starcyte.errors import BadRequest, LimitExceeded
from starcyte.settings import Settings
from starcyte.web.contract.base import Request

R = TypeVar("R", bound=Request)

_PATH = re.compile(r"(?P<problem>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.S)
_MISSING = re.compile(r"Object missing required field `(.*)`", re.S)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.S)


def decode_body(body: bytes, struct: type[R]) -> R:
    """Return a JSON body as its struct.

    Raises
    ------
    BadRequest
        If it is not JSON or does not fit; the message names the field.
    """
    try:
        return msgspec.json.decode(body, type=struct)
    except msgspec.ValidationError as error:
        raise _refusal(error, struct) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}.", "Send a JSON object.") from None


def decode_query(query: MultiDict[str, str], struct: type[R]) -> R:
    """Return the parameters of a query as their struct; of one that is repeated the first, unless it is a list.

    Raises
    ------
    BadRequest
        If they do not fit; the message names the parameter.
    """
    properties = struct_schema(struct)["properties"]
    values = {name: _value(query.getlist(name), properties.get(name, {}).get("type")) for name in query}
    try:
        return msgspec.convert(values, struct)
    except msgspec.ValidationError as error:
        raise _refusal(error, struct, "Parameter") from None


def _value(texts: list[str], schema_type: str | None) -> Any:
    """Return a parameter in the type of its schema, as text if it cannot be converted."""
    if schema_type == "array":
        return texts
    is_count = schema_type == "integer" and texts[0].isascii() and texts[0].isdigit() and len(texts[0]) < 19
    return int(texts[0]) if is_count else texts[0]


def decode_names(text: str, settings: Settings, limit: str, needed: bool = True) -> list[str]:
    """Return the names in a line of CSV, in which a name with a comma is quoted.

    Parameters
    ----------
    text
        The line.
    settings, limit
        The settings, and the one that limits their number.
    needed
        Whether an empty line is an error.

    Raises
    ------
    BadRequest
        If the line is empty but needed, or not CSV.
    LimitExceeded
        If it has too many names.
    """
    most = getattr(settings, limit)
    try:
        names = [name for row in csv.reader(io.StringIO(text, newline="")) for name in row if name]
    except csv.Error as error:
        raise BadRequest(f"The list of genes is not valid CSV: {error}.", 'Quote names: "a,b",c.') from None
    if needed and not names:
        raise BadRequest("The list of genes is empty.", "Give their names, comma-separated.")
    if len(names) > most:
        raise LimitExceeded(f"{len(names)} genes are more than {most} ({limit}).", "Request fewer.")
    return names


@cache
def struct_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema of a struct; those that it refers to are left out."""
    _, schemas = msgspec.json.schema_components([struct])
    found: dict[str, Any] = schemas[struct.__name__]
    return found


def _refusal(error: msgspec.ValidationError, struct: type[Request], noun: str = "Field") -> BadRequest:
    found = _PATH.fullmatch(str(error))
    assert found is not None
    # an error of a nested check has its own path in front
    parts = (found["path"] or "").split("` - at `$.")
    problem, path = found["problem"].replace("`", ""), ".".join(reversed(parts))
    properties = struct_schema(struct)["properties"]
    if missing := _MISSING.fullmatch(found["problem"]):
        path = f"{path}.{missing[1]}".lstrip(".")
        return BadRequest(f"{noun} {path!r} is missing.", _hint(properties, path))
    if unknown := _UNKNOWN.fullmatch(found["problem"]):
        path = f"{path}.{unknown[1]}".lstrip(".")
        known = f"Known {noun.lower()}s: {', '.join(properties)}." if "." not in path and properties else ""
        return BadRequest(f"Unknown {noun.lower()} {path!r}.", known or _DESCRIBED)
    subject = f"{noun} {path!r}" if path else "The body"
    return BadRequest(f"{subject}: {problem[0].lower()}{problem[1:]}.", _hint(properties, path))


_DESCRIBED = "See api/v1/openapi.json for what each request takes."


def _hint(properties: dict[str, Any], path: str) -> str:
    """Return the description of the field at the beginning of a path, and the values that it may have."""
    schema = properties.get(re.split(r"[.\[]", path, maxsplit=1)[0], {})
    parts = [schema.get("description", "")]
    if choices := schema.get("enum"):
        parts.append(f"one of {', '.join(map(str, choices))}")
    text = "; ".join(part for part in parts if part)
    return f"{text[0].upper()}{text[1:]}." if text else _DESCRIBED
