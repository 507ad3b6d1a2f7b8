"""An index that is damaged, of another file or of another revision is not used and built again."""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path

import numpy as np
import pytest
from h5ad_file import write_h5ad
from indexing import categories, indexed, opened, stored
from starcyte.errors import DatasetInvalid
from starcyte.store.index.column_index import UNUSABLE, ColumnIndex

pytestmark = pytest.mark.slow

VALUES = np.random.default_rng(0).integers(0, 3, (60, 9)).astype(np.float32)
OTHERS = np.ascontiguousarray(VALUES[::-1])
OBS = {"g": categories(np.arange(60) % 3, 3)}


def write(folder: Path) -> Path:
    return write_h5ad(folder / "x.h5ad", stored(VALUES, "csr"), obs=OBS)


@pytest.fixture
def dataset(tmp_path):
    with opened(write(tmp_path), block_bytes=100) as dataset:
        yield dataset


@pytest.fixture
def folder(dataset, tmp_path):
    """Return the folder of a complete, closed index."""
    indexed(dataset, tmp_path / "cache").close()
    return tmp_path / "cache" / dataset.index_key("X").folder_name


def cut(path, n):
    os.truncate(path, path.stat().st_size - n)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def moments_of(folder):
    return next(folder.glob("moments-*.bin"))


def say(**changes):
    def edit(folder):
        path = folder / "index.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return edit


