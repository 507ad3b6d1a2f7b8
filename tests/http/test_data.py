"""Schema, embeddings, obs, genes and expression: what is in the file is what is answered."""

from __future__ import annotations

import csv
import io

import h5py
import numpy as np
import pytest
from columns import decode
from h5ad_file import write_h5ad

BINARY = {"Accept": "application/vnd.starcyte.columns"}
N = 40


def columns(client, path):
    response = client.get(path, headers=BINARY)
    assert response.status_code == 200, response.text
    assert response.mimetype == BINARY["Accept"]
    n, read = decode(response.get_data())
    assert n == client.json("schema")["n_obs"]
    return {c.entry["name"]: c for c in read}


def stored(path, name):
    with h5py.File(path, locking=False) as file:
        return file[name][()]


def test_schema(small):
    schema = small.json("schema")
    assert (schema["title"], schema["n_obs"], schema["n_vars"]) == ("small", N, 6)
    kinds = {c["name"]: c["kind"] for c in schema["obs"]}
    assert kinds == {
        "type": "categorical",
        "age": "continuous",
        "count": "continuous",
        "maybe": "continuous",
        "doublet": "boolean",
        "barcode": "string",
        "constant": "continuous",
    }
    kind = next(c for c in schema["obs"] if c["name"] == "type")
    assert kind["categories"] == ["B cell", "T, naïve", "<b>markup</b>", "none of them"]
    assert len(kind["colors"]) == kind["n_categories"] == 4
    assert schema["embeddings"][0] == {"name": "X_umap", "dims": 2, "library": None}
    assert {e["name"]: e["dims"] for e in schema["embeddings"]} == {"X_umap": 2, "X_pca": 5, "one": 1}
    assert {m["name"]: m["n_vars"] for m in schema["matrices"]} == {"X": 6, "raw/X": 12, "layers/counts": 6}
    assert schema["default_matrix"] == "raw/X"
    assert schema["features"]["diffexp"] is True


def test_the_title_of_the_setting_wins(serve, small_file):
    assert serve(small_file, title="Mine").json("schema")["title"] == "Mine"


def test_categories_beyond_the_setting_are_not_listed(serve, small_file):
    schema = serve(small_file, max_categories=3).json("schema")
    kind = next(c for c in schema["obs"] if c["name"] == "type")
    assert (kind["n_categories"], kind["categories"], kind["colors"]) == (4, None, None)


def test_an_embedding_has_no_place_for_cells_without_coordinates(small, small_file):
    found = columns(small, "embeddings/X_umap")
    expected = stored(small_file, "obsm/X_umap").T.copy()
    expected[:, [7, 8]] = np.nan
    assert list(found) == ["x", "y"]
    np.testing.assert_array_equal([found["x"].values, found["y"].values], expected)
    assert found["x"].values.dtype == np.float32


@pytest.mark.parametrize(
    ("query", "dims"),
    [("", [0, 1]), ("?dims=0", [0]), ("?dims=4,2", [4, 2]), ("?dims=1,2,3", [1, 2, 3]), ("?dims=3,3", [3, 3])],
    ids=["the first two", "one", "any order", "three", "twice the same"],
)
def test_dims_choose_columns(small, small_file, query, dims):
    found = columns(small, f"embeddings/X_pca{query}")
    expected = stored(small_file, "obsm/X_pca")[:, dims].T
    assert list(found) == list("xyz")[: len(dims)]
    drawn = np.isfinite(expected).all(axis=0)
    got = np.array([c.values for c in found.values()])
    np.testing.assert_array_equal(got[:, drawn], expected[:, drawn])
    assert np.isnan(got[:, ~drawn]).all()


def test_an_embedding_of_one_column_has_x_alone(small):
    assert list(columns(small, "embeddings/one")) == ["x"]


@pytest.mark.parametrize("dims", ["", ",", "0,", "a", "-1", "0,1,2,3", "0 ,1", "1.0", "0;1", "٣", "9" * 30, "0x1"])
def test_dims_that_are_none_are_a_bad_request(small, refused, dims):
    refused(small.get("embeddings/X_pca", query_string={"dims": dims}), 400, "bad_request")


