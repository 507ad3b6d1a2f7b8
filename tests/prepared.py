"""Prepared stores of files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from agreement import values_of
from starcyte.settings import Settings
from starcyte.store.dataset import no_tick
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.open import open_dataset
from starcyte.store.write.prepared.prepare import prepare_store


def prepared_store(source: Path, target: Path, settings: Settings | None = None) -> list[str]:
    """Write a prepared store of a file with all of its matrices, and return the warnings."""
    settings = settings or Settings()
    dataset = open_dataset(source, settings)
    try:
        return prepare_store(dataset, target, [m.name for m in dataset.matrices], settings, lambda step: no_tick)
    finally:
        dataset.close()


def check_equal(given: StoredDataset, made: StoredDataset, left_out: set[str]) -> None:
    """Assert that two datasets have the same content, but for what is named."""
    n = given.n_obs
    assert (n, given.n_vars) == (made.n_obs, made.n_vars)
    assert given.cell_names(range(n)) == made.cell_names(range(n))
    assert [c.name for c in given.obs if f"obs/{c.name}" not in left_out] == [c.name for c in made.obs]
    for info in made.obs:
        ours, theirs = made.obs_column(info.name), given.obs_column(info.name)
        assert ours.info.categories == theirs.info.categories
        for one, other in zip(values_of(ours), values_of(theirs), strict=True):
            assert one == other or (one != one and other != other) or theirs.info.kind == "datetime"
    assert {m.name for m in given.matrices} - left_out == {m.name for m in made.matrices}
    for matrix in made.matrices:
        other = given.matrix(matrix.name)
        assert list(given.genes(matrix.name).names) == list(made.genes(matrix.name).names)
        for gene in range(matrix.shape[1]):
            np.testing.assert_array_equal(matrix.column(gene).dense(), other.column(gene).dense())
    kept = [e.name for e in given.embeddings if f"obsm/{e.name.partition('/')[0]}" not in left_out]
    assert kept == [e.name for e in made.embeddings]
    for embedding in made.embeddings:
        dims = range(embedding.dims)
        np.testing.assert_array_equal(made.embedding(embedding.name, dims), given.embedding(embedding.name, dims))
