"""Files and their column indexes for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from h5ad_file import Categorical, Dense, Parts, write_h5ad
from starcyte.settings import Settings
from starcyte.store.dataset import no_tick
from starcyte.store.index.build import build_index
from starcyte.store.index.column_index import ColumnIndex
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.open import open_dataset


def stored(values: Any, layout: str, shuffled: bool = False, doubled: bool = False, zeros: bool = False) -> Any:
    """Return an array for :func:`h5ad_file.write_h5ad`, in the layout ``csr``, ``csc`` or ``dense``.

    Parameters
    ----------
    shuffled
        The entries of a row (or column) are in no order.
    doubled
        Every entry is there twice, once as 0.
    zeros
        Every place has an entry.
    """
    if layout == "dense":
        return Dense(values)
    lines = values if layout == "csr" else values.T
    rng = np.random.default_rng(0)
    data, indices, indptr = [np.zeros(0, values.dtype)], [np.zeros(0, np.int32)], [0]
    for line in lines:
        places = np.arange(line.size) if zeros else np.flatnonzero(line)
        numbers = line[places]
        if doubled:
            places, numbers = np.tile(places, 2), np.concatenate([numbers, np.zeros_like(numbers)])
        if shuffled:
            order = rng.permutation(places.size)
            places, numbers = places[order], numbers[order]
        data.append(numbers)
        indices.append(places.astype(np.int32))
        indptr.append(indptr[-1] + places.size)
    return Parts(layout, np.concatenate(data), np.concatenate(indices), np.array(indptr), values.shape)


def categories(codes: Any, n: int) -> Categorical:
    """Return a column of n categories."""
    return Categorical(np.asarray(codes, np.int16), [f"k{i}" for i in range(n)])


@contextmanager
def opened(path: Path, x: Any = None, obs: Any = None, **settings: Any) -> Iterator[StoredDataset]:
    """Write a matrix as X, if given, and open the file."""
    if x is not None:
        write_h5ad(path, x, obs=obs)
    dataset = open_dataset(path, Settings(**settings))
    try:
        yield dataset
    finally:
        dataset.close()


def indexed(dataset: StoredDataset, cache: Path, workers: int = 1, tick: Any = no_tick) -> ColumnIndex:
    """Build the index of X, and set it in the dataset."""
    matrix = dataset.matrix("X")
    matrix.index = build_index(matrix.base, dataset.grouping_columns("X"), cache, dataset.index_key("X"), workers, tick)
    return matrix.index
