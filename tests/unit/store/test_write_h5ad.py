"""Copies with additional columns, of every case: read by anndata, with all other elements unchanged."""

from __future__ import annotations

import errno
import fcntl
import importlib
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pytest
import scipy.sparse as sp
from files import CASES
from files.case import Case
from starcyte.errors import Cancelled, DatasetInvalid, InputError, StarcyteError, StorageFull
from starcyte.settings import Settings
from starcyte.store.fingerprint import fingerprint
from starcyte.store.open import open_dataset
from starcyte.store.write import file_copy, isolated
from starcyte.store.write.h5ad import NewColumn, copy_with_columns

pytestmark = pytest.mark.slow

CATEGORIES = ["a", "<b>", "=c()"]
COLORS = ["#112233", "", "#ffffff"]


def column(n, name="my label"):
    return NewColumn(name, (np.arange(n) % 4 - 1).astype(np.int8), CATEGORIES, COLORS)


def copied(path, target, *columns, **provenance):
    return copy_with_columns(path, target, columns, provenance, fingerprint(path)[0])


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ad.read_h5ad(path)


def dense(matrix):
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.id.replace(":", "").replace(" ", "_"))
def case(request: pytest.FixtureRequest) -> Case:
    if request.param.needs:
        pytest.importorskip(request.param.needs)
    return request.param


def test_every_case_gets_a_column(case: Case, tmp_path: Path) -> None:
    path, target = tmp_path / "dataset_1.dat", tmp_path / "new.h5ad"
    case.write(path)
    before = path.read_bytes()
    n = case.expect.n_obs
    copied(path, target, column(n), who="somebody")
    assert path.read_bytes() == before

    old, new = open_dataset(path, Settings()), open_dataset(target, Settings())
    try:
        assert [c.name for c in new.obs] == [*(c.name for c in old.obs), "my label"]
        made = new.obs_column("my label")
        assert made.values.tolist() == column(n).codes.tolist()
        assert made.info.categories == tuple(CATEGORIES)
        assert not made.info.ordered
        assert new.index_names(0, n) == old.index_names(0, n)
        for info in old.obs:
            if info.name not in case.expect.unreadable:
                np.testing.assert_array_equal(new.obs_column(info.name).values, old.obs_column(info.name).values)
        assert [m.name for m in new.matrices] == [m.name for m in old.matrices]
        for matrix in old.matrices:
            for i in range(matrix.shape[1]):
                np.testing.assert_array_equal(new.matrix(matrix.name).column(i).dense(), matrix.column(i).dense())
    finally:
        old.close()
        new.close()
    if not case.expect.anndata:
        return
    was, now = read(path), read(target)
    assert now.obs["my label"].cat.categories.tolist() == CATEGORIES
    assert now.obs["my label"].cat.codes.tolist() == column(n).codes.tolist()
    assert now.obs.drop(columns="my label").equals(was.obs)
    assert list(now.uns["my label_colors"])[::2] == COLORS[::2]
    assert now.uns["starcyte"]["who"] == "somebody"
    if was.X is not None:
        assert type(now.X) is type(was.X)
        np.testing.assert_array_equal(dense(now.X), dense(was.X))


def test_scanpy_plots_the_column(pbmc, tmp_path):
    import matplotlib as mpl

    mpl.use("agg")
    import scanpy as sc

    copied(pbmc, tmp_path / "new.h5ad", column(700))
    data = read(tmp_path / "new.h5ad")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        axes = sc.pl.umap(data, color="my label", show=False)
    drawn = {text.get_text() for text in axes.get_legend().get_texts()}
    assert drawn >= set(CATEGORIES)
    assert data.uns["my label_colors"][0] == "#112233"


def test_a_copy_of_a_copy_has_one_record(make_h5ad, tmp_path):
    path = make_h5ad(sp.csr_array(np.eye(4)))
    copied(path, tmp_path / "a", column(4, "first"), who="a", when="then")
    copied(tmp_path / "a", tmp_path / "b", column(4, "second"), who="b")
    data = read(tmp_path / "b")
    assert data.uns["starcyte"] == {"who": "b"}
    assert data.obs.columns.tolist() == ["first", "second"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("there", "there_2"),
        ("CD4/CD8", "CD4_CD8"),
        ("../../x", ".._.._x"),
        (".", "annotation"),
        ("..", "annotation"),
        ("_index", "_index_2"),
        ("__categories", "__categories_2"),
        ("nul\0", "nul\ufffd"),
        ("half \ud800", "half ?"),
        ("coloured", "coloured_2"),
        ("naïve 细胞", "naïve 细胞"),
    ],
)
def test_names_that_are_taken_or_not_allowed(make_h5ad, tmp_path, name, key):
    path = make_h5ad(
        sp.csr_array(np.eye(4)), obs={"there": np.arange(4)}, uns={"coloured_colors": np.array(["#000000"] * 2)}
    )
    notes = copied(path, tmp_path / "new", column(4, name))
    assert (notes == []) == (name == key)
    assert all(repr(key) in note for note in notes)
    data = read(tmp_path / "new")
    assert data.obs.columns.tolist() == ["there", key]
    assert data.obs["there"].tolist() == [0, 1, 2, 3]


