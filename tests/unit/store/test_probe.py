"""Files that crash the process which opens them."""

import faulthandler
import os
import signal
import threading
import time

import pytest
from starcyte.errors import DatasetInvalid
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader
from starcyte.store.probe import Probe


def test_a_valid_file_passes(pbmc):
    Probe(pbmc, Settings()).wait()


def test_an_ordinary_error_passes(tmp_path):
    path = tmp_path / "x.h5ad"
    path.write_bytes(b"no HDF5 at all")
    Probe(path, Settings()).wait()


@pytest.fixture
def forks(monkeypatch):
    """Allow forks in spite of threads of other tests, and crashes without a traceback."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    was_enabled = faulthandler.is_enabled()
    faulthandler.disable()
    yield
    if was_enabled:
        faulthandler.enable()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT], ids=lambda s: s.name)
def test_a_crash_is_reported(forks, pbmc, number):
    probe = Probe(pbmc, Settings(), lambda *_: os.kill(os.getpid(), number))
    loader = DatasetLoader(pbmc, Settings(), probe=probe)
    loader.run()
    assert loader.state == "error"
    with pytest.raises(DatasetInvalid, match=f"crash .{number.name}"):
        loader.dataset()


def test_a_crash_names_what_reads_the_format(forks, tmp_path):
    store = tmp_path / "x.zarr"
    store.mkdir()
    (store / "zarr.json").write_text("{}")
    probe = Probe(store, Settings(), lambda *_: os.kill(os.getpid(), signal.SIGSEGV))
    with pytest.raises(DatasetInvalid, match=r"'x.zarr' makes a codec of Zarr crash \(SIGSEGV\)"):
        probe.wait()


def test_a_probe_that_hangs_is_killed(forks, pbmc):
    started = Probe(pbmc, Settings(open_deadline=0.1), lambda *_: time.sleep(60))
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
