"""A dataset at a URL: the server responds during the download, and the page shows the progress."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.sparse as sp
from file_server import file_server
from h5ad_file import write_h5ad
from process import run
from proxy import proxy


@pytest.fixture
def server(pbmc):
    with file_server(pbmc.read_bytes()) as running:
        yield running


@pytest.fixture
def cache(tmp_path):
    return f"--cache-dir={tmp_path / 'cache'}"


def test_health_and_page_are_served_during_the_download(launched, server, cache):
    server.pause, server.piece = 0.2, 1 << 16
    viewer = launched(server.url, cache, "--remote-private")
    assert viewer.get("/")[0] == 200
    seen = []

    def moving():
        seen.append(viewer.json("health"))
        return seen[-1]["state"] == "loading" and (seen[-1]["progress"] or 0) > 0.1

    viewer.wait_until(moving)
    assert seen[-1]["message"].startswith("Downloading: 0.")
    assert seen[-1]["title"] == "cells"
    assert viewer.get("schema")[0] == 503
    server.pause = 0.0
    assert viewer.opened().json("schema")["n_obs"] == 700
    assert viewer.stop() == 0


def test_the_server_stops_at_once_during_the_download(launched, server, cache):
    server.pause, server.piece = 0.5, 1 << 14
    viewer = launched(server.url, cache, "--remote-private")
    viewer.wait_until(lambda: viewer.json("health")["message"].startswith("Downloading"))
    assert viewer.stop() == 0
    assert viewer.err == ""


def test_a_failed_download_is_reported_on_the_page(launched, server, cache):
    viewer = launched(server.url, cache).opened()
    error = viewer.json("health")["error"]
    assert (error["code"], server.requests) == ("remote_failed", [])
    assert "--remote-private" in error["hint"]


def test_dataset_and_port_come_from_the_environment(launched, server, cache, monkeypatch):
    monkeypatch.setenv("DATASET", server.url)
    monkeypatch.setenv("STARCYTE_REMOTE_PRIVATE", "yes")
    monkeypatch.setenv("PORT", "0")
    assert launched(cache).opened().json("schema")["n_obs"] == 700


def test_other_commands_accept_a_url(server, cache):
    done = run("inspect", server.url, cache, "--remote-private")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("cells: 700 cells")
    assert run("inspect", server.url, cache).returncode == 2


def test_the_proxy_of_the_environment_is_used(server, cache, monkeypatch):
    with proxy() as running:
        running.hosts["data.example"] = "127.0.0.1"
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, running.url)
        done = run("inspect", f"http://data.example:{server.server_port}/cells.h5ad", cache)
        assert (done.returncode, done.stderr) == (0, "")
        assert {target for _, target in running.requests} == {f"http://data.example:{server.server_port}/cells.h5ad"}


@pytest.mark.parametrize("url", ["ftp://example.org/x.h5ad", "http://u:secret@example.org/x", "http://"])
def test_a_url_is_refused_before_serving(url):
    done = run("launch", url, "--port=0")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "secret" not in done.stderr


def test_a_large_dataset_is_shown_during_the_download(launched, cache, tmp_path):
    rng = np.random.default_rng(1)
    path = write_h5ad(tmp_path / "x.h5ad", sp.random_array((9000, 1000), density=0.6, rng=rng, format="csr"))
    content = path.read_bytes()
    assert len(content) > 32 << 20
    with file_server(content) as server:
        server.is_open.clear()
        viewer = launched(server.url, cache, "--remote-private").opened()
        schema, health = viewer.json("schema"), viewer.json("health")
        assert schema["n_obs"] == 9000
        assert 0 <= health["downloaded"] < 0.5
        gene = f"expression?gene={viewer.json('genes')['genes'][0]['name']}"
        status, body = viewer.get(gene)[:2]
        assert (status, json.loads(body)["error"]["code"]) == (503, "dataset_loading")
        kept = json.dumps({"labels": [{"name": "T", "color": "#ff0000", "note": ""}]})
        given = json.dumps({"label": "T", "selection": {"ranges": [[0, 10]]}})
        head = {"Content-Type": "application/json"}
        assert viewer.get("annotations/mine", "PUT", kept, **head)[0] == 201
        assert viewer.get("annotations/mine/assign", "POST", given, **head)[0] == 200
        where = json.dumps({"a": {"ranges": [[0, 10]]}})
        assert viewer.get("diffexp", "POST", where, **head)[0] == 503
        assert "downloaded" in viewer.json("health")
        server.is_open.set()
        viewer.wait_until(lambda: "downloaded" not in viewer.json("health"))
        assert viewer.get(gene)[0] == 200
        # the scale is found from the values, which were not there
        assert schema["matrices"][0]["scale"] is None
        schema["matrices"][0] |= {"scale": "log1p", "log_base": np.e}
        assert viewer.json("schema") == schema
        assert viewer.json("annotations")["annotations"][0]["n_unlabelled"] == 8990
        assert viewer.get("diffexp", "POST", where, **head)[0] in {200, 202}
        assert viewer.stop() == 0
