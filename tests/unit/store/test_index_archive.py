"""Index archives: read in place, for any copy of the dataset, and validated."""

import hashlib
import json
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from h5ad_file import write_h5ad
from indexing import categories, indexed, opened, stored
from starcyte import cli
from starcyte.errors import InputError
from starcyte.settings import Settings
from starcyte.store.dataset import no_tick
from starcyte.store.index.archive import write_archive
from starcyte.store.index.background import BackgroundIndexing
from starcyte.store.index.column_index import UNUSABLE, ColumnIndex, encode_metadata
from starcyte.store.open import open_dataset

pytestmark = pytest.mark.slow

VALUES = np.random.default_rng(0).integers(0, 3, (60, 9)).astype(np.float32)
OBS = {"g": categories(np.arange(60) % 3, 3)}


@pytest.fixture(params=["csr", "dense", "csc"])
def dataset(tmp_path, request):
    values = VALUES + 1 if request.param == "dense" else VALUES
    with opened(tmp_path / "x.h5ad", stored(values, request.param), obs=OBS, block_bytes=100) as dataset:
        yield dataset


@pytest.fixture
def archive(dataset, tmp_path):
    write_archive(tmp_path / "index.tar", [indexed(dataset, tmp_path / "cache")])
    return tmp_path / "index.tar"


def same(a, b):
    """Return whether two indexes have the same content."""
    np.testing.assert_array_equal(a.moments("g").mean, b.moments("g").mean)
    if a.only_moments:
        assert b.only_moments
        return
    for j in range(9):
        np.testing.assert_array_equal(a.column(j).dense(), b.column(j).dense())
    for number in range(a.n_blocks):
        np.testing.assert_array_equal(a.block(number).values, b.block(number).values)
    if a.layout != "dense":
        np.testing.assert_array_equal(a.gene_sizes(), b.gene_sizes())
        for x, y in zip(a.entries(2, 7), b.entries(2, 7), strict=True):
            np.testing.assert_array_equal(x, y)


def test_an_archive_is_read_in_place(dataset, archive, tmp_path):
    inside = ColumnIndex(archive, dataset.index_key("X"))
    same(inside, indexed(dataset, tmp_path / "cache"))
    with tarfile.open(archive) as tar:
        assert tar.getnames()[0].endswith("/index.json")
        # members are aligned for numpy, although not to pages
        assert all(member.offset_data % 8 == 0 for member in tar)


def test_an_archive_is_used_for_a_copy_of_the_dataset(dataset, archive, tmp_path):
    copy = shutil.copyfile(dataset.path, tmp_path / "copy.dat")
    os.utime(copy, (1, 1))
    with opened(Path(copy)) as other:
        inside = ColumnIndex(archive, other.index_key("X"))
        same(inside, indexed(dataset, tmp_path / "cache"))


def test_an_archive_is_not_used_for_another_dataset(archive, tmp_path):
    other = write_h5ad(tmp_path / "y.h5ad", stored(VALUES[::-1].copy(), "csr"), obs=OBS)
    with opened(other) as dataset, pytest.raises(ValueError, match="another file"):
        ColumnIndex(archive, dataset.index_key("X"))


def test_archives_are_reproducible(dataset, archive, tmp_path):
    before = archive.read_bytes()
    write_archive(archive, [indexed(dataset, tmp_path / "cache")])
    assert archive.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", "index.tar", "x.h5ad"]


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_descriptors_are_closed(dataset, archive):
    before = open_files()
    index = ColumnIndex(archive, dataset.index_key("X"))
    index.moments("g")
    index.close()
    index.close()
    for source in (dataset.index_key("X"),) * 3:
        with pytest.raises(UNUSABLE):
            ColumnIndex(dataset.path, source)
    assert open_files() == before


def rewritten(archive, change):
    """Rewrite the archive with changed files."""
    with tarfile.open(archive) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar}
    folder = archive.parent / "rewritten"
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    change(next(folder.iterdir()))
    with tarfile.open(archive, "w") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder), recursive=False)


def say(**changes):
    """Change the metadata, with a valid digest."""

    def edit(folder):
        path = folder / "index.json"
        meta = json.loads(path.read_text()) | changes
        meta.pop("digest")
        path.write_text(encode_metadata(meta))

    return edit


def edit_array(name, dtype, change):
    def edit(folder):
        path = folder / name
        array = np.frombuffer(path.read_bytes(), dtype).copy()
        change(array)
        path.write_bytes(array.tobytes())

    return edit


