"""Reading back what was written, what pandas and cellxgene write, and what people type."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from curation_values import GENE_SETS, annotation, cells, labelled, values
from hypothesis import given
from starcyte.curation.files.read_tables import read_gene_sets, table_annotations
from starcyte.curation.files.write_tables import TABLE_FORMATS, annotations_table, gene_sets_csv, gene_sets_gmt
from starcyte.curation.models import GeneSet
from starcyte.errors import BadRequest, LimitExceeded
from starcyte.settings import Settings

pytestmark = pytest.mark.slow

NAMES = ["AAAC-1", "AAAG-1", "AAAT-1", "CCCA-1"]


def read(text, names=NAMES):
    return table_annotations(text if isinstance(text, bytes) else text.encode(), cells(names))


def taken(text, names=NAMES):
    """The annotations of a table as values by name."""
    return {found.name: values(found, len(names)) for found in read(text, names).annotations}


@pytest.mark.parametrize("position", [0, 1])
def test_columns_of_numbers_are_left_out_and_those_of_labels_are_read(position):
    names = [f"cell-{k}" for k in range(60)]
    rows = [[str(k % 3), f"{k * 0.37 - 4:.3f}"] if position else [f"{k * 0.37 - 4:.3f}", str(k % 3)] for k in range(60)]
    titles = ["cluster", "score"] if position else ["score", "cluster"]
    text = "\n".join(",".join(row) for row in [["cell", *titles], *([n, *r] for n, r in zip(names, rows, strict=True))])
    found = read(text, names)
    assert [a.name for a in found.annotations] == ["cluster"]
    assert len(found.cells) == 60
    assert found.left_out == (("score", "numbers, not labels"),)
    few = table_annotations(text.encode(), cells(names), Settings(max_annotation_labels=5))
    assert [a.name for a in few.annotations] == ["cluster"]
    assert few.left_out == (("score", "more than 5 different numbers (max_annotation_labels)"),)


def test_clusters_named_by_numbers_are_labels():
    names = [f"cell-{k}" for k in range(40)]
    for values_of in (
        lambda k: str(k),
        lambda k: f"{k}.0",
        lambda k: f"0.{k % 10}",
        lambda k: f"{k}.5" if k < 20 else "x",
    ):
        text = "cell,leiden\n" + "".join(f"{name},{values_of(k)}\n" for k, name in enumerate(names))
        assert read(text, names).left_out == ()


def test_a_table_of_numbers_alone_is_refused_with_the_reason():
    names = [f"cell-{k}" for k in range(60)]
    text = "cell,score\n" + "".join(f"{name},{k / 7}\n" for k, name in enumerate(names))
    with pytest.raises(LimitExceeded, match="'score': numbers, not labels"):
        read(text, names)


@given(labelled())
def test_written_and_read_again(made):
    names, annotations = made
    for form in TABLE_FORMATS.values():
        found = read(b"".join(annotations_table(annotations, cells(names), form)), names)
        assert {f.name: values(f, len(names)) for f in found.annotations} == {
            written.name: values(written, len(names)) for written in annotations
        }
        assert (len(found.cells), found.unmatched, found.duplicated) == (len(names), 0, 0)


@given(labelled())
def test_tables_of_pandas(made):
    names, annotations = made
    columns = {written.name: pd.Categorical(values(written, len(names))) for written in annotations}
    frame = pd.DataFrame(columns, index=names).sample(frac=1, random_state=1)
    # an apostrophe before what looks like a formula is taken for ours
    if any(text.startswith("'") for text in frame.to_csv().replace(",", "\n").split("\n")):
        return
    assert taken(frame.to_csv(), names) == {w.name: values(w, len(names)) for w in annotations}


def test_the_order_of_rows_and_the_ends_of_lines_do_not_matter():
    text = "\ufeffcell;type\r\nCCCA-1;B\r\nAAAC-1;T\r\n\r\nAAAG-1;\r\n"
    found = read(text)
    assert values(found.annotations[0], 4) == ["T", None, None, "B"]
    assert found.cells.to_array().tolist() == [0, 1, 3]


def test_unicode_text_of_excel():
    assert taken("cell\ttype\nAAAC-1\tnaïve\n".encode("utf-16")) == {"type": ["naïve", None, None, None]}


def test_tables_of_r_without_a_name_for_the_first_column():
    assert taken('"type"\n"AAAC-1",'.replace(",", "\t") + '"T"\n') == {"type": ["T", None, None, None]}


def test_headers_of_galaxy():
    assert taken("#cell\ttype\nAAAC-1\tT\n") == {"type": ["T", None, None, None]}


def test_cellxgene_annotations():
    text = (
        "# Annotations generated on 2026-01-02T03:04:05 using cellxgene version 1.3.0\n"
        "# Input data file was pbmc, 3k.h5ad, which was last modified on 2020-01-01T00:00:00\n"
        ",cell type\nAAAC-1,T\nAAAG-1,unassigned\n"
    )
    assert taken(text) == {"cell type": ["T", None, None, None]}
    assert taken("cell,t\nAAAC-1,unassigned\n") == {"t": ["unassigned", None, None, None]}


def test_unmatched_cells_are_counted():
    found = read("cell,t\nnobody,T\nAAAC-1,T\nno one,B\n")
    assert (len(found.cells), found.unmatched, found.duplicated) == (1, 2, 0)
    assert found.examples == ("nobody", "no one")


def test_ambiguous_names_are_counted_and_omitted():
    found = read("cell,t\na,T\nb,B\n", ["a", "b", "a"])
    assert values(found.annotations[0], 3) == [None, "B", None]
    assert (found.unmatched, found.duplicated, found.examples) == (0, 1, ("a",))


def test_inconsistent_rows_are_counted_and_omitted():
    found = read("cell,t,u\nAAAC-1,T,x\nAAAG-1,B,x\nAAAC-1,B,x\nAAAG-1,B,x\n")
    assert values(found.annotations[0], 4) == [None, "B", None, None]
    assert found.duplicated == 2


def test_a_table_of_all_cells_is_matched_by_position():
    names = ["a", "b", "a"]
    assert taken("cell,t\na,T\nb,B\na,NK\n", names) == {"t": ["T", "B", "NK"]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("cell\nAAAC-1\n", "one column"),
        ("cell,t\n", "a header but no cells"),
        ("cell,t\nAAAC-1\n", "Line 2 has 1 fields, but the header has 2"),
        ("cell,t\nAAAC-1,T\nAAAG-1,T,x\n", "Line 3 has 3 fields"),
        ("cell,t,t\nAAAC-1,T,B\n", "'t': another column has the same name"),
        ("cell,\nAAAC-1,T\n", "it has no name"),
        (b"cell,t\nAAAC-1,caf\xe9\n", "not text in UTF-8"),
        ("cell,t\nAAAC-1,\0\n", "not text"),
        ("cell,t\nAAAC-1," + "x" * 200_000 + "\n", "field larger"),
    ],
)
def test_invalid_tables_are_refused(text, says):
    with pytest.raises((BadRequest, LimitExceeded), match=says):
        read(text)


@given(GENE_SETS)
def test_gene_sets_written_and_read_again(gene_sets):
    wanted = [GeneSet(g.name, 0, g.genes, "" if g.description == "na" else g.description) for g in gene_sets]
    if gene_sets:
        assert read_gene_sets(gene_sets_gmt(gene_sets), "") == wanted
        assert read_gene_sets(gene_sets_csv(gene_sets), "") == gene_sets


@pytest.mark.parametrize(
    "text",
    [
        "CD3D\nMS4A1\n\nCD3D\n",
        "CD3D, MS4A1",
        "CD3D MS4A1 CD3D",
        "CD3D\r\nMS4A1\r\n",
        "# my genes\nCD3D;MS4A1\n",
    ],
)
def test_plain_lists(text):
    assert read_gene_sets(text.encode(), "mine") == [GeneSet("mine", 0, ("CD3D", "MS4A1"))]


def test_a_plain_list_needs_a_name():
    with pytest.raises(BadRequest, match="no name"):
        read_gene_sets(b"CD3D\nMS4A1\n", "")


def test_cellxgene_gene_sets_with_more_columns_and_comments():
    text = "# made by cellxgene\ngene_set_name,gene_set_description,gene_symbol,gene_description,mine\n"
    text += "T,,CD3D,what it is,1\nB,b cells,MS4A1,,2\nT,t cells,CD3E,,3\nnone,,,,\n"
    assert read_gene_sets(text.encode(), "") == [
        GeneSet("T", 0, ("CD3D", "CD3E"), "t cells"),
        GeneSet("B", 0, ("MS4A1",), "b cells"),
        GeneSet("none", 0, ()),
    ]


def test_a_table_of_sets_and_genes():
    frame = pd.DataFrame({"gene": ["CD3D", "MS4A1", "CD3E"], "set": ["T", "B", "T"], "x": [1, 2, 3]})
    for separator in (",", "\t", ";"):
        out = io.StringIO()
        frame.to_csv(out, sep=separator, index=False)
        assert read_gene_sets(out.getvalue().encode(), "") == [
            GeneSet("T", 0, ("CD3D", "CD3E")),
            GeneSet("B", 0, ("MS4A1",)),
        ]


def test_annotations_that_touch_no_cell():
    assert read("cell,t\nx,T\n").annotations == (annotation("t", [-1] * 4, []),)
