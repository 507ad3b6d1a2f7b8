"""The short form of the fuzzing of files: hypothesis makes the bytes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parent))

from h5ad_fuzz import Target


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    return Target(tmp_path_factory.mktemp("fuzz"))


@settings(max_examples=150)
@given(data=st.binary(min_size=2, max_size=200))
@example(data=bytes(2))
def test_whatever_a_file_holds_it_is_read_or_refused(target, data):
    target(data)