def test_two_annotations_with_one_storable_name(make_h5ad, tmp_path):
    path = make_h5ad(sp.csr_array(np.eye(4)))
    assert len(copied(path, tmp_path / "new", column(4, "a/b"), column(4, "a_b"))) == 2
    assert read(tmp_path / "new").obs.columns.tolist() == ["a_b", "a_b_2"]


def test_categories_with_one_storable_text_stay_distinct(make_h5ad, tmp_path):
    path = make_h5ad(sp.csr_array(np.eye(4)))
    odd = NewColumn("x", np.arange(4) % 2, ["\ud800", "?"], ["", ""])
    copied(path, tmp_path / "new", odd)
    assert read(tmp_path / "new").obs["x"].tolist() == ["?", "?_2"] * 2


def test_many_categories_get_wide_codes(make_h5ad, tmp_path):
    path = make_h5ad(sp.csr_array(np.eye(300)))
    wide = NewColumn("x", np.arange(300), [f"c{i}" for i in range(300)], [""] * 300)
    copied(path, tmp_path / "new", wide)
    assert read(tmp_path / "new").obs["x"].tolist() == list(wide.categories)


def test_a_link_to_another_file_is_not_followed(make_h5ad, tmp_path):
    other = make_h5ad(sp.csr_array(np.eye(4)), uns={"secret": np.arange(3)})
    path = make_h5ad(sp.csr_array(np.eye(4)))
    with h5py.File(path, "r+") as file:
        file["uns/starcyte"] = h5py.ExternalLink(str(other), "/uns")
        file["uns/x_colors"] = h5py.ExternalLink(str(other), "/uns/secret")
        file["layers/l"] = h5py.ExternalLink(str(other), "/X")
    before = other.read_bytes()
    assert copied(path, tmp_path / "new", column(4, "x"), who="me") == [
        "Annotation 'x' is column 'x_2' of the new file: its name is taken or not allowed."
    ]
    assert other.read_bytes() == before
    with h5py.File(tmp_path / "new") as file:
        assert isinstance(file.get("layers/l", getlink=True), h5py.ExternalLink)
        assert isinstance(file.get("uns/starcyte", getlink=True), h5py.HardLink)


def test_cancelled_leaves_nothing(make_h5ad, tmp_path):
    path = make_h5ad(sp.csr_array(np.eye(4)))

    def cancel(done):
        raise Cancelled("The export was cancelled.")

    with pytest.raises(Cancelled):
        copy_with_columns(path, tmp_path / "new", [column(4)], {}, fingerprint(path)[0], cancel)
    assert not (tmp_path / "new").exists()


@pytest.fixture
def no_clones(monkeypatch):
    """Refuse to share the blocks of a file with its copy, as most file systems do."""

    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(fcntl, "ioctl", refuse)


def test_progress_increases(make_h5ad, tmp_path, no_clones):
    path, seen = make_h5ad(sp.csr_array(np.eye(40))), []
    file_copy.copy_bytes(path, tmp_path / "new", tick=seen.append, bytes_at_once=1000)
    assert seen == sorted(seen)
    assert len(seen) == -(-path.stat().st_size // 1000)
    assert (tmp_path / "new").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("number", [errno.EXDEV, errno.ENOSYS])
def test_kernels_without_copy_file_range(make_h5ad, tmp_path, monkeypatch, no_clones, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    path = make_h5ad(sp.csr_array(np.eye(40)))
    file_copy.copy_bytes(path, tmp_path / "new")
    assert (tmp_path / "new").read_bytes() == path.read_bytes()


def test_too_little_space_is_reported_before_the_first_byte(make_h5ad, tmp_path, monkeypatch, no_clones):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10_000}))
    path = make_h5ad(sp.csr_array(np.eye(40)))
    with pytest.raises(StorageFull, match="GB are free"):
        copied(path, tmp_path / "new", column(40))
    assert not (tmp_path / "new").exists()


