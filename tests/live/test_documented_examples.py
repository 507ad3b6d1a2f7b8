"""The examples of the documentation, on a running server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "http://127.0.0.1:5005/"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A viewer of the demo dataset, open."""
    from process import Viewer

    with Viewer(tmp_path_factory.mktemp("demo"), "--demo") as running:
        yield running.opened()


@pytest.mark.parametrize("document", ["README.md", "docs/howto/python.md"])
def test_python_of_the_document_runs(demo, document):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), flags=re.DOTALL | re.MULTILINE)
    code = "\n".join(["import pandas", *blocks]).replace(ADDRESS, demo.ready["url"])
    assert demo.ready["url"] in code
    names: dict[str, object] = {}
    exec(compile(code, document, "exec"), names)
    if "genes" in names:
        assert len(names["genes"]) == 20
