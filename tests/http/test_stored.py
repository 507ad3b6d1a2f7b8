"""Results of scanpy and scVelo that a file has, compared with scanpy's own functions."""

from __future__ import annotations

import shutil
import warnings

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy.sparse import csr_matrix
from scipy.stats import norm

N, GENES = 240, 30
STATISTICS = {
    "scores": "score",
    "logfoldchanges": "log2_fold_change",
    "pvals": "p",
    "pvals_adj": "p_adjusted",
    "pct_nz_group": "fraction",
    "pct_nz_reference": "fraction_rest",
}


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """Write a dataset that scanpy has analysed, and return it with its path."""
    rng = np.random.default_rng(5)
    kind = np.repeat(["B", "T", "<b>NK"], N // 3)
    centre = {"B": (0, 0), "T": (6, 0), "<b>NK": (6, 5)}
    rates = 1 + 4 * np.array([[(g % 3) == k for g in range(GENES)] for k in range(3)]).repeat(N // 3, axis=0)
    data = anndata.AnnData(
        csr_matrix(rng.poisson(rates).astype(np.float32)),
        obs=pd.DataFrame({"kind": pd.Categorical(kind)}, index=[f"c{k}" for k in range(N)]),
        var=pd.DataFrame(
            {"feature_name": [f"SYM{g}" for g in range(GENES)]}, index=[f"ENSG{g:011d}" for g in range(GENES)]
        ),
    )
    places = np.array([centre[k] for k in kind]) + rng.normal(size=(N, 2))
    data.obsm["X_umap"] = places.astype(np.float32)
    data.obsm["velocity_umap"] = (np.array([[1.0, 0.5]]) + rng.normal(size=(N, 2)) / 4).astype(np.float32)
    data.obsm["X_pca"] = places
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.log1p(data)
        sc.pp.neighbors(data, use_rep="X_pca")
        sc.tl.rank_genes_groups(data, "kind", method="wilcoxon", pts=True)
        sc.tl.rank_genes_groups(data, "kind", method="t-test", reference="T", key_added="against T")
        sc.tl.filter_rank_genes_groups(data, min_fold_change=1.2, min_in_group_fraction=0.1)
        sc.tl.dendrogram(data, "kind", use_rep="X_pca")
    # as scanpy.tl.paga writes it, which needs igraph: the tree has each edge in one direction
    weights = np.array([[0, 0.1, 0.7], [0.1, 0, 0.4], [0.7, 0.4, 0]])
    data.uns["paga"] = {
        "connectivities": csr_matrix(weights),
        "connectivities_tree": csr_matrix(np.tril(np.where(weights > 0.3, weights, 0))),
        "groups": "kind",
        "pos": rng.normal(size=(3, 2)),
    }
    # anndata does not write a NaN among texts; people write "nan" in its place
    names = data.uns["rank_genes_groups_filtered"]["names"]
    texts = {group: [str(name) for name in names[group]] for group in names.dtype.names}
    data.uns["rank_genes_groups_filtered"]["names"] = pd.DataFrame(texts).to_records(index=False)
    path = tmp_path_factory.mktemp("stored") / "analysed.h5ad"
    data.write_h5ad(path)
    return path, data


def test_the_results_are_listed_with_their_parameters(serve, analysed):
    found = serve(analysed[0]).json("stored")
    ranked = {info["key"]: info for info in found["ranked_genes"]}
    assert set(ranked) == {"rank_genes_groups", "against T", "rank_genes_groups_filtered"}
    first, other = ranked["rank_genes_groups"], ranked["against T"]
    assert (first["method"], first["group_by"], first["reference"]) == ("wilcoxon", "kind", "rest")
    assert (first["matrix"], first["n_genes"], first["correction"]) == ("X", GENES, "benjamini-hochberg")
    assert first["groups"] == ["<b>NK", "B", "T"]
    assert (other["method"], other["reference"], other["groups"]) == ("t-test", "T", ["<b>NK", "B"])
    assert found["paga"] == {"group_by": "kind", "n": 3}
    assert found["velocity"] == ["X_umap"]
    assert found["warnings"] == []
    (dendrogram,) = found["dendrograms"]
    expected = analysed[1].uns["dendrogram_kind"]["categories_ordered"]
    assert (dendrogram["key"], dendrogram["group_by"]) == ("dendrogram_kind", "kind")
    assert dendrogram["categories"] == list(expected)


@pytest.mark.parametrize("key", ["rank_genes_groups", "against T", "rank_genes_groups_filtered"])
def test_ranked_genes_are_those_of_scanpy(serve, analysed, key):
    path, data = analysed
    client = serve(path)
    info = next(i for i in client.json("stored")["ranked_genes"] if i["key"] == key)
    for group in info["groups"]:
        table = client.json(f"stored/genes/{key}", query_string={"group": group, "limit": 1000})
        expected = sc.get.rank_genes_groups_df(data, group, key=key)
        expected = expected[expected["names"] != "nan"]
        assert table["total"] == len(table["genes"]) == len(expected)
        assert [gene["name"] for gene in table["genes"]] == expected["names"].tolist()
        assert [gene["gene"] for gene in table["genes"]] == expected["names"].map(data.var["feature_name"]).tolist()
        for column, name in STATISTICS.items():
            values = [gene[name] for gene in table["genes"]]
            if column in expected:
                np.testing.assert_allclose(np.array(values, float), expected[column], rtol=1e-6, equal_nan=True)
            else:
                assert set(values) <= {None}


def test_a_part_of_a_ranking_is_read(serve, analysed):
    client = serve(analysed[0])
    whole = client.json("stored/genes/rank_genes_groups", query_string={"group": "B", "limit": 1000})["genes"]
    part = client.json("stored/genes/rank_genes_groups", query_string={"group": "B", "offset": 4, "limit": 3})
    assert part["genes"] == whole[4:7]
    assert part["total"] == GENES
    beyond = client.json("stored/genes/rank_genes_groups", query_string={"group": "B", "offset": 1000})
    assert beyond["genes"] == []


@pytest.mark.parametrize(
    "path",
    ["stored/genes/nothing?group=B", "stored/genes/rank_genes_groups?group=Z", "velocity/X_pca", "velocity/no"],
)
def test_what_does_not_exist_is_not_found(serve, refused, analysed, path):
    refused(serve(analysed[0]).get(path), 404)


def test_the_graph_of_paga_is_that_of_the_file(serve, analysed):
    path, data = analysed
    graph = serve(path).json("stored/paga")
    wanted = data.uns["paga"]["connectivities"].toarray()
    tree = data.uns["paga"]["connectivities_tree"].toarray()
    assert graph["categories"] == data.obs["kind"].cat.categories.tolist()
    np.testing.assert_allclose(graph["positions"], data.uns["paga"]["pos"])
    assert len(graph["edges"]) == np.count_nonzero(np.triu(wanted, 1))
    weights = [edge["weight"] for edge in graph["edges"]]
    assert weights == sorted(weights, reverse=True)
    for edge in graph["edges"]:
        a, b = edge["a"], edge["b"]
        assert edge["weight"] == pytest.approx(wanted[a, b])
        assert edge["is_tree"] == bool(tree[a, b] or tree[b, a])


@pytest.mark.parametrize(("points", "min_mass"), [(50, 1), (15, 5)])
def test_velocities_are_those_of_the_formula_of_scvelo(serve, analysed, points, min_mass):
    path, data = analysed
    answer = serve(path).json("velocity/X_umap", query_string={"points": points, "min_mass": min_mass})
    at, arrows = by_brute_force(data.obsm["X_umap"], data.obsm["velocity_umap"], points / 50, min_mass)
    assert answer["n_cells"] == N
    np.testing.assert_allclose(np.c_[answer["x"], answer["y"]], at, rtol=1e-9)
    np.testing.assert_allclose(np.c_[answer["dx"], answer["dy"]], arrows, rtol=1e-7, atol=1e-12)


def by_brute_force(x, v, density, min_mass):
    """Return what scvelo.plotting's compute_velocity_on_grid does, from all distances."""
    x, v = x.astype(float), v.astype(float)
    axes = []
    for values in x.T:
        low, high = values.min(), values.max()
        low = low - 0.01 * abs(high - low)
        high = high + 0.01 * abs(high - low)
        axes.append(np.linspace(low, high, int(50 * density)))
    grid = np.vstack([mesh.flat for mesh in np.meshgrid(*axes)]).T
    distances = np.sqrt(((grid[:, None] - x[None]) ** 2).sum(axis=2))
    nearest = np.argsort(distances, axis=1)[:, : int(len(x) / 50)]
    scale = np.mean([axis[1] - axis[0] for axis in axes]) * 0.5
    weights = norm.pdf(np.take_along_axis(distances, nearest, axis=1), scale=scale)
    mass = weights.sum(axis=1)
    mean = (v[nearest] * weights[:, :, None]).sum(axis=1) / np.maximum(1, mass)[:, None]
    shown = mass > min_mass * np.percentile(mass, 99) / 100
    return grid[shown], mean[shown]


def without(file, name):
    del file[f"uns/{name}"]


def instead(name, value):
    def change(file):
        del file[f"uns/{name}"]
        file[f"uns/{name}"] = value

    return change


def shortened(file):
    node = file["uns/rank_genes_groups/pvals"]
    values = node[:-3]
    instead("rank_genes_groups/pvals", values)(file)


def renamed(file):
    values = file["uns/rank_genes_groups/scores"][()]
    values.dtype.names = tuple(f"other {name}" for name in values.dtype.names)
    instead("rank_genes_groups/scores", values)(file)


@pytest.mark.parametrize(
    ("change", "warning", "left"),
    [
        pytest.param(instead("rank_genes_groups/names", np.zeros(4)), "uns['rank_genes_groups']", None, id="no table"),
        pytest.param(lambda f: without(f, "rank_genes_groups/names"), "uns['rank_genes_groups']", None, id="no names"),
        pytest.param(lambda f: without(f, "rank_genes_groups/params"), None, {}, id="no parameters"),
        pytest.param(shortened, "pvals of uns['rank_genes_groups']", {"pvals"}, id="ragged"),
        pytest.param(renamed, "scores of uns['rank_genes_groups']", {"scores"}, id="other groups"),
        pytest.param(lambda f: without(f, "rank_genes_groups/scores"), None, {"scores"}, id="half missing"),
        pytest.param(
            instead("rank_genes_groups/pts", np.zeros(3)), "pts of uns['rank_genes_groups']", {"pts"}, id="shares"
        ),
        pytest.param(instead("paga/groups", "nothing"), "uns['paga']", {}, id="PAGA of no column"),
        pytest.param(instead("paga/connectivities", np.full((2, 2), 1.0)), "uns['paga']", {}, id="PAGA of two"),
        pytest.param(instead("paga/pos", np.full((3, 2), np.nan)), "pos of uns['paga']", {}, id="no place"),
        pytest.param(
            instead("dendrogram_kind/categories_ordered", ["B", "T"]), "uns['dendrogram_kind']", {}, id="two leaves"
        ),
        pytest.param(instead("dendrogram_kind", 3.0), "uns['dendrogram_kind']", {}, id="no dendrogram"),
    ],
)
def test_what_is_inconsistent_is_left_out_by_name(serve, analysed, tmp_path, change, warning, left):
    path = tmp_path / "odd.h5ad"
    shutil.copy(analysed[0], path)
    with h5py.File(path, "r+") as file:
        change(file)
    client = serve(path)
    found = client.json("stored")
    assert [warning in text for text in found["warnings"]] == ([True] if warning else [])
    info = next((i for i in found["ranked_genes"] if i["key"] == "rank_genes_groups"), None)
    if left is None:
        assert info is None
        return
    assert {"scores", "logfoldchanges", "pvals", "pvals_adj", "pts", "pts_rest"} - set(info["statistics"]) == set(left)
    genes = client.json("stored/genes/rank_genes_groups", query_string={"group": "B"})["genes"]
    assert len(genes) == GENES
    assert (genes[0]["score"] is None) == ("scores" in left)


def test_velocities_are_the_last_embeddings(serve, analysed):
    names = [embedding["name"] for embedding in serve(analysed[0]).json("schema")["embeddings"]]
    assert names == ["X_umap", "X_pca", "velocity_umap"]


def test_a_file_without_results_says_so(serve, h5ad_plain):
    found = serve(h5ad_plain).json("stored")
    assert found == {"ranked_genes": [], "dendrograms": [], "paga": None, "velocity": [], "warnings": []}


@pytest.fixture
def h5ad_plain(tmp_path):
    """Write a file without uns."""
    path = tmp_path / "plain.h5ad"
    anndata.AnnData(np.ones((5, 2), np.float32)).write_h5ad(path)
    return path


def test_a_logistic_regression_has_scores_alone(serve, pbmc):
    client = serve(pbmc)
    (info,) = client.json("stored")["ranked_genes"]
    assert (info["method"], info["matrix"], info["statistics"]) == ("logreg", "raw/X", ["scores"])
    genes = client.json("stored/genes/rank_genes_groups", query_string={"group": "CD19+ B", "limit": 3})["genes"]
    assert all(gene["gene"] == gene["name"] and gene["p"] is None for gene in genes)
