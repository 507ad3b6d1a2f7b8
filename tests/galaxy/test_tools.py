"""The tests that stand in the wrappers, run as `planemo test` runs them: by Galaxy's own runner, on a server."""

import json
import re
import subprocess

import pytest
from galaxy_conf import BATCH_TOOLS, TOOL, WRAPPERS

pytestmark = pytest.mark.galaxy


def test_of_the_wrappers(galaxy, tmp_path):
    results = tmp_path / "results.json"
    key = galaxy.session.headers["x-api-key"]
    command = [galaxy.venv / "bin" / "galaxy-tool-test", "--galaxy-url", galaxy.url, "--key", key, "--admin-key", key]
    command += [
        "--parallel-tests",
        "4",
        "--history-per-suite",
        "--output-json",
        results,
        "--test-data",
        WRAPPERS / "test-data",
    ]
    command += [word for tool in (TOOL, *BATCH_TOOLS) for word in ("--tool-id", tool)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert results.exists(), ran.stderr
    tests = json.loads(results.read_text())["tests"]
    failed = {t["id"]: t["data"].get("output_problems") or t["data"] for t in tests if t["data"]["status"] != "success"}
    assert failed == {}
    written = sum(len(re.findall(r"<test\b", path.read_text())) for path in WRAPPERS.glob("*.xml"))
    assert len(tests) == written
