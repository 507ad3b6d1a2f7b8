"""JSON schemas in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

_BOUNDS = (
    ("minimum", "at least"),
    ("exclusiveMinimum", "above"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "below"),
)
# a bound as large as this is the width of a number in JSON, and says nothing of the field
_NO_BOUND = 10**12


@dataclass(frozen=True)
class Field:
    """A field of an object.

    Parameters
    ----------
    path
        Its name, after those of the objects that it is nested in.
    type
        Its type, in Markdown.
    required
        Whether it is always present.
    meaning
        Its description.
    """

    path: str
    type: str
    required: bool
    meaning: str


def alternatives(schema: Json) -> list[Json]:
    """Return the forms of an object: those that it is one of, or itself."""
    return list(schema.get("oneOf", schema.get("anyOf", [schema])))


def rows(schema: Json, before: str = "") -> Iterator[Field]:
    """Yield the fields of an object, each followed by those of the object or the list of objects that it holds."""
    for name, field in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        yield Field(before + name, type_of(field), required, field.get("description", ""))
        nested, mark = field, "."
        if "items" in field:
            nested, mark = field["items"], "[]."
        for form in alternatives(nested):
            yield from rows(form, f"{before}{name}{mark}")


def type_of(schema: Json) -> str:
    """Return the type of a value, in Markdown with links to the schemas that it refers to."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#schema-{name.lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"]) + _default(schema)
    for key in ("oneOf", "anyOf", "allOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(map(type_of, schema[key]))) + _default(schema)
    kinds = schema.get("type", "any value")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(_named(kind, schema) for kind in kinds) + _default(schema)


def _named(kind: str, schema: Json) -> str:
    if kind == "array":
        items = schema.get("prefixItems")
        if items:
            return f"[{', '.join(map(type_of, items))}]"
        return f"list of {_plural(type_of(schema['items']))}" if schema.get("items") else "list"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"object of {_plural(type_of(values))}" if isinstance(values, Mapping) and values else "object"
    if kind in ("integer", "number"):
        bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS if abs(schema.get(key, _NO_BOUND)) < _NO_BOUND]
        return f"{kind}, {' and '.join(bounds)}" if bounds else kind
    return kind


def _plural(text: str) -> str:
    if " or " in text:
        return f"({text})"
    return re.sub(r"^(string|number|integer|boolean|object|list)\b", r"\1s", text)


def _default(schema: Json) -> str:
    default = schema.get("default")
    return "" if default is None else f"; default `{json.dumps(default)}`"


def escape(text: str) -> str:
    """Return text that stays as it is in a table of Markdown."""
    return re.sub(r"([\\*_<>|\[\]{}$])", r"\\\1", " ".join(text.split()))
