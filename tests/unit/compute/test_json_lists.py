"""Long lists in JSON, against the json module; every other value is refused."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starcyte.compute.json_lists import read_numbers, read_pairs, read_texts
from starcyte.errors import BadRequest

NUMBER = st.one_of(st.integers(0, 300), st.integers(0, 10**15 - 1))
INDENT = st.sampled_from([None, 0, 1])
#: JSON values that no list of cells has
OTHERS = ["a", '"[1', None, True, 1.5, 1e300, 10**20, {}, {"a": 1}, [], [[]], [[1]], "], [", "\\", '\\"', "ü"]


def listed(blocks):
    return [value for block in blocks for value in (block.tolist() if isinstance(block, np.ndarray) else block)]


@given(st.lists(NUMBER), INDENT)
def test_numbers(values, indent):
    assert listed(read_numbers(json.dumps(values, indent=indent).encode(), "x")) == values


@given(st.lists(st.tuples(NUMBER, NUMBER).map(list)), INDENT)
def test_pairs(values, indent):
    assert listed(read_pairs(json.dumps(values, indent=indent).encode(), "x")) == values


@given(st.lists(st.text(max_size=4)), INDENT, st.booleans())
def test_texts(values, indent, ascii_only):
    source = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    if not any("\ud800" <= c <= "\udfff" for v in values for c in v):
        assert listed(read_texts(source.encode(), "x")) == values


@pytest.mark.slow
@pytest.mark.parametrize("n", [0, 1, 65_535, 65_536, 200_001])
def test_long_lists_are_read_in_blocks(n):
    values = list(range(n))
    blocks = list(read_numbers(json.dumps(values).encode(), "x"))
    assert listed(blocks) == values
    pairs = [[i, i + 1] for i in values]
    assert listed(read_pairs(json.dumps(pairs).encode(), "x")) == pairs
    texts = [f"cell, {i}" for i in values]
    assert listed(read_texts(json.dumps(texts).encode(), "x")) == texts
    assert n < 200_000 or len(blocks) > 2


@given(st.lists(st.sampled_from(OTHERS), min_size=1, max_size=3), st.integers(0, 3), st.data())
def test_other_values_are_refused(others, at, data):
    for read, right in ((read_numbers, 7), (read_pairs, [7, 8]), (read_texts, "seven")):
        values = [right] * 3
        wrong = [o for o in others if not (read is read_texts and isinstance(o, str))]
        if wrong:
            values[at:at] = wrong
            with pytest.raises(BadRequest, match="The list is not"):
                listed(read(json.dumps(values).encode(), "The list"))
    with pytest.raises(BadRequest):
        listed(read_pairs(json.dumps([[1, 2], data.draw(st.sampled_from([[1], [1, 2, 3], 4, []]))]).encode(), "x"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("read", "source"),
    [
        (read_numbers, b"[" + b"1," * 1_000_000 + b"1]"),
        (read_pairs, b"[" + b"[0,1]," * 300_000 + b"[0,1]]"),
        (read_texts, b"[" + b'"",' * 500_000 + b'""]'),
        (read_texts, b"[" + b"[]," * 500_000 + b"[]]"),
        (read_texts, b"[" + b"1," * 500_000 + b"1]"),
    ],
    ids=["numbers", "pairs", "texts", "lists", "others"],
)
def test_reading_takes_little_more_than_the_bytes(read, source):
    tracemalloc.start()
    try:
        for _ in read(source, "x"):
            pass
    except BadRequest:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * len(source) + (4 << 20)
