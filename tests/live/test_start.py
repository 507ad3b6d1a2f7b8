"""From the start of the process to the open dataset."""

from __future__ import annotations

import json
import socket

import pytest


def test_the_ready_file_has_the_address(viewer):
    assert viewer.ready == {
        "url": f"http://127.0.0.1:{viewer.ready['port']}/",
        "host": "127.0.0.1",
        "port": viewer.ready["port"],
        "pid": viewer.process.pid,
    }
    assert viewer.ready["port"] > 0


def test_one_line_has_the_title_and_the_address(viewer):
    assert viewer.out == f"starcyte: 10x_pbmc68k_reduced at {viewer.ready['url']}\n"
    assert viewer.err == ""


def test_the_page_is_served(viewer):
    status, body = viewer.get("/")
    assert status == 200
    assert b"<html" in body


def test_data_are_served(viewer):
    assert viewer.json("schema")["n_obs"] == 700
    assert len(viewer.json("obs/bulk_labels")["columns"][0]["values"]) == 700


def test_the_ready_file_is_removed_at_the_end(launched, pbmc, tmp_path):
    viewer = launched(pbmc)
    assert (tmp_path / "viewer0" / "ready.json").exists()
    assert viewer.stop() == 0
    assert not list((tmp_path / "viewer0").glob("*ready.json*"))


def test_page_and_health_are_served_while_a_file_is_opened(launched, pbmc):
    viewer = launched(pbmc, "--title=Slow <b>cells</b>", slowed="opening")
    health = viewer.json("health")
    assert (health["state"], health["title"]) == ("loading", "Slow <b>cells</b>")
    assert viewer.get("/")[0] == 200
    status, body = viewer.get("schema")
    assert (status, json.loads(body)["error"]["code"]) == (503, "dataset_loading")
    assert viewer.json("health")["state"] == "loading"
    viewer.opened()
    assert viewer.json("health")["state"] == "ready"
    assert viewer.json("schema")["n_obs"] == 700
    assert viewer.err == ""


@pytest.mark.parametrize("name", ["dataset_7.dat", "naïve 細胞.h5ad", "-n", "a b'\"$(x).h5ad"])
def test_a_file_of_any_name_opens(launched, pbmc, tmp_path, name):
    (tmp_path / name).symlink_to(pbmc)
    viewer = launched(tmp_path / name).opened()
    assert viewer.json("health")["state"] == "ready"
    assert viewer.json("schema")["title"] == (tmp_path / name).stem


def test_settings_come_from_the_environment(launched, pbmc, monkeypatch):
    monkeypatch.setenv("STARCYTE_TITLE", "From outside")
    assert launched(pbmc).opened().json("schema")["title"] == "From outside"


def test_the_first_free_port_is_the_default(launched, pbmc):
    first, second = (launched(pbmc, "--port=-1") for _ in range(2))
    assert 5005 <= first.ready["port"] < second.ready["port"] <= 5104


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0", "::1"])
def test_the_server_listens_on_the_given_host(launched, pbmc, host):
    if host == "::1":
        try:
            socket.create_server((host, 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("this machine has no IPv6")
    viewer = launched(pbmc, f"--host={host}", "--access=none", "--public")
    expected = "[::1]" if host == "::1" else "127.0.0.1"
    assert viewer.ready["url"] == f"http://{expected}:{viewer.ready['port']}/"
    with socket.create_connection((expected.strip("[]"), viewer.ready["port"]), 60) as connection:
        connection.sendall(b"GET /api/v1/health HTTP/1.0\r\n\r\n")
        assert b"starcyte" in connection.makefile("rb").read()
