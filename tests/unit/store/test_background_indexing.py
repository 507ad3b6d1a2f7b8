"""Background indexing: indexes are of the opened file alone, also if it is deleted or replaced."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5ad_file import write_h5ad
from indexing import categories, indexed, opened, stored
from scipy.sparse import csr_array
from starcyte.errors import DatasetInvalid
from starcyte.settings import Settings
from starcyte.store.dataset import no_tick
from starcyte.store.index.background import BackgroundIndexing
from starcyte.store.open import open_dataset

pytestmark = pytest.mark.slow

VALUES = np.random.default_rng(0).integers(0, 3, (300, 12)).astype(np.float32)
OTHERS = np.ascontiguousarray(VALUES[::-1])
OBS = {"g": categories(np.arange(300) % 3, 3)}


@pytest.fixture
def settings(tmp_path):
    return Settings(index_least=1, cache_dir=str(tmp_path / "cache"), block_bytes=2000)


@pytest.fixture(params=["csr", "csc", "dense"])
def dataset(request, tmp_path, settings):
    dataset = open_dataset(write_h5ad(tmp_path / "x.h5ad", stored(VALUES, request.param), obs=OBS), settings)
    yield dataset
    dataset.close()


@pytest.fixture
def prepared(settings):
    """Return a function that requests the index of X and waits until it is built or has failed."""
    running = []

    def prepare(dataset):
        preparing = BackgroundIndexing(dataset, settings, open_dataset)
        running.append(preparing)
        preparing.request("X")
        limit = time.monotonic() + 60
        while not preparing.problems and dataset.matrix("X").index is None:
            assert time.monotonic() < limit
            time.sleep(0.01)
        return preparing

    yield prepare
    for preparing in running:
        preparing.close()


def genes(dataset):
    return np.stack([dataset.matrix("X").column(j).dense() for j in range(12)], axis=1)


def test_an_index_is_built_and_used(dataset, prepared, settings):
    assert prepared(dataset).problems == []
    np.testing.assert_array_equal(genes(dataset), VALUES)
    assert dataset.matrix("X").moments("g").n.tolist() == [100, 100, 100, 0]
    # and opened by the next
    with opened(dataset.path) as again:
        preparing = BackgroundIndexing(again, settings, open_dataset)
        preparing._make = None
        preparing.request("X")
        preparing.close()
        preparing._thread.join(60)
        assert again.matrix("X").index is not None


def test_a_deleted_file_stays_readable_and_is_not_indexed(dataset, prepared):
    dataset.path.unlink()
    (problem,) = prepared(dataset).problems
    assert "There is no file" in problem
    np.testing.assert_array_equal(genes(dataset), VALUES)


def test_a_replaced_file_stays_readable_and_is_not_indexed(dataset, prepared, tmp_path):
    layout = dataset.matrix("X").layout
    other = write_h5ad(tmp_path / "other.h5ad", stored(OTHERS, layout), obs=OBS)
    assert other.stat().st_size == dataset.path.stat().st_size
    other.replace(dataset.path)
    (problem,) = prepared(dataset).problems
    assert "X was not indexed: the file has been replaced" in problem
    np.testing.assert_array_equal(genes(dataset), VALUES)
    with opened(dataset.path) as replaced:
        np.testing.assert_array_equal(genes(replaced), OTHERS)


def test_an_index_that_cannot_be_touched_is_used(dataset, prepared, monkeypatch, tmp_path):
    indexed(dataset, tmp_path / "cache" / "index").close()
    dataset.matrix("X").index = None

    def refuse(*arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refuse)
    assert prepared(dataset).problems == []
    np.testing.assert_array_equal(genes(dataset), VALUES)


def test_a_defect_is_reported(dataset, prepared, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: 1 / 0)
    (problem,) = prepared(dataset).problems
    assert "index of X could not be built" in problem
    np.testing.assert_array_equal(genes(dataset), VALUES)


def test_a_small_matrix_is_not_indexed(dataset, settings):
    preparing = BackgroundIndexing(dataset, Settings(index_least=5000, cache_dir=settings.cache_dir), open_dataset)
    preparing.request("X")
    assert preparing._thread is None
    assert not Path(settings.cache_dir).exists()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list a process's descriptors")
def test_closing_a_dataset_closes_its_file(tmp_path, settings):
    path = write_h5ad(tmp_path / "x.h5ad", stored(VALUES, "csr"), raw=stored(VALUES, "csc"), obs=OBS)

    def held():
        gc.collect()
        return sum(os.path.realpath(link) == str(path) for link in Path("/proc/self/fd").iterdir())

    for _ in range(2):
        dataset = open_dataset(path, settings)
        dataset.matrix("X").column(1)
        assert held() > 0
        dataset.close()
        del dataset
        assert held() == 0


def test_a_large_matrix_with_a_broken_index_is_left_out_once_it_is_indexed(tmp_path, settings):
    """The indices of a large matrix are not read when it is opened."""
    x = csr_array(np.ones((60_000, 10), np.float32))
    path = write_h5ad(tmp_path / "x.h5ad", x, layers={"counts": x})
    with h5py.File(path, "r+") as file:
        file["X/indices"][-1] = 10
    with opened(path) as dataset:
        assert [m["name"] for m in dataset.describe()["matrices"]] == ["X", "layers/counts"]
        preparing = BackgroundIndexing(dataset, settings, open_dataset)
        preparing.wait("X", no_tick)
        preparing.close()
        (problem,) = preparing.problems
        assert problem.startswith("X is left out: X is invalid: an index is outside 0 to 9")
        described = dataset.describe()
        assert [m["name"] for m in described["matrices"]] == ["layers/counts"]
        assert described["default_matrix"] == "layers/counts"
        with pytest.raises(DatasetInvalid, match="an index is outside 0 to 9"):
            dataset.matrix("X")
