"""What the operator switches off is gone from the schema, and refused by the interface."""

from __future__ import annotations

import pytest
from starcyte.errors import NotFound
from starcyte.settings import Settings
from starcyte.store.open import open_dataset

COMPARISON = {"a": {"ranges": [[0, 20]]}, "method": "t-test"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "diffexp", COMPARISON),
        ("POST", "markers", {"group_by": "type"}),
        ("GET", "jobs/1", None),
        ("DELETE", "jobs/1", None),
    ],
)
def test_comparisons_can_be_switched_off(serve, small_file, refused, method, path, body):
    page = serve(small_file, disable_diffexp=True)
    assert page.json("schema")["features"]["diffexp"] is False
    response = page.open(f"/api/v1/{path}", method=method, json=body)
    refused(response, 403, "forbidden")
    assert "disable_diffexp" in response.json["error"]["message"]
    assert page.json("expression?gene=CD3D")["n"] > 0, "all else goes on"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "annotations", None),
        ("PUT", "annotations/x", {"labels": []}),
        ("GET", "genesets", None),
        ("PUT", "genesets/x", {"genes": ["CD3D"]}),
        ("GET", "views", None),
        ("PUT", "views/x", {}),
        ("GET", "changes?since=0", None),
    ],
)
def test_annotations_can_be_disabled(serve, small_file, tmp_path, refused, method, path, body):
    data = tmp_path / "data"
    page = serve(small_file, disable_annotations=True, data_dir=str(data))
    assert "annotations" not in page.json("schema")["features"], "the page shows nothing of them"
    response = page.open(f"/api/v1/{path}", method=method, json=body)
    refused(response, 403, "forbidden")
    assert "disable_annotations" in response.json["error"]["message"]
    assert not data.exists(), "nothing is written"


def test_saving_gene_sets_can_be_disabled(serve, small_file, tmp_path, refused):
    page = serve(small_file, disable_gene_sets_save=True, data_dir=str(tmp_path))
    features = page.json("schema")["features"]
    assert (features["annotations"], features["genesets"]) == (True, False)
    refused(page.open("/api/v1/genesets/x", method="PUT", json={"genes": ["CD3D"]}), 403, "forbidden")
    assert page.json("/api/v1/genesets")["genesets"] == []
    assert page.open("/api/v1/annotations/x", method="PUT", json={"labels": []}).status_code == 201


@pytest.mark.parametrize("cutoff", [0.0, 0.3, 1e9])
def test_small_changes_can_be_left_out(serve, small_file, cutoff):
    everything = serve(small_file, answer_wait=30.0).post("/api/v1/diffexp", COMPARISON).json
    page = serve(small_file, diffexp_lfc_cutoff=cutoff, answer_wait=30.0)
    answer = page.post("/api/v1/diffexp", COMPARISON).json
    expected = [g for g in everything["genes"] if g["log2_fold_change"] is None or abs(g["log2_fold_change"]) >= cutoff]
    assert answer["genes"] == expected
    assert answer["n_genes"] == len(expected)
    table = page.get(f"/api/v1/jobs/{answer['job_id']}", headers={"Accept": "text/csv"}).text.splitlines()
    table = [line for line in table if not line.startswith("#")]
    assert len(table) == 1 + len(expected)
    markers = page.post("/api/v1/markers", {"group_by": "type"}).json
    changes = [g["log2_fold_change"] for group in markers["groups"] for g in group["genes"]]
    assert all(change is None or abs(change) >= cutoff for change in changes)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ((), ["X_umap", "X_pca", "one"]),
        (("pca",), ["X_pca"]),
        (("X_pca", "umap"), ["X_pca", "X_umap"]),
    ],
)
def test_embeddings_can_be_chosen(serve, small_file, refused, names, shown):
    page = serve(small_file, embedding=names)
    found = [e["name"] for e in page.json("schema")["embeddings"]]
    assert found == shown if names else sorted(found) == sorted(shown)
    for name in {"X_umap", "X_pca", "one"} - set(shown):
        refused(page.get(f"/api/v1/embeddings/{name}"), 404, "not_found")


def test_a_missing_embedding_is_reported(small_file):
    with pytest.raises(NotFound, match="'tsne'"):
        open_dataset(small_file, Settings(embedding=("umap", "tsne")))


def test_a_user_who_asks_too_often_waits(serve, small_file):
    page = serve(
        small_file, max_requests=5, user_header="X-User", trusted_proxies="203.0.113.9", access="proxy", role="read"
    )

    def ask(user, path="/api/v1/schema"):
        return page.get(path, headers={"X-User": user})

    got = [ask("eva") for _ in range(7)]
    assert [r.status_code for r in got] == [200] * 5 + [429] * 2
    assert got[-1].json["error"]["code"] == "too_many_requests"
    assert int(got[-1].headers["Retry-After"]) >= 1
    assert ask("otto").status_code == 200, "another user is not kept waiting"
    assert ask("eva", "/api/v1/health").status_code == 200, "whoever looks after the server may always ask"
