"""Terms: what is read from files as they come, and what is found first."""

from __future__ import annotations

import pytest
from starcyte.curation.annotations.terms import Term, Terms
from starcyte.errors import SettingInvalid

OBO = r"""format-version: 1.2
ontology: cl

[Term]
id: CL:0000084
name: T cell
def: "A type of \"lymphocyte\"." [GOC:add]
synonym: "T lymphocyte" EXACT []
synonym: "T-cell \"quoted\"" RELATED [x:y]
is_a: CL:0000542 ! lymphocyte

[Term]
id: CL:0000236
name: B cell

[Term]
id: CL:0000001
name: obsolete cell
is_obsolete: true

[Term]
id: CL:0000815
name: regulatory T cell

[Typedef]
id: part_of
name: part of
"""


@pytest.fixture
def terms(tmp_path):
    """Return a function that reads a file of terms."""

    def read(text, name="terms.obo"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Terms(path)

    return read


def names(found):
    return [t.name for t in found]


def test_an_ontology_is_read_without_obsolete_terms(terms):
    assert terms(OBO).terms == [
        Term("CL:0000084", "T cell", ("T lymphocyte", 'T-cell "quoted"')),
        Term("CL:0000236", "B cell"),
        Term("CL:0000815", "regulatory T cell"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "id,name,synonyms\nCL:1,T cell,a|b;c\n,B cell\n\n",
        "synonyms\tLABEL\tid\na|b;c\tT cell\tCL:1\n\tB cell\t\n",
        '\ufeffname,id,synonym\r\n"T cell",CL:1,a|b;c\r\nB cell\r\n',
    ],
)
def test_a_table_is_read_by_its_header(terms, text):
    assert terms(text, "terms.csv").terms == [Term("CL:1", "T cell", ("a", "b", "c")), Term("", "B cell")]


def test_a_single_column_needs_no_known_header(terms):
    assert names(terms("whatever\nT cell\nB cell\nT cell\n").terms) == ["T cell", "B cell"]


def test_the_best_match_is_first(terms):
    known = terms("name,id,synonyms\nnot T cell,,\nT cell of mouse,,\nB cell,CL:9,T cell\nT cell,CL:1,\nplant cell,,\n")
    assert names(known.search("t CELL ", 10)) == ["T cell", "B cell", "T cell of mouse", "not T cell", "plant cell"]
    assert names(known.search("T cell", 2)) == ["T cell", "B cell"]
    assert names(known.search("cl:9", 10)) == ["B cell"]
    assert names(known.search("", 2)) == ["not T cell", "T cell of mouse"]
    assert known.search("nothing", 10) == []


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "name\n", b"\xff\xfe\x00", "format-version: 1.2\n"])
def test_a_file_without_terms_is_reported(terms, text):
    with pytest.raises(SettingInvalid, match=r"terms\.obo"):
        terms(text)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(SettingInvalid, match="nowhere"):
        Terms(tmp_path / "nowhere")
