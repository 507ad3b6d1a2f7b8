"""MuData over HTTP: genes and proteins in one search, statistics within a modality, missing cells that are no zeros."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from mudata_files import N, cite_seq, read, write
from prepared import prepared_store

pytestmark = pytest.mark.slow


@pytest.fixture(params=["plain", "indexed", "prepared"])
def page(request, tmp_path, serve):
    path = write(cite_seq(), tmp_path / "cite.h5mu")
    if request.param == "prepared":
        prepared_store(path, path.with_suffix(".zarr"))
        path = path.with_suffix(".zarr")
    client = serve(
        path, cache_dir=str(tmp_path / "cache"), data_dir=str(tmp_path / "data"), index_least=1, moments_categories=20
    )
    if request.param == "indexed":
        from starcyte.settings import Settings
        from starcyte.store.index.background import index_matrix

        dataset = client.app.extensions["starcyte"].loader.dataset()
        settings = Settings(cache_dir=str(tmp_path / "cache"))
        for name in ("rna/X", "rna/layers/counts", "prot/X"):
            dataset.matrix(name).index = index_matrix(dataset, settings, name, lambda done: None)
    return client


@pytest.fixture
def oracle(tmp_path, page):
    return read(tmp_path / "cite.h5mu")


def frame(oracle, modality, layer=None):
    """Return cells by genes of a modality, for all cells of the dataset: NaN for those that it lacks."""
    part = oracle[modality]
    values = part.X if layer is None else part.layers[layer]
    dense = np.asarray(values.todense() if hasattr(values, "todense") else values, np.float64)
    return pd.DataFrame(dense, part.obs_names, part.var_names).reindex(oracle.obs_names)


def settled(page, response):
    assert response.status_code in {200, 202}, response.text
    if response.status_code == 200:
        return response.json
    job = response.json["job"]["id"]
    page.app.extensions["starcyte"].jobs.get(job).ended.wait(30)
    return page.json(f"jobs/{job}")["result"]


def values_of(page, gene, matrix):
    answer = page.json(f"expression?gene={gene}&matrix={matrix}", headers={"Accept": "application/json"})
    return np.array(answer["columns"][0]["values"], np.float64)


def test_one_search_says_the_modality(page):
    found = page.json("genes?q=cd4&matrix=rna/X")
    assert [(g["name"], g["matrix"]) for g in found["genes"]] == [("rna:CD4", None), ("prot:CD4", "prot/X")]
    listed = page.json("genes?names=CD4,CD19_TotalSeqB,prot:CD4,nothing&matrix=rna/X")
    assert [(g["name"], g["matrix"]) for g in listed["genes"]] == [
        ("rna:CD4", None),
        ("CD19_TotalSeqB", "prot/X"),
        ("prot:CD4", "prot/X"),
    ]
    assert listed["missing"] == ["nothing"]


@pytest.mark.parametrize(
    ("asked", "modality", "gene"),
    [("CD3D", "rna", "CD3D"), ("CD4", "rna", "CD4"), ("prot:CD4", "prot", "CD4"), ("CD56", "prot", "CD56")],
)
def test_a_gene_of_any_modality_with_missing_cells(page, oracle, asked, modality, gene):
    expected = frame(oracle, modality)[gene]
    np.testing.assert_allclose(values_of(page, asked, "rna/X"), expected, rtol=1e-6)
    assert np.isnan(expected).sum() == {"rna": 30, "prot": 48}[modality]


def test_t_test_of_the_cells_that_are_measured(page, oracle):
    for matrix, modality in (("rna/X", "rna"), ("prot/X", "prot")):
        body = {
            "a": {"where": [{"column": "celltype", "in": ["T"]}]},
            "matrix": matrix,
            "min_fraction": 0,
            "method": "t-test",
        }
        result = settled(page, page.post("diffexp", body))
        data, in_a = frame(oracle, modality), oracle.obs["celltype"] == "T"
        known = data.notna().all(axis=1)
        assert (result["n_a"], result["n_b"]) == (int((in_a & known).sum()), int((~in_a & known).sum()))
        n_missing = int((~known).sum())
        assert f"{n_missing} cells are not measured in {matrix}, and left out." in result["warnings"]
        expected = scipy.stats.ttest_ind(data[in_a & known], data[~in_a & known], equal_var=False)
        names = [g["gene"].rpartition(":")[2] for g in result["genes"]]
        order = data.columns.get_indexer(names)
        np.testing.assert_allclose([g["score"] for g in result["genes"]], expected.statistic[order], rtol=1e-5)
        np.testing.assert_allclose([g["p_value"] for g in result["genes"]], expected.pvalue[order], rtol=1e-5)


def test_wilcoxon_and_markers_within_a_modality(page, oracle):
    data = frame(oracle, "prot")
    known = data.notna().all(axis=1)
    result = settled(
        page,
        page.post("markers", {"group_by": "celltype", "matrix": "prot/X", "method": "wilcoxon", "min_fraction": 0}),
    )
    assert result["warnings"] == ["48 cells are not measured in prot/X, and left out."]
    for group in result["groups"]:
        inside = (oracle.obs["celltype"] == group["name"]) & known
        rest = (oracle.obs["celltype"] != group["name"]) & known
        assert (group["n"], group["n_rest"]) == (int(inside.sum()), int(rest.sum()))
        for gene in group["genes"]:
            values = data[gene["gene"].rpartition(":")[2]]
            u = scipy.stats.mannwhitneyu(values[inside], values[rest], use_continuity=False, method="asymptotic")
            assert gene["auc"] == pytest.approx(u.statistic / inside.sum() / rest.sum(), abs=1e-6)
            assert gene["p_value"] == pytest.approx(u.pvalue, rel=1e-5)


@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_cells_in_each_category_are_those_that_are_measured(page, oracle, method):
    in_a = pd.Series(np.arange(N) % 2 == 0, oracle.obs_names)
    body = {"a": {"indices": np.flatnonzero(in_a).tolist()}, "each": "celltype", "matrix": "prot/X", "method": method}
    result = settled(page, page.post("diffexp/each", body | {"min_fraction": 0}))
    data = frame(oracle, "prot")
    known = data.notna().all(axis=1)
    assert "48 cells are not measured in prot/X, and left out." in result["warnings"]
    compared = [category for category in result["categories"] if category["problem"] is None]
    assert compared
    for category in compared:
        within = (oracle.obs["celltype"] == category["name"]) & known
        assert (category["n_a"], category["n_b"]) == (int((in_a & within).sum()), int((~in_a & within).sum()))
        for gene in category["genes"]:
            values = data[gene["gene"].rpartition(":")[2]]
            assert gene["mean_a"] == pytest.approx(values[in_a & within].mean(), rel=1e-5)
            if method == "wilcoxon":
                u = scipy.stats.mannwhitneyu(values[in_a & within], values[~in_a & within])
                assert gene["auc"] == pytest.approx(u.statistic / category["n_a"] / category["n_b"], abs=1e-6)


def test_markers_by_moments_of_a_column_of_another_modality(page, oracle):
    data = frame(oracle, "rna")
    known = data.notna().all(axis=1)
    result = settled(page, page.post("markers", {"group_by": "prot:leiden", "matrix": "rna/X", "min_fraction": 0}))
    for group in result["groups"]:
        inside = (oracle.obs["prot:leiden"] == group["name"]).fillna(False).astype(bool) & known
        assert (group["n"], group["n_rest"]) == (int(inside.sum()), int((~inside & known).sum()))
        for gene in group["genes"]:
            mean = data[gene["gene"].rpartition(":")[2]][inside].mean()
            assert gene["mean_a"] == pytest.approx(mean, rel=1e-5)


def test_a_dot_plot_of_genes_and_proteins(page, oracle):
    result = page.json("summary?genes=CD3D,prot:CD4,LYZ&group_by=celltype&matrix=rna/X")
    assert [g["gene"] for g in result["genes"]] == ["CD3D", "prot:CD4", "LYZ"]
    assert [g["matrix"] for g in result["genes"]] == [None, "prot/X", None]
    for gene in result["genes"]:
        modality = "prot" if gene["gene"].startswith("prot") else "rna"
        values = frame(oracle, modality)[gene["gene"].rpartition(":")[2]]
        expected = values.groupby(oracle.obs["celltype"], observed=False).mean()[result["groups"]]
        np.testing.assert_allclose(gene["mean"], expected, rtol=1e-5)


def test_violins_and_histograms_leave_missing_cells_out(page, oracle):
    values = frame(oracle, "prot")["CD56"]
    result = page.json("distribution?gene=CD56&group_by=celltype&matrix=rna/X")
    expected = values.groupby(oracle.obs["celltype"], observed=False).agg(["count", "mean"])
    assert [g["n"] for g in result["groups"]] == expected["count"].tolist()
    np.testing.assert_allclose([g["mean"] for g in result["groups"]], expected["mean"], rtol=1e-5)
    assert sum(page.json("histogram?gene=CD56&matrix=prot/X")["counts"]) == N - 48


def test_a_gene_against_a_protein(page, oracle):
    result = page.json("correlation?x=CD3D&y=CD56&matrix=rna/X")
    x, y = frame(oracle, "rna")["CD3D"], frame(oracle, "prot")["CD56"]
    both = x.notna() & y.notna()
    assert result["n"] == both.sum() == N - 78
    assert result["pearson"] == pytest.approx(scipy.stats.pearsonr(x[both], y[both]).statistic, rel=1e-5)


def test_a_score_is_missing_where_the_cell_is(page, oracle):
    answer = page.json("score?genes=CD3D,LYZ&method=mean&matrix=rna/X", headers={"Accept": "application/json"})
    found = np.array(answer["columns"][0]["values"], np.float64)
    np.testing.assert_allclose(found, frame(oracle, "rna")[["CD3D", "LYZ"]].mean(axis=1, skipna=False), rtol=1e-6)


def test_sums_over_samples_are_of_measured_cells(page, oracle):
    body = {"sample": "rna:donor", "matrix": "rna/layers/counts", "min_cells": 1}
    response = page.post("pseudobulk", body)
    job = response.json["job_id"] if response.status_code == 200 else response.json["job"]["id"]
    page.app.extensions["starcyte"].jobs.get(job).ended.wait(30)
    text = page.get(f"jobs/{job}", headers={"Accept": "text/csv"}).text
    rows = list(csv.reader(line for line in io.StringIO(text) if not line.startswith("#")))
    sums = frame(oracle, "rna", "counts").groupby(oracle.obs["rna:donor"], observed=True).sum()
    for row in rows[1:]:
        gene = row[0].rpartition(":")[2]
        np.testing.assert_allclose([float(v) for v in row[-len(sums) :]], sums[gene], rtol=1e-6)


def test_columns_of_a_modality_are_missing_where_the_cell_is(page, oracle):
    answer = page.json("obs/rna:n_genes", headers={"Accept": "application/json"})
    expected = oracle.obs["rna:n_genes"]
    assert [v is None for v in answer["columns"][0]["values"]] == expected.isna().tolist()


def test_counts_within_cells_of_another_modality(page, oracle):
    within = {"where": [{"column": "prot:leiden", "in": ["x"]}]}
    inside = oracle.obs["prot:leiden"].astype(object).eq("x").fillna(False).to_numpy(bool)
    body = {"genes": "CD3D,prot:CD4", "group_by": "celltype", "matrix": "rna/X", "within": within}
    result = page.post("summary", body).json
    types = oracle.obs["celltype"][inside]
    measured = frame(oracle, "rna")["CD3D"][inside].notna()
    assert result["n"] == measured.groupby(types, observed=False).sum()[result["groups"]].tolist()
    for gene, modality in zip(result["genes"], ("rna", "prot"), strict=True):
        values = frame(oracle, modality)[gene["gene"].rpartition(":")[2]][inside].dropna()
        by_type = values.groupby(types, observed=False)
        np.testing.assert_allclose(gene["mean"], by_type.mean()[result["groups"]], rtol=1e-5)
        positive = (values > 0).groupby(types, observed=False).mean()
        np.testing.assert_allclose(gene["fraction"], positive[result["groups"]], rtol=1e-6)
    counts = page.post("histogram", {"gene": "CD56", "matrix": "prot/X", "within": within}).json["counts"]
    assert sum(counts) == frame(oracle, "prot")["CD56"][inside].notna().sum()
    assert sum(page.json("histogram?column=rna:n_genes")["counts"]) == oracle.obs["rna:n_genes"].notna().sum()


def test_a_composition_is_of_the_cells_that_have_both_columns(page, oracle):
    a, b = ({"where": [{"column": "rna:donor", "in": [donor]}]} for donor in "AB")
    body = {"a": a, "b": b, "column": "prot:leiden", "sample": "celltype", "min_cells": 1}
    result = page.post("composition", body).json
    obs = oracle.obs[["celltype", "rna:donor", "prot:leiden"]].astype(object).dropna()
    shares = pd.crosstab([obs["celltype"], obs["rna:donor"]], obs["prot:leiden"], normalize="index")
    for category in result["categories"]:
        expected = [shares.loc[(s["sample"], s["side"].upper()), category["name"]] for s in result["samples"]]
        np.testing.assert_allclose(category["proportions"], expected)
