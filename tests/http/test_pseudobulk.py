"""Sums by sample as a table, by HTTP: the numbers are those of pandas."""

from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import pytest
from starcyte.web.encoding.media import BINARY

DONORS = [f"d{k}" for k in range(8)]


def finished(client, **body):
    answer = client.post("pseudobulk", {"sample": "donor", **body})
    if answer.status_code == 202:
        job = answer.json["job"]["id"]
        while (answer := client.get(f"jobs/{job}")).json["job"]["state"] in ("queued", "running"):
            pass
        return answer.json["result"]
    assert answer.status_code == 200, answer.json
    return answer.json


def table(client, result, which="genes"):
    """Return a table of a job as rows of text by the first column."""
    text = client.get(f"jobs/{result['job_id']}?table={which}", headers={"Accept": "text/csv"}).text
    header, *rows = csv.reader(text.splitlines())
    return header, {row[0]: row[1:] for row in rows}


def expected(study, by):
    counts = pd.DataFrame(study.X.toarray(), columns=study.var_names)
    return counts.groupby([study.obs[column].to_numpy() for column in by], observed=True).sum()


def test_sums_by_sample_are_those_of_pandas(study_client, study):
    result = finished(study_client)
    assert (result["value"], result["scale"], result["each"], result["n_genes"]) == ("sum", "counts", None, 60)
    assert [(c["name"], c["n"]) for c in result["columns"]] == [(d, 30) for d in DONORS]
    header, rows = table(study_client, result)
    assert header == ["gene", *DONORS]
    sums = expected(study, ["donor"])
    assert {gene: [int(v) for v in row] for gene, row in rows.items()} == {
        g: sums[g].astype(int).tolist() for g in sums
    }


def test_what_is_known_of_the_samples(study_client, study):
    result = finished(study_client)
    assert result["constant"] == ["condition", "sex", "age"]
    assert result["columns"][3]["values"] == ["well", "m", 45.0]
    header, rows = table(study_client, result, "samples")
    assert header == ["name", "sample", "n_cells", "condition", "sex", "age"]
    first = study.obs.groupby("donor", observed=True).first()
    for donor in DONORS:
        assert rows[donor] == [donor, "30", first["condition"][donor], first["sex"][donor], str(first["age"][donor])]


def test_sums_by_sample_and_category(study_client, study):
    result = finished(study_client, each="type")
    assert [(c["category"], c["sample"]) for c in result["columns"]] == [(t, d) for t in "BT" for d in DONORS]
    header, rows = table(study_client, result)
    sums = expected(study, ["type", "donor"])
    assert header[1:] == [f"{d} | {t}" for t in "BT" for d in DONORS]
    assert [int(v) for v in rows["g5"]] == sums["g5"].astype(int).tolist()
    header, rows = table(study_client, result, "samples")
    assert header[:4] == ["name", "sample", "category", "n_cells"]
    sizes = study.obs.groupby(["type", "donor"], observed=True).size()
    assert {name: int(row[2]) for name, row in rows.items()} == {
        f"{d} | {t}": sizes[t, d] for t in "BT" for d in DONORS
    }


def test_sums_of_some_cells_without_samples_of_few(study_client, study):
    some = study.obs["type"] == "T"
    sizes = study[some].obs.groupby("donor", observed=True).size()
    least = int(sizes.median())
    result = finished(study_client, within={"column": "type", "in": ["T"]}, min_cells=least)
    kept = sizes[sizes >= least]
    assert [(c["name"], c["n"]) for c in result["columns"]] == list(kept.items())
    _, rows = table(study_client, result)
    sums = expected(study[some], ["donor"]).loc[kept.index]
    assert [int(v) for v in rows["g0"]] == sums["g0"].astype(int).tolist()


def test_an_annotation_gives_the_samples(study_client):
    assert study_client.open("annotations/mine", method="PUT", json={"from": "obs:donor"}).status_code == 201
    mine, theirs = finished(study_client, sample="annotation:mine"), finished(study_client)
    assert table(study_client, mine) == table(study_client, theirs)
    assert mine["sample"] == "annotation:mine"


def test_logarithms_are_averaged(serve, study, tmp_path):
    logs = study.copy()
    logs.X = np.log1p(logs.X)
    logs.write_h5ad(tmp_path / "logs.h5ad")
    client = serve(tmp_path / "logs.h5ad", data_dir=str(tmp_path / "data"))
    result = finished(client)
    assert (result["value"], result["scale"]) == ("mean", "log1p")
    _, rows = table(client, result)
    mean = logs.X.toarray()[study.obs["donor"] == "d2", 7].mean()
    assert float(rows["g7"][2]) == pytest.approx(mean, rel=1e-6)


def test_the_table_as_columns(study_client, study):
    result = finished(study_client)
    answer = study_client.get(f"jobs/{result['job_id']}", headers={"Accept": BINARY})
    assert answer.mimetype == BINARY
    data = answer.get_data()
    size = int.from_bytes(data[4:8], "little")
    header = json.loads(data[8 : 8 + size])
    column = next(c for c in header["columns"] if c["name"] == "d1")
    values = np.frombuffer(data, column["dtype"], column["length"], 8 + size + column["offset"])
    np.testing.assert_array_equal(values, expected(study, ["donor"]).loc["d1"])


def test_names_are_no_formulas(serve, study, tmp_path):
    hostile = study.copy()
    hostile.obs["donor"] = hostile.obs["donor"].cat.rename_categories({"d0": "=1+1", "d1": "a,b\n"})
    hostile.var_names = ["@SUM(A1)", *hostile.var_names[1:]]
    hostile.write_h5ad(tmp_path / "hostile.h5ad")
    client = serve(tmp_path / "hostile.h5ad", data_dir=str(tmp_path / "data"))
    result = finished(client)
    text = client.get(f"jobs/{result['job_id']}", headers={"Accept": "text/csv"}).text
    header, *rows = csv.reader(text.splitlines(keepends=True))
    assert header[1:3] == ["'=1+1", "a,b\n"]
    assert rows[0][0] == "'@SUM(A1)"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"sample": "nobody"}, 404, "nobody"),
        ({"each": "age"}, 400, "no categories"),
        ({"min_cells": 1000}, 400, "No sample has 1,000 cells"),
    ],
)
def test_refusals(study_client, body, status, message):
    answer = study_client.post("pseudobulk", {"sample": "donor", **body})
    assert answer.status_code == status
    assert message in answer.json["error"]["message"]


def test_a_server_without_comparisons_refuses(serve, study, tmp_path):
    study.write_h5ad(tmp_path / "study.h5ad")
    client = serve(tmp_path / "study.h5ad", disable_diffexp=True, data_dir=str(tmp_path / "data"))
    assert client.post("pseudobulk", {"sample": "donor"}).status_code == 403


def test_columns_that_are_too_large_are_refused(serve, study, tmp_path):
    study.write_h5ad(tmp_path / "study.h5ad")
    client = serve(tmp_path / "study.h5ad", max_expression_bytes=1000, data_dir=str(tmp_path / "data"))
    result = finished(client)
    answer = client.get(f"jobs/{result['job_id']}", headers={"Accept": BINARY})
    assert answer.status_code == 413
    assert "max_expression_bytes" in answer.json["error"]["message"]
