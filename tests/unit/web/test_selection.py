"""Selections against numpy sets, and every malformed one refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from h5ad_file import Categorical, Nullable
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from starcyte.errors import BadRequest, Cancelled, NotFound
from starcyte.settings import Settings
from starcyte.store.open import open_dataset
from starcyte.web.contract.cells import CellNamesRequest
from starcyte.web.encoding.decode import decode_body
from starcyte.web.grouping import select

pytestmark = pytest.mark.slow

N = 24
CODES = np.array([i % 4 - 1 for i in range(N)], np.int8)
CATEGORIES = ["B cell", "T, naïve", "<b>"]
BATCH = np.array(["ab"[i % 2] for i in range(N)], dtype=object)
FLAG = np.arange(N) % 3 == 0


@pytest.fixture
def dataset(make_h5ad):
    path = make_h5ad(
        np.ones((N, 1), np.float32),
        obs={
            "type": Categorical(CODES, CATEGORIES),
            "cluster": Categorical(np.arange(N) % 3, np.array([0, 1, 10])),
            "batch": BATCH,
            "flag": FLAG,
            "maybe": Nullable(FLAG, np.arange(N) < 6),
            "age": np.arange(N) / 7,
            "count": np.arange(N),
        },
    )
    opened = open_dataset(path, Settings())
    yield opened
    opened.close()


def masked(dataset, selection, noun="selection"):
    """Return the mask of a selection that was sent as JSON."""
    body = decode_body(json.dumps({"selection": selection}).encode(), CellNamesRequest)
    return select(dataset, body.selection, noun, annotation)


def annotation(name):
    raise NotFound(f"There is no annotation {name!r}.")


def chosen(dataset, selection):
    """Return the cells of a selection that went through JSON, as a set."""
    mask = masked(dataset, selection)
    assert mask.shape == (N,)
    assert mask.dtype == bool
    return set(np.flatnonzero(mask).tolist())


@examples(max_examples=40)
@given(st.lists(st.integers(0, N - 1), max_size=40))
def test_indices_are_those_cells(dataset, indices):
    assert chosen(dataset, {"indices": indices}) == set(indices)


@examples(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, N), st.integers(0, N)).map(sorted), max_size=8))
def test_ranges_are_the_union_of_half_open_runs(dataset, ranges):
    expected = set().union(*(range(start, stop) for start, stop in ranges))
    assert chosen(dataset, {"ranges": ranges}) == expected


@examples(max_examples=40)
@given(st.sets(st.sampled_from(CATEGORIES)), st.sets(st.sampled_from("ab")))
def test_all_clauses_hold(dataset, types, batches):
    expected = {i for i in range(N) if CODES[i] >= 0 and CATEGORIES[CODES[i]] in types and BATCH[i] in batches}
    where = [{"column": "type", "in": sorted(types)}, {"column": "batch", "in": sorted(batches)}]
    assert chosen(dataset, {"where": where}) == expected
    assert chosen(dataset, {"where": where[::-1]}) == expected


@pytest.mark.parametrize(
    ("column", "wanted", "expected"),
    [
        pytest.param("cluster", ["10"], {i for i in range(N) if i % 3 == 2}, id="whole number as text"),
        pytest.param("cluster", [10, 0], {i for i in range(N) if i % 3 != 1}, id="whole numbers"),
        pytest.param("flag", [True], set(range(0, N, 3)), id="truth value"),
        pytest.param("flag", ["False"], set(range(N)) - set(range(0, N, 3)), id="truth value as text"),
        pytest.param("maybe", [True, False], set(range(6, N)), id="missing is neither"),
        pytest.param("type", CATEGORIES, {i for i in range(N) if i % 4}, id="missing code is in no category"),
        pytest.param("type", [], set(), id="no category"),
    ],
)
def test_a_clause_names_categories(dataset, column, wanted, expected):
    assert chosen(dataset, {"where": [{"column": column, "in": wanted}]}) == expected


def test_a_range_may_be_empty_and_reach_the_end(dataset):
    assert chosen(dataset, {"ranges": [[N, N], [0, 0], [N - 1, N]]}) == {N - 1}


def clause(**changes):
    return {"where": [{"column": "type", "in": ["B cell"]} | changes]}


MALFORMED = {
    "nothing": None,
    "number": 3,
    "text": "rest of it",
    "truth": True,
    "list": [0, 1],
    "empty object": {},
    "two forms": {"indices": [0], "ranges": [[0, 1]]},
    "unknown form": {"cells": [0]},
    "indices not a list": {"indices": 0},
    "indices an object": {"indices": {"0": 1}},
    "indices of text": {"indices": "01"},
    "index below 0": {"indices": [0, -1]},
    "index too large": {"indices": [N]},
    "index beyond 64 bits": {"indices": [2**64]},
    "index beyond 64 bits below": {"indices": [-(2**80)]},
    "index a fraction": {"indices": [1.5]},
    "index a float": {"indices": [1.0]},
    "index NaN": {"indices": [float("nan")]},
    "index text": {"indices": ["1"]},
    "index a truth value": {"indices": [True]},
    "index null": {"indices": [None]},
    "index a list": {"indices": [[1, 2]]},
    "ranges not a list": {"ranges": "0-3"},
    "ranges flat": {"ranges": [0, 3]},
    "range of one": {"ranges": [[0]]},
    "range of three": {"ranges": [[0, 1, 2]]},
    "range backwards": {"ranges": [[3, 2]]},
    "range below 0": {"ranges": [[-1, 2]]},
    "range past the end": {"ranges": [[0, N + 1]]},
    "range of floats": {"ranges": [[0.0, 2.0]]},
    "range of text": {"ranges": [["0", "2"]]},
    "range of truth values": {"ranges": [[False, True]]},
    "range of null": {"ranges": [[0, None]]},
    "range an object": {"ranges": [{"start": 0, "stop": 2}]},
    "range beyond 64 bits": {"ranges": [[0, 2**70]]},
    "where without clauses": {"where": []},
    "where an object": {"where": {"column": "type", "in": ["B cell"]}},
    "clause text": {"where": ["type"]},
    "clause without column": {"where": [{"in": ["B cell"]}]},
    "clause without in": {"where": [{"column": "type"}]},
    "clause with more": clause(equals="x"),
    "column a number": clause(column=3),
    "column null": clause(column=None),
    "column a list": clause(column=["type"]),
    "in text": clause(**{"in": "B cell"}),
    "in null": clause(**{"in": None}),
    "in holds null": clause(**{"in": ["B cell", None]}),
    "in holds a list": clause(**{"in": [["B cell"]]}),
    "in holds an object": clause(**{"in": [{}]}),
    "unknown category": clause(**{"in": ["B cell", "b cell"]}),
    "code in place of a category": clause(**{"in": [0]}),
    "NaN in place of missing": clause(**{"in": [float("nan")]}),
    "numbers have no categories": clause(column="age", **{"in": [0]}),
    "whole numbers have no categories": clause(column="count", **{"in": [0]}),
    "second clause malformed": {"where": [{"column": "type", "in": ["B cell"]}, {}]},
}


@pytest.mark.parametrize("selection", [pytest.param(v, id=k) for k, v in MALFORMED.items()])
def test_a_malformed_selection_is_a_bad_request(dataset, selection):
    with pytest.raises(BadRequest, match=r"selection|group one|has no category|not JSON") as raised:
        masked(dataset, selection, "group one")
    assert raised.value.status == 400
    assert raised.value.hint


def test_an_unknown_column_is_named(dataset):
    with pytest.raises(NotFound, match="'<img>'"):
        masked(dataset, clause(column="<img>"))


def test_a_column_of_many_clauses_is_read_once(dataset, monkeypatch):
    read = []
    real = type(dataset).obs_column
    monkeypatch.setattr(type(dataset), "obs_column", lambda self, name: read.append(name) or real(self, name))
    where = [{"column": "type", "in": CATEGORIES}, {"column": "batch", "in": ["a"]}] * 20
    assert chosen(dataset, {"and": [{"where": where}, {"not": {"where": where}}, *[{"where": where}] * 5]}) == set()
    assert sorted(read) == ["batch", "type"]


def test_a_selection_stops_between_clauses(dataset):
    body = decode_body(json.dumps({"selection": clause()}).encode(), CellNamesRequest)

    def check():
        raise Cancelled("The client has left.")

    with pytest.raises(Cancelled):
        select(dataset, body.selection, "selection", annotation, check)
