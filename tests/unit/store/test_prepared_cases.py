"""Every case of reading, prepared: starcyte and anndata read of the store what they read of the file."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
from agreement import check_agrees, values_of
from files import CASES, Case
from prepared import prepared_store
from starcyte.settings import Settings
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.open import open_dataset
from zarr_stores import read_zarr

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id.replace(":", "").replace(" ", "_"))
def test_a_prepared_store_has_what_the_file_has(case: Case, tmp_path: Path) -> None:
    if case.needs:
        pytest.importorskip(case.needs)
    source, target = tmp_path / "x.h5ad", tmp_path / "x.zarr"
    case.write(source)
    # few entries at once, so that every matrix has several blocks
    for settings in (Settings(), Settings(block_bytes=16)):
        said = prepared_store(source, target, settings)
        given, made = open_dataset(source, Settings()), open_dataset(target, Settings())
        try:
            left_out = {line.partition(" is left out")[0] for line in said}
            check_equal(given, made, left_out)
        finally:
            given.close()
            made.close()
        if case.expect.anndata:
            read = read_zarr(target)
            with open_for(target) as opened:
                check_agrees(opened, read)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert ad.read_h5ad(source).shape == read.shape
        target.rename(tmp_path / f"first_{settings.block_bytes}")


class open_for:  # noqa: N801
    """An open store."""

    def __init__(self, path: Path) -> None:
        self.dataset = open_dataset(path, Settings())

    def __enter__(self) -> StoredDataset:
        return self.dataset

    def __exit__(self, *_: object) -> None:
        self.dataset.close()


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
