"""The process of a catalog, what it leaves behind, and a prefix of an object store."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from process import PATIENCE, Viewer, run


@pytest.fixture
def serve(tmp_path):
    """Return a function that starts `starcyte serve`; it is stopped at the end."""
    running = []

    def serve(*arguments):
        scratch = tmp_path / f"serving{len(running)}"
        scratch.mkdir()
        more = (f"--cache-dir={tmp_path / 'cache'}", f"--data-dir={tmp_path / 'data'}")
        running.append(Viewer(scratch, *arguments, *more, command="serve"))
        return running[-1].__enter__()

    yield serve
    for viewer in running:
        viewer.__exit__(None, None, None)


def settled(viewer):
    """Return what is listed, by place, once all was looked at."""
    found = {}

    def is_settled():
        answer = viewer.json("catalog")
        found.update({d["place"]: d for d in answer["datasets"]})
        return answer["complete"] and all(d["state"] != "waiting" for d in answer["datasets"])

    viewer.wait_until(is_settled)
    return found


def ask(viewer, key, path):
    end = time.monotonic() + PATIENCE
    while (answer := viewer.get(f"/d/{key}/api/v1/{path}"))[0] == 503:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert answer[0] == 200, answer[1]
    return json.loads(answer[1])


def test_serves_a_folder_and_ends_with_status_0(serve, tmp_path, pbmc):
    folder = tmp_path / "root"
    folder.mkdir()
    shutil.copy(pbmc, folder / "dataset_1.dat")
    (folder / "broken.h5ad").write_bytes(pbmc.read_bytes()[:5000])
    viewer = serve(folder)
    # at once, whatever is in the folder
    assert viewer.json("health")["state"] == "ready"
    found = settled(viewer)
    assert found["broken.h5ad"]["state"] == "error"
    key = found["dataset_1.dat"]["id"]
    assert ask(viewer, key, "schema")["n_obs"] == 700
    assert viewer.get(f"/d/{key}/")[0] == 200
    assert viewer.stop() == 0
    assert viewer.err == ""


def test_an_unwritable_cache_costs_the_thumbnails_only(serve, tmp_path, pbmc):
    folder = tmp_path / "root"
    folder.mkdir()
    shutil.copy(pbmc, folder / "good.h5ad")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "catalog").write_text("in the way")
    viewer = serve(folder)
    found = settled(viewer)
    assert found["good.h5ad"]["state"] == "ready"
    assert viewer.json("health")["state"] == "ready"


def test_an_error_is_one_line(tmp_path):
    (tmp_path / "catalog.yml").write_text("datasets: 1")
    for given, word in (("nowhere", "nowhere"), ("catalog.yml", "datasets")):
        done = run("serve", tmp_path / given)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert word in done.stderr


def test_opening_and_closing_leaves_nothing_behind(tmp_path, pbmc):
    folder = tmp_path / "root"
    folder.mkdir()
    for name in ("a", "b", "c"):
        shutil.copy(pbmc, folder / f"{name}.h5ad")
    program = Path(__file__).with_name("cycling.py")
    done = subprocess.run(
        [sys.executable, program, folder, "60"], capture_output=True, text=True, timeout=4 * PATIENCE, check=True
    )
    found = json.loads(done.stdout)
    assert found["opened"] > 20
    assert found["open"] == 0
    # the helper that looks at files comes and goes, with a thread and some pipes; what is left at each opening is more
    assert found["after"]["descriptors"] <= found["before"]["descriptors"] + min(6, found["opened"] // 2)
    assert found["after"]["threads"] <= found["before"]["threads"] + 1
    assert found["after"]["memory"] <= found["before"]["memory"] + (16 << 20)


def test_a_prefix_of_a_store_is_a_catalog(serve, pbmc, monkeypatch):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        for name, value in {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        }.items():
            monkeypatch.setenv(name, value)
        store = boto3.client("s3")
        store.create_bucket(Bucket="lab")
        store.put_object(Bucket="lab", Key="atlas/blood/pbmc.h5ad", Body=pbmc.read_bytes())
        store.put_object(Bucket="lab", Key="atlas/README.md", Body=b"text")
        store.put_object(Bucket="lab", Key="elsewhere/secret.h5ad", Body=pbmc.read_bytes())
        viewer = serve("s3://lab/atlas/", "--remote-private")
        found = settled(viewer)
        assert set(found) == {"blood/pbmc.h5ad"}
        one = found["blood/pbmc.h5ad"]
        assert one["size"] == pbmc.stat().st_size
        assert ask(viewer, one["id"], "schema")["n_obs"] == 700
        # what it is like is known once it has come
        viewer.wait_until(lambda: viewer.json("catalog")["datasets"][0]["n_obs"] == 700)
    finally:
        server.stop()
