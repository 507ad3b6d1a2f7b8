"""The outputs folder: whole, current, nothing else in it; what cannot be written is told and tried again."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from curation_values import RESULT, Cells
from pyroaring import BitMap
from starcyte.curation.annotations.edit import NewLabel
from starcyte.curation.curation import Curation
from starcyte.curation.files.autosave import Autosave
from starcyte.curation.files.outputs import user_folder
from starcyte.curation.files.session import read_session
from starcyte.curation.models import Label
from starcyte.settings import Settings

pytestmark = pytest.mark.slow

PATIENCE = 60
NAMES = ["AAAC-1", "=AAAG", "AAAT-1"]
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.fixture
def curation(tmp_path):
    made = Curation(tmp_path / "data" / "f00d.sqlite", Settings(), len(NAMES))
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "job" / "outputs"


@pytest.fixture
def begin(curation, folder):
    """Return a function that starts an autosave; it is closed at the end."""
    begun = []

    def begin_(**intervals):
        begun.append(Autosave(curation, Cells(NAMES), folder, **intervals))
        begun[-1].start()
        assert begun[-1].flush(PATIENCE) or begun[-1].problem
        return begun[-1]

    yield begin_
    for one in begun:
        one.close(PATIENCE)


def type_cells(curation, cells=(0,), name="type", label="T", user=""):
    if name not in {one.name for one in curation.annotations.listed(user)}:
        curation.annotations.create(user, name)
    curation.annotations.assign(user, name, NewLabel(label, create=True), BitMap(cells))


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def holds(check):
    end = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_without_changes_nothing_is_written(begin, folder):
    assert begin().close(PATIENCE)
    assert not folder.exists()
    assert not folder.parent.exists()


def test_each_record_is_in_a_file(begin, curation, folder):
    saving = begin()
    type_cells(curation, [0, 1])
    curation.gene_sets.put("", "T cells", ["CD3D", "CD3E"], "told")
    curation.saved_items.put("", "result", "B/T", "application/json", RESULT.body)
    curation.saved_items.put("", "result", "odd", "application/json", b'{"x": 1}')
    curation.saved_items.put("", "view", "mine", "application/json", b'{"zoom": 2}')
    curation.saved_items.put("", "figure", "b.t", "image/svg+xml", SVG)
    curation.saved_items.put("", "figure", "b t", "image/png", b"\x89PNG")
    assert saving.flush(PATIENCE)
    found = files(folder)
    session = read_session(found.pop("session.json")).snapshot
    assert found == {
        "annotations.tabular": b"cell\ttype\nAAAC-1\tT\n'=AAAG\tT\nAAAT-1\t\n",
        "gene_sets.gmt": b"T cells\ttold\tCD3D\tCD3E\n",
        "B_T.tabular": b"gene\tscore\tp_value\n'=CD3D\t-1.5\t1e-300\nMS4A1\t\t0.25\n",
        "odd.json": b'{"x": 1}',
        # without its ending, and in small letters, each is another's name
        "b_t_2.svg": SVG,
        "b_t_3.png": b"\x89PNG",
    }
    assert [one.name for one in session.annotations] == ["type"]
    assert [one.name for one in session.gene_sets] == ["T cells"]
    assert [(k.kind, k.name) for k in session.saved_items] == [("view", "mine"), ("result", "B/T"), ("result", "odd")]


def test_files_of_deleted_and_renamed_items_are_removed(begin, curation, folder):
    saving = begin()
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("not of starcyte")
    type_cells(curation)
    curation.gene_sets.put("", "s", ["A"])
    curation.saved_items.put("", "figure", "f", "image/svg+xml", SVG)
    assert saving.flush(PATIENCE)
    assert set(files(folder)) == {"mine.txt", "annotations.tabular", "gene_sets.gmt", "f.svg", "session.json"}
    curation.annotations.delete("", "type")
    curation.gene_sets.delete("", "s")
    curation.saved_items.delete("", "figure", "f")
    assert saving.flush(PATIENCE)
    assert set(files(folder)) == {"mine.txt", "session.json"}


def test_changes_are_exported_without_a_request_and_at_once(begin, curation, folder):
    begin(interval=PATIENCE)
    type_cells(curation)
    holds(lambda: (folder / "session.json").exists())


def test_many_changes_are_few_writings(begin, curation, folder, monkeypatch):
    saving, written, replace = begin(), [], Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda path, target: written.append(Path(target).name) or replace(path, target)
    )
    for i in range(60):
        type_cells(curation, [i % 3], label=f"c{i}")
    assert saving.flush(PATIENCE)
    assert 0 < written.count("annotations.tabular") < 20
    assert (folder / "annotations.tabular").read_text().splitlines()[1:] == [
        "AAAC-1\tc57",
        "'=AAAG\tc58",
        "AAAT-1\tc59",
    ]


def test_unchanged_files_are_not_written_again(begin, curation, folder):
    saving = begin()
    type_cells(curation)
    assert saving.flush(PATIENCE)
    before = (folder / "annotations.tabular").stat().st_ino
    curation.gene_sets.put("", "s", ["A"])
    assert saving.flush(PATIENCE)
    assert (folder / "annotations.tabular").stat().st_ino == before
    assert len(json.loads((folder / "session.json").read_bytes())["genesets"]) == 1


def test_existing_annotations_are_exported_at_the_start(begin, curation, folder):
    type_cells(curation)
    begin()
    assert set(files(folder)) == {"annotations.tabular", "session.json"}


def test_a_removed_folder_is_created_again(begin, curation, folder):
    saving = begin()
    type_cells(curation)
    assert saving.flush(PATIENCE)
    shutil.rmtree(folder)
    curation.gene_sets.put("", "s", ["A"])
    assert saving.flush(PATIENCE)
    assert set(files(folder)) == {"annotations.tabular", "gene_sets.gmt", "session.json"}


def test_obsolete_files_are_removed_after_a_kill(begin, curation, folder):
    """A process that was killed leaves its folder of saving, with the names of its files."""
    type_cells(curation)
    curation.saved_items.put("", "figure", "f", "image/svg+xml", SVG)
    begin()
    left = folder.with_name(".outputs.saving")
    kept = shutil.copytree(left, folder.parent / "kept")
    begin().close(PATIENCE)
    shutil.rmtree(left, ignore_errors=True)
    kept.rename(left)
    curation.saved_items.delete("", "figure", "f")
    (folder / "f.svg").write_bytes(SVG)
    (folder / "mine.svg").write_bytes(SVG)
    begin()
    assert set(files(folder)) == {"annotations.tabular", "session.json", "mine.svg"}


def test_users_have_folders_of_their_own(begin, curation, folder):
    saving = begin()
    users = ["", "alice", "Alice", "a/../b", "a_b", "..", "annotations.tabular"]
    for user in users:
        type_cells(curation, label=f"of {user}", user=user)
    assert saving.flush(PATIENCE)
    assert len({user_folder(user).casefold() for user in users}) == len(users)
    for user in users:
        assert (folder / user_folder(user)).resolve().is_relative_to(folder.resolve())
        assert f"of {user}" in (folder / user_folder(user) / "annotations.tabular").read_text()
    assert len(files(folder)) == 2 * len(users)


def test_the_folder_never_has_incomplete_files(begin, curation, folder):
    """Whoever looks at any moment sees whole files, and those only."""
    saving, stop, seen = begin(), threading.Event(), set()

    def look():
        while not stop.is_set():
            for path in folder.glob("**/*") if folder.exists() else ():
                seen.add(path.name)
                if path.name == "session.json":
                    json.loads(path.read_bytes())

    looking = threading.Thread(target=look)
    looking.start()
    for i in range(30):
        type_cells(curation, [i % 3], label=f"c{i}")
        saving.hurry()
    assert saving.flush(PATIENCE)
    stop.set()
    looking.join()
    assert seen == {"annotations.tabular", "session.json"}


def test_closing_exports_pending_changes_and_removes_the_staging_folder(begin, curation, folder):
    saving = begin(interval=PATIENCE)
    type_cells(curation, [0])
    holds(lambda: (folder / "session.json").exists())
    type_cells(curation, [1, 2])
    assert saving.close(PATIENCE)
    assert (folder / "annotations.tabular").read_text().count("\tT\n") == 3
    assert [p.name for p in folder.parent.iterdir()] == ["outputs"]


class Refusing:
    """Refuses to write files, as a full or broken disk does, until told otherwise."""

    def __init__(self, monkeypatch, number):
        self.number, self.tries = number, 0
        self._replace = Path.replace
        monkeypatch.setattr(Path, "replace", lambda path, target: self(path, target))

    def __call__(self, path, target):
        if self.number and path.suffix == ".part" and "files.json" not in path.name:
            self.tries += 1
            raise OSError(self.number, os.strerror(self.number))
        return self._replace(path, target)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_failed_export_is_reported_and_retried(begin, curation, folder, monkeypatch, number):
    saving, disk = begin(retry_interval=0.05), Refusing(monkeypatch, number)
    type_cells(curation)
    assert not saving.flush(PATIENCE)
    assert "Your changes are saved" in saving.problem
    assert os.strerror(number) in saving.problem
    assert curation.annotations.get("", "type").n_labelled == 1
    assert files(folder) == {}
    tries = disk.tries
    holds(lambda: disk.tries > tries + 1)
    disk.number = 0
    holds(lambda: not saving.problem)
    assert set(files(folder)) == {"annotations.tabular", "session.json"}


def test_a_folder_that_cannot_be_created(curation, folder):
    folder.parent.mkdir()
    folder.write_text("a file")
    saving = Autosave(curation, Cells(NAMES), folder)
    saving.start()
    type_cells(curation)
    assert not saving.flush(PATIENCE)
    assert "File exists" in saving.problem
    assert not saving.close(1)


@pytest.mark.parametrize("how", ["rename", "folder"])
def test_a_folder_that_is_a_volume_of_its_own(begin, curation, folder, monkeypatch, how):
    replace, mkdir = Path.replace, Path.mkdir

    def cannot(path, target):
        if how == "rename" and path.parent != Path(target).parent and path.parent.name == ".outputs.saving":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return replace(path, target)

    def may_not(path, *args, **kwargs):
        if how == "folder" and path.name == ".outputs.saving":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return mkdir(path, *args, **kwargs)

    monkeypatch.setattr(Path, "replace", cannot)
    monkeypatch.setattr(Path, "mkdir", may_not)
    saving = begin()
    type_cells(curation)
    assert saving.flush(PATIENCE), saving.problem
    # nothing but folders beside what is collected
    assert {p.name for p in folder.iterdir() if p.is_file()} == {"annotations.tabular", "session.json"}
    assert saving.close(PATIENCE)
    assert {p.name for p in folder.iterdir()} == {"annotations.tabular", "session.json"}


def test_a_large_file_is_placed_and_stays(begin, curation, folder):
    saving = begin()
    path = saving.staging_path("x.part")
    path.write_bytes(b"large")
    saving.add_file(path, "", "data_annotated.h5ad")
    type_cells(curation)
    curation.annotations.create("", "another", start=[Label("c", cells=BitMap([1]))])
    assert saving.flush(PATIENCE)
    assert files(folder)["data_annotated.h5ad"] == b"large"
    assert len(files(folder)) == 3
