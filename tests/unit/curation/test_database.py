"""The database: versions, broken and full disks, several threads and processes, and how much is kept."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager
from itertools import count

import pytest
from pyroaring import BitMap
from starcyte.curation.annotations.edit import EditedLabel, NewLabel
from starcyte.curation.curation import Curation
from starcyte.curation.database.migrations import MIGRATIONS
from starcyte.curation.database.revisions import ANY, Seen
from starcyte.curation.database.store import Store, data_folder
from starcyte.errors import Conflict, LimitExceeded, NotFound, StorageFull, StorageUnusable
from starcyte.settings import Settings

pytestmark = pytest.mark.slow

N = 2000


@contextmanager
def opened(path, n=N, **settings):
    curation = Curation(path, Settings(**settings), n)
    try:
        yield curation
    finally:
        curation.close()


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


def test_the_data_folder_is_the_one_given_or_the_users(monkeypatch, tmp_path):
    assert data_folder(Settings(data_dir="/x/y")).as_posix() == "/x/y"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder(Settings()) == tmp_path / "starcyte"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder(Settings()) == tmp_path / ".local" / "share" / "starcyte"


def test_migrations_are_applied_in_order_and_once(tmp_path):
    path = tmp_path / "x.sqlite"
    with opened(path) as curation:
        curation.annotations.create("", "old", [EditedLabel("a")])
    more = ("CREATE TABLE more (x)", "INSERT INTO more VALUES (1)"), ("INSERT INTO more VALUES (2)",)
    for _ in range(2):
        Store(path, Settings(), migrations=(*MIGRATIONS, *more)).close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM records").fetchall() == [("old",)]
    assert connection.execute("SELECT x FROM more").fetchall() == [(1,), (2,)]
    assert connection.execute("SELECT number FROM migrations").fetchall() == [(1,), (2,), (3,)]
    connection.close()


def test_a_migration_that_fails_changes_nothing(tmp_path):
    path = tmp_path / "x.sqlite"
    Store(path, Settings()).close()
    with pytest.raises(sqlite3.OperationalError):
        Store(path, Settings(), migrations=(*MIGRATIONS, ("CREATE TABLE more (x)", "NONSENSE")))
    with opened(path) as curation:
        curation.annotations.create("", "x", [])


def test_a_database_of_a_newer_version_is_reported_and_unchanged(tmp_path):
    path = tmp_path / "x.sqlite"
    Store(path, Settings()).close()
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO migrations VALUES (99, '')")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageUnusable, match=r"newer starcyte .* number 99"):
        Store(path, Settings())
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_not_a_database_is_reported_and_unchanged(tmp_path, content):
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    with pytest.raises(StorageUnusable, match="damaged"):
        Store(path, Settings())
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_created_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnusable, match=r"cannot be created: Not a directory") as raised:
        Store(tmp_path / "file" / "below" / "x.sqlite", Settings())
    assert "--data-dir" in raised.value.hint


def test_a_folder_that_cannot_be_written_is_reported(tmp_path):
    with mounted(tmp_path / "data", "ro") as data, pytest.raises(StorageUnusable, match="cannot be written"):
        Store(data / "x.sqlite", Settings())


def test_a_file_system_without_shared_memory_is_reported(tmp_path, monkeypatch):
    """As network file systems may be; SQLite has such a way of its own to reach files."""
    connect = sqlite3.connect

    def without(path, **arguments):
        return connect(f"file:{path}?vfs=unix-dotfile", uri=True, **arguments)

    monkeypatch.setattr(sqlite3, "connect", without)
    with pytest.raises(StorageUnusable, match="write-ahead log") as raised:
        Store(tmp_path / "x.sqlite", Settings())
    assert "--data-dir" in raised.value.hint


def test_a_full_disk_is_reported_and_no_change_is_partial(tmp_path):
    with mounted(tmp_path / "data", "size=1m") as data:
        path = data / "x.sqlite"
        with opened(path, 10**6) as curation:
            kept = {}
            with pytest.raises(StorageFull, match="is full"):
                for i in count():
                    annotation = curation.annotations.create("", f"l{i}", [EditedLabel("a")])
                    kept[f"l{i}"] = 0
                    curation.annotations.assign("", f"l{i}", "a", BitMap(range(i, 10**6, 17)))
                    kept[f"l{i}"] = len(range(i, 10**6, 17))
                    assert annotation.revision > 0
            assert len(kept) > 1
            assert {x.name: x.n_labelled for x in curation.snapshot("").annotations} == kept
            # still full: told again, and again nothing is lost
            with pytest.raises(StorageFull):
                curation.annotations.assign("", "l0", NewLabel("b", create=True), BitMap(range(1, 10**6, 3)))
            assert {x.name: x.n_labelled for x in curation.snapshot("").annotations} == kept
            # with room again it goes on, without a new start
            subprocess.run(["mount", "-o", "remount,size=8m", str(data)], check=True)
            curation.annotations.assign("", "l0", NewLabel("b", create=True), BitMap(range(1, 10**6, 3)))
        with opened(path, 10**6) as curation:
            assert set(kept) == {i.name for i in curation.annotations.listed("")}
            assert curation.annotations.listed("")[0].counts[1] == len(range(1, 10**6, 3))


def test_a_disk_that_is_full_from_the_start_is_reported(tmp_path):
    with mounted(tmp_path / "data", "size=16k") as data, pytest.raises(StorageFull):
        Store(data / "x.sqlite", Settings())


def test_a_database_that_was_removed_takes_no_more(tmp_path):
    """What would be acknowledged then would be gone with the file."""
    path = tmp_path / "x.sqlite"
    with opened(path) as curation:
        curation.annotations.create("", "x", [])
        path.unlink()
        with pytest.raises(StorageUnusable, match="removed or replaced"):
            curation.annotations.create("", "y", [])


def test_a_clock_that_is_set_back_changes_no_order(tmp_path):
    days = iter(range(28, 0, -1))
    curation = Curation(tmp_path / "x.sqlite", Settings(), N, now=lambda: f"2026-01-{next(days):02}T00:00:00.000Z")
    curation.annotations.create("", "x", [EditedLabel("a")])
    for i in range(10):
        curation.annotations.assign("", "x", "a", BitMap([i]))
    history = curation.annotations.revisions("", "x")
    assert [c.size for c in history] == list(range(10, -1, -1))
    assert [c.time for c in history] == sorted(c.time for c in history)  # the newest has the earliest
    curation.annotations.restore("", "x", history[4].number)
    assert curation.annotations.get("", "x").n_labelled == 6
    assert [c.number for c in curation.changes("", history[1].number)[1]] == [
        history[0].number,
        history[0].number + 1,
    ]
    curation.close()


def test_the_oldest_history_is_deleted_over_the_limit(tmp_path):
    with opened(tmp_path / "x.sqlite", 10**6, max_user_bytes=400_000) as curation:
        annotations = curation.annotations
        annotations.create("", "x", [EditedLabel("a")])
        for i in range(40):
            annotations.assign("", "x", "a" if i % 2 else None, BitMap(range(0, 10**6, 50)))
        history = annotations.revisions("", "x")
        assert len(history) == 40
        annotations.restore("", "x", history[3].number)
        with pytest.raises(NotFound, match="no longer stored"):
            annotations.restore("", "x", history[-2].number)
        # what stands stays, and may not be more
        assert annotations.get("", "x").n_labelled in {0, 20_000}
        with pytest.raises(LimitExceeded, match="max_user_bytes"):
            for i in range(40):
                annotations.create("", f"l{i}", [EditedLabel("a")])
                annotations.assign("", f"l{i}", "a", BitMap(range(i, 10**6, 50)))
        before = curation.snapshot("")
        # others have room of their own, and so has who deletes
        annotations.create("you", "x", [EditedLabel("a")])
        annotations.assign("you", "x", "a", BitMap(range(0, 10**6, 50)))
        assert curation.snapshot("") == before
        annotations.delete("", "l0")
        annotations.assign("", "x", "a", BitMap(range(0, 10**6, 50)))


def test_endless_changes_take_limited_space(tmp_path):
    with opened(tmp_path / "x.sqlite", 100, max_user_bytes=100_000) as curation:
        curation.annotations.create("", "x", [EditedLabel("a")])
        curation.gene_sets.put("", "s", ["g"])
        first = curation.annotations.get("", "x").revision
        for i in range(1500):
            curation.saved_items.put("", "view", "v", "application/json", b"%d" % i, expected=ANY)
            curation.annotations.assign("", "x", "a" if i % 2 else None, BitMap([1]))
        with curation.store.read() as transaction:
            kept = transaction.changes("", 0, 10_000)
            annotation = transaction.record("", "annotation", "x")
            assert transaction.history(annotation)[0].number == annotation.revision
        assert len(kept) < 1200
        # the newest of each thing is there, though it is old
        assert "s" in {c.name for c in kept}
        assert curation.gene_sets.get("", "s").genes == ("g",)
        assert curation.saved_items.get("", "view", "v").body == b"1499"
        with pytest.raises(NotFound):
            curation.annotations.restore("", "x", first)
        with pytest.raises(Conflict):
            curation.annotations.assign("", "x", "a", BitMap([2]), Seen(first))


def test_replaced_saved_items_take_no_space(tmp_path):
    with opened(tmp_path / "x.sqlite", max_user_bytes=100_000) as curation:
        for i in range(50):
            curation.saved_items.put("", "view", "x", "application/json", b"%d" % i * 30_000, expected=ANY)
        with pytest.raises(LimitExceeded, match="max_user_bytes"):
            curation.saved_items.put("", "view", "y", "application/json", b"y" * 99_000)
        curation.saved_items.delete("", "view", "x")
        curation.saved_items.put("", "view", "y", "application/json", b"y" * 90_000)


def test_listeners_are_called_after_each_change(tmp_path):
    heard = []
    with opened(tmp_path / "x.sqlite") as curation:
        # asked from within: no lock is held
        curation.on_change(lambda user: heard.append((user, curation.snapshot(user).revision)))
        first = curation.annotations.create("me", "x", [EditedLabel("a")]).revision
        curation.annotations.assign("me", "x", None, BitMap([1]))
        second = curation.gene_sets.put("you", "s", ["A"]).revision
        with pytest.raises(NotFound):
            curation.annotations.assign("me", "x", "b", BitMap([1]))
    assert heard == [("me", first), ("you", second)]


def test_a_listener_that_fails_does_not_fail_the_change(tmp_path, caplog):
    def fail(user):
        raise RuntimeError("listening failed")

    with opened(tmp_path / "x.sqlite") as curation:
        curation.on_change(fail)
        curation.annotations.create("", "x", [])
        assert [i.name for i in curation.annotations.listed("")] == ["x"]
    assert "listening failed" in caplog.text


def test_threads_write_at_once_and_nothing_is_lost(tmp_path):
    with opened(tmp_path / "x.sqlite") as curation:
        curation.annotations.create("", "x", [EditedLabel("a")])

        def work(start):
            for i in range(start, N, 40):
                curation.annotations.assign("", "x", "a", BitMap([i]))
                curation.snapshot("")

        threads = [threading.Thread(target=work, args=(k,)) for k in range(40)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert curation.annotations.get("", "x").n_labelled == N
        assert [c.size for c in curation.annotations.revisions("", "x")] == list(range(N, -1, -1))


ASSIGN = """
import sys
from pathlib import Path
from pyroaring import BitMap
from starcyte.curation.annotations.edit import NewLabel
from starcyte.curation.curation import Curation
from starcyte.settings import Settings