@pytest.mark.parametrize("dims", ["5", "0,5", "999999999999999"])
def test_dims_that_are_not_there_are_not_found(small, refused, dims):
    refused(small.get(f"embeddings/X_pca?dims={dims}"), 404, "not_found")


def test_a_categorical_column_is_codes(small, small_file):
    (column,) = columns(small, "obs/type").values()
    np.testing.assert_array_equal(column.values, stored(small_file, "obs/type/codes"))
    assert column.entry["categories"] == ["B cell", "T, naïve", "<b>markup</b>", "none of them"]


@pytest.mark.parametrize("name", ["age", "count", "constant"])
def test_a_column_of_numbers_is_numbers(small, small_file, name):
    (column,) = columns(small, f"obs/{name}").values()
    np.testing.assert_array_equal(column.values, stored(small_file, f"obs/{name}"))


def test_missing_is_not_nan(small):
    (column,) = columns(small, "obs/maybe").values()
    assert column.plain() == [None if i % 9 == 0 else i for i in range(N)]


def test_truth_values_are_two_categories(small):
    (column,) = columns(small, "obs/doublet").values()
    assert [c.lower() for c in column.entry["categories"]] == ["false", "true"]
    assert column.values.tolist() == [int(i % 6 == 0) for i in range(N)]


def test_text_that_differs_everywhere_is_text(small):
    (column,) = columns(small, "obs/barcode").values()
    assert column.plain() == [f"AAAC-{i}" for i in range(N)]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=cd3", ["CD3D"]),
        ("q=CD3D", ["CD3D"]),
        ("q=a,b", ["a,b"]),
        ("q=x/y", ["x/y"]),
        ("q=%3Cimg", ["<img src=x onerror=alert(1)>"]),
        ("q=&limit=2", ["CD3D", "MS4A1"]),
        ("limit=1", ["CD3D"]),
        ("q=no such gene", []),
        ("q=only+in+raw", []),
        ("q=only+in+raw&matrix=raw/X&limit=1", ["only in raw 0"]),
        ("limit=0", []),
    ],
)
def test_genes_are_found(small, query, names):
    answer = small.json(f"genes?{query}")
    assert [g["name"] for g in answer["genes"]] == names
    assert answer["total"] >= len(names)
    assert answer["n"] == (12 if "raw" in query and "matrix" in query else 6)


def test_a_list_of_names_is_looked_up_in_its_order_and_the_misses_told(small):
    answer = small.json('genes?names=ms4a1,nope,"a,b",CD3D,MS4A1')
    assert [g["name"] for g in answer["genes"]] == ["MS4A1", "a,b", "CD3D"]
    assert answer["missing"] == ["nope"]


def test_genes_are_found_by_their_aliases(serve, tmp_path):
    var = {"alias_symbol": ["CD20|Leu-16", "", "T3D, IMD19"]}
    path = write_h5ad(tmp_path / "aliases.h5ad", np.ones((2, 3), np.float32), genes=["MS4A1", "T3", "CD3D"], var=var)
    client = serve(path)
    (gene,) = client.json("genes?q=cd2")["genes"]
    assert (gene["name"], gene["alias"]) == ("MS4A1", "CD20")
    # a name comes before an alias
    assert [g["name"] for g in client.json("genes?q=t3")["genes"]] == ["T3", "CD3D"]
    assert [g["alias"] for g in client.json("genes?q=t3")["genes"]] == [None, "T3D"]
    answer = client.json("genes?names=leu-16,imd19,T3,CD2")
    assert [g["name"] for g in answer["genes"]] == ["MS4A1", "CD3D", "T3"]
    assert answer["missing"] == ["CD2"]


