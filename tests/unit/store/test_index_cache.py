"""The cache of indexes: what is used least goes first, what is in use or being made stays."""

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
    """Return a function that makes an index of so many bytes, last used at some time."""

    def make_(name, used, size=1000):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "entries.bin").write_bytes(bytes(size))
        os.utime(folder, (used, used))
        return folder

    return make_


@contextmanager
def held(path, lock="fcntl.LOCK_SH"):
    """Lock a file in another process, as a reader of an index does."""
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


def test_what_is_in_use_stays(tmp_path, make):
    oldest = make("a", 10)
    make("b", 20)
    make("c", 30)
    with held(oldest / "entries.bin"):
        make_room(tmp_path, 1500)
        assert names(tmp_path) == ["a"]
    make_room(tmp_path, 500)
    assert names(tmp_path) == []


def test_what_is_to_be_kept_stays_and_counts(tmp_path, make):
    make("a", 10)
    make("b", 20)
    make_room(tmp_path, 1500, keep="a")
    assert names(tmp_path) == ["a"]
    make_room(tmp_path, 0, keep="a")
    assert names(tmp_path) == ["a"]


def test_a_broken_index_goes_and_what_is_no_index_stays(tmp_path, make):
    (make("a", 10) / "entries.bin").rename(tmp_path / "a" / "table.bin")
    (tmp_path / "notes.txt").write_text("a user's")
    make_room(tmp_path, 10)
    assert names(tmp_path) == ["notes.txt"]


def test_there_need_be_no_folder(tmp_path):
    make_room(tmp_path / "none", 0)
    assert names(tmp_path) == []


def test_what_a_killed_builder_left_goes_whatever_room_there_is(tmp_path, make):
    make(".x.part-abc", 10)
    (tmp_path / ".x.lock").write_text("")
    make(".y.part-abc", 10)
    make_room(tmp_path, 1 << 40)
    assert names(tmp_path) == [".x.lock"]


def test_what_is_being_made_stays(tmp_path, make):
    make(".x.part-abc", 10)
    (tmp_path / ".x.lock").write_text("")
    with held(tmp_path / ".x.lock", "fcntl.LOCK_EX"):
        make_room(tmp_path, 0)
        assert names(tmp_path) == [".x.lock", ".x.part-abc"]


def test_without_locks_what_is_being_made_stays_and_the_rest_is_bounded(tmp_path, make, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "")

    make(".x.part-abc", 10)
    (tmp_path / ".x.lock").write_text("")
    make("a", 10)
    monkeypatch.setattr(fcntl, "flock", refuse)
    make_room(tmp_path, 0)
    assert names(tmp_path) == [".x.lock", ".x.part-abc"]


def test_an_index_that_another_process_removes_meanwhile(tmp_path, make, monkeypatch):
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
