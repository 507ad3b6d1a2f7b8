"""Summaries of files that crash the process that reads them, or keep it busy: reported, and the others are read."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import subprocess

import pytest
from damaged import damaged
from starcyte.catalog.summary import DatasetSummary
from starcyte.catalog.summary_worker import SummaryRequest, SummaryResult, SummaryWorker
from starcyte.errors import DatasetInvalid
from starcyte.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def start(tmp_path):
    """Return a function that makes a worker whose process treats files by name; see :func:`damaged.damaged`."""
    workers = []

    def start_(open_deadline):
        workers.append(SummaryWorker(Settings(cache_dir=str(tmp_path / "cache"), open_deadline=open_deadline), damaged))
        return workers[-1]

    yield start_
    for worker in workers:
        worker.close()


@pytest.fixture
def request_for(tmp_path, pbmc):
    def make(name):
        path = tmp_path / name
        shutil.copy(pbmc, path)
        return SummaryRequest(str(path), path.stat().st_mtime_ns, {}, path)

    return make


def test_a_file_that_crashes_the_process_is_reported_and_the_others_are_read(start, request_for):
    worker = start(20.0)
    good, bad, other = request_for("good.h5ad"), request_for("crashing.h5ad"), request_for("other.h5ad")
    for request in (good, bad, other):
        worker.get(request)
    assert worker.wait(good).n_obs == 700
    with pytest.raises(DatasetInvalid, match=r"makes the HDF5 library crash .SIGSEGV"):
        worker.wait(bad)
    assert isinstance(worker.wait(other), DatasetSummary)
    assert worker.thumbnail(other).stat().st_size > 1000
    with pytest.raises(DatasetInvalid, match="crash"):
        SummaryResult(worker, bad).wait()


def test_a_file_that_keeps_the_process_busy_is_reported(start, request_for):
    worker = start(10.0)
    with pytest.raises(DatasetInvalid, match="takes longer than 10 s"):
        worker.wait(request_for("endless.h5ad"))
    assert worker.wait(request_for("good.h5ad")).n_obs == 700


def test_a_process_that_is_killed_is_restarted(start, request_for):
    others = set(multiprocessing.active_children())
    worker = start(20.0)
    assert worker.wait(request_for("good.h5ad")).n_obs == 700
    (process,) = set(multiprocessing.active_children()) - others
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert worker.wait(request_for("other.h5ad")).n_obs == 700


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_a_cache_that_cannot_be_written_costs_the_thumbnail(tmp_path, pbmc, mounted, kind):
    cache = mounted("size=16k" if kind == "full" else "size=1m")
    (cache / "catalog").mkdir()
    if kind == "full":
        with contextlib.suppress(OSError), (cache / "fill").open("wb") as stream:
            for _ in range(100):
                stream.write(bytes(4096))
                stream.flush()
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(cache)], check=True)
    worker = SummaryWorker(Settings(cache_dir=str(cache)))
    found = worker.wait(SummaryRequest(str(pbmc), pbmc.stat().st_mtime_ns, {}, pbmc))
    worker.close()
    assert (found.n_obs, found.has_thumbnail) == (700, False)
    assert not worker.thumbnail(SummaryRequest(str(pbmc), pbmc.stat().st_mtime_ns, {}, pbmc)).exists()