def test_the_names_of_a_selection_are_a_table(real, pbmc, refused):
    body = {"selection": {"where": [{"column": "bulk_labels", "in": ["Dendritic"]}]}}
    with h5py.File(pbmc, locking=False) as file:
        obs, kinds = file["obs"][()], file["uns/bulk_labels_categories"][()].tolist()
    expected = [name.decode() for name in obs["index"][obs["bulk_labels"] == kinds.index(b"Dendritic")]]
    assert real.post("cells/names", body).text.split() == ["cell", *expected]
    assert real.post("cells/names", {"selection": {"indices": []}}).text.split() == ["cell"]
    refused(real.post("cells/names", {"selection": "all"}), 400)
    refused(real.post("cells/names", body | {"limit": 3}), 400)


def test_no_more_genes_are_listed_than_the_setting_says(serve, small_file):
    assert len(serve(small_file, max_genes_listed=3).json("genes?limit=100")["genes"]) == 3


@pytest.mark.parametrize("limit", ["-1", "x", "", "1.5", "1e2", "٣", "9" * 16, "0x10", " 1", "null"])
@pytest.mark.parametrize("path", ["genes", "jobs/0123456789abcdef"])
def test_a_limit_that_is_no_whole_number_is_a_bad_request(small, refused, path, limit):
    refused(small.get(path, query_string={"limit": limit}), 400, "bad_request")


@pytest.mark.parametrize("gene", ["CD3D", "a,b", "x/y", 'quo"te', "<img src=x onerror=alert(1)>"])
@pytest.mark.parametrize("matrix", ["X", "raw/X", "layers/counts"])
def test_expression_is_the_matrix_column(small, small_file, matrix, gene):
    response = small.get("expression", query_string={"gene": gene, "matrix": matrix}, headers=BINARY)
    _, (column,) = decode(response.get_data())
    assert column.entry["name"] == gene
    with h5py.File(small_file, locking=False) as file:
        node = file[matrix]
        position = list(file["var/_index"].asstr()).index(gene)
        if isinstance(node, h5py.Dataset):
            expected = node[:, position]
        else:
            expected = np.zeros(N, np.float32)
            rows = np.repeat(np.arange(N), np.diff(node["indptr"][()]))
            hits = node["indices"][()] == position
            expected[rows[hits]] = node["data"][()][hits]
    np.testing.assert_array_equal(column.values, expected)


def test_several_genes_come_as_the_columns_that_each_has_alone(small):
    names = ["x/y", "CD3D", "a,b", "CD3D"]
    asked = {"genes": 'x/y,CD3D,"a,b",CD3D', "matrix": "raw/X"}
    n, columns = decode(small.get("expression", query_string=asked, headers=BINARY).get_data())
    assert n == N
    assert [c.entry["name"] for c in columns] == names[:3]
    for column in columns:
        alone = {"gene": column.entry["name"], "matrix": "raw/X"}
        _, (expected,) = decode(small.get("expression", query_string=alone, headers=BINARY).get_data())
        np.testing.assert_array_equal(column.values, expected.values)
    text = small.get("expression", query_string=asked, headers={"Accept": "text/csv"}).get_data(as_text=True)
    assert next(csv.reader(io.StringIO(text))) == names[:3]


def test_several_genes_are_refused_where_one_is_missing_or_they_are_too_many(serve, small_file, refused):
    client = serve(small_file, max_summary_genes=3, max_expression_bytes=2 * N * 4)
    assert client.get("expression?genes=CD3D", headers=BINARY).status_code == 200
    refused(client.get("expression?genes=CD3D,no such gene"), 404, "not_found")
    refused(client.get("expression?genes=CD3D&gene=CD3D"), 400, "bad_request")
    assert "max_summary_genes" in refused(client.get("expression?genes=a,b,c,d"), 413)["message"]
    assert "max_expression_bytes" in refused(client.get("expression?genes=CD3D,x/y"), 413)["message"]


def test_a_gene_of_raw_only_is_found_there_only(small, refused):
    assert small.get("expression?gene=only in raw 3&matrix=raw/X").status_code == 200
    refused(small.get("expression?gene=only in raw 3"), 404, "not_found")


