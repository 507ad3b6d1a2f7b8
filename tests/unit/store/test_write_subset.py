"""Files with some of the cells of another: of every case as starcyte reads it, and as anndata does."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from files import CASES
from files.case import Case
from starcyte.errors import Cancelled
from starcyte.settings import Settings
from starcyte.store.open import open_dataset
from starcyte.store.write import subset
from starcyte.store.write.subset import write_subset

pytestmark = pytest.mark.slow

N = 90


def chosen(path, target, rows):
    target.touch()
    return write_subset(path, target, rows)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.id.replace(":", "").replace(" ", "_"))
def case(request: pytest.FixtureRequest) -> Case:
    if request.param.needs:
        pytest.importorskip(request.param.needs)
    return request.param


def test_every_case_is_read_as_the_rows_of_the_original(case: Case, tmp_path: Path) -> None:
    path, target = tmp_path / "dataset_1.dat", tmp_path / "new.h5ad"
    case.write(path)
    before = path.read_bytes()
    rows = np.arange(case.expect.n_obs) % 3 != 1
    notes = chosen(path, target, rows)
    assert path.read_bytes() == before
    old, new = open_dataset(path, Settings()), open_dataset(target, Settings())
    try:
        kept = np.flatnonzero(rows).tolist()
        assert new.n_obs == len(kept)
        assert new.index_names(0, new.n_obs) == [old.index_names(i, i + 1)[0] for i in kept]
        assert [c.name for c in new.obs] == [c.name for c in old.obs]
        for info in old.obs:
            if info.name not in case.expect.unreadable:
                was, now = old.obs_column(info.name), new.obs_column(info.name)
                assert now.as_text().tolist() == was.as_text()[kept].tolist()
                assert now.info.categories == was.info.categories
        left_out = {note.split(" is left out")[0] for note in notes}
        names = [m.name for m in old.matrices if m.name not in left_out]
        assert [m.name for m in new.matrices] == names
        for name in names:
            for gene in range(old.matrix(name).shape[1]):
                if name not in case.expect.unreadable:
                    was, now = old.matrix(name).column(gene), new.matrix(name).column(gene)
                    np.testing.assert_array_equal(now.dense(), was.dense()[kept])
        for embedding in old.embeddings:
            dims = list(range(min(embedding.dims, 2)))
            was, now = old.embedding(embedding.name, dims), new.embedding(embedding.name, dims)
            np.testing.assert_array_equal(now, was[:, kept])
    finally:
        old.close()
        new.close()


def assert_equal(a, b):
    """Assert that two elements of AnnData have the same kind and values."""
    if sp.issparse(a) or sp.issparse(b):
        assert a.format == b.format and a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_array_equal(a.toarray(), b.toarray())
    elif isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b)
    elif hasattr(a, "keys"):
        assert set(a) == set(b)
        for key in a:
            assert_equal(a[key], b[key])
    else:
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_array_equal(a, b)


def dataset(form):
    rng = np.random.default_rng(5)
    counts = sp.random_array((N, 30), density=0.3, rng=rng, format="csr", dtype=np.float32)
    obs = pd.DataFrame(
        {
            "type": pd.Categorical(rng.choice(["a", "b", "c"], N), ordered=True),
            "score": rng.normal(size=N),
            "maybe": pd.array([None if k % 7 == 0 else k for k in range(N)], dtype="Int64"),
            "flag": pd.array([None if k % 5 == 0 else k % 2 == 0 for k in range(N)], dtype="boolean"),
            "text": [f"t{k}" for k in range(N)],
        },
        index=[f"cell{k}" for k in range(N)],
    )
    data = ad.AnnData(form(counts), obs, pd.DataFrame({"n": range(30)}, index=[f"g{k}" for k in range(30)]))
    data.layers["counts"] = form(counts * 3)
    data.raw = data.copy()
    data.obsm["X_umap"] = rng.normal(size=(N, 2)).astype(np.float32)
    data.obsm["frame"] = pd.DataFrame({"x": rng.normal(size=N)}, index=obs.index)
    data.obsm["sparse"] = sp.csr_matrix(rng.poisson(0.4, (N, 5)))
    data.obsp["near"] = sp.random(N, N, 0.1, "csr", random_state=1)
    data.obsp["near by column"] = sp.random(N, N, 0.1, "csc", random_state=2)
    data.obsp["dense"] = rng.normal(size=(N, N))
    data.varm["PCs"] = rng.normal(size=(30, 3))
    data.uns["type_colors"] = ["#112233", "#445566", "#778899"]
    data.uns["nested"] = {"a": np.arange(N), "b": "text"}
    return data


ROWS = {
    "some": np.arange(N) % 4 < 2,
    "one": np.arange(N) == 17,
    "a run": (np.arange(N) > 20) & (np.arange(N) < 60),
    "all": np.ones(N, bool),
    "none": np.zeros(N, bool),
}


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("form", [sp.csr_matrix, sp.csc_matrix, lambda m: m.toarray()], ids=["csr", "csc", "dense"])
@pytest.mark.parametrize("compression", [None, "gzip", "lzf"])
def test_anndata_reads_the_rows(tmp_path, monkeypatch, form, rows, compression):
    # several blocks of each element
    monkeypatch.setattr(subset, "BLOCK_ENTRIES", 50)
    monkeypatch.setattr(subset, "BLOCK_BYTES", 400)
    path, target = tmp_path / "old.h5ad", tmp_path / "new.h5ad"
    dataset(form).write_h5ad(path, compression=compression)
    assert chosen(path, target, rows) == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old, new = ad.read_h5ad(path), ad.read_h5ad(target)
    assert_equal(new.X, old.X[rows])
    assert_equal(new.raw.X, old.raw.X[rows])
    assert_equal(new.raw.var, old.raw.var)
    for part, both_axes in (("layers", False), ("obsm", False), ("obsp", True)):
        for name, was in getattr(old, part).items():
            assert_equal(getattr(new, part)[name], was[rows][:, rows] if both_axes else was[rows])
    for part in ("varm", "uns", "var"):
        assert_equal(getattr(new, part), getattr(old, part))
    # all categories, whether cells have them or not
    assert_equal(new.obs, old.obs[rows])


def test_what_cannot_be_chosen_is_left_out_with_a_note(tmp_path):
    path = tmp_path / "old.h5ad"
    dataset(sp.csr_matrix).write_h5ad(path)
    with h5py.File(path, "a") as file:
        odd = file["obsm"].create_group("ragged")
        odd.attrs["encoding-type"], odd.attrs["encoding-version"] = "awkward-array", "0.1.0"
        file["layers"].create_dataset("short", data=np.zeros((3, 30)))
        file["obsm"]["elsewhere"] = h5py.ExternalLink("/etc/other.h5", "x")
    notes = chosen(path, tmp_path / "new.h5ad", ROWS["some"])
    assert [note.split(":")[0] for note in notes] == [
        "layers/short is left out",
        "obsm/elsewhere is left out",
        "obsm/ragged is left out",
    ]
    with h5py.File(tmp_path / "new.h5ad") as file:
        assert set(file["obsm"]) == {"X_umap", "frame", "sparse"}
        assert set(file["layers"]) == {"counts"}


def test_a_matrix_that_contradicts_itself_is_left_out(tmp_path):
    path = tmp_path / "old.h5ad"
    dataset(sp.csr_matrix).write_h5ad(path)
    with h5py.File(path, "a") as file:
        file["layers/counts/indptr"][3] = 10**9
    assert chosen(path, tmp_path / "new.h5ad", ROWS["some"]) == ["layers/counts is left out: it contradicts itself."]


def test_it_can_be_stopped(tmp_path):
    path, target = tmp_path / "old.h5ad", tmp_path / "new.h5ad"
    dataset(sp.csr_matrix).write_h5ad(path)
    target.touch()

    def stop(_done):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        write_subset(path, target, ROWS["some"], stop)
