"""Comparisons within each category of a column, by HTTP."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from starcyte.web.contract.by_category import SIGNIFICANT

SICK = {"column": "condition", "in": ["sick"]}
QUESTION = {"a": SICK, "sample": "donor", "each": "type", "min_cells": 1}


def finished(client, answer):
    """Return the result of a job."""
    if answer.status_code == 202:
        job = answer.json["job"]["id"]
        while (answer := client.get(f"jobs/{job}")).json["job"]["state"] in ("queued", "running"):
            pass
        return answer.json["result"]
    assert answer.status_code == 200, answer.json
    return answer.json


def compared(client, **body):
    return finished(client, client.post("diffexp/each", {**QUESTION, **body}))


def test_each_category_has_the_result_of_its_cells(study_client):
    result = compared(study_client)
    assert [c["name"] for c in result["categories"]] == ["B", "T"]
    for category in result["categories"]:
        alone = finished(
            study_client,
            study_client.post(
                "diffexp",
                {
                    "a": SICK,
                    "method": "pseudobulk",
                    "sample": "donor",
                    "min_cells": 1,
                    "within": {"column": "type", "in": [category["name"]]},
                },
            ),
        )
        assert category["problem"] is None
        assert (category["n_samples_a"], category["n_samples_b"]) == (4, 4)
        assert (category["n_a"], category["n_b"], category["n_tested"]) == (
            alone["n_a"],
            alone["n_b"],
            alone["n_tested"],
        )
        for gene, expected in zip(category["genes"], alone["genes"], strict=False):
            expected.pop("of_samples")
            assert gene == expected
        changed = [g for g in alone["genes"] if g["p_adjusted"] < SIGNIFICANT]
        assert category["n_up"] == sum(g["log2_fold_change"] > 0 for g in changed)
        assert category["n_down"] == sum(g["log2_fold_change"] < 0 for g in changed)
    assert result["fold_change"]["id"] == "limma"
    assert (result["each"], result["sample"], result["covariates"]) == ("type", "donor", [])


@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_cells_of_each_category_are_compared_as_they_are_alone(study_client, method):
    question = {"a": SICK, "method": method, "min_fraction": 0.2}
    result = finished(study_client, study_client.post("diffexp/each", {**question, "each": "type", "limit": 1000}))
    assert (result["sample"], result["covariates"], result["min_fraction"]) == (None, [], 0.2)
    assert [c["name"] for c in result["categories"]] == ["B", "T"]
    for category in result["categories"]:
        within = {"column": "type", "in": [category["name"]]}
        alone = finished(study_client, study_client.post("diffexp", {**question, "within": within}))
        for key in ("n_a", "n_b", "n_tested", "warnings"):
            assert category[key] == alone[key]
        assert (category["problem"], category["n_samples_a"], category["n_samples_b"]) == (None, None, None)
        assert len(category["genes"]) == len(alone["genes"])
        for gene, expected in zip(category["genes"], alone["genes"], strict=True):
            assert gene["gene"] == expected["gene"]
            numbers = [key for key, value in expected.items() if isinstance(value, float)]
            assert [gene[key] for key in numbers] == pytest.approx([expected[key] for key in numbers], rel=1e-9)
    text = study_client.get(f"jobs/{result['job_id']}", headers={"Accept": "text/csv"}).text
    comments = [line for line in text.splitlines() if line.startswith("#")]
    b = result["categories"][0]
    assert f"# B: {b['n_a']} cells against {b['n_b']}" in comments
    assert "# within each category of type, with its own genes tested and p-values adjusted" in comments
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    assert [row["type"] for row in rows] == [c["name"] for c in result["categories"] for _ in c["genes"]]


def test_a_category_with_too_few_cells_has_its_reason(study_client, study):
    few = np.flatnonzero((study.obs["type"] == "B").to_numpy())[2:]
    result = finished(
        study_client,
        study_client.post(
            "diffexp/each",
            {"a": SICK, "method": "t-test", "each": "type", "within": {"not": {"indices": few.tolist()}}},
        ),
    )
    b, t = result["categories"]
    assert t["problem"] is None
    assert b["problem"].endswith("Welch’s t-test needs at least 3 in each.")
    assert (b["genes"], b["n_a"] + b["n_b"]) == ([], 2)
    comments = study_client.get(f"jobs/{result['job_id']}", headers={"Accept": "text/csv"}).text
    assert f"# B: not compared. {b['problem']}" in comments


def test_moments_of_too_many_categories_are_refused(serve, study, tmp_path):
    study.write_h5ad(tmp_path / "study.h5ad")
    # two types of 60 genes on two sides take 28 bytes each
    client = serve(tmp_path / "study.h5ad", data_dir=str(tmp_path / "data"), max_group_bytes=2 * 60 * 2 * 28 - 1)
    answer = client.post("diffexp/each", {"a": SICK, "method": "t-test", "each": "type"})
    assert answer.status_code == 413
    assert "max_group_bytes" in answer.json["error"]["message"]


def test_the_best_genes_are_compared_across_categories(study_client):
    result = compared(study_client)
    top = result["top"]
    assert top["genes"][0] == "g0"
    for category, changes, adjusted in zip(
        result["categories"], top["log2_fold_change"], top["p_adjusted"], strict=True
    ):
        g0 = next(gene for gene in category["genes"] if gene["gene"] == "g0")
        assert (changes[0], adjusted[0]) == (g0["log2_fold_change"], g0["p_adjusted"])
        assert len(changes) == len(adjusted) == len(top["genes"])


def test_a_limit_of_genes(study_client):
    result = compared(study_client, limit=2)
    assert [len(c["genes"]) for c in result["categories"]] == [2, 2]
    job = study_client.get(f"jobs/{result['job_id']}?limit=3").json
    assert [len(c["genes"]) for c in job["result"]["categories"]] == [3, 3]


def test_a_category_that_cannot_be_compared_has_its_reason(study_client, study):
    kind, donor = study.obs["type"], study.obs["donor"]
    cells = np.flatnonzero(~((kind == "T") & donor.isin(["d0", "d2", "d4"])))
    result = compared(study_client, within={"indices": cells.tolist()}, covariates=["sex"])
    b, t = result["categories"]
    assert b["problem"] is None
    assert b["coefficients"] == ["intercept", "side", "sex m"]
    assert t["problem"].startswith("Side A has 1 sample;")
    assert (t["genes"], t["n_tested"], t["n_up"], t["n_down"]) == ([], 0, 0, 0)
    assert result["top"]["log2_fold_change"][1] == [None] * len(result["top"]["genes"])
    assert result["covariates"] == ["sex"]


def test_each_label_of_an_annotation(study_client):
    assert study_client.open("annotations/mine", method="PUT", json={"from": "obs:type"}).status_code == 201
    mine, theirs = compared(study_client, each="annotation:mine"), compared(study_client)
    assert mine["categories"] == theirs["categories"]
    assert mine["each"] == "annotation:mine"


def test_the_csv_has_all_genes_of_all_categories_and_how_they_were_compared(study_client, study):
    result = compared(study_client, covariates=["sex"], limit=1)
    text = study_client.get(f"jobs/{result['job_id']}", headers={"Accept": "text/csv"}).text
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert "# limma-voom over samples on X" in comments
    assert "# normalisation: trimmed mean of M values" in comments
    assert "# B: 4 samples against 4; model: intercept, side, sex m" in comments
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    of_t = [row for row in rows if row["type"] == "T"]
    assert len(of_t) == result["categories"][1]["n_tested"] > 1
    assert float(of_t[0]["p_value"]) == pytest.approx(result["categories"][1]["genes"][0]["p_value"])


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"each": "nobody"}, 404, "nobody"),
        ({"each": "age"}, 400, "no categories"),
        ({"method": "t-test"}, 400, "compares cells"),
        ({"sample": "nobody"}, 404, "nobody"),
        ({"covariates": ["condition"]}, 400, "No category of 'type' can be compared. 'condition' is confounded"),
        ({"min_cells": 100}, 400, "Side A has 0 samples"),
        ({"within": {"indices": []}}, 400, "No cell has a category"),
    ],
)
def test_refusals(study_client, body, status, message):
    answer = study_client.post("diffexp/each", {**QUESTION, **body})
    if answer.status_code == 202:
        job = answer.json["job"]["id"]
        while (state := study_client.get(f"jobs/{job}").json)["job"]["state"] in ("queued", "running"):
            pass
        error = state["job"]["error"]
    else:
        assert answer.status_code == status
        error = answer.json["error"]
    assert message in error["message"]


def test_names_of_categories_are_no_formulas_and_no_lines(serve, study, tmp_path):
    hostile = study.copy()
    names = {"B": "=cmd|'/c calc'!A1", "T": "two\n# lines"}
    hostile.obs["type"] = hostile.obs["type"].cat.rename_categories(names)
    hostile.write_h5ad(tmp_path / "hostile.h5ad")
    client = serve(tmp_path / "hostile.h5ad", data_dir=str(tmp_path / "data"))
    result = compared(client)
    text = client.get(f"jobs/{result['job_id']}", headers={"Accept": "text/csv"}).text
    head, table = text.split("\ntype,")
    assert "\n'=cmd" in table
    assert "# two # lines: 4 samples against 4" in head.splitlines()[-1]
    assert [c["name"] for c in result["categories"]] == list(names.values())


def test_a_reader_may_ask(serve, study, tmp_path):
    study.write_h5ad(tmp_path / "study.h5ad")
    client = serve(tmp_path / "study.h5ad", access="none", public=True, role="read", data_dir=str(tmp_path / "data"))
    assert compared(client)["categories"]
    assert client.post("design", {"a": SICK, "sample": "donor"}).status_code == 200


def test_a_server_without_differential_expression_refuses(serve, study, tmp_path):
    study.write_h5ad(tmp_path / "study.h5ad")
    client = serve(tmp_path / "study.h5ad", disable_diffexp=True, data_dir=str(tmp_path / "data"))
    assert client.post("diffexp/each", QUESTION).status_code == 403


def test_a_saved_one_of_cells_says_what_was_compared(serve, study, tmp_path):
    study.write_h5ad(tmp_path / "study.h5ad")
    client = serve(tmp_path / "study.h5ad", data_dir=str(tmp_path / "data"), outputs_dir=str(tmp_path / "outputs"))
    result = finished(client, client.post("diffexp/each", {"a": SICK, "method": "t-test", "each": "type", "limit": 3}))
    body = {"version": 1, "a": "sick", "b": "the rest", "column": "type", "left_out": "", "result": result}
    assert client.open("results/of cells", method="PUT", json=body).status_code == 201
    client.app.extensions["starcyte"].close()
    (written,) = (tmp_path / "outputs").rglob("*of_cells*")
    head = [line for line in written.read_text().splitlines() if line.startswith("#")]
    t = result["categories"][1]
    assert f"# T: {t['n_a']} against {t['n_b']} cells, {t['n_tested']} genes tested" in head
    assert not any("samples" in line for line in head)


def test_a_saved_one_is_written_to_the_outputs_as_one_table(serve, study, tmp_path):
    study.write_h5ad(tmp_path / "study.h5ad")
    client = serve(tmp_path / "study.h5ad", data_dir=str(tmp_path / "data"), outputs_dir=str(tmp_path / "outputs"))
    result = compared(client, limit=3)
    left_out = "Saved are 6 of 40 tested genes."
    body = {"version": 1, "a": "sick", "b": "the rest", "column": "type", "left_out": left_out, "result": result}
    assert len(json.dumps(body)) < client.json("schema")["max_saved_item_bytes"]
    assert client.open("results/sick in each type", method="PUT", json=body).status_code == 201
    client.app.extensions["starcyte"].close()
    (written,) = (tmp_path / "outputs").rglob("*sick*")
    lines = written.read_text().splitlines()
    header = next(k for k, line in enumerate(lines) if line[0] != "#")
    assert f"# {left_out}" in lines[:header]
    rows = list(csv.DictReader(lines[header:], delimiter="\t"))
    expected = [(c["name"], gene["gene"]) for c in result["categories"] for gene in c["genes"]]
    assert [(row["type"], row["gene"]) for row in rows] == expected
