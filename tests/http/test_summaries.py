"""Summaries for plots, against numpy, scipy and the values of genes from the interface."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr


def gene(real, name, matrix="raw/X"):
    return np.array(real.json(f"expression?gene={name}&matrix={matrix}")["columns"][0]["values"])


def column(real, name):
    return np.array(real.json(f"obs/{name}")["columns"][0]["values"])


def test_cells_have_their_names(real):
    every = real.json("cells?rows=0,699,5,5")["names"]
    assert every[2] == every[3] != every[0]
    assert every[0].endswith("-1")


@pytest.mark.parametrize("rows", ["", "1,", "-1", "700", "one", ",".join(["1"] * 1001)], ids=lambda r: r[:8] or "empty")
def test_unknown_cells_are_not_found(real, rows):
    response = real.get(f"cells?rows={rows}")
    assert response.status_code in {400, 404, 413}
    assert response.json["error"]["hint"]


def test_distribution_of_a_gene_in_groups(real):
    answer = real.json("distribution?gene=CD3D&group_by=phase&matrix=raw/X")
    values, phases = gene(real, "CD3D"), column(real, "phase")
    for group in answer["groups"]:
        mine = values[phases == group["name"]]
        assert group["n"] == mine.size
        np.testing.assert_allclose(group["quantiles"], np.quantile(mine, answer["levels"]), atol=1e-6)
        np.testing.assert_allclose(group["mean"], mine.mean(), rtol=1e-6)
        # a density has an area of 1; what lies beyond the values is not on the grid of the group
        steps = np.linspace(group["quantiles"][0], group["quantiles"][-1], len(group["density"]))
        assert 0.5 < np.trapezoid(group["density"], steps) < 1.01


def test_distribution_split_by_a_second_column(real):
    answer = real.json("distribution?gene=CD3D&group_by=phase&split_by=louvain&matrix=raw/X")
    values, phases, clusters = gene(real, "CD3D"), column(real, "phase"), column(real, "louvain")
    assert answer["split_by"] == "louvain"
    assert sum(group["n"] for group in answer["groups"]) == 700
    for group in answer["groups"]:
        mine = values[(phases == group["name"]) & (clusters == group["part"])]
        assert group["n"] == mine.size
        if mine.size:
            np.testing.assert_allclose(group["quantiles"], np.quantile(mine, answer["levels"]), atol=1e-6)


def test_a_split_into_too_many_parts_is_refused(serve, pbmc):
    response = serve(pbmc, max_split=30).get("distribution?gene=CD3D&group_by=phase&split_by=louvain&matrix=raw/X")
    assert response.status_code == 413
    assert "max_split" in response.json["error"]["message"]


def test_distribution_of_a_column_over_all(real):
    (group,) = real.json("distribution?column=n_genes")["groups"]
    assert (group["name"], group["n"]) == ("all", 700)


def test_histogram(real):
    answer = real.json("histogram?column=percent_mito&bins=7")
    counts, edges = np.histogram(column(real, "percent_mito"), 7)
    np.testing.assert_array_equal(answer["counts"], counts)
    np.testing.assert_allclose(answer["edges"], edges, rtol=1e-6)


def test_correlation_of_a_gene_and_a_column(real):
    answer = real.json("correlation?x=CD3D&y_column=n_genes&matrix=raw/X")
    x, y = gene(real, "CD3D"), column(real, "n_genes")
    assert answer["n"] == 700
    np.testing.assert_allclose(answer["pearson"], pearsonr(x, y).statistic)
    np.testing.assert_allclose(answer["spearman"], spearmanr(x, y).statistic)


def test_score_names_the_missing_genes(real):
    (answer,) = real.json("score?genes=CD3D,nope,CD3E,CD3D&matrix=raw/X")["columns"]
    assert answer["missing_genes"] == ["nope"]
    expected = (gene(real, "CD3D") + gene(real, "CD3E")) / 2
    np.testing.assert_allclose(answer["values"], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("score?genes=nope", 404),
        ("score?genes=", 400),
        ("score?genes=CD3D&method=median", 400),
        ("distribution", 400),
        ("distribution?gene=CD3D&column=n_genes", 400),
        ("distribution?column=phase", 400),
        ("distribution?gene=CD3D&group_by=n_genes", 400),
        ("distribution?gene=CD3D&group_by=nope", 404),
        ("distribution?gene=CD3D&split_by=phase", 400),
        ("distribution?gene=CD3D&group_by=phase&split_by=n_genes", 400),
        ("histogram?gene=CD3D&bins=some", 400),
        ("correlation?x=CD3D", 400),
        ("correlation?x=CD3D&y=nope", 404),
    ],
    ids=str,
)
def test_invalid_requests_are_refused(real, question, status):
    response = real.get(question)
    assert response.status_code == status
    assert response.json["error"]["message"]


def test_markers_of_every_category(serve, pbmc):
    client = serve(pbmc, answer_wait=30.0)
    answer = client.post("markers", {"group_by": "louvain", "limit": 4, "matrix": "raw/X"}).json
    assert [g["name"] for g in answer["groups"]] == [str(i) for i in range(11)]
    assert all(len(g["genes"]) == 4 for g in answer["groups"])
    table = client.get(f"jobs/{answer['job_id']}", headers={"Accept": "text/csv"}).text.splitlines()
    table = [line for line in table if not line.startswith("#")]
    assert table[0].startswith("louvain,gene,gene_id,")
    assert len(table) == 1 + 4 * 11


@pytest.mark.parametrize("method", ["mean", "score"])
def test_a_large_gene_set_is_scored_by_post(real, serve, pbmc, refused, method):
    names = [gene["name"] for gene in real.json("genes?limit=1000&matrix=raw/X")["genes"]][:150]
    asked = {"genes": ",".join(names), "method": method, "matrix": "raw/X"}
    expected = real.json("score", query_string=asked)["columns"][0]
    body = {"genes": [*names, "no such gene"], "method": method, "matrix": "raw/X"}
    found = real.post("score", body).json["columns"][0]
    np.testing.assert_allclose(found["values"], expected["values"], atol=1e-9)
    assert found["missing_genes"] == ["no such gene"]
    few = serve(pbmc, max_gene_set_genes=10)
    assert "max_gene_set_genes" in refused(few.post("score", body), 413, "limit_exceeded")["message"]
    refused(real.post("score", {"genes": []}), 400, "bad_request")
    refused(real.post("score", {"genes": ["no such gene"]}), 404, "not_found")


def test_a_set_of_all_genes_is_scored(real):
    names = [gene["name"] for gene in real.json("genes?limit=1000&matrix=raw/X")["genes"]]
    padded = names + [f"absent {i}" for i in range(20_000 - len(names))]
    answer = real.post("score", {"genes": padded, "matrix": "raw/X"}).json["columns"][0]
    assert len(answer["missing_genes"]) == 20_000 - len(names)
    assert len(answer["values"]) == 700


def test_a_gene_with_missing_values_has_an_undefined_mean(serve, tmp_path):
    values = np.ones((6, 2), np.float32)
    values[0, 1] = np.nan
    obs = pd.DataFrame({"type": pd.Categorical(list("aaabbb"))}, index=[f"c{i}" for i in range(6)])
    ad.AnnData(values, obs=obs, var=pd.DataFrame(index=["whole", "gaps"])).write_h5ad(tmp_path / "x.h5ad")
    answer = serve(tmp_path / "x.h5ad").json("summary?genes=whole,gaps&group_by=type")
    assert [gene["mean"] for gene in answer["genes"]] == [[1, 1], [None, 1]]
    assert [gene["gene_id"] for gene in answer["genes"]] == [None, None]
