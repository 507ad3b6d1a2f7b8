"""Leaving: at once, with status 0, and without leaving anybody with half an answer."""

from __future__ import annotations

import http.client
import json
import signal
import threading

import pytest

SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
BEGUN = "begun"


class Asking(threading.Thread):
    """One request, in a thread of its own."""

    def __init__(self, viewer, *request, **how):
        super().__init__()
        self._ask = lambda: viewer.get(*request, **how)
        self.status, self.body, self.broken = None, b"", None
        self.start()

    def run(self):
        try:
            self.status, self.body = self._ask()
        except (OSError, http.client.HTTPException) as error:
            self.broken = error


def is_left_cleanly(viewer, number):
    assert viewer.stop(number) == 0
    assert viewer.err == ""


@SIGNALS
def test_an_idle_viewer_leaves(launched, pbmc, number):
    is_left_cleanly(launched(pbmc).opened(), number)


@SIGNALS
def test_a_viewer_leaves_at_once_after_its_start(launched, pbmc, number):
    is_left_cleanly(launched(pbmc), number)


@SIGNALS
def test_a_viewer_leaves_while_the_file_opens(launched, pbmc, number):
    viewer = launched(pbmc, slowed="opening")
    viewer.wait_until(lambda: BEGUN in viewer.out)
    is_left_cleanly(viewer, number)


@SIGNALS
def test_a_short_request_is_answered_before_leaving(launched, pbmc, number):
    viewer = launched(pbmc, slowed="embedding").opened()
    asking = Asking(viewer, "embeddings/X_umap")
    viewer.wait_until(lambda: BEGUN in viewer.out)
    is_left_cleanly(viewer, number)
    asking.join(30)
    assert asking.status == 200, asking.broken
    assert len(json.loads(asking.body)["columns"]) == 2


@SIGNALS
def test_a_long_read_ends_with_an_error_of_ours(launched, pbmc, number):
    viewer = launched(pbmc, slowed="gene").opened()
    asking = Asking(viewer, "expression?gene=CD3D")
    viewer.wait_until(lambda: BEGUN in viewer.out)
    is_left_cleanly(viewer, number)
    asking.join(30)
    assert asking.status == 409, asking.broken
    assert json.loads(asking.body)["error"]["code"] == "cancelled"


@pytest.mark.parametrize("wait", ["0.01", "60"], ids=["as a job", "waited for"])
def test_a_comparison_does_not_keep_it(launched, pbmc, wait):
    viewer = launched(pbmc, f"--answer-wait={wait}", slowed="comparison").opened()
    body = json.dumps({"a": {"ranges": [[0, 9]]}})
    asking = Asking(viewer, "diffexp", "POST", body, **{"Content-Type": "application/json"})
    viewer.wait_until(lambda: BEGUN in viewer.out)
    is_left_cleanly(viewer, signal.SIGTERM)
    asking.join(30)
    assert asking.status in {202, 409}, asking.broken


def test_a_read_that_does_not_end_does_not_keep_it(launched, pbmc):
    viewer = launched(pbmc, slowed="embedding").opened()
    asking = Asking(viewer, "embeddings/X_pca")
    viewer.wait_until(lambda: BEGUN in viewer.out)
    assert viewer.stop() == 0
    assert viewer.err == "starcyte: WARNING: 1 thread(s) still running\n"
    asking.join(30)
    assert asking.status is None
    assert asking.broken


def test_open_connections_do_not_keep_it(launched, pbmc):
    viewer = launched(pbmc).opened()
    silent, half = viewer.connect(), viewer.connect()
    half.sendall(b"GET /api/v1/schema HTTP/1.1\r\nHost:")
    kept = viewer.client()
    kept.request("GET", "/api/v1/health")
    assert kept.getresponse().read()
    is_left_cleanly(viewer, signal.SIGTERM)
    for connection in (silent, half, kept):
        connection.close()


def test_two_signals_are_one(launched, pbmc):
    viewer = launched(pbmc).opened()
    viewer.process.send_signal(signal.SIGTERM)
    is_left_cleanly(viewer, signal.SIGINT)


def test_the_port_is_free_at_once(launched, pbmc):
    first = launched(pbmc).opened()
    port = first.ready["port"]
    assert first.get("schema")[0] == 200
    first.stop()
    assert launched(pbmc, f"--port={port}").ready["port"] == port


def send(viewer, path, method, body):
    status, answer = viewer.get(path, method, json.dumps(body), **{"Content-Type": "application/json"})
    assert status in {200, 201}, answer
    return json.loads(answer)


def test_its_page_ends_it_and_what_was_made_is_in_the_folder(launched, pbmc, tmp_path):
    saved = tmp_path / "saved"
    viewer = launched(pbmc, "--allow-finish", f"--outputs-dir={saved}", f"--data-dir={tmp_path / 'data'}").opened()
    send(viewer, "annotations/mine", "PUT", {"labels": [{"name": "T"}]})
    kind = {"Content-Type": "application/json"}
    assert viewer.get("finish", "POST", "{}", **kind)[0] == 400
    assert viewer.get("finish", "POST", '{"key": ""}', **kind)[0] == 403
    key = viewer.json("schema")["finish_key"]
    assert send(viewer, "finish", "POST", {"key": key}) == {"state": "finished"}
    assert viewer.process.wait(60) == 0
    assert viewer.out.splitlines()[-1] == "starcyte: finished by its user"
    assert viewer.err == ""
    assert {p.name for p in saved.iterdir()} == {"annotations.tabular", "session.json"}
    assert {p.name for p in tmp_path.iterdir() if "saving" in p.name} == set()


def test_a_viewer_that_nobody_uses_ends(launched, pbmc):
    viewer = launched(pbmc, "--idle-timeout=2")
    assert viewer.process.wait(120) == 0
    assert viewer.out.splitlines()[-1] == "starcyte: stopped after 2 s without requests"
    assert viewer.err == ""


@SIGNALS
def test_a_change_just_before_leaving_is_in_the_folder(launched, pbmc, tmp_path, number):
    saved = tmp_path / "saved"
    viewer = launched(pbmc, f"--outputs-dir={saved}", f"--data-dir={tmp_path / 'data'}").opened()
    for k in range(5):
        send(viewer, f"annotations/mine{k}", "PUT", {"labels": [{"name": "T"}]})
    assert viewer.stop(number) == 0
    header = (saved / "annotations.tabular").read_text().split("\n", 1)[0]
    assert header.split("\t")[1:] == [f"mine{k}" for k in range(5)]
