"""What every test can use: the real dataset, and AnnData files written for one test."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from h5ad_file import write_h5ad
from hypothesis import HealthCheck, settings

# no deadline: the machine is shared, and no test asserts a time; in CI the cases are the same each time, so that one
# that fails is found at a desk, not in the way of another change
settings.register_profile(
    "starcyte",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("starcyte")


def pytest_collection_modifyitems(items):
    """Give a test that drives a real browser a second try where CI shares its processors; the report names it."""
    if "CI" in os.environ:
        for item in items:
            if item.path.relative_to(Path(__file__).parent).parts[0] in {"browser", "galaxy"}:
                item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter):
    """Tell why a test was given its second try."""
    for report in terminalreporter.stats.get("rerun", ()):
        terminalreporter.section(f"First try of {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)
        for title, text in report.sections:
            terminalreporter.write_line(f"{title}\n{text}")


@pytest.fixture(scope="session", autouse=True)
def _own_surroundings(tmp_path_factory):
    """Keep the user's folders and settings out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("STARCYTE_") or n in {"PORT", "DATASET"}]:
            patch.delenv(name)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        # a proxy is for what tests install, not for their own servers
        no_proxy = next((n for n in ("no_proxy", "NO_PROXY") if n in os.environ), "NO_PROXY")
        patch.setenv(no_proxy, f"{os.environ.get(no_proxy, '')},127.0.0.1,localhost,::1".lstrip(","))
        yield


@pytest.fixture(scope="session")
def pbmc() -> Path:
    """Return the dataset that scanpy's wheel carries; its package is found without importing it."""
    return Path(importlib.util.find_spec("scanpy").origin).parent / "datasets" / "10x_pbmc68k_reduced.h5ad"


@pytest.fixture
def make_h5ad(tmp_path):
    """Return a function that writes an AnnData file with :func:`h5ad_file.write_h5ad` and returns its path."""
    made = 0

    def make(*args, **kwargs) -> Path:
        nonlocal made
        made += 1
        return write_h5ad(tmp_path / f"made-{made}.h5ad", *args, **kwargs)

    return make


@pytest.fixture
def mounted(tmp_path):
    """Return a function that mounts a small file system."""
    folders = []

    def mount(options):
        folder = tmp_path / f"mounted{len(folders)}"
        folder.mkdir()
        if shutil.which("mount") is None or os.geteuid() != 0:
            pytest.skip("only root can mount a small file system")
        command = ["mount", "-t", "tmpfs", "-o", options, "starcyte-test", str(folder)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"this machine does not allow a small file system to be mounted: {done.stderr.strip()}")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
