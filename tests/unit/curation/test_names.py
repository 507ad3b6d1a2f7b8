"""Names: which are refused, and what becomes of those that a file has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starcyte.curation.names import check_color, check_name, check_note, clean_names
from starcyte.errors import BadRequest, LimitExceeded
from starcyte.settings import Settings

SETTINGS = Settings(max_text=12)


@given(
    st.lists(st.one_of(st.text(st.characters(), max_size=20), st.sampled_from(["", " ", "\0", ".", "..", "a" * 20])))
)
def test_every_name_of_a_file_becomes_valid(given_names):
    names = clean_names(given_names, SETTINGS)
    assert len(names) == len(given_names) == len(set(names))
    for name in names:
        assert check_name(name, "it", SETTINGS) == name


def test_names_that_can_be_stay_as_they_are():
    names = ["T cell", "=1+1", "a/b", "שלום", " x"]
    assert clean_names(names, SETTINGS) == names
    assert clean_names(["a", "a", "a (2)", "\x07"], SETTINGS) == ["a", "a (2)", "a (2) (2)", "\ufffd"]


@pytest.mark.parametrize("name", [None, 1, "", "\t", "a\0", "a\x85", "\udc80", ".", ".."])
def test_invalid_names_are_refused(name):
    with pytest.raises(BadRequest):
        check_name(name, "it", SETTINGS)


def test_a_name_that_is_too_long_names_the_setting():
    with pytest.raises(LimitExceeded, match="max_text"):
        check_name("x" * 13, "it", SETTINGS)


def test_a_note_may_have_lines():
    assert check_note("a\nb\t", "The note", SETTINGS) == "a\nb\t"
    assert check_note("", "The note", SETTINGS) == ""


@pytest.mark.parametrize("color", ["red", "#fff", "#12345g", "#1234567", "url(x)", None, 5])
def test_invalid_colours_are_refused(color):
    with pytest.raises(BadRequest):
        check_color(color)
    assert check_color("#AbCdEf") == "#abcdef"
    assert check_color("") == ""
