"""Running viewers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from process import Viewer

SLOWED = str(Path(__file__).parent / "slowed.py")


@pytest.fixture(scope="module")
def viewer(pbmc, tmp_path_factory):
    """A viewer of the real dataset, shared by the tests that do not change it."""
    with Viewer(tmp_path_factory.mktemp("viewer"), pbmc) as running:
        yield running.opened()
        assert running.stop() == 0
        assert running.err == ""


@pytest.fixture
def launched(tmp_path):
    """Return a function that starts a viewer, which is stopped after the test."""
    running = []

    def launch(*arguments, slowed=None, access="none"):
        folder = tmp_path / f"viewer{len(running)}"
        folder.mkdir()
        program = ("-m", "starcyte") if slowed is None else (SLOWED, slowed)
        running.append(Viewer(folder, *arguments, program=program, access=access))
        return running[-1].__enter__()

    yield launch
    for viewer in running:
        viewer.__exit__(None, None, None)