path, annotation, label, start, stop = sys.argv[1:]
curation = Curation(Path(path), Settings(), 2000)
if all(i.name != annotation for i in curation.annotations.listed("")):
    curation.annotations.create("", annotation, [])
for row in range(int(start), int(stop)):
    curation.annotations.assign("", annotation, NewLabel(label, create=True), BitMap([row]))
curation.close()
"""


def started(*arguments):
    return subprocess.Popen([sys.executable, "-c", ASSIGN, *map(str, arguments)], stderr=subprocess.PIPE, text=True)


def ended(process):
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err


def test_processes_write_at_once_and_nothing_is_lost(tmp_path):
    path = tmp_path / "x.sqlite"
    with opened(path) as curation:
        curation.annotations.create("", "x", [])
        others = [started(path, "x", f"c{k}", k * 100, k * 100 + 60) for k in range(2)]
        for row in range(1000, 1100):
            curation.annotations.assign("", "x", NewLabel("mine", create=True), BitMap([row]))
        for other in others:
            ended(other)
        annotation = curation.annotations.get("", "x")
        assert {c.name: set(c.cells) for c in annotation.labels} == {
            "c0": set(range(60)),
            "c1": set(range(100, 160)),
            "mine": set(range(1000, 1100)),
        }


def test_processes_that_open_a_new_database_at_once_all_get_it(tmp_path):
    path = tmp_path / "below" / "x.sqlite"
    for other in [started(path, f"l{k}", "a", 0, 3) for k in range(4)]:
        ended(other)
    with opened(path) as curation:
        assert {i.name: i.counts for i in curation.annotations.listed("")} == {f"l{k}": (3,) for k in range(4)}


def test_a_forked_process_uses_connections_of_its_own(tmp_path):
    """Those of its parent it must neither use nor close: the parent's locks would go."""
    path = tmp_path / "x.sqlite"
    with opened(path) as curation:
        curation.annotations.create("", "x", [])
        reading, writing = os.pipe()
        # held meanwhile, as another thread of the parent might: the child must not wait for it
        with curation.store._write_lock:
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    curation.annotations.assign("", "x", NewLabel("child", create=True), BitMap([1]))
                    status = 0
                finally:
                    os.write(writing, b"done")
                    os._exit(status)
            assert os.read(reading, 4) == b"done"
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        os.close(reading)
        os.close(writing)
        curation.annotations.assign("", "x", NewLabel("parent", create=True), BitMap([2]))
        assert [c.name for c in curation.annotations.get("", "x").labels] == ["child", "parent"]


def test_a_change_that_fails_at_the_end_is_not_remembered(tmp_path):
    """Its number is given to the next one: nothing of it may be found under that."""
    with opened(tmp_path / "x.sqlite", max_user_bytes=1500) as curation:
        curation.annotations.create("", "x", [EditedLabel("a")])
        with pytest.raises(LimitExceeded):
            curation.annotations.assign("", "x", "a", BitMap(range(0, N, 2)))
        curation.annotations.assign("", "x", "a", BitMap([5]))
        assert set(curation.annotations.get("", "x").labels[0].cells) == {5}
