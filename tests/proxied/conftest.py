"""The viewer on a real dataset, behind the real proxy."""

import json
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import pytest
import requests

sys.path.append(str(Path(__file__).parent))
import gx_it_proxy

KEY, TOKEN = "a1b2c3d4e5f60718", "x9y8z7w6v5u4t3s2"
GONE = "00000000000000aa"


@pytest.fixture(scope="session")
def dataset():
    """The dataset that scanpy's wheel carries; its package is found without importing it."""
    return Path(str(resources.files("scanpy"))) / "datasets" / "10x_pbmc68k_reduced.h5ad"


@pytest.fixture(scope="session")
def viewer(dataset, tmp_path_factory):
    """The port of a viewer as `starcyte-galaxy run` starts it, its dataset open."""
    ready = tmp_path_factory.mktemp("viewer") / "ready.json"
    command = [sys.executable, "-m", "starcyte", "launch", str(dataset), "--port=0", f"--ready-file={ready}"]
    process = subprocess.Popen([*command, "--title=PBMC", "--trust-prefix", "--allow-framing"])
    try:
        end = time.monotonic() + 60
        while not ready.exists():
            assert process.poll() is None, "the viewer ended"
            assert time.monotonic() < end, "the viewer does not listen"
            time.sleep(0.05)
        port = json.loads(ready.read_text())["port"]
        while requests.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=5).json()["state"] == "loading":
            assert time.monotonic() < end, "the dataset does not open"
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def proxy(viewer, tmp_path_factory):
    """The port of gx-it-proxy, with the viewer's row in its map and one of a viewer that is not there."""
    folder = tmp_path_factory.mktemp("proxy")
    table = folder / "map.sqlite"
    gx_it_proxy.make_map(table, (KEY, TOKEN, viewer), (GONE, TOKEN, gx_it_proxy.free_port()))
    with gx_it_proxy.running(table, folder / "proxy.log") as port:
        yield port


@pytest.fixture(params=["path", "domain"])
def entry(request, proxy):
    return gx_it_proxy.Through(proxy, KEY, TOKEN, request.param)


@pytest.fixture(params=["path", "domain"])
def nobody(request, proxy):
    return gx_it_proxy.Through(proxy, GONE, TOKEN, request.param)


@pytest.fixture
def by_path(proxy):
    return gx_it_proxy.Through(proxy, KEY, TOKEN, "path")


@pytest.fixture
def by_domain(proxy):
    return gx_it_proxy.Through(proxy, KEY, TOKEN, "domain")