FAULTS = {
    "entries cut": lambda f: cut(f / "entries.bin", 1),
    "entries longer": lambda f: os.truncate(f / "entries.bin", 1 << 16),
    "entries missing": lambda f: (f / "entries.bin").unlink(),
    "table cut": lambda f: cut(f / "table.bin", 4),
    "table changed": lambda f: flip(f / "table.bin"),
    "table missing": lambda f: (f / "table.bin").unlink(),
    "moments cut": lambda f: cut(moments_of(f), 8),
    "moments missing": lambda f: moments_of(f).unlink(),
    "nothing said": lambda f: (f / "index.json").write_bytes(b""),
    "zeros said": lambda f: (f / "index.json").write_bytes(bytes(100)),
    "half said": lambda f: cut(f / "index.json", 20),
    "no UTF-8 said": lambda f: (f / "index.json").write_bytes(b"\xff\xfe{}"),
    "a list said": lambda f: (f / "index.json").write_text("[1]"),
    "null said": lambda f: (f / "index.json").write_text("null"),
    "an empty object said": lambda f: (f / "index.json").write_text("{}"),
    "brackets said": lambda f: (f / "index.json").write_text("[" * 100_000),
    "one byte otherwise said": lambda f: flip(f / "index.json"),
    "nothing there": lambda f: [p.unlink() for p in f.iterdir()],
    "another format": say(format=99),
    "another fingerprint": say(fingerprint="0" * 32),
    "another revision": say(revision="0"),
    "another shape": say(shape=[60, 8]),
    "another dtype": say(dtype="int32"),
    "other blocks": say(starts=[0]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_index_is_built_again(dataset, folder, fault):
    before = json.loads((folder / "index.json").read_text())
    FAULTS[fault](folder)
    with pytest.raises(UNUSABLE):
        ColumnIndex(folder, dataset.index_key("X"))
    index = indexed(dataset, folder.parent)
    assert json.loads((folder / "index.json").read_text()).keys() == before.keys()
    np.testing.assert_array_equal(np.stack([index.column(j).dense() for j in range(9)], axis=1), VALUES)


def test_a_good_index_is_not_built_again(dataset, folder):
    made = (folder / "entries.bin").stat().st_ino
    indexed(dataset, folder.parent)
    assert (folder / "entries.bin").stat().st_ino == made


def test_a_file_changed_in_place_gets_another_index(tmp_path, folder):
    """Size and samples are the same, but the modification time is later."""
    path = tmp_path / "x.h5ad"
    status = path.stat()
    size = status.st_size
    write_h5ad(tmp_path / "other.h5ad", stored(OTHERS, "csr"), obs=OBS)
    with path.open("r+b") as stream:
        stream.write((tmp_path / "other.h5ad").read_bytes())
    assert path.stat().st_size == size
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    with opened(path, block_bytes=100) as dataset:
        index = indexed(dataset, tmp_path / "cache")
        np.testing.assert_array_equal(index.column(0).dense(), OTHERS[:, 0])


def test_a_touched_file_gets_another_index(tmp_path, folder):
    path = tmp_path / "x.h5ad"
    os.utime(path, ns=(0, 1))
    with opened(path, block_bytes=100) as dataset, pytest.raises(ValueError, match="another file"):
        ColumnIndex(folder, dataset.index_key("X"))


def everything(index):
    """Return a function for each part of an index, which reads it."""
    return [
        lambda: index.column(3),
        lambda: index.entries(0, 9),
        lambda: [index.block(b) for b in range(index.n_blocks)],
        index.gene_sizes,
    ]


@pytest.mark.parametrize("layout", ["csr", "dense"])
def test_truncated_entries_are_a_clear_error(tmp_path, layout):
    values = VALUES if layout == "csr" else VALUES + 1
    with opened(tmp_path / "x.h5ad", stored(values, layout), block_bytes=100) as dataset:
        index = indexed(dataset, tmp_path / "cache")
        os.truncate(index.folder / "entries.bin", 8)
        for read in [lambda: index.column(8), lambda: index.block(index.n_blocks - 1)]:
            with pytest.raises(DatasetInvalid, match=r"index of X cannot be read.*ends before"):
                read()


def test_a_truncated_table_is_a_clear_error(dataset, tmp_path):
    index = indexed(dataset, tmp_path / "cache")
    os.truncate(index.folder / "table.bin", 4)
    for read in [lambda: index.column(8), lambda: index.entries(7, 9)]:
        with pytest.raises(DatasetInvalid, match=r"index of X cannot be read.*ends before"):
            read()


@pytest.mark.parametrize("size", [0, 8, 100_000])
def test_moments_of_another_length_are_computed_anew(dataset, tmp_path, size):
    """Cut while the index was open: the entries give the same moments."""
    index = indexed(dataset, tmp_path / "cache")
    assert index.moments("g") is not None
    os.truncate(moments_of(index.folder), size)
    assert index.moments("g") is None
    assert index.moments("none") is None


def test_a_removed_index_stays_readable(dataset, tmp_path):
    index = indexed(dataset, tmp_path / "cache")
    expected = index.column(3).dense()
    for path in index.folder.iterdir():
        path.unlink()
    index.folder.rmdir()
    np.testing.assert_array_equal(index.column(3).dense(), expected)
    for read in everything(index):
        read()
    assert index.moments("g") is None


def test_indexes_of_two_revisions_coexist(tmp_path):
    """Copies of a file have the same fingerprint, but other revisions."""
    with opened(write(tmp_path), block_bytes=100) as dataset:
        index = indexed(dataset, tmp_path / "cache")
        moments = index.moments("g").mean.copy()
        os.utime(dataset.path, ns=(0, 1))
        with opened(dataset.path, block_bytes=1 << 20) as later:
            replaced = indexed(later, tmp_path / "cache")
            assert replaced.folder != index.folder
            np.testing.assert_array_equal(index.column(3).dense(), VALUES[:, 3])
            assert index.n_blocks > replaced.n_blocks == 1
            for read in everything(index):
                read()
            np.testing.assert_allclose(index.moments("g").mean, moments)
            np.testing.assert_allclose(replaced.moments("g").mean, moments)


def open_descriptors():
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list a process's descriptors")
def test_descriptors_are_closed(dataset, folder):
    source = dataset.index_key("X")
    before = open_descriptors()
    for _ in range(3):
        index = ColumnIndex(folder, source)
        for read in everything(index):
            read()
        index.moments("g")
        index.close()
        index.close()
        del index
        ColumnIndex(folder, source).column(1)
    cut(folder / "table.bin", 4)
    for _ in range(3):
        with pytest.raises(UNUSABLE):
            ColumnIndex(folder, source)
    assert open_descriptors() == before


def test_a_closed_index_does_not_close_the_files_of_others(dataset, folder):
    """The number of a closed descriptor is reused for another file."""
    index = ColumnIndex(folder, dataset.index_key("X"))
    index.close()
    with (folder / "index.json").open("rb") as a, (folder / "table.bin").open("rb") as b:
        del index
        gc.collect()
        assert a.read()
        assert b.read()


@pytest.mark.parametrize("name", ["table.bin", "entries.bin"])
def test_a_file_that_is_cut_while_it_is_in_use_is_an_error(dataset, tmp_path, name):
    # a memory map of it would end the process
    index = indexed(dataset, tmp_path / "cache")
    expected = index.column(3).dense()
    index.block(0)
    path = tmp_path / "cache" / dataset.index_key("X").folder_name / name
    with path.open("r+b") as stream:
        stream.truncate(0)
    with pytest.raises(DatasetInvalid, match="cannot be read"):
        index.column(3)
    if name == "table.bin":
        index.gene_sizes()
    else:
        with pytest.raises(DatasetInvalid, match="cannot be read"):
            index.block(0)
    assert expected.size == 60
    index.close()
