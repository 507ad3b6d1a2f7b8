"""A viewer that makes its index in the background, in a process that never outlives it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from h5ad_file import Parts, write_h5ad
from indexing import categories

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not list processes")

N_OBS, N_VARS, PER_CELL = 50_000, 300, 50
GENES = [0, 7, 150, 299]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Return a file of two and a half million values, and columns enough to make its index take some seconds."""
    rng = np.random.default_rng(0)
    starts = rng.integers(0, N_VARS, N_OBS)
    steps = rng.integers(1, N_VARS // PER_CELL + 1, (N_OBS, PER_CELL)).cumsum(axis=1) - 1
    indices = np.sort((starts[:, None] + steps) % N_VARS, axis=1).astype(np.int32)
    data = rng.integers(1, 9, indices.size).astype(np.float32)
    x = Parts("csr", data, indices.ravel(), np.arange(N_OBS + 1) * PER_CELL, (N_OBS, N_VARS))
    obs = {f"c{i}": categories(rng.integers(0, 20, N_OBS), 20) for i in range(6)}
    path = write_h5ad(tmp_path_factory.mktemp("file") / "x.h5ad", x, obs=obs)
    full = np.zeros((N_OBS, N_VARS), np.float32)
    full[np.repeat(np.arange(N_OBS), PER_CELL), indices.ravel()] = data
    return path, full


@pytest.fixture
def indexing(launched, file, tmp_path):
    """Return a function that starts a viewer which makes an index, in many steps, in a cache of its own."""

    def start(*arguments, path=file[0], cache=tmp_path / "cache"):
        return launched(path, "--index-least=1", "--block-bytes=20000", f"--cache-dir={cache}", *arguments).opened()

    return start


def builders(pid):
    """Return the children of a process that make an index."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                command = (process / "cmdline").read_bytes()
            except (OSError, IndexError):
                continue
            if parent == pid and b"spawn_main" in command:
                found.append(int(process.name))
    return found


def parts(cache):
    return list((cache / "index").glob(".*.part-*"))


def is_building(viewer, cache):
    """Wait until blocks are written, and return the process that does it."""
    viewer.wait_until(lambda: any((p / "index.json").exists() or entries(p) for p in parts(cache)))
    (builder,) = builders(viewer.process.pid)
    return builder


def entries(part):
    try:
        return (part / "entries.bin").stat().st_size
    except OSError:
        return 0


def ends(pid):
    """Wait until a process has ended."""
    limit = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < limit, f"process {pid} goes on"
        time.sleep(0.05)
    return True


def gene(viewer, j):
    status, body = viewer.get(f"expression?gene=g{j}&matrix=X", Accept="application/json")
    assert status == 200, body
    return json.loads(body)


def is_indexed(viewer, cache):
    viewer.wait_until(lambda: any((cache / "index").glob("[!.]*")) and "indexing" not in viewer.json("health"))
    assert "problems" not in viewer.json("health")
    return True


def values(answer):
    (column,) = answer["columns"]
    return column["values"]


def test_genes_asked_meanwhile_are_those_asked_after(indexing, file, tmp_path):
    viewer = indexing()
    builder = is_building(viewer, tmp_path / "cache")
    os.kill(builder, signal.SIGSTOP)
    try:
        told = viewer.json("health")
        assert told["state"] == "ready"
        assert told["indexing"]["matrix"] == "X"
        assert 0 <= told["indexing"]["progress"] < 1
        meanwhile = [gene(viewer, j) for j in GENES]
    finally:
        os.kill(builder, signal.SIGCONT)
    assert is_indexed(viewer, tmp_path / "cache")
    assert [gene(viewer, j) for j in GENES] == meanwhile
    for answer, j in zip(meanwhile, GENES, strict=True):
        np.testing.assert_array_equal(values(answer), file[1][:, j])
    assert ends(builder)
    assert not parts(tmp_path / "cache")
    assert viewer.stop() == 0
    assert viewer.err == ""


def test_an_index_that_is_there_is_used(indexing, file, tmp_path):
    cache = tmp_path / "cache"
    first = indexing("--block-bytes=1000000")
    assert is_indexed(first, cache)
    before = {p: p.stat().st_ino for p in (cache / "index").glob("[!.]*/*")}
    assert first.stop() == 0
    second = indexing()
    assert np.array_equal(values(gene(second, 7)), file[1][:, 7])
    assert {p: p.stat().st_ino for p in (cache / "index").glob("[!.]*/*")} == before
    assert "indexing" not in second.json("health")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda s: s.name)
def test_the_builder_ends_with_the_viewer(indexing, tmp_path, number):
    viewer = indexing()
    builder = is_building(viewer, tmp_path / "cache")
    assert viewer.stop(number) == (-number if number == signal.SIGKILL else 0)
    assert ends(builder)
    assert viewer.err == ""


def test_a_killed_builder_is_told_and_the_next_start_mends_it(indexing, file, tmp_path):
    cache = tmp_path / "cache"
    viewer = indexing()
    os.kill(is_building(viewer, cache), signal.SIGKILL)
    viewer.wait_until(lambda: "problems" in viewer.json("health"))
    (problem,) = viewer.json("health")["problems"]
    assert "index of X was not built" in problem
    assert "-9" in problem
    assert np.array_equal(values(gene(viewer, 7)), file[1][:, 7])
    assert viewer.stop() == 0
    (left,) = parts(cache)
    next_one = indexing("--block-bytes=1000000")
    assert is_indexed(next_one, cache)
    assert not left.exists()
    assert np.array_equal(values(gene(next_one, 7)), file[1][:, 7])


def test_two_viewers_of_one_file_make_one_index(indexing, file, tmp_path):
    cache = tmp_path / "cache"
    viewers = [indexing("--block-bytes=200000") for _ in range(2)]
    assert all(is_indexed(viewer, cache) for viewer in viewers)
    assert len(list((cache / "index").glob("[!.]*"))) == 1
    for viewer in viewers:
        assert np.array_equal(values(gene(viewer, 299)), file[1][:, 299])


def is_told_and_goes_on(viewer, file, *words):
    viewer.wait_until(lambda: "problems" in viewer.json("health"))
    told = viewer.json("health")
    assert told["state"] == "ready"
    assert "indexing" not in told
    (problem,) = told["problems"]
    assert all(word in problem for word in words), problem
    for j in GENES[:2]:
        assert np.array_equal(values(gene(viewer, j)), file[1][:, j])


def test_a_full_disk_is_told_and_the_viewer_goes_on(indexing, file, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "starcyte-test", str(cache)]
    if shutil.which("mount") is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not allow a small file system to be mounted")
    try:
        viewer = indexing()
        is_told_and_goes_on(viewer, file, "index of X cannot be written", "No space left on device", "--cache-dir")
        assert not parts(cache)
        assert viewer.stop() == 0
    finally:
        subprocess.run(["umount", "--lazy", str(cache)], check=True)


def test_a_cache_that_cannot_be_made_is_told_and_the_viewer_goes_on(indexing, file, tmp_path):
    (tmp_path / "file").write_text("")
    viewer = indexing(cache=tmp_path / "file" / "cache")
    is_told_and_goes_on(viewer, file, "cache folder", "Not a directory", "--cache-dir")


def test_an_inconsistent_matrix_is_reported(indexing, tmp_path):
    """A small one when it is opened, a large one when it is indexed."""
    x = Parts("csr", np.ones(6, np.float32), np.array([0, 1, 0, 1, 0, 7]), np.array([0, 2, 4, 6]), (3, 2))
    viewer = indexing(path=write_h5ad(tmp_path / "bad.h5ad", x))
    assert "X is left out: X is invalid: an index is outside 0 to 1" in " ".join(viewer.json("schema")["warnings"])
    n = 300_000
    large = Parts("csr", np.ones(2 * n, np.float32), np.tile([0, 1], n), np.arange(0, 2 * n + 1, 2), (n, 2))
    large.indices[-1] = 7
    viewer = indexing(path=write_h5ad(tmp_path / "large.h5ad", large))
    viewer.wait_until(lambda: "problems" in viewer.json("health"))
    assert "index is outside 0 to 1" in viewer.json("health")["problems"][0]
    assert viewer.json("health")["state"] == "ready"
    assert not parts(tmp_path / "cache")
