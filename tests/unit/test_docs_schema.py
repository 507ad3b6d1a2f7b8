"""The schemas of the interface in the words of the documentation."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).resolve().parents[2] / "docs" / "generate" / "schema.py"


@pytest.fixture(scope="module")
def schema() -> ModuleType:
    """The module, which is in no package that is installed."""
    spec = importlib.util.spec_from_file_location("docs_schema", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "any value"),
        ({"type": "string"}, "string"),
        ({"type": ["number", "null"]}, "number or null"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}, "integer or null"),
        ({"type": "integer", "minimum": 0, "maximum": 10**15}, "integer, at least 0"),
        ({"type": "number", "exclusiveMinimum": 0, "default": 0.5}, "number, above 0; default `0.5`"),
        ({"enum": ["a", "b"], "default": "a"}, '`"a"` or `"b"`; default `"a"`'),
        ({"const": "rest"}, '`"rest"`'),
        ({"$ref": "#/components/schemas/Selection"}, "[Selection](#schema-selection)"),
        ({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}, "list of lists of integers"),
        ({"type": "array", "items": {"type": "integer", "minimum": 0}}, "list of integers, at least 0"),
        ({"type": "array", "items": {"type": ["string", "null"]}}, "list of (string or null)"),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, "[integer, string]"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object of strings"),
        ({"type": "object", "additionalProperties": False}, "object"),
    ],
    ids=str,
)
def test_type_in_words(schema: ModuleType, given: dict[str, object], text: str) -> None:
    assert schema.type_of(given) == text


def test_fields_of_nested_objects_follow_theirs(schema: ModuleType) -> None:
    inner = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    outer = {"type": "object", "properties": {"obs": {"type": "array", "items": inner}, "cells": inner}}
    fields = [(field.path, field.type, field.required) for field in schema.rows(outer)]
    assert fields == [
        ("obs", "list of objects", False),
        ("obs[].name", "string", True),
        ("cells", "object", False),
        ("cells.name", "string", True),
    ]


def test_text_stays_text_in_markdown(schema: ModuleType) -> None:
    assert schema.escape("a | b *c* <d>\n[e]") == r"a \| b \*c\* \<d\> \[e\]"