FAULTS = {
    "cut": lambda a: os.truncate(a, 5000),
    "cut at its end": lambda a: os.truncate(a, 700),
    "empty": lambda a: a.write_bytes(b""),
    "no archive": lambda a: a.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(10000)),
    "a folder too few": lambda a: rewritten(a, lambda f: [p.unlink() for p in f.iterdir()]),
    "nothing said": lambda a: rewritten(a, lambda f: (f / "index.json").unlink()),
    "no entries": lambda a: rewritten(a, lambda f: (f / "entries.bin").unlink()),
    "a link in place of the entries": lambda a: rewritten(
        a, lambda f: [(f / "entries.bin").unlink(), (f / "entries.bin").symlink_to("/etc/passwd")]
    ),
    "half said": lambda a: rewritten(a, lambda f: os.truncate(f / "index.json", 50)),
    "rows beyond the cells": lambda a: rewritten(a, say(rows=[0, 1000])),
    "rows backwards": lambda a: rewritten(a, say(rows=[0, 40, 20, 60])),
    "places before the entries": lambda a: rewritten(a, say(starts=[-8])),
    "more entries than there are": lambda a: rewritten(a, say(counts=[1 << 40])),
    "other entries": lambda a: rewritten(a, say(entries_bytes=1)),
}


@pytest.mark.parametrize("dataset", ["csr"], indirect=True)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_archive_is_refused(dataset, archive, fault):
    FAULTS[fault](archive)
    with pytest.raises(UNUSABLE):
        ColumnIndex(archive, dataset.index_key("X"))


@pytest.mark.parametrize("dataset", ["csr"], indirect=True)
def test_a_decreasing_table_is_refused(dataset, archive):
    def change(folder):
        table = np.frombuffer((folder / "table.bin").read_bytes(), "<u4").copy().reshape(10, -1)
        table[4, 0] = 1 << 31
        (folder / "table.bin").write_bytes(table.tobytes())
        digest = hashlib.blake2b(table.tobytes(), digest_size=16).hexdigest()
        say(table_digest=digest)(folder)

    rewritten(archive, change)
    with pytest.raises(ValueError, match="table is inconsistent"):
        ColumnIndex(archive, dataset.index_key("X"))


@pytest.mark.parametrize("dataset", ["csr"], indirect=True)
def test_a_row_outside_the_matrix_is_a_clear_error(dataset, archive):
    rewritten(archive, edit_array("entries.bin", "<u2", lambda array: array.fill(65535)))
    index = ColumnIndex(archive, dataset.index_key("X"))
    for read in (lambda: index.column(3), lambda: index.block(0), lambda: index.entries(0, 9)):
        with pytest.raises(InputError, match="outside the matrix"):
            read()


def prepared(dataset, **settings):
    preparing = BackgroundIndexing(dataset, Settings(**settings), open_dataset)
    preparing.wait("X", no_tick)
    preparing.close()
    return preparing


def test_the_setting_index_file(dataset, archive, tmp_path):
    cache = tmp_path / "other cache"
    with opened(dataset.path) as again:
        # also for a matrix that is too small to be indexed
        preparing = prepared(again, index_file=str(archive), cache_dir=str(cache))
        assert preparing.problems == []
        assert again.matrix("X").index.folder == archive
    assert not cache.exists()


@pytest.mark.parametrize("dataset", ["csr"], indirect=True)
def test_an_unusable_index_file_is_reported(dataset, archive, tmp_path, caplog):
    other = write_h5ad(tmp_path / "y.h5ad", stored(VALUES[::-1].copy(), "csr"), obs=OBS)
    with opened(other) as again:
        preparing = prepared(again, index_file=str(archive), cache_dir=str(tmp_path / "2"))
        (problem,) = preparing.problems
        assert problem.startswith("The index of X (index_file) is not used: it is of another file.")
        assert again.matrix("X").index is None
        missing = prepared(again, index_file=str(tmp_path / "none"), cache_dir=str(tmp_path / "2"))
        assert "No such file" in missing.problems[0]
        # an index is built all the same
        made = prepared(again, index_file=str(archive), cache_dir=str(tmp_path / "2"), index_least=0)
        assert len(made.problems) == 1
        assert again.matrix("X").index.folder.parent == tmp_path / "2" / "index"
    assert len(caplog.records) == 3


@pytest.mark.parametrize("dataset", ["csr"], indirect=True)
def test_command(dataset, tmp_path, capsys):
    target = tmp_path / "made.tar"
    arguments = [str(dataset.path), f"--cache-dir={tmp_path / 'cache'}"]
    assert cli.main(["prepare", *arguments, f"--output={target}"]) == 0
    assert str(target) in capsys.readouterr().out
    with opened(dataset.path) as again:
        assert ColumnIndex(target, again.index_key("X")).shape == (60, 9)
    assert target.stat().st_mode & 0o777 == 0o666 & ~umask()
    assert cli.main(["prepare", *arguments, f"--output={tmp_path / 'no' / 'made.tar'}"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "--output" in err


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_dataset_without_a_matrix(tmp_path):
    path = write_h5ad(tmp_path / "x.h5ad", None, obs=OBS, cells=60, genes=9)
    assert open_dataset(path, Settings()).default_matrix is None
    assert cli.main(["prepare", str(path), f"--output={tmp_path / 'made.tar'}"]) == 0
    with tarfile.open(tmp_path / "made.tar") as tar:
        assert tar.getnames() == []
