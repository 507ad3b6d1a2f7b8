"""Matrices and datasets to compute on, from files written for the test."""

from __future__ import annotations

import numpy as np
import pytest
from h5ad_file import Dense, Parts, write_h5ad
from starcyte.compute.diffexp import compare
from starcyte.compute.options import Options
from starcyte.settings import Settings
from starcyte.store.dataset import no_tick
from starcyte.store.open import open_dataset


@pytest.fixture
def open_h5ad(tmp_path):
    """Return a function that writes a file and opens it; the files are closed at the end of the test."""
    datasets = []

    def open_(*args, block_bytes=16 << 20, **kwargs):
        path = write_h5ad(tmp_path / f"{len(datasets)}.h5ad", *args, **kwargs)
        datasets.append(open_dataset(path, Settings(block_bytes=block_bytes)))
        return datasets[-1]

    yield open_
    for dataset in datasets:
        dataset.close()


@pytest.fixture
def stored_as():
    """Return a function that says how to store an array in a layout; see :func:`as_layout`."""
    return as_layout


@pytest.fixture
def compared(open_h5ad):
    """Return a function that stores an array in a layout and compares two groups of its cells, in all genes."""

    def compared_(values, a, b, layout="csr", block_bytes=16 << 20, workers=1, tick=no_tick, **how):
        dataset = open_h5ad(as_layout(np.asarray(values), layout), block_bytes=block_bytes)
        options = Options(**{"min_fraction": 0.0, **how})
        return compare(dataset, dataset.matrix("X"), a, b, options, workers, tick)

    return compared_


def as_layout(values, layout):
    """Return an array to store: ``dense``, ``csr``, ``csc``; ``-shuffled`` with its entries halved and out of order."""
    if layout == "dense":
        return Dense(values)
    layout, _, how = layout.partition("-")
    lines = values if layout == "csr" else values.T
    rng = np.random.default_rng(0)
    data, indices, indptr = [np.zeros(0, values.dtype)], [], [0]
    for line in lines:
        stored = np.flatnonzero(line)
        numbers = line[stored]
        if how and np.can_cast(values.dtype, float) and values.dtype.kind == "f":
            stored, numbers = np.tile(stored, 2), np.tile(numbers / 2, 2)
        if how:
            order = rng.permutation(stored.size)
            stored, numbers = stored[order], numbers[order]
        data.append(numbers.astype(values.dtype))
        indices.extend(stored.tolist())
        indptr.append(len(indices))
    return Parts(layout, np.concatenate(data), np.array(indices, np.int32), np.array(indptr), values.shape)
