"""Zarr at a URL: the commands read it in place, and the page shows it."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from object_server import object_server
from process import run
from zarr_stores import write_chunked, zipped

pytestmark = pytest.mark.slow

N, G = 300, 40


def cells(layout):
    rng = np.random.default_rng(1)
    values = layout(sp.random_array((N, G), density=0.5, rng=rng, format="csr", dtype=np.float32))
    obs = pd.DataFrame({"kind": pd.Categorical(rng.choice(list("abc"), N))}, index=[f"c{i}" for i in range(N)])
    return ad.AnnData(values, obs, pd.DataFrame(index=[f"G{i}" for i in range(G)]), obsm={"X_umap": rng.random((N, 2))})


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    write_chunked(cells(sp.csc_matrix), folder / "x.zarr", 64, 2048)
    write_chunked(cells(sp.csr_matrix), folder / "rows.zarr", 64, 2048)
    with object_server(folder) as running:
        yield running


@pytest.fixture
def options(tmp_path):
    return f"--cache-dir={tmp_path / 'cache'}", f"--data-dir={tmp_path / 'data'}", "--remote-private"


def test_a_store_is_shown_and_its_genes_are_read_in_place(launched, server, options):
    viewer = launched(f"{server.url}/x.zarr", *options).opened()
    schema = viewer.json("schema")
    assert (schema["n_obs"], schema["title"]) == (N, "x")
    status, body = viewer.get("expression?gene=G7")[:2]
    assert status == 200
    assert len(body) > 0
    assert "downloaded" not in viewer.json("health")
    assert not any(wanted == "" and "/X/" in path and "indptr" not in path for path, wanted in server.requests)
    kept = json.dumps({"labels": [{"name": "T", "color": "#ff0000", "note": ""}]})
    head = {"Content-Type": "application/json"}
    assert viewer.get("annotations/mine", "PUT", kept, **head)[0] == 201
    assert viewer.stop() == 0
    assert viewer.err == ""


def test_genes_by_row_wait_for_the_index(launched, server, options):
    server.latency = 0.05
    viewer = launched(f"{server.url}/rows.zarr", *options, "--index-least=100").opened()
    gene = "expression?gene=G7"
    status, body = viewer.get(gene)[:2]
    assert status in {200, 503}
    if status == 503:
        error = json.loads(body)["error"]
        assert (error["code"], "X is being read once" in error["message"]) == ("dataset_loading", True)
    viewer.wait_until(lambda: viewer.get(gene)[0] == 200)
    assert "indexing" not in viewer.json("health") or viewer.json("health")["indexing"] is None
    assert viewer.stop() == 0


def test_the_server_stops_at_once_while_it_waits_for_a_store(launched, server, options):
    server.latency = 60
    viewer = launched(f"{server.url}/x.zarr", *options)
    viewer.wait_until(lambda: viewer.json("health")["state"] == "loading")
    assert viewer.stop() == 0


def test_other_commands_accept_the_url_of_a_store(server, options, tmp_path):
    zipped(server.folder / "x.zarr", within="cells.zarr/")
    done = run("inspect", f"{server.url}/x.zarr.zip", *options, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["n_obs"] == N
    done = run("prepare", f"{server.url}/rows.zarr", *options)
    assert (done.returncode, done.stderr, "X is indexed in" in done.stdout) == (0, "", True)
    done = run("prepare", f"{server.url}/rows.zarr", *options, f"--output={tmp_path / 'made.zarr'}")
    assert (done.returncode, done.stderr) == (0, "")
    done = run("inspect", tmp_path / "made.zarr", "--json")
    assert json.loads(done.stdout)["n_obs"] == N
    done = run("get", f"{server.url}/rows.zarr", "api/v1/expression?gene=G7", *options)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_copy_with_annotations_of_a_store_is_refused_with_what_to_do(server, options, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("index,mine\n" + "".join(f"c{i},T\n" for i in range(N)))
    done = run(
        "export", f"{server.url}/x.zarr", *options, f"--annotations={table}", f"--output={tmp_path / 'copy.h5ad'}"
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "'x.zarr' is Zarr" in done.stderr


@pytest.mark.parametrize("name", ["none.zarr", "none.zarr.zip", "none"])
def test_what_is_not_there_is_one_line(server, options, name):
    done = run("inspect", f"{server.url}/{name}?key=s3cret", *options)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert name in done.stderr
    assert "s3cret" not in done.stderr


def test_a_catalog_lists_and_opens_stores(tmp_path, server, options):
    from process import Viewer

    (tmp_path / "catalog.yml").write_text(
        f"title: Atlas\ndatasets:\n  - url: {server.url}/x.zarr\n    id: x\n    title: First\n"
        f"  - url: {server.url}/rows.zarr\n    id: rows\n"
    )
    folder = tmp_path / "viewer"
    folder.mkdir()
    with Viewer(folder, tmp_path / "catalog.yml", *options, command="serve", access="none") as viewer:
        viewer.wait_until(lambda: viewer.get("/d/x/api/v1/health")[0] == 200)
        viewer.wait_until(lambda: json.loads(viewer.get("/d/x/api/v1/health")[1])["state"] == "ready")
        schema = json.loads(viewer.get("/d/x/api/v1/schema")[1])
        assert (schema["n_obs"], schema["title"]) == (N, "First")
        # what it is like is known once it was open
        viewer.wait_until(
            lambda: {d["id"]: d["n_obs"] for d in viewer.json("catalog")["datasets"]} == {"x": N, "rows": None}
        )