def test_a_disk_that_fills_up_leaves_nothing(make_h5ad, tmp_path, monkeypatch, no_clones):
    def fill(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", fill)
    path = make_h5ad(sp.csr_array(np.eye(40)))
    with pytest.raises(StorageFull, match="No space left"):
        copied(path, tmp_path / "new", column(40))
    assert not (tmp_path / "new").exists()


def test_a_disk_that_fills_up_under_hdf5(make_h5ad, tmp_path):
    """In a process whose limit of file sizes is that of the original.

    Refused so, HDF5 1.14 ends the process with a segmentation fault: it must not come to that.
    """
    path = make_h5ad(sp.csr_array(np.eye(400)))
    program = f"""
import errno, os, resource, signal
import numpy as np
from pathlib import Path
from starcyte.errors import StarcyteError
from starcyte.store.write.h5ad import NewColumn, copy_with_columns
from starcyte.store.fingerprint import fingerprint
path, target = Path({str(path)!r}), Path({str(tmp_path / "new")!r})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, -1))
try:
    copy_with_columns(path, target, [NewColumn("x", np.zeros(400, np.int8), ["y"], [""])], {{}}, fingerprint(path)[0])
except StarcyteError as error:
    print(type(error).__name__, error.message, target.exists())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "InputError 'new' cannot be written: File too large. False\n", done.stderr


def test_preallocated_space_is_truncated(make_h5ad, tmp_path):
    path = make_h5ad(sp.csr_array(np.eye(400)))
    copied(path, tmp_path / "new", column(400))
    assert (tmp_path / "new").stat().st_size < path.stat().st_size + 100_000


def test_in_a_child_process(make_h5ad, tmp_path):
    path = make_h5ad(sp.csr_array(np.eye(4)), obs={"there": np.arange(4)})
    notes = copy_with_columns(path, tmp_path / "new", [column(4, "there")], {}, fingerprint(path)[0], isolated=True)
    assert len(notes) == 1
    assert read(tmp_path / "new").obs["there_2"].cat.codes.tolist() == column(4).codes.tolist()


def test_a_crash_of_hdf5_is_one_line(make_h5ad, tmp_path, monkeypatch):
    (tmp_path / "crashing.py").write_text("import os\n\ndef crash(*_):\n    os.abort()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(isolated, "_write_in_child", importlib.import_module("crashing").crash)
    path = make_h5ad(sp.csr_array(np.eye(4)))
    with pytest.raises(DatasetInvalid, match="HDF5 crashed"):
        copy_with_columns(path, tmp_path / "new", [column(4)], {}, fingerprint(path)[0], isolated=True)
    assert not (tmp_path / "new").exists()


def test_an_existing_target_is_kept(make_h5ad, tmp_path):
    path = make_h5ad(sp.csr_array(np.eye(4)))
    (tmp_path / "new").write_text("mine")
    with pytest.raises(InputError, match="File exists"):
        copied(path, tmp_path / "new", column(4))
    assert (tmp_path / "new").read_text() == "mine"


def test_a_missing_folder(make_h5ad, tmp_path):
    path = make_h5ad(sp.csr_array(np.eye(4)))
    with pytest.raises(InputError, match="No such file"):
        copied(path, tmp_path / "nowhere" / "new", column(4))


def test_a_file_that_has_changed_is_refused(make_h5ad, tmp_path):
    path = make_h5ad(sp.csr_array(np.eye(4)))
    with pytest.raises(InputError, match="has changed"):
        copy_with_columns(path, tmp_path / "new", [column(4)], {}, "another")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("link", ["symbolic", "hard"])
@pytest.mark.parametrize(("name", "leads_to"), [("obs", "var"), ("uns", "obsm")])
def test_a_column_is_not_added_where_a_link_leads_to(make_h5ad, tmp_path, name, leads_to, link):
    path = make_h5ad(sp.csr_array(np.eye(4)))
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
        file[name] = file[leads_to] if link == "hard" else h5py.SoftLink(f"/{leads_to}")
        members = set(file[leads_to])
    copied(path, tmp_path / "new", column(4))
    made = read(tmp_path / "new")
    assert list(made.obs.columns)[-1] == "my label"
    assert "my label_colors" in made.uns
    with h5py.File(tmp_path / "new") as file:
        assert set(file[leads_to]) == members


def test_a_damaged_file_is_one_line(make_h5ad, tmp_path):
    path = make_h5ad(sp.csr_array(np.eye(4)))
    with h5py.File(path, "r+") as file:
        del file["obs"]
        file["obs"] = h5py.SoftLink("/nowhere")
    with pytest.raises(DatasetInvalid, match="symbolic link") as caught:
        copied(path, tmp_path / "new", column(4))
    assert isinstance(caught.value, StarcyteError)
    assert not (tmp_path / "new").exists()
