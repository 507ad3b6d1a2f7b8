"""Eviction from the cache of indexes: least recently used first, never an index in use or being built."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from starcyte.store.cache import make_room

HOLD = """
import fcntl, sys
held = open(sys.argv[1], "rb")
fcntl.flock(held, {lock})
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def make(tmp_path):
    """Return a function that creates an index of some size and time of last use."""

    def make_(name, used, size=1000):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "entries.bin").write_bytes(bytes(size))
        os.utime(folder, (used, used))
        return folder

    return make_


@contextmanager
def held(path, lock="fcntl.LOCK_SH"):
    """Lock a file in another process, as an open index does."""
    command = [sys.executable, "-c", HOLD.format(lock=lock), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_least_recently_used_goes_first(tmp_path, make):
    for name, used in [("b", 20), ("d", 40), ("a", 10), ("c", 30)]:
        make(name, used)
    make_room(tmp_path, 4000)
    assert names(tmp_path) == ["a", "b", "c", "d"]
    make_room(tmp_path, 2500)
    assert names(tmp_path) == ["c", "d"]
    make_room(tmp_path, 0)
    assert names(tmp_path) == []


def test_an_open_index_is_kept(tmp_path, make):
    oldest = make("a", 10)
    make("b", 20)
    make("c", 30)
    with held(oldest / "entries.bin"):
        make_room(tmp_path, 1500)
        assert names(tmp_path) == ["a"]
    make_room(tmp_path, 500)
    assert names(tmp_path) == []


def test_the_size_of_the_new_index_counts(tmp_path, make):
    make("a", 10)
    make("b", 20)
    make_room(tmp_path, 1500, keep="a")
    assert names(tmp_path) == ["a"]
    make_room(tmp_path, 0, keep="a")
    assert names(tmp_path) == ["a"]


def test_a_damaged_index_is_removed_and_other_files_are_kept(tmp_path, make):
    (make("a", 10) / "entries.bin").rename(tmp_path / "a" / "table.bin")
    (tmp_path / "notes.txt").write_text("a user's")
    make_room(tmp_path, 10)
    assert names(tmp_path) == ["notes.txt"]


def test_a_missing_folder_is_no_error(tmp_path):
    make_room(tmp_path / "none", 0)
    assert names(tmp_path) == []


def test_the_files_of_a_killed_build_are_always_removed(tmp_path, make):
    make(".x.part-abc", 10)
    (tmp_path / ".x.lock").write_text("")
    make(".y.part-abc", 10)
    make_room(tmp_path, 1 << 40)
    assert names(tmp_path) == [".x.lock"]


def test_an_index_being_built_is_kept(tmp_path, make):
    make(".x.part-abc", 10)
    (tmp_path / ".x.lock").write_text("")
    with held(tmp_path / ".x.lock", "fcntl.LOCK_EX"):
        make_room(tmp_path, 0)
        assert names(tmp_path) == [".x.lock", ".x.part-abc"]


def test_without_locks_an_index_being_built_is_kept(tmp_path, make, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "")

    make(".x.part-abc", 10)
    (tmp_path / ".x.lock").write_text("")
    make("a", 10)
    monkeypatch.setattr(fcntl, "flock", refuse)
    make_room(tmp_path, 0)
    assert names(tmp_path) == [".x.lock", ".x.part-abc"]


def test_an_index_that_another_process_is_removing(tmp_path, make, monkeypatch):
    for name in "abc":
        make(name, 10)
    real = type(tmp_path).stat

    def vanishing(path, **options):
        if path.name == "b":
            raise FileNotFoundError(path)
        return real(path, **options)

    monkeypatch.setattr(type(tmp_path), "stat", vanishing)
    make_room(tmp_path, 0)
    monkeypatch.undo()
    assert names(tmp_path) == ["b"]
