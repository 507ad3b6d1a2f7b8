"""The viewer on a real dataset, behind the real proxy."""

import json
import re
import shutil
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import pytest
import requests

sys.path.append(str(Path(__file__).parent))
import gx_it_proxy
import nginx

KEY, TOKEN = "a1b2c3d4e5f60718", "x9y8z7w6v5u4t3s2"
GONE = "00000000000000aa"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def dataset():
    """The dataset that scanpy's wheel carries; its package is found without importing it."""
    return Path(str(resources.files("scanpy"))) / "datasets" / "10x_pbmc68k_reduced.h5ad"


@pytest.fixture(scope="session")
def viewer(dataset, tmp_path_factory):
    """The port of a viewer as `starcyte-galaxy run` starts it, its dataset open."""
    ready = tmp_path_factory.mktemp("viewer") / "ready.json"
    command = [sys.executable, "-m", "starcyte", "launch", str(dataset), "--port=0", f"--ready-file={ready}"]
    process = subprocess.Popen([*command, "--title=PBMC", "--trust-prefix", "--allow-framing", "--access=none"])
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


@pytest.fixture(scope="session")
def web_server(proxy, tmp_path_factory):
    """The port of an nginx in front of the proxy, by the lines that the administrator's page gives for it."""
    if shutil.which("nginx") is None:
        pytest.skip("this machine has no nginx")
    text = (ROOT / "galaxy_wrappers" / "README.md").read_text()
    location, domain = (
        re.sub(r"localhost:4002\b", f"127.0.0.1:{proxy}", lines)
        for lines in re.findall("```nginx\n(.*?)```", text, re.S)
    )
    port = gx_it_proxy.free_port()
    listen = f"listen 127.0.0.1:{port};"
    # what a Galaxy has beside it answers everything else
    galaxy = f"server {{ {listen} server_name localhost; location / {{ return 404 Galaxy; }} {location} }}"
    domain = re.sub("listen 443 ssl;|ssl_certificate.*;", "", domain.replace("galaxy.example.org", "localhost"))
    domain = domain.replace("server {", f"server {{ {listen}", 1)
    folder = tmp_path_factory.mktemp("nginx")
    with nginx.running(folder, galaxy + domain, port):
        yield port


def through(request, key):
    server, mode = request.param.split()
    port = request.getfixturevalue({"proxy": "proxy", "nginx": "web_server"}[server])
    return gx_it_proxy.Through(port, key, TOKEN, mode)


#: The proxy itself, and with an nginx in front, in the two ways in which Galaxy addresses a session.
WAYS = ["proxy path", "proxy domain", "nginx path", "nginx domain"]


@pytest.fixture(params=WAYS)
def entry(request):
    return through(request, KEY)


@pytest.fixture(params=WAYS)
def nobody(request):
    return through(request, GONE)


@pytest.fixture(params=[way for way in WAYS if "path" in way])
def by_path(request):
    return through(request, KEY)


@pytest.fixture(params=[way for way in WAYS if "domain" in way])
def by_domain(request):
    return through(request, KEY)
