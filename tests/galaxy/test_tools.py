"""The tests that stand in the wrappers, run as `planemo test` runs them: by Galaxy's own runner, on a server."""

import json
import re
import subprocess

import pytest
from galaxy_conf import BATCH_TOOLS, TOOL, WRAPPERS

pytestmark = pytest.mark.galaxy


def test_of_the_wrappers(galaxy, tmp_path):
    key = galaxy.session.headers["x-api-key"]
    command = [galaxy.venv / "bin" / "galaxy-tool-test", "--galaxy-url", galaxy.url, "--key", key, "--admin-key", key]
    command += ["--parallel-tests", "4", "--history-per-test-case", "--test-data", WRAPPERS / "test-data"]
    # of several tools named it would test the last one alone
    running = {}
    for tool in (TOOL, *BATCH_TOOLS):
        one = [*command, "--output-json", tmp_path / f"{tool}.json", "--tool-id", tool]
        with (tmp_path / f"{tool}.log").open("w") as out:
            running[tool] = subprocess.Popen(one, cwd=tmp_path, stdout=out, stderr=out)
    tests = []
    for tool, process in running.items():
        process.wait()
        results = tmp_path / f"{tool}.json"
        assert results.exists(), (tmp_path / f"{tool}.log").read_text()
        tests += json.loads(results.read_text())["tests"]
    failed = {t["id"]: t["data"].get("output_problems") or t["data"] for t in tests if t["data"]["status"] != "success"}
    assert failed == {}
    written = sum(len(re.findall(r"<test\b", path.read_text())) for path in WRAPPERS.glob("*.xml"))
    assert len(tests) == written
