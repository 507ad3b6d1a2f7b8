"""Samples, and comparisons over them, by HTTP."""

from __future__ import annotations

import numpy as np
import pytest

DONORS, CELLS = 8, 30


@pytest.fixture
def client(study_client):
    return study_client


SICK = {"column": "condition", "in": ["sick"]}
T, B = {"column": "type", "in": ["T"]}, {"column": "type", "in": ["B"]}


def test_columns_that_look_like_samples(client):
    answer = client.get("samples").json
    assert answer["columns"] == [
        {
            "name": "donor",
            "samples": [f"d{k}" for k in range(DONORS)],
            "constant": ["condition", "sex", "age"],
        }
    ]


def test_a_design_of_two_conditions(client):
    answer = client.post("design", {"a": SICK, "sample": "donor", "covariates": ["sex", "age"]}).json
    assert answer["problem"] is None
    assert not answer["is_paired"]
    assert answer["coefficients"] == ["intercept", "side", "sex m", "age"]
    assert [(u["sample"], u["side"], u["n"]) for u in answer["units"]] == [
        (f"d{k}", "ab"[k % 2], CELLS) for k in range(DONORS)
    ]
    assert answer["units"][3]["covariates"] == ["m", 45.0]


def test_a_design_within_some_cells_counts_those(client, study):
    answer = client.post("design", {"a": SICK, "sample": "donor", "within": T, "min_cells": 1}).json
    expected = study.obs[study.obs["type"] == "T"].groupby("donor", observed=True).size().tolist()
    assert [u["n"] for u in answer["units"]] == expected


def test_two_cell_types_of_the_same_donors_are_paired(client):
    answer = client.post("design", {"a": T, "b": B, "sample": "donor", "min_cells": 1}).json
    assert answer["is_paired"]
    assert len(answer["units"]) == 2 * DONORS


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"a": {"column": "donor", "in": ["d0"]}}, "Side A has 1 sample"),
        ({"a": SICK, "covariates": ["type"]}, "'type' is not constant within donor 'd0'"),
        ({"a": SICK, "covariates": ["condition"]}, "'condition' is confounded with the sides"),
        ({"a": SICK, "min_cells": 100}, "Side A has 0 samples"),
    ],
)
def test_designs_that_allow_no_comparison(client, body, problem):
    answer = client.post("design", {"sample": "donor", **body})
    assert answer.status_code == 200
    assert problem in answer.json["problem"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"sample": "nobody"}, 404, "nobody"),
        ({"sample": "age"}, 400, "'age' is continuous"),
        ({"sample": "donor", "covariates": ["sex", "sex"]}, 400, "given twice"),
        ({"sample": "donor", "covariates": ["donor"]}, 400, "given twice"),
        ({"sample": "donor", "b": SICK}, 400, "share cells"),
        ({}, 400, "sample"),
    ],
)
def test_bad_requests(client, body, status, message):
    answer = client.post("design", {"a": SICK, **body})
    assert answer.status_code == status
    assert message in answer.json["error"]["message"]


OVER_SAMPLES = {"a": SICK, "method": "pseudobulk", "sample": "donor"}


def compared(client, **body):
    answer = client.post("diffexp", {**OVER_SAMPLES, **body})
    if answer.status_code == 202:
        job = answer.json["job"]["id"]
        while (answer := client.get(f"jobs/{job}")).json["job"]["state"] in ("queued", "running"):
            pass
        return answer.json["result"]
    assert answer.status_code == 200, answer.json
    return answer.json


def test_a_comparison_over_samples(client):
    result = compared(client)
    assert [(s["sample"], s["side"], s["n"]) for s in result["samples"]] == [
        (f"d{k}", "ab"[k % 2], CELLS) for k in range(DONORS)
    ]
    first, by_name = result["genes"][0], {gene["gene"]: gene for gene in result["genes"]}
    assert first["gene"] == "g0"
    assert first["p_adjusted"] < 0.01
    assert first["log2_fold_change"] > 2
    # the gene of one donor
    assert by_name["g1"]["p_adjusted"] > 0.05
    assert len(first["of_samples"]) == DONORS
    assert np.mean(first["of_samples"][::2]) == pytest.approx(first["mean_a"])
    assert result["coefficients"] == ["intercept", "side"]
    assert result["fold_change"]["id"] == "limma"
    assert result["scale"] == "counts"


def test_cells_find_the_gene_of_one_donor_and_samples_do_not(client):
    cells = client.post("diffexp", {"a": SICK}).json
    assert {g["gene"]: g for g in cells["genes"]}["g1"]["p_adjusted"] < 1e-6
    assert "samples" not in cells
    assert "of_samples" not in cells["genes"][0]


def test_covariates_are_in_the_model(client):
    result = compared(client, covariates=["sex", "age"])
    assert result["coefficients"] == ["intercept", "side", "sex m", "age"]
    assert result["genes"][0]["gene"] == "g0"


