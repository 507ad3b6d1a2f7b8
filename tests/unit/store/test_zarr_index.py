"""The column index of a matrix in Zarr, built as that of an h5ad is."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
from starcyte.settings import Settings
from starcyte.store.index.background import index_matrix
from starcyte.store.open import open_dataset
from zarr_stores import KINDS, write_zarr

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_has_the_values_of_the_store(kind: str, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 3, (300, 12)).astype(np.float32)
    path = write_zarr(ad.AnnData(sp.csr_matrix(values)), tmp_path, kind)
    settings = Settings(index_least=1, cache_dir=str(tmp_path / "cache"), block_bytes=2000)
    dataset = open_dataset(path, settings)
    index = index_matrix(dataset, settings, "X", lambda fraction: None)
    assert index.folder.is_relative_to(tmp_path / "cache")
    for gene in range(12):
        np.testing.assert_array_equal(index.column(gene).dense(), values[:, gene])
    dataset.close()
