"""Defusing: what a spreadsheet would run begins with an apostrophe, and every text comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starcyte.curation.formulas import escape_formula, unescape_formula

# the characters that OWASP names (CSV Injection), and their wide forms
DANGEROUS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


@given(st.text() | st.text(alphabet="'" + DANGEROUS, max_size=6))
def test_unescaping_restores_every_text(text):
    assert unescape_formula(escape_formula(text)) == text
    assert escape_formula(text)[:1] not in DANGEROUS or text == ""


@pytest.mark.parametrize("text", ["=1", "@x", "-2", "+", "\tx", "'=1"])
def test_formulas_get_an_apostrophe(text):
    assert escape_formula(text) == "'" + text


@pytest.mark.parametrize("text", ["B cell", "'s", "'", "", "a=b", "1-2"])
def test_other_text_is_not_escaped(text):
    assert escape_formula(text) == text
    assert unescape_formula(text) == text