def test_pairs_are_compared_within_samples(client):
    result = compared(client, a=T, b=B, min_cells=1)
    assert result["coefficients"][:3] == ["intercept", "side", "sample d1"]
    assert len(result["samples"]) == 2 * DONORS


def test_within_some_cells_the_answer_is_that_of_a_file_of_them(client, serve, study, tmp_path):
    part = study[study.obs["type"] == "T"].copy()
    part.write_h5ad(tmp_path / "part.h5ad")
    other = serve(tmp_path / "part.h5ad", data_dir=str(tmp_path / "other"))
    whole, alone = compared(client, within=T, min_cells=1), compared(other, min_cells=1)
    assert whole["genes"] == alone["genes"]
    assert whole["samples"] == alone["samples"]


def test_an_annotation_gives_the_samples(client):
    assert client.open("annotations/mine", method="PUT", json={"from": "obs:donor"}).status_code == 201
    assert compared(client, sample="annotation:mine")["genes"] == compared(client)["genes"]


def test_means_of_logarithms_are_compared_where_there_are_no_counts(serve, study, tmp_path):
    logs = study.copy()
    logs.X = np.log1p(logs.X)
    logs.write_h5ad(tmp_path / "logs.h5ad")
    result = compared(serve(tmp_path / "logs.h5ad", data_dir=str(tmp_path / "data")))
    assert result["scale"] == "log1p"
    assert result["genes"][0]["gene"] == "g0"
    assert result["genes"][0]["log2_fold_change"] > 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"sample": None}, "needs a column of samples"),
        ({"method": "t-test"}, "compares cells: sample is of no effect"),
        ({"covariates": ["condition"]}, "'condition' is confounded with the sides"),
        ({"a": {"column": "donor", "in": ["d0"]}}, "Side A has 1 sample"),
    ],
)
def test_comparisons_that_are_refused(client, body, message):
    asked = {key: value for key, value in {**OVER_SAMPLES, **body}.items() if value is not None}
    answer = client.post("diffexp", asked)
    assert answer.status_code == 400
    assert message in answer.json["error"]["message"]


def test_scaled_values_are_refused(serve, study, tmp_path):
    scaled = study.copy()
    scaled.X = scaled.X.toarray() - 3
    scaled.write_h5ad(tmp_path / "scaled.h5ad")
    answer = serve(tmp_path / "scaled.h5ad", data_dir=str(tmp_path / "data")).post("diffexp", OVER_SAMPLES)
    assert answer.status_code == 400
    assert "negative values" in answer.json["error"]["message"]


def test_markers_compare_cells(client):
    answer = client.post("markers", {"group_by": "type", "method": "pseudobulk"})
    assert answer.status_code == 400
    assert "Markers compare cells" in answer.json["error"]["message"]


def test_the_csv_has_a_column_for_each_sample(client):
    job = compared(client)["job_id"]
    text = client.get(f"jobs/{job}", headers={"Accept": "text/csv"}).text
    comments = [line for line in text.splitlines() if line.startswith("#")]
    header = next(line for line in text.splitlines() if not line.startswith("#")).split(",")
    assert header[-DONORS:] == [f"d{k} ({'ab'[k % 2]})" for k in range(DONORS)]
    assert "# samples: donor; model: intercept, side" in comments
    assert any("limma" in line for line in comments)


@pytest.mark.parametrize("path", ["design", "diffexp"])
def test_a_column_of_too_many_samples_is_refused(serve, study, tmp_path, path):
    study.write_h5ad(tmp_path / "study.h5ad")
    client = serve(tmp_path / "study.h5ad", data_dir=str(tmp_path / "data"), max_samples=DONORS - 1)
    body = {"a": SICK, "sample": "donor", "min_cells": 0} | ({"method": "pseudobulk"} if path == "diffexp" else {})
    answer = client.post(path, body)
    assert answer.status_code == 413
    assert "max_samples" in answer.json["error"]["message"]


def test_where_no_gene_has_enough_counts_none_is_tested(serve, study, tmp_path):
    few = study.copy()
    few.X = (few.X > 20).astype(np.float32)
    few.write_h5ad(tmp_path / "few.h5ad")
    result = compared(serve(tmp_path / "few.h5ad", data_dir=str(tmp_path / "data")), a={"column": "sex", "in": ["f"]})
    assert result["n_tested"] == len(result["genes"])


@pytest.mark.parametrize("path", ["diffexp", "diffexp/each"])
def test_a_method_that_is_not_installed_is_not_offered_and_refused_with_the_remedy(client, monkeypatch, path):
    monkeypatch.setattr("starcyte.compute.methods.method.find_spec", lambda name: None)
    assert "deseq2" not in [method["id"] for method in client.get("schema").json["methods"]]
    more = {"each": "type"} if path == "diffexp/each" else {}
    answer = client.post(path, {"a": SICK, "method": "deseq2", "sample": "donor", **more})
    assert answer.status_code == 400
    assert "pip install 'starcyte[deseq2]'" in answer.json["error"]["hint"]
