"""A file that ends the process which opens it."""

import faulthandler
import os
import signal
import threading
import time

import pytest
from starcyte.errors import DatasetInvalid
from starcyte.settings import Settings
from starcyte.store import probe
from starcyte.store.loader import DatasetLoader
from starcyte.store.probe import Probe


def test_a_good_file_says_nothing(pbmc):
    Probe(pbmc, Settings()).wait()


def test_a_bad_file_is_left_to_be_told_by_who_opens_it(tmp_path):
    path = tmp_path / "x.h5ad"
    path.write_bytes(b"no HDF5 at all")
    Probe(path, Settings()).wait()


@pytest.fixture
def forks(monkeypatch):
    """Let this process be forked, whatever threads other tests left in it, and crash without pages of traceback."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    told = faulthandler.is_enabled()
    faulthandler.disable()
    yield
    if told:
        faulthandler.enable()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT], ids=lambda s: s.name)
def test_a_crash_is_told(monkeypatch, forks, pbmc, number):
    monkeypatch.setattr(probe, "_open", lambda *_: os.kill(os.getpid(), number))
    loader = DatasetLoader(pbmc, Settings(), probe=Probe(pbmc, Settings()))
    loader.run()
    assert loader.state == "error"
    with pytest.raises(DatasetInvalid, match=f"crash .{number.name}"):
        loader.dataset()


def test_what_does_not_end_is_ended(monkeypatch, forks, pbmc):
    monkeypatch.setattr(probe, "_open", lambda *_: time.sleep(60))
    started = Probe(pbmc, Settings(open_deadline=0.1))
    with pytest.raises(DatasetInvalid, match=r"longer than 0\.1 s"):
        started.wait()
    with pytest.raises(ChildProcessError):
        os.waitpid(started._pid, 0)


def test_a_process_with_threads_is_not_forked(pbmc):
    done = threading.Event()
    threading.Thread(target=done.wait).start()
    try:
        started = Probe(pbmc, Settings())
        assert started._pid is None
        started.wait()
    finally:
        done.set()
