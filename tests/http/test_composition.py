"""Composition of samples, by HTTP: the tests are limma's, and proportions those of pandas."""

from __future__ import annotations

import csv
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

RSCRIPT = shutil.which("Rscript")
SICK = {"column": "condition", "in": ["sick"]}
QUESTION = {"a": SICK, "column": "type", "sample": "donor"}


@pytest.fixture(scope="module")
def mixed(study):
    """The study with five types, one of which is rarer in the sick."""
    rng = np.random.default_rng(3)
    shares = rng.dirichlet(np.full(5, 20.0), 8) * np.where(
        np.arange(8)[:, None] % 2, [1, 1, 1, 1, 1], [0.2, 1, 1, 1, 1]
    )
    codes = np.concatenate([rng.choice(5, 30, p=share / share.sum()) for share in shares])
    found = study.copy()
    found.obs["type"] = pd.Categorical.from_codes(codes, [f"t{k}" for k in range(6)])
    return found


@pytest.fixture
def client(serve, mixed, tmp_path):
    mixed.write_h5ad(tmp_path / "mixed.h5ad")
    return serve(tmp_path / "mixed.h5ad", data_dir=str(tmp_path / "data"))


def test_proportions_are_those_of_pandas(client, mixed):
    result = client.post("composition", QUESTION).json
    shares = pd.crosstab(mixed.obs["donor"], mixed.obs["type"], normalize="index")
    assert [c["name"] for c in result["categories"]] == [f"t{k}" for k in range(5)]
    assert [(s["sample"], s["side"], s["n"]) for s in result["samples"]] == [
        (f"d{k}", "ab"[k % 2], 30) for k in range(8)
    ]
    for category in result["categories"]:
        of = shares[category["name"]]
        np.testing.assert_allclose(category["proportions"], of)
        assert category["mean_a"] == pytest.approx(of[::2].mean())
        assert category["mean_b"] == pytest.approx(of[1::2].mean())
    rarest = min(result["categories"], key=lambda c: c["p_value"])
    assert rarest["name"] == "t0"
    assert rarest["log2_ratio"] < -1


@pytest.mark.slow
@pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")
@pytest.mark.parametrize("transform", ["logit", "arcsine"])
def test_the_tests_are_limmas(client, mixed, tmp_path, transform):
    result = client.post("composition", {**QUESTION, "covariates": ["sex"], "transform": transform}).json
    counts = pd.crosstab(mixed.obs["type"].cat.remove_unused_categories(), mixed.obs["donor"])
    np.savetxt(tmp_path / "counts", counts.to_numpy(), "%d")
    first = mixed.obs.groupby("donor", observed=True).first()
    design = np.column_stack([np.ones(8), first["condition"] == "sick", first["sex"] == "m"]).astype(float)
    np.savetxt(tmp_path / "design", design)
    of = "log((n+.5)/(s-(n+.5)))" if transform == "logit" else "asin(sqrt(n/t))"
    code = f"""suppressPackageStartupMessages(library(limma))
n <- as.matrix(read.table("{tmp_path}/counts")); design <- as.matrix(read.table("{tmp_path}/design"))
t <- matrix(colSums(n), nrow(n), ncol(n), byrow=TRUE); s <- matrix(colSums(n+.5), nrow(n), ncol(n), byrow=TRUE)
fit <- eBayes(lmFit({of}, design))
cat(format(c(fit$t[,2], fit$p.value[,2], p.adjust(fit$p.value[,2], "BH")), digits=17))"""
    out = subprocess.run([RSCRIPT, "-e", code], check=True, capture_output=True, text=True, timeout=60).stdout
    score, p_value, p_adjusted = np.array(out.split(), float).reshape(3, -1)
    for name, numbers in (("score", score), ("p_value", p_value), ("p_adjusted", p_adjusted)):
        np.testing.assert_allclose([c[name] for c in result["categories"]], numbers, rtol=1e-6)
    assert result["coefficients"] == ["intercept", "side", "sex m"]
    assert result["covariates"] == ["sex"]


def test_cells_without_a_category_are_left_out_and_said(serve, mixed, tmp_path):
    part = mixed.copy()
    part.obs.loc[part.obs_names[:5], "type"] = np.nan
    part.write_h5ad(tmp_path / "part.h5ad")
    result = serve(tmp_path / "part.h5ad", data_dir=str(tmp_path / "data")).post("composition", QUESTION).json
    assert result["samples"][0]["n"] == 25
    assert "5 cells have no 'type' and are left out." in result["warnings"]
    assert sum(c["proportions"][0] for c in result["categories"]) == pytest.approx(1)


def test_the_csv_says_how_it_was_tested(client):
    text = client.post("composition", QUESTION, headers={"Accept": "text/csv"}).text
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert "# moderated t-test (propeller) of log(p / (1 - p)), 0.5 added to each count" in comments
    assert "# model: intercept, side" in comments
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    result = client.post("composition", QUESTION).json
    assert [row["category"] for row in rows] == [c["name"] for c in result["categories"]]
    assert float(rows[0]["d1 (b)"]) == pytest.approx(result["categories"][0]["proportions"][1])


def test_labels_of_an_annotation(client):
    assert client.open("annotations/mine", method="PUT", json={"from": "obs:type"}).status_code == 201
    mine = client.post("composition", {**QUESTION, "column": "annotation:mine"}).json
    assert mine["categories"] == client.post("composition", QUESTION).json["categories"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"column": "age"}, 400, "no categories"),
        ({"sample": "nobody"}, 404, "nobody"),
        ({"covariates": ["condition"]}, 400, "confounded"),
        ({"a": {"column": "donor", "in": ["d0"]}}, 400, "Side A has 1 sample"),
        ({"within": {"column": "type", "in": ["t1"]}, "min_cells": 1}, 400, "These cells have 1 category of 'type'"),
    ],
)
def test_refusals(client, body, status, message):
    answer = client.post("composition", {**QUESTION, **body})
    assert answer.status_code == status
    assert message in answer.json["error"]["message"]
