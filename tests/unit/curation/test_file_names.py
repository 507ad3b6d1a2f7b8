"""Names of files from hostile text: Galaxy's pattern takes them apart as meant, and no two are one to it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from files.hostile import TEXTS
from hypothesis import given
from hypothesis import strategies as st
from starcyte.curation.files.file_names import FileNames

# __name_and_ext__ of galaxy.tool_util.parser.output_collection_def
GALAXY = re.compile(r"(?P<name>.*)\.(?P<ext>[^\.]+)?")


def check(name, ending):
    found = GALAXY.match(name)
    assert (found["name"], found["ext"]) == (name.removesuffix("." + ending), ending)
    assert found["name"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.[a-z]+", name)
    assert not name.startswith((".", "-"))
    assert len(name) <= 100
    assert PurePosixPath(name).name == PureWindowsPath(name).name == name


@given(st.lists(st.text() | st.sampled_from(list(TEXTS.values())), max_size=20))
def test_any_texts(texts):
    names = FileNames(["annotations"])
    given_ = [
        names.unique(text, ending, "result") for text, ending in zip(texts, ["svg", "tabular"] * 10, strict=False)
    ]
    for name, ending in zip(given_, ["svg", "tabular"] * 10, strict=False):
        check(name, ending)
    stems = ["annotations", *(name.partition(".")[0].casefold() for name in given_)]
    assert len(set(stems)) == len(stems)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("B against T", "B_against_T.svg"),
        ("naïve ζ 细胞", "naive.svg"),
        ("细胞", "figure.svg"),
        ("../../etc/passwd", "etc_passwd.svg"),
        ("a.b.c", "a_b_c.svg"),
        ("-rf", "rf.svg"),
        (".hidden", "hidden.svg"),
        ("con", "con_.svg"),
        ("", "figure.svg"),
        ("ANNOTATIONS", "ANNOTATIONS_2.svg"),
        ("x" * 500, "x" * 96 + ".svg"),
    ],
)
def test_safe_stems(text, name):
    assert FileNames(["annotations"]).unique(text, "svg", "figure") == name


def test_many_long_names_are_unique():
    names = FileNames()
    made = [names.unique("x" * 200, "svg", "figure") for _ in range(12)]
    assert len(set(made)) == 12
    assert all(len(name) == 100 for name in made)
