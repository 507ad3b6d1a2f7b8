"""The commands without a server: get and inspect."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from h5ad_file import write_h5ad
from process import run


@pytest.mark.parametrize("path", ["api/v1/schema", "/api/v1/schema"])
def test_get_prints_the_body_only(pbmc, path):
    done = run("get", pbmc, path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["n_obs"] == 700


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("api/v1/obs/no such", "no such"),
        ("api/v1/genes?limit=x", "limit"),
        ("nothing", "nothing"),
        ("api/v1/expression?gene=<b>%0a", "<b>"),
    ],
)
def test_an_error_of_get_is_one_line(pbmc, path, words):
    done = run("get", pbmc, path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("starcyte: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_inspect_agrees_with_the_schema(pbmc):
    described, schema = (
        json.loads(run(*a).stdout) for a in (("inspect", pbmc, "--json"), ("get", pbmc, "api/v1/schema"))
    )
    for name in ("n_obs", "n_vars", "obs", "embeddings", "matrices", "genes", "fingerprint"):
        assert described[name] == schema[name]


def test_inspect_prints_a_summary(pbmc):
    done = run("inspect", pbmc)
    assert (done.returncode, done.stderr) == (0, "")
    assert "700 cells" in done.stdout
    assert "\n  bulk_labels (categorical): CD4+/CD25 T Reg, CD4+/CD45RA+/CD25- Naive T, " in done.stdout


def test_inspect_writes_json_beside_its_summary(pbmc, tmp_path):
    done = run("inspect", pbmc, "--output", tmp_path / "description.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "700 cells" in done.stdout
    described = json.loads((tmp_path / "description.json").read_text())
    assert described == json.loads(run("inspect", pbmc, "--json").stdout)
    done = run("inspect", pbmc, "--output", tmp_path / "nowhere" / "description.json")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_a_closed_pipe_is_not_an_error(pbmc):
    command = [sys.executable, "-m", "starcyte", "get", str(pbmc), "api/v1/embeddings/X_pca?dims=0,1,2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 0


def test_what_is_printed_of_a_file_does_not_steer_the_terminal(tmp_path):
    red = "\x1b[31mred\x1b]0;title\x07"
    path = write_h5ad(
        tmp_path / "x.h5ad",
        np.ones((3, 1), np.float32),
        obs={f"age{red}": np.arange(3)},
        genes=[red],
        obsm={red: np.ones((3, 2))},
    )
    for arguments in (["inspect", path], ["inspect", path, f"--title={red}"]):
        done = run(*arguments)
        assert done.returncode == 0
        assert "red" in done.stdout
        assert "\x1b" not in done.stdout + done.stderr
        assert "\x07" not in done.stdout + done.stderr
