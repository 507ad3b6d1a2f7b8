"""Datasets that are opened and closed repeatedly leak neither memory nor descriptors nor threads.

``CYCLES=10000 pytest tests/unit/store/test_open_close.py -s`` is the long form, and says what it saw.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import pytest
from h5ad_file import Categorical, write_h5ad
from scipy.sparse import random as random_sparse
from starcyte.settings import Settings
from starcyte.store.loader import DatasetLoader

pytestmark = pytest.mark.slow

CYCLES = int(os.environ.get("CYCLES", "100"))
# memory that Python and HDF5 cache
_SLACK = 8 << 20


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def memory() -> int:
    rows = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(rows["RssAnon"].split()[0]) * 1024


def test_no_leaks(tmp_path):
    x = random_sparse(500, 50, 0.2, "csr", np.float32, rng=np.random.default_rng(1))
    obs = {"kind": Categorical(np.arange(500, dtype=np.int16) % 3, ["a", "b", "c"])}
    path = write_h5ad(tmp_path / "cells.h5ad", x, obs=obs, obsm={"X_umap": np.zeros((500, 2), np.float32)})
    settings = Settings(cache_dir=str(tmp_path / "cache"))

    def once(i: int) -> None:
        loader = DatasetLoader(path, settings, indexing=True)
        loader.run()
        dataset = loader.dataset()
        dataset.describe()
        dataset.embedding("X_umap", [0, 1])
        dataset.obs_column("kind")
        dataset.matrix("X").column(i % 50)
        loader.close()

    for i in range(min(CYCLES // 3, 300)):
        once(i)
    gc.collect()
    files, tasks, before = open_files(), threads(), memory()
    for i in range(CYCLES):
        once(i)
    gc.collect()
    after = memory()
    print(f"{CYCLES} openings: {files} and {open_files()} files, {before >> 20} and {after >> 20} MB")  # noqa: T201
    assert open_files() <= files
    assert threads() <= tasks + 1
    assert after < before + _SLACK