def test_a_gene_near_by_is_named(small, refused):
    assert "CD3D" in refused(small.get("expression?gene=cd3"), 404)["hint"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("expression", 400),
        ("expression?gene=", 404),
        ("expression?gene=CD3D&matrix=", 404),
        ("expression?gene=CD3D&matrix=Y", 404),
        ("expression?gene=CD3D&matrix=layers", 404),
        ("expression?gene=CD3D&matrix=../X", 404),
        ("genes?matrix=Y", 404),
        ("obs/", 404),
        ("obs", 404),
        ("obs/index", 404),
        ("obs/_index", 404),
        ("obs/type/codes", 404),
        ("embeddings/", 404),
        ("embeddings/X_tsne", 404),
        ("embeddings/X_umap/", 404),
    ],
)
def test_what_is_not_there_is_refused(small, refused, path, status):
    refused(small.get(path), status)


@pytest.mark.parametrize("path", ["obs/bulk_labels", "obs/percent_mito", "embeddings/X_umap", "expression?gene=CD3D"])
def test_the_three_forms_hold_the_same_values(real, path):
    (first, *_) = columns(real, path).values()
    listed = real.json(path)["columns"][0]
    rows = list(csv.reader(io.StringIO(real.get(path, headers={"Accept": "text/csv"}).text)))
    assert rows[0][0] == first.entry["name"] == listed["name"]
    assert listed["values"] == [v.item() if hasattr(v, "item") else v for v in first.plain()]
    assert [str(v) for v in listed["values"]] == [r[0] for r in rows[1:]]


def test_the_real_dataset(real):
    schema = real.json("schema")
    assert (schema["n_obs"], schema["n_vars"]) == (700, 765)
    assert schema["embeddings"][0]["name"] == "X_umap"
    assert real.json("health")["state"] == "ready"


def test_genes_are_found_by_synonyms_of_the_operators_table(serve, tmp_path, refused):
    table = tmp_path / "hgnc.txt"
    table.write_text("symbol\talias_symbol\tprev_symbol\nPTPRC\tLCA|CD45R\tCD45\nMS4A1\tCD20\t\n")
    path = write_h5ad(tmp_path / "file.h5ad", np.ones((2, 3), np.float32), genes=["PTPRC", "MS4A1", "CD45RO"])
    client = serve(path, gene_synonyms=str(table), data_dir=str(tmp_path / "data"))
    answer = client.json("genes?q=cd45")
    assert [(g["name"], g["alias"]) for g in answer["genes"]] == [("PTPRC", "CD45"), ("CD45RO", None)]
    answer = client.json("genes?names=cd20,lca,CD45RO,none,PTPRC")
    assert [(g["name"], g["alias"]) for g in answer["genes"]] == [("MS4A1", "CD20"), ("PTPRC", "LCA"), ("CD45RO", None)]
    assert answer["missing"] == ["none"]
    headers = {"Content-Type": "text/tab-separated-values"}
    answer = client.open("import/genesets", method="POST", data="B\tna\tCD20\tcd45\tMS4A1\tnone", headers=headers).json
    assert answer["renamed"] == {"CD20": "MS4A1", "cd45": "PTPRC"}
    assert answer["genesets"][0]["genes"] == ["MS4A1", "PTPRC", "none"]
    assert answer["missing"] == {"B": ["none"]}
    other = serve(path, gene_synonyms=str(tmp_path / "absent"), data_dir=str(tmp_path / "data"))
    assert "absent" in refused(other.get("genes?q=cd45"), 400)["message"]


def test_a_request_for_genes_by_their_names_reads_no_table(serve, tmp_path):
    path = write_h5ad(tmp_path / "file.h5ad", np.ones((2, 1), np.float32), genes=["A"])
    client = serve(path, gene_synonyms=str(tmp_path / "absent"))
    assert client.get("expression?gene=A", headers={"Accept": "application/json"}).status_code == 200
    assert client.get("schema").status_code == 200
