"""One Galaxy, one history with datasets, for all tests of this folder."""

import sys
import tempfile
from importlib import resources
from pathlib import Path

import h5py
import numpy as np
import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "proxied")]
import container
import galaxy_conf
import galaxy_page
import galaxy_server
import gx_it_proxy

TEST_DATA = {path.name: path for path in galaxy_conf.WRAPPERS.glob("tools/*/test-data/*")}


def pytest_addoption(parser):
    parser.addoption("--container", action="store_true", help="run the tools in the image that Dockerfile describes")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Tell of a test that fails what the browser shows, frame by frame."""
    report = yield
    page = item.funcargs.get("user") or item.funcargs.get("page")
    if report.failed and page is not None:
        report.sections.append(("What the page shows", galaxy_page.text_of(page)))
        galaxy_page.keep(page, f"failed-{item.name}")
    return report


@pytest.fixture(scope="session")
def galaxy(request):
    # a short path: Galaxy makes sockets in its folder
    with tempfile.TemporaryDirectory(prefix="starcyte-galaxy-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # some jobs run as another user
        folder.chmod(0o755)
        engine = container.Engine(folder / "engine") if request.config.getoption("--container") else None
        ports = gx_it_proxy.free_port(), gx_it_proxy.free_port()
        server = galaxy_server.Galaxy(folder, *ports, engine)
        with gx_it_proxy.running(server.map, folder / "proxy.log", server.proxy_port), server.running():
            yield server


@pytest.fixture(scope="session")
def history(galaxy):
    return galaxy.call("POST", "/api/histories", json={"name": "Blood cells"})["id"]


@pytest.fixture(scope="session")
def uploaded(galaxy, history, tmp_path_factory):
    """All datasets of all tests, by name: one upload, which takes Galaxy as long as that of one of them."""
    path = Path(str(resources.files("scanpy"))) / "datasets" / "10x_pbmc68k_reduced.h5ad"
    files = {galaxy_server.PLAIN: path, galaxy_server.NASTY: path, galaxy_server.CELLS: TEST_DATA["cells.h5ad"]}
    others = tmp_path_factory.mktemp("others")
    with h5py.File(others / "plain.h5", "w") as file:
        file["numbers"] = np.arange(3)
    with h5py.File(others / "cells.loom", "w") as file:
        file.attrs["LOOM_SPEC_VERSION"] = "3.0.0"
        file["matrix"] = np.zeros((2, 3))
        for group in ("row_attrs", "col_attrs", "layers"):
            file.create_group(group)
    files |= {name: others / name for name in ("plain.h5", "cells.loom")}
    # those of the tests in the wrappers, by the names that they have there
    given = TEST_DATA
    with galaxy_server.timed("uploaded"):
        found = galaxy.upload(history, files | given, {name: path.suffix[1:] for name, path in given.items()})
        return dict(zip(files | given, found, strict=True))


@pytest.fixture(scope="session")
def datasets(uploaded):
    return [uploaded[galaxy_server.PLAIN], uploaded[galaxy_server.NASTY]]


@pytest.fixture(scope="session")
def sessions(galaxy, history, datasets):
    """Two sessions at once, by the name of their dataset: they declare the same port of the same machine."""
    return {d["name"]: galaxy_server.Session(galaxy, history, d["id"]) for d in datasets}
