"""A data folder that fails: the page is told, and all but labels goes on."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

CELLS = {"ranges": [[0, 10]]}


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


def test_a_full_disk_is_told_and_what_was_made_stays(serve, small_file, mounted, refused):
    page = serve(small_file, data_dir=str(mounted("size=512k")))
    page.open("labels/mine", method="PUT", json={"categories": [{"name": "T"}]})
    page.post("labels/mine/assign", {"category": "T", "selection": CELLS})
    labels = page.json("labels")
    answers = []
    for i in range(100):
        answers.append(page.open(f"views/v{i}", method="PUT", json={"x": "y" * 20_000}))
        if answers[-1].status_code != 201:
            break
    error = refused(answers[-1], 507, "storage_full")
    assert "is full" in error["message"]
    assert [v["name"] for v in page.json("views")["views"]] == [f"v{i}" for i in range(len(answers) - 1)]
    refused(page.open("views/more", method="PUT", json={"x": "y" * 50_000}), 507)
    assert page.json("labels")["labels"] == labels["labels"]
    assert page.json("obs/type")["n"] == 40


def test_a_folder_that_cannot_be_written_is_told(serve, small_file, mounted, refused):
    page = serve(small_file, data_dir=str(mounted("ro")))
    assert page.json("schema")["features"]["labels"] is False
    (problem,) = page.json("health")["problems"]
    assert "cannot be written" in problem
    assert "--data-dir" in problem
    refused(page.open("labels/mine", method="PUT", json={"categories": []}), 503, "storage_unusable")
    assert page.json("obs/type")["n"] == 40
    quiet = serve(small_file, data_dir=str(mounted("ro")), read_only=True)
    assert quiet.json("schema")["features"]["labels"] is False
    assert "problems" not in quiet.json("health")
    refused(quiet.get("labels"), 403)
