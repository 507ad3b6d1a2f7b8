"""Index builds: killed, concurrent, on a full disk, without write permission, on unusual file systems."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from h5ad_file import write_h5ad
from indexing import categories, indexed, opened, stored
from starcyte.errors import Cancelled, InputError
from starcyte.settings import Settings
from starcyte.store.index.background import index_matrix
from starcyte.store.index.column_index import ColumnIndex
from starcyte.store.index.preallocate import preallocate

pytestmark = pytest.mark.slow

VALUES = np.random.default_rng(0).integers(0, 3, (600, 40)).astype(np.float32)
OBS = {"g": categories(np.arange(600) % 5, 5)}

# builds the index of a file, prints the progress of each block and pauses
BUILDER = """
import sys, time
from pathlib import Path
from starcyte.settings import Settings
from starcyte.store.open import open_dataset
from starcyte.store.index.build import build_index

path, cache, wait = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
dataset = open_dataset(path, Settings(block_bytes=2000))

def tick(done):
    print(done, flush=True)
    time.sleep(wait)

index = build_index(dataset.matrix("X").base, dataset.grouping_columns("X"), cache, dataset.index_key("X"), 1, tick)
print("built", index.folder, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return write_h5ad(tmp_path / "x.h5ad", stored(VALUES, "csr"), obs=OBS)


@pytest.fixture
def dataset(path):
    with opened(path, block_bytes=2000) as dataset:
        yield dataset


@contextmanager
def builder(path, cache, wait=0.02):
    arguments = [sys.executable, "-c", BUILDER, str(path), str(cache), str(wait)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_until(process, n):
    return [process.stdout.readline() for _ in range(n)]


def left(cache):
    return [p for p in cache.iterdir() if not p.name.endswith(".lock")]


def is_right(index):
    genes = np.stack([index.column(j).dense() for j in range(VALUES.shape[1])], axis=1)
    np.testing.assert_array_equal(genes, VALUES)
    return True


def test_a_killed_build_leaves_no_index(path, dataset, tmp_path):
    cache = tmp_path / "cache"
    with builder(path, cache) as process:
        lines_until(process, 5)
        process.send_signal(signal.SIGKILL)
        process.wait()
    (part,) = left(cache)
    assert part.name.startswith(".")
    assert (part / "entries.bin").stat().st_size > 0
    index = indexed(dataset, cache)
    assert is_right(index)
    assert left(cache) == [index.folder]


def test_two_builders_at_once_build_it_once(path, dataset, tmp_path):
    cache = tmp_path / "cache"
    with builder(path, cache) as first, builder(path, cache) as second:
        said = [process.communicate()[0].splitlines() for process in (first, second)]
        assert (first.returncode, second.returncode) == (0, 0)
    assert {lines[-1] for lines in said} == {f"built {cache / dataset.index_key('X').folder_name}"}
    # a waiting process reports 0.0 repeatedly, or nothing
    assert sorted(any(float(line) > 0 for line in lines[:-1]) for lines in said) == [False, True]
    assert is_right(ColumnIndex(left(cache)[0], dataset.index_key("X")))


def test_two_threads_at_once_build_it_once(dataset, tmp_path):
    done = []
    threads = [threading.Thread(target=lambda: done.append(indexed(dataset, tmp_path / "cache"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({os.fstat(index._entries.fileno()).st_ino for index in done}) == 1
    assert all(is_right(index) for index in done)


def test_waiting_for_another_build_can_be_stopped(path, dataset, tmp_path):
    def stop(done):
        raise Cancelled("enough")

    with builder(path, tmp_path / "cache", wait=0.1) as process:
        lines_until(process, 2)
        with pytest.raises(Cancelled):
            indexed(dataset, tmp_path / "cache", tick=stop)


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
def test_a_stopped_build_leaves_nothing(dataset, tmp_path, at):
    def stop(done):
        if done >= at:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        indexed(dataset, tmp_path / "cache", workers=3, tick=stop)
    assert not left(tmp_path / "cache")


def test_an_inconsistent_matrix_leaves_no_index(tmp_path):
    x = stored(VALUES, "csr")
    x.indices[-1] = 4000
    with opened(tmp_path / "x.h5ad", x, block_bytes=2000) as dataset:
        with pytest.raises(InputError, match="index is outside 0 to 39"):
            indexed(dataset, tmp_path / "cache", workers=2)
        assert not left(tmp_path / "cache")


@contextmanager
def mounted(folder, options):
    folder.mkdir()
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    command = ["mount", "-t", "tmpfs", "-o", options, "starcyte-test", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this machine does not allow a small file system to be mounted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_reported(dataset, tmp_path):
    with mounted(tmp_path / "cache", "size=64k") as cache:
        with pytest.raises(InputError, match=r"index of X cannot be written to '.*cache': No space left") as caught:
            indexed(dataset, cache)
        assert "--cache-dir" in caught.value.hint
        assert not left(cache)


@pytest.mark.parametrize("after", [0, 1, 2, 3, 10, 30])
def test_a_disk_that_fills_up_later_is_reported(dataset, tmp_path, monkeypatch, after):
    """At any stage of the build."""
    counts = {"taken": 0}

    def scarce(real):
        def call(*arguments):
            counts["taken"] += 1
            if counts["taken"] > after:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments)

        return call

    for name in ("posix_fallocate", "pwrite", "fsync"):
        monkeypatch.setattr(os, name, scarce(getattr(os, name)))
    with pytest.raises(InputError, match="No space left on device"):
        indexed(dataset, tmp_path / "cache", workers=2)
    assert not left(tmp_path / "cache")


def test_a_folder_that_cannot_be_created_is_reported(dataset, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written to .*: Not a directory"):
        indexed(dataset, tmp_path / "file" / "cache")


def test_an_index_in_a_read_only_folder_is_used(dataset, path, tmp_path):
    with mounted(tmp_path / "cache", "size=8m") as cache:
        made = indexed(dataset, cache)
        made.close()
        subprocess.run(["mount", "-o", "remount,ro", str(cache)], check=True)
        assert is_right(indexed(dataset, cache))
        os.utime(path, ns=(0, 1))
        with opened(path) as later, pytest.raises(InputError, match="Read-only file system"):
            indexed(later, cache)
        subprocess.run(["mount", "-o", "remount,rw", str(cache)], check=True)
        dataset.matrix("X").index.close()


@pytest.mark.parametrize("reason", [errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_without_fallocate(dataset, tmp_path, monkeypatch, reason):
    def refuse(*arguments):
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    index = indexed(dataset, tmp_path / "cache")
    assert is_right(index)
    assert index.moments("g").n.tolist() == [120] * 5 + [0]


@pytest.mark.parametrize("reason", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(dataset, tmp_path, monkeypatch, reason):
    def refuse(*arguments):
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(fcntl, "flock", refuse)
    index = indexed(dataset, tmp_path / "cache")
    assert is_right(index)
    # the next build opens the same index
    assert indexed(dataset, tmp_path / "cache").folder == index.folder


def test_without_locks_the_faster_builder_wins(dataset, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    made = indexed(dataset, cache)
    aside = made.folder.rename(cache / "aside")

    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "")

    def tick(done):
        # the other build was renamed first
        if done == 1.0:
            aside.rename(made.folder)

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert is_right(indexed(dataset, cache, tick=tick))
    assert left(cache) == [made.folder]


def test_prepare_bounds_the_cache(path, tmp_path):
    """The size of the new index counts too."""
    settings = Settings(block_bytes=2000, cache_dir=str(tmp_path / "cache"), cache_bytes=1)
    folders = []
    for time_of_change in (1, 2):
        shutil.copy(path, tmp_path / "y.h5ad")
        with (tmp_path / "y.h5ad").open("ab") as stream:
            stream.write(bytes(time_of_change))
        with opened(tmp_path / "y.h5ad", block_bytes=2000) as dataset:
            index = index_matrix(dataset, settings, "X", lambda done: None)
            folders.append(index.folder)
            assert is_right(index)
            index.close()
    assert folders[0] != folders[1]
    assert left(tmp_path / "cache" / "index") == [folders[1]]


PEAK = """
import resource, sys, threading, time
from pathlib import Path

def anonymous():
    with open("/proc/self/smaps_rollup") as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith("Anonymous:"))

from starcyte.compute.rank_sums import rank_sums
from starcyte.compute.moments import group_moments
from starcyte.settings import Settings
from starcyte.store.open import open_dataset
from starcyte.store.index.build import build_index
import numpy as np

dataset = open_dataset(Path(sys.argv[1]), Settings(block_bytes=1 << 20))
matrix = dataset.matrix("X")
codes = np.arange(dataset.n_obs) % 3
peak, stop = [0], threading.Event()

def watch():
    while not stop.wait(0.005):
        peak[0] = max(peak[0], anonymous())

before = anonymous()
watcher = threading.Thread(target=watch)
watcher.start()
source = dataset.index_key("X")
matrix.index = build_index(matrix.base, dataset.grouping_columns("X"), Path(sys.argv[2]), source, 2)
group_moments(matrix, codes, 2, 2)
rank_sums(matrix, codes, 2, 2, entries_at_once=50_000)
stop.set()
watcher.join()
print(peak[0] - before)
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this system does not tell anonymous memory")
def test_memory_does_not_grow_with_the_cells(tmp_path):
    peaks = []
    for n in (20_000, 160_000):
        rng = np.random.default_rng(0)
        row = np.sort(np.argsort(rng.random((n, 60)), axis=1)[:, :20], axis=1).astype(np.int32)
        data = rng.random(row.size).astype(np.float32)
        x = stored(np.zeros((0, 60), np.float32), "csr")
        x = type(x)("csr", data, row.ravel(), np.arange(0, row.size + 1, 20), (n, 60))
        path = write_h5ad(tmp_path / f"{n}.h5ad", x, obs={"g": categories(np.arange(n) % 7, 7)})
        arguments = [sys.executable, "-c", PEAK, str(path), str(tmp_path / "cache")]
        peaks.append(int(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout))
    # the index of the larger file has 26 MB; the codes, lengths and starts of its cells take some 5 MB
    assert peaks[1] - peaks[0] < 20_000, peaks


@pytest.mark.parametrize("start", [0, 7])
def test_space_is_allocated_without_the_system_call(tmp_path, monkeypatch, start):
    def refuse(*arguments):
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    path, size = tmp_path / "x", (5 << 19) + 3
    path.write_bytes(b"a" * start)
    with path.open("r+b") as stream:
        preallocate(stream.fileno(), size, start)
    assert path.read_bytes() == b"a" * start + bytes(size)
