"""Tables and gene sets as other programs read them: pandas, the csv module, and cellxgene's own ways."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from curation_values import GENE_SETS, RESULT, Cells, annotation, cells, labelled, values
from hypothesis import given
from starcyte.curation.cell_names import CellNames
from starcyte.curation.files.result_table import result_table
from starcyte.curation.files.write_tables import TABLE_FORMATS, annotations_table, gene_sets_csv, gene_sets_gmt
from starcyte.curation.formulas import escape_formula
from starcyte.curation.models import GeneSet

CELLS = ["AAAC-1", "AAAG-1", "=cmd|' /C calc'!A0", 'quo"te', "a,b", "naïve"]
ANNOTATIONS = [
    annotation("type", [0, 1, -1, 0, 1, 2], ["T cell", "=B()", "a\tb"]),
    annotation("+state", [-1] * 6, ["never"]),
    annotation("score", [0, 0, 0, 1, 1, 1], ["-1", "2"]),
]


def table(annotations, names, ending):
    return b"".join(annotations_table(annotations, cells(names), TABLE_FORMATS[ending])).decode()


def test_csv_as_it_is():
    assert table(ANNOTATIONS, CELLS, "csv").splitlines() == [
        "cell,type,'+state,score",
        "AAAC-1,T cell,,'-1",
        "AAAG-1,'=B(),,'-1",
        "'=cmd|' /C calc'!A0,,,'-1",
        '"quo""te",T cell,,2',
        '"a,b",\'=B(),,2',
        "naïve,a\tb,,2",
    ]


def test_tabular_is_a_line_a_cell_with_the_same_tabs():
    lines = table(ANNOTATIONS, [*CELLS[:5], "two\nlines\r\u2028"], "tabular").split("\n")
    assert lines.pop() == ""
    assert [line.count("\t") for line in lines] == [3] * 7
    assert lines[-1] == "two lines  \ta b\t\t2"


@given(labelled())
def test_pandas_reads_what_was_written(made):
    names, annotations = made
    for ending, separator in (("csv", ","), ("tsv", "\t"), ("tabular", "\t")):
        text = table(annotations, names, ending)
        read = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, index_col=False)
        assert read.columns.tolist() == ["cell", *(escape_formula(annotation_.name) for annotation_ in annotations)]
        assert read["cell"].tolist() == [escape_formula(name) for name in names]
        for i, annotation_ in enumerate(annotations):
            expected = ["" if v is None else escape_formula(v) for v in values(annotation_, len(names))]
            assert read.iloc[:, i + 1].tolist() == expected


@given(labelled())
def test_cellxgene_reads_what_was_written(made):
    """As its server does (server/common/annotations/local_file_csv.py in version 1.3.0)."""
    names, annotations = made
    text = table(annotations, names, "csv")
    read = pd.read_csv(io.StringIO(text), dtype="category", index_col=0, header=0, comment="#", keep_default_na=False)
    assert read.index.tolist() == [escape_formula(name) for name in names]
    for i, annotation_ in enumerate(annotations):
        expected = ["" if v is None else escape_formula(v) for v in values(annotation_, len(names))]
        assert read.iloc[:, i].astype(str).tolist() == expected


@pytest.mark.parametrize("counted", [0, 1 << 18])
def test_blocks_and_many_annotations(counted):
    """Enough of them that blocks end between cells, by either way of finding equal rows."""
    rng = np.random.default_rng(3)
    annotations = [annotation(f"l{i}", rng.integers(-1, 4, 50), ["a", "b", "c", "d"]) for i in range(9)]
    names = CellNames(Cells([f"c{i}" for i in range(50)]), block_cells=7)
    written = b"".join(annotations_table(annotations, names, TABLE_FORMATS["csv"], max_counted=counted))
    rows = list(csv.reader(io.StringIO(written.decode())))
    assert rows[0] == ["cell", *(f"l{i}" for i in range(9))]
    columns = [[v or "" for v in values(annotation_, 50)] for annotation_ in annotations]
    assert rows[1:] == [[f"c{i}", *(column[i] for column in columns)] for i in range(50)]


def test_names_are_read_from_the_file_once():
    names = CellNames(Cells(["a", "b", "c,c", "d", "e"]), block_cells=2)
    dataset = names._dataset
    first = b"".join(annotations_table([annotation("l", [0] * 5, ["x"])], names, TABLE_FORMATS["csv"]))
    assert b"".join(annotations_table([annotation("l", [0] * 5, ["x"])], names, TABLE_FORMATS["csv"])) == first
    # but for the block that is not plain
    assert dataset.reads == [0, 2, 4, 2]


def test_names_beyond_the_cache_are_read_again():
    names = CellNames(Cells(["abc", "def"]), cache_bytes=3)
    assert [n for _, n, _ in names.blocks()] == [n for _, n, _ in names.blocks()] == [["abc", "def"]]
    assert names._dataset.reads == [0, 0]


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        (["a", "b", "c"], ["c", "x", "a"], [2, -1, 0]),
        (["a", "b", "a"], ["a", "b"], [-2, 1]),
        (["a", "b", "a"], ["a", "b", "a"], [0, 1, 2]),
        (["a", "b", "a"], ["b", "a", "a"], [1, -2, -2]),
        (["a"], [], []),
        (["", "b"], ["b", "", "z"], [1, 0, -1]),
    ],
)
def test_names_are_found(names, wanted, found):
    assert CellNames.find(cells(names), wanted).tolist() == found


@given(GENE_SETS)
def test_gmt_is_fields_between_tabs(gene_sets):
    lines = gene_sets_gmt(gene_sets).decode().split("\n")
    assert lines.pop() == ""
    fields = [line.split("\t") for line in lines]
    assert fields == [[g.name, g.description or "na", *g.genes] for g in gene_sets]


def test_gmt_knows_no_quotes():
    made = gene_sets_gmt([GeneSet("a\tb", 0, ("CD3D", "x\ny"), "two\nlines")]).decode()
    assert made == "a b\ttwo lines\tCD3D\tx y\n"


def test_cellxgene_csv_as_it_documents_it():
    made = gene_sets_csv([GeneSet("T", 0, ("CD3D", "CD3E"), "T, all"), GeneSet("none", 0, ())]).decode()
    assert made.splitlines() == [
        "gene_set_name,gene_set_description,gene_symbol,gene_description",
        'T,"T, all",CD3D,',
        'T,"T, all",CD3E,',
        "none,,,",
    ]


def test_a_result_is_a_table_with_numbers_as_numbers():
    text = result_table(RESULT.body, TABLE_FORMATS["csv"]).decode()
    assert text == "gene,score,p_value\n'=CD3D,-1.5,1e-300\nMS4A1,,0.25\n"


def test_markers_are_one_table():
    body = b'{"result": {"group_by": "type", "groups": [{"name": "T", "genes": [{"gene": "A", "score": 1}]},'
    body += b' {"name": "B", "genes": [{"gene": "C", "score": 2}]}]}}'
    assert result_table(body, TABLE_FORMATS["tabular"]) == b"type\tgene\tscore\nT\tA\t1\nB\tC\t2\n"


OVER_SAMPLES = {
    "method": "pseudobulk",
    "matrix": "layers/counts",
    "scale": "counts",
    "correction": "benjamini-hochberg",
    "fold_change": {"name": "the coefficient", "formula": "(sum + 0.5)"},
    "sample": "donor",
    "warnings": ["Left out: D3\n\t(fewer than 10 cells)."],
}


def test_a_comparison_over_samples_has_a_column_for_each_sample_and_its_design():
    used = [{"sample": "=D1", "side": "a", "n": 20}, {"sample": "D2", "side": "b", "n": 30}]
    genes = [{"gene": "-G", "p_value": 0.5, "of_samples": [-1.5, 2]}, {"gene": "H", "of_samples": [None, 0.25]}]
    result = OVER_SAMPLES | {"samples": used, "coefficients": ["intercept", "side"], "genes": genes}
    body = json.dumps({"a": "ill", "b": "healthy", "result": result}).encode()
    assert result_table(body, TABLE_FORMATS["tabular"]).decode().split("\n") == [
        "# A: ill; B: healthy",
        "# pseudobulk on layers/counts (counts); adjusted by benjamini-hochberg",
        "# log2 fold change: the coefficient, log2 of the ratio of (sum + 0.5)",
        "# samples: donor",
        "# used: =D1 (a, 20 cells), D2 (b, 30 cells); model: intercept, side",
        "# Left out: D3 (fewer than 10 cells).",
        "gene\tp_value\t'=D1 (a)\tD2 (b)",
        "'-G\t0.5\t-1.5\t2",
        "H\t\t\t0.25",
        "",
    ]


def test_a_comparison_within_categories_is_one_table_and_says_what_was_refused():
    tested = {"name": "@T", "n_samples_a": 3, "n_samples_b": 4, "n_tested": 9, "problem": None, "warnings": ["Few."]}
    refused = {"name": "rare\tone", "problem": "Side A has 1 sample.", "genes": [], "warnings": []}
    result = OVER_SAMPLES | {
        "each": "type",
        "covariates": ["sex", "age"],
        "categories": [tested | {"genes": [{"gene": "G", "score": -2.5}]}, refused],
        "warnings": [],
    }
    assert result_table(json.dumps(result).encode(), TABLE_FORMATS["tabular"]).decode().split("\n")[2:] == [
        "# samples: donor; adjusted for sex, age",
        "# @T: 3 against 4 samples, 9 genes tested",
        "# @T: Few.",
        "# rare one: not compared. Side A has 1 sample.",
        "type\tgene\tscore",
        "'@T\tG\t-2.5",
        "",
    ]


def test_a_table_says_what_was_not_saved():
    saved = {
        "a": "x",
        "b": "y",
        "left_out": "Saved are 1 of\n9 genes.",
        "result": OVER_SAMPLES | {"genes": [{"gene": "A"}]},
    }
    lines = result_table(json.dumps(saved).encode(), TABLE_FORMATS["csv"]).decode().split("\n")
    assert lines[:2] == ["# A: x; B: y", "# Saved are 1 of 9 genes."]


@pytest.mark.parametrize(
    "result",
    [
        {"sample": "donor", "samples": 3, "genes": [{"gene": "A", "of_samples": 4}], "warnings": {}, "fold_change": 1},
        {"sample": "donor", "categories": [3, {"name": None, "genes": [{"gene": "A"}]}], "coefficients": "x"},
        {"sample": 3, "samples": [{}], "genes": [{"gene": "A", "of_samples": [1, 2, 3]}]},
    ],
)
def test_results_of_other_kinds_are_tables_where_they_can(result):
    assert b"A" in result_table(json.dumps(result).encode(), TABLE_FORMATS["tabular"])


@pytest.mark.parametrize("body", [b"{}", b"[]", b"3", b'{"genes": ["A"]}', b'{"result": 3, "groups": 4}'])
def test_results_without_a_table(body):
    assert result_table(body, TABLE_FORMATS["csv"]) is None
