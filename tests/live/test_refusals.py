"""What cannot be used is told in one line, with exit status 2, before anything is served."""

from __future__ import annotations

import json
import socket

import pytest
from process import run

NOT_HDF5 = b"cell,gene\n" * 20


def one_line(done, status=2):
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("starcyte: ")
    assert done.stderr.endswith("\n")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def files(tmp_path):
    (tmp_path / "empty.h5ad").touch()
    (tmp_path / "text.h5ad").write_bytes(NOT_HDF5)
    (tmp_path / "folder.h5ad").mkdir()
    return tmp_path


@pytest.mark.parametrize("command", ["launch", "inspect", "prepare"])
@pytest.mark.parametrize(
    "name", ["missing.h5ad", "empty.h5ad", "text.h5ad", "folder.h5ad", "a\nb\x1b[31m.h5ad", "x" * 300]
)
def test_a_file_that_cannot_be_used(files, command, name):
    assert "h5ad" in one_line(run(command, files / name)) or name.startswith("x")


def test_get_of_a_file_that_cannot_be_used(files):
    one_line(run("get", files / "text.h5ad", "api/v1/schema"))


def test_a_port_in_use(pbmc):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = one_line(run("launch", pbmc, f"--port={port}"))
    assert str(port) in line
    assert "--port" in line


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "x" * 300, "a..b", "::zz"])
def test_a_host_that_is_not_ours(pbmc, host):
    one_line(run("launch", pbmc, "--port=0", f"--host={host}"))


@pytest.mark.parametrize(
    "flags",
    [
        ["--port=x"],
        ["--port=70000"],
        ["--port=-5"],
        ["--threads=0"],
        ["--threads=1.5"],
        ["--block-bytes=many"],
        ["--job-deadline=nan"],
        ["--colour=red"],
        ["--demo"],
        ["--trust-prefix=maybe"],
        ["--port"],
        ["another", "and another"],
        ["--config=/no/such/file"],
    ],
    ids=" ".join,
)
def test_a_bad_setting(pbmc, flags):
    one_line(run("launch", pbmc, *flags))


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["launch"], ["inspect"], ["get"], ["--colour"], ["get", "x"]], ids=str
)
def test_a_command_that_is_none(arguments):
    one_line(run(*arguments))


def test_a_bad_setting_in_the_environment(pbmc):
    assert "STARCYTE_THREADS" in one_line(run("launch", pbmc, STARCYTE_THREADS="many"))
    assert "PORT" in one_line(run("launch", pbmc, PORT="http"))


def test_a_ready_file_that_cannot_be_written(pbmc, tmp_path):
    done = run("launch", pbmc, "--port=0", f"--ready-file={tmp_path}/no/such/folder/ready.json")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--ready-file" in done.stderr


def test_a_file_that_turns_out_bad_is_told_by_the_page(launched, pbmc, tmp_path):
    path = tmp_path / "long.h5ad"
    path.write_bytes(pbmc.read_bytes()[:100_000])
    viewer = launched(path).opened()
    health = viewer.json("health")
    assert (health["state"], health["error"]["code"]) == ("error", "dataset_invalid")
    status, body = viewer.get("schema")
    assert (status, json.loads(body)["error"]["code"]) == (422, "dataset_invalid")
    assert viewer.get("/")[0] == 200
    assert viewer.stop() == 2, "whoever started it learns that there was nothing to see"
    assert viewer.err.count("\n") == 1
    assert viewer.err.startswith("starcyte: ")


def test_a_file_that_goes_away_after_it_was_looked_at_is_told_by_the_page(launched, pbmc, tmp_path):
    path = tmp_path / "going.h5ad"
    path.write_bytes(pbmc.read_bytes())
    viewer = launched(path, slowed="opening")
    path.unlink()
    assert viewer.opened().json("health")["error"]["code"] == "dataset_missing"
    assert "Traceback" not in viewer.err


def test_help_and_version_are_no_errors():
    for arguments in (["--help"], ["launch", "--help"], ["--version"]):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert "starcyte" in done.stdout
