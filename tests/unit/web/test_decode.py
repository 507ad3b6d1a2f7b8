"""Requests decoded into their structs, and the messages about those that do not fit."""

from __future__ import annotations

import json

import pytest
from msgspec import UNSET
from starcyte.errors import BadRequest
from starcyte.web.contract.base import Answer
from starcyte.web.contract.comparison import DiffexpRequest, MarkersRequest
from starcyte.web.contract.files import AnnotationTableQuery
from starcyte.web.contract.names import GeneMatches, GenesQuery
from starcyte.web.encoding.decode import decode_body, decode_query
from starcyte.web.encoding.encode import encode
from starcyte.web.interface import catalog_routes, dataset_routes
from starcyte.web.routing.openapi import structs_of
from werkzeug.datastructures import MultiDict

A = {"indices": [0, 1]}


def test_omitted_fields_have_their_defaults():
    body = decode_body(b'{"a": {"indices": [0, 1]}}', DiffexpRequest)
    assert (body.b, body.method, body.matrix, body.limit) == ("rest", "t-test", "X", UNSET)
    assert decode_query(MultiDict(), GenesQuery).limit == 20


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        ({}, "Field 'a' is missing.", ""),
        ({"a": A, "c": A}, "Unknown field 'c'.", "Known fields: a, b, within, method"),
        ({"a": {"cells": [0]}}, "Unknown field 'a.cells'.", "openapi.json"),
        ({"a": {}}, "Field 'a': expected exactly one of indices, ranges, where, column, annotation, and, not.", ""),
        ({"a": {"indices": [0], "ranges": []}}, "Field 'a': expected exactly one of", ""),
        ({"a": {"indices": [0, "1"]}}, "Field 'a.indices[1]': expected int, got str.", ""),
        ({"a": {"where": [{"in": ["x"]}]}}, "Field 'a.where[0]': expected exactly one of column, annotation.", ""),
        ({"a": A, "limit": -1}, "Field 'limit': expected int >= 0.", "At most so many genes"),
        (
            {"a": A, "method": "anova"},
            "Field 'method': invalid enum value 'anova'.",
            "One of deseq2, pseudobulk, t-test, wilcoxon",
        ),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_a_message_names_the_field_and_the_hint_what_it_takes(body, message, hint):
    with pytest.raises(BadRequest) as raised:
        decode_body(json.dumps(body).encode(), DiffexpRequest)
    assert raised.value.message.startswith(message)
    assert hint in raised.value.hint
    assert raised.value.hint


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"group_by": NaN}', b'{"group_by": "\\ud800"}', b"[" * 100_000])
def test_a_body_that_is_not_json_is_a_bad_request(body):
    with pytest.raises(BadRequest, match=r"^The body"):
        decode_body(body, MarkersRequest)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ([("limit", "ten")], "Parameter 'limit': expected int, got str."),
        ([("limit", "1e3")], "Parameter 'limit': expected int, got str."),
        ([("limit", "-1")], "Parameter 'limit': expected int, got str."),
        ([("limit", "9" * 18)], "Parameter 'limit': expected int <= 999999999999999."),
        ([("limits", "1")], "Unknown parameter 'limits'."),
    ],
    ids=str,
)
def test_a_message_names_the_parameter(query, message):
    with pytest.raises(BadRequest) as raised:
        decode_query(MultiDict(query), GenesQuery)
    assert raised.value.message == message


def test_a_repeated_parameter_is_a_list_or_counts_once():
    assert decode_query(MultiDict([("name", "a"), ("name", "b")]), AnnotationTableQuery).name == ["a", "b"]
    assert decode_query(MultiDict([("q", "a"), ("q", "b")]), GenesQuery).q == "a"


def test_numbers_that_are_not_finite_are_null_and_names_that_are_not_text_are_escaped():
    class Measured(Answer):
        """A measurement."""

        name: str
        value: float

    assert json.loads(encode(Measured("x", float("nan")))) == {"name": "x", "value": None}
    assert json.loads(encode(Measured("\udcff", 1.5))) == {"name": "\udcff", "value": 1.5}


def test_a_field_of_an_answer_is_sent_unless_it_is_unset():
    declared = [route for part in (*dataset_routes(), *catalog_routes()) for route in part.declared]
    answers = {struct for struct in structs_of(declared) if issubclass(struct, Answer)}
    assert GeneMatches in answers
    assert [a.__name__ for a in answers if any(default is not UNSET for default in a.__struct_defaults__)] == []
