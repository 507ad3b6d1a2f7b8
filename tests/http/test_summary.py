"""Dot plots over HTTP."""

from __future__ import annotations

import math

import numpy as np
import pytest
from h5ad_file import Categorical

TYPES = ["B cell", "T, naïve", "<b>markup</b>", "none of them"]


def values(client, gene, matrix="X"):
    answer = client.json("expression", query_string={"gene": gene, "matrix": matrix})
    return np.array(answer["columns"][0]["values"])


@pytest.mark.parametrize("matrix", ["X", "raw/X", "layers/counts"])
def test_a_summary_is_of_the_values_and_the_column(small, matrix):
    labels = np.array(small.json("obs/type")["columns"][0]["values"], object)
    query = {"genes": "MS4A1,CD3D", "group_by": "type", "matrix": matrix}
    answer = small.json("summary", query_string=query)
    assert (answer["matrix"], answer["group_by"], answer["groups"]) == (matrix, "type", TYPES)
    assert answer["n"] == [int((labels == t).sum()) for t in TYPES]
    assert [g["gene"] for g in answer["genes"]] == ["MS4A1", "CD3D"]
    for row in answer["genes"]:
        numbers = values(small, row["gene"], matrix)
        for i, label in enumerate(TYPES):
            of_group = numbers[labels == label]
            assert math.isclose(row["mean"][i], of_group.mean(), rel_tol=1e-6, abs_tol=1e-9)
            assert math.isclose(row["fraction"][i], (of_group > 0).mean(), rel_tol=1e-9)


def test_a_name_that_holds_a_comma_is_quoted(small):
    answer = small.json("summary", query_string={"genes": '"a,b",CD3D', "group_by": "type"})
    assert [g["gene"] for g in answer["genes"]] == ["a,b", "CD3D"]


def test_a_name_that_holds_a_quotation_mark_is_quoted(small):
    answer = small.json("summary", query_string={"genes": '"quo""te"', "group_by": "type"})
    assert [g["gene"] for g in answer["genes"]] == ['quo"te']


def test_a_group_without_cells_has_no_mean(serve, make_h5ad):
    path = make_h5ad(np.ones((3, 1), np.float32), obs={"by": Categorical(np.zeros(3, np.int8), ["all", "nobody"])})
    answer = serve(path).json("summary?genes=g0&group_by=by")
    assert answer["n"] == [3, 0]
    expected = {"gene": "g0", "gene_id": None, "matrix": None, "mean": [1.0, None], "fraction": [1.0, None]}
    assert answer["genes"] == [expected]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("genes=CD3D", 400),
        ("group_by=type", 400),
        ("genes=&group_by=type", 400),
        ("genes=,,&group_by=type", 400),
        ("genes=CD3D&group_by=age", 400),
        ("genes=CD3D&group_by=count", 400),
        ("genes=CD3D&group_by=no", 404),
        ("genes=no&group_by=type", 404),
        ("genes=CD3D,no&group_by=type", 404),
        ("genes=CD3D&group_by=type&matrix=Y", 404),
        ("genes=only+in+raw+1&group_by=type&matrix=X", 404),
        ("genes=CD3D&group_by=type&matrix=", 404),
        pytest.param(f"genes={'x' * 140_000}&group_by=type", 400, id="longer than any name"),
    ],
)
def test_a_summary_that_cannot_be_made_is_refused(small, refused, query, status):
    refused(small.get(f"summary?{query}"), status)


def test_too_many_genes_are_refused_and_the_setting_named(serve, small_file, refused):
    client = serve(small_file, max_summary_genes=2)
    error = refused(client.get("summary?genes=CD3D,MS4A1,CD3D&group_by=type"), 413, "limit_exceeded")
    assert "max_summary_genes" in error["message"]
    assert client.get("summary?genes=CD3D,MS4A1&group_by=type").status_code == 200
