"""Small versions of the cases, as plain functions that a test runs once: ``time_*``, and ``peakmem_*`` in bytes.

What they show is that the work can be done, and how much NumPy allocates for it; times are for ``benchmarks.run``.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
from starcyte.compute.diffexp import compare
from starcyte.compute.markers import find_markers
from starcyte.compute.options import Options
from starcyte.settings import Settings
from starcyte.store.dataset import no_tick
from starcyte.store.index.background import index_matrix
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.open import open_dataset


def _open(file: Path, cache: Path) -> StoredDataset:
    settings = Settings(cache_dir=str(cache), workers=1, block_bytes=1 << 18)
    dataset = open_dataset(file, settings)
    dataset.matrix("X").index = index_matrix(dataset, settings, "X", no_tick)
    return dataset


def time_index(file: Path, cache: Path) -> None:
    """Make the index."""
    _open(file, cache)


def time_gene(file: Path, cache: Path) -> None:
    """Read genes from the index."""
    dataset = _open(file, cache)
    for index in range(10):
        dataset.matrix("X").column(index)


def _compare(file: Path, cache: Path, method: str) -> None:
    dataset = _open(file, cache)
    a = np.arange(dataset.n_obs) % 10 == 0
    b = np.arange(dataset.n_obs) % 10 == 1
    compare(dataset, dataset.matrix("X"), a, b, Options(method), 1)


def time_t_test(file: Path, cache: Path) -> None:
    """Compare two tenths of the cells by Welch's t-test."""
    _compare(file, cache, "t-test")


def time_wilcoxon(file: Path, cache: Path) -> None:
    """Compare two tenths of the cells by rank sums."""
    _compare(file, cache, "wilcoxon")


def time_markers(file: Path, cache: Path) -> None:
    """Find the markers of all clusters."""
    dataset = _open(file, cache)
    find_markers(dataset, dataset.matrix("X"), dataset.obs_column("cluster"), 10, Options(), 1)


def _peak(work: Callable[[Path, Path], None], file: Path, cache: Path) -> int:
    tracemalloc.start()
    try:
        work(file, cache)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peakmem_index(file: Path, cache: Path) -> int:
    """Return the bytes that making the index takes at most."""
    return _peak(time_index, file, cache)


def peakmem_wilcoxon(file: Path, cache: Path) -> int:
    """Return the bytes that rank sums take at most."""
    return _peak(time_wilcoxon, file, cache)
