"""The administrator's page, followed word for word in a Galaxy that has nothing but what it comes with.

Only paths and ports are others than the page's, and the choices are: no container, and no web server in front.
"""

import shutil
import subprocess
from pathlib import Path

import admin_page
import galaxy_server
import gx_it_proxy
import pytest
import requests
import yaml
from galaxy_conf import BATCH_TOOLS, BOOTSTRAP_KEY, EMAIL, ROOT, TOOL, WRAPPERS

pytestmark = pytest.mark.galaxy


class NewGalaxy(galaxy_server.Galaxy):
    """A Galaxy laid out as its repository is, without any configuration for starcyte."""

    def __init__(self, folder):
        self.folder = folder
        self.venv = galaxy_server.install()
        self.engine = None
        self.port, self.proxy_port = gx_it_proxy.free_port(), gx_it_proxy.free_port()
        self.url = f"http://localhost:{self.port}"
        self.session = requests.Session()
        self.session.headers["Connection"] = "close"
        self.root = folder / "galaxy"
        self.config = self.root / "config" / "galaxy.yml"
        self.map = self.root / "database" / "interactivetools_map.sqlite"
        for name in ("config", "database", "static"):
            (self.root / name).mkdir(parents=True)
        (packages,) = self.venv.glob("lib/python*/site-packages")
        (self.root / "lib").symlink_to(packages)
        (self.root / "tools").symlink_to(packages / "galaxy" / "tools" / "bundled")
        # its data, its first user, and nothing from the net: none of it is of the page
        (self.root / "config" / "no_tables.xml").write_text("<tables/>")
        settings = {
            "data_dir": "database",
            # which Galaxy's code would look for beside its own folder, lib/, and that is a link here
            "static_dir": str(self.root / "static"),
            "admin_users": EMAIL,
            "bootstrap_admin_api_key": BOOTSTRAP_KEY,
            "id_secret": "secret-for-tests",
            "allow_local_account_creation": True,
            "tool_data_table_config_path": "no_tables.xml",
            "enable_tool_shed_check": False,
            "conda_auto_init": False,
            "enable_mulled_containers": False,
            "job_handler_monitor_sleep": 0.2,
            "job_runner_monitor_sleep": 0.2,
        }
        self.config.write_text(yaml.safe_dump({"galaxy": settings}))
        gx_it_proxy.make_map(self.map)

    def _install_visualization(self, static):
        """Leave that to the page."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of this repository: the tracked files."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    folder = Path(tmp_path_factory.mktemp("new"))
    return NewGalaxy(folder)


@pytest.fixture(scope="module")
def administrator(new, checkout):
    paths = {
        "/srv/galaxy": str(new.root),
        "/path/to/this/repository": str(checkout),
        "/opt/starcyte": str(new.folder / "package"),
        "localhost:8080": f"localhost:{new.port}",
        "4002": str(new.proxy_port),
    }
    admin = admin_page.Administrator(new.root, paths)
    with galaxy_server.timed("the page followed"):
        admin.set_up()
    return admin


@pytest.fixture(scope="module")
def running(new, administrator):
    with gx_it_proxy.running(new.map, new.folder / "proxy.log", new.proxy_port), new.running():
        yield new


def test_the_check_finds_nothing_missing(running, administrator):
    status, lines = administrator.check()
    assert status == 0, lines
    assert [line for line in lines if line.startswith("note: ")] == [
        line for line in lines if "recovers no jobs" in line
    ]
    assert any("gx-it-proxy answers" in line for line in lines)


def test_the_tools_are_in_the_panel(running):
    for tool in (TOOL, *BATCH_TOOLS):
        assert running.call("GET", f"/api/tools/{tool}")["id"] == tool
    # and Galaxy's own still are
    assert running.call("GET", "/api/tools/upload1")["id"] == "upload1"
    for path in ("images/starcyte.png", "plugins/visualizations/starcyte/static/index.js"):
        assert running.session.get(f"{running.url}/static/{path}", timeout=30).ok, path


def test_a_session(running):
    history = running.call("POST", "/api/histories", json={"name": "New"})["id"]
    path = WRAPPERS / "tools" / "interactive" / "test-data" / "cells.h5ad"
    (dataset,) = running.upload(history, {"cells": path}, {})
    assert "starcyte" in {p["name"] for p in running.call("GET", f"/api/plugins?dataset_id={dataset['id']}")}
    session = galaxy_server.Session(running, history, dataset["id"])
    assert session.http.get("/").ok
    write = {"headers": {"X-Starcyte-Client": "test", "Sec-Fetch-Site": "same-origin"}}
    assert session.http.request("PUT", "/api/v1/annotations/Types", json={"labels": [{"name": "T cell"}]}, **write).ok
    galaxy_server.wait_for("the files", lambda: (session.working / "saved" / "session.json").exists(), 30)
    assert session.stop()["state"] == "ok"
    report, made = galaxy_server.left(running, running.job(session.id))
    assert "Saved       annotations.tabular (" in report
    assert {part: kind for part, (kind, *_) in made.items()} == {"annotations": "tabular", "session": "json"}
    given = {"infile": {"src": "hda", "id": dataset["id"]}, "annotations": {"src": "hda", "id": made["annotations"][2]}}
    answer = running.call(
        "POST", "/api/tools", json={"tool_id": "starcyte_annotate", "history_id": history, "inputs": given}
    )
    annotated = running.wait_for_dataset(answer["outputs"][0]["id"])
    assert "Types" in annotated["metadata_obs_layers"]
