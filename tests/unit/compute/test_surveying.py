"""Files of a catalogue that end the process that looks at them, or keep it for ever: told, and others are looked at."""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from damaged import damaged
from starcyte.catalog import summary_worker as surveying
from starcyte.catalog.summary import DatasetSummary
from starcyte.catalog.summary_worker import SummaryRequest, SummaryResult, SummaryWorker
from starcyte.errors import DatasetInvalid
from starcyte.settings import Settings


@pytest.fixture
def surveyor(tmp_path, monkeypatch):
    monkeypatch.setattr(surveying, "_child", damaged)
    one = SummaryWorker(Settings(cache_dir=str(tmp_path / "cache"), open_deadline=20.0))
    yield one
    one.close()


@pytest.fixture
def ask(tmp_path, pbmc):
    def make(name):
        path = tmp_path / name
        shutil.copy(pbmc, path)
        return SummaryRequest(str(path), path.stat().st_mtime_ns, {}, path)

    return make


def test_a_file_that_ends_the_process_is_told_and_the_others_are_looked_at(surveyor, ask):
    good, bad, other = ask("good.h5ad"), ask("crashing.h5ad"), ask("other.h5ad")
    for asked in (good, bad, other):
        surveyor.ask(asked)
    assert surveyor.wait(good).n_obs == 700
    with pytest.raises(DatasetInvalid, match=r"makes the HDF5 library crash .SIGSEGV"):
        surveyor.wait(bad)
    assert isinstance(surveyor.wait(other), DatasetSummary)
    assert surveyor.picture(other).stat().st_size > 1000
    with pytest.raises(DatasetInvalid, match="crash"):
        SummaryResult(surveyor, bad).wait()


def test_a_file_that_keeps_the_process_for_ever_is_told(surveyor, ask):
    surveyor._settings = Settings(**vars(surveyor._settings) | {"open_deadline": 3.0})
    with pytest.raises(DatasetInvalid, match="takes longer than 3 s"):
        surveyor.wait(ask("endless.h5ad"))
    surveyor._settings = Settings(**vars(surveyor._settings) | {"open_deadline": 60.0})
    assert surveyor.wait(ask("good.h5ad")).n_obs == 700


def test_a_process_that_is_killed_is_started_anew(surveyor, ask):
    assert surveyor.wait(ask("good.h5ad")).n_obs == 700
    assert surveyor._process is not None
    os.kill(surveyor._process.pid, signal.SIGKILL)
    surveyor._process.join()
    assert surveyor.wait(ask("other.h5ad")).n_obs == 700
