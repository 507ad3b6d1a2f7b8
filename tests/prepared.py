"""Prepared stores of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
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


def write_dataset(path: Path, layout: str = "csr", dtype: str = "f4", n_obs: int = 300, n_vars: int = 40) -> ad.AnnData:
    """Write counts and their logarithms, with three obs columns, and return them."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.4, (n_obs, n_vars)).astype(dtype)
    logs = np.log1p(counts * rng.uniform(0.5, 2, (n_obs, 1))).astype(dtype if dtype[0] == "f" else "f4")
    if layout == "full":
        logs = (logs - logs.mean(axis=0)).astype(logs.dtype)
    made = {"csr": sp.csr_matrix, "csc": sp.csc_matrix, "dense": np.asarray, "full": np.asarray}[layout]
    obs = pd.DataFrame(
        {
            "type": pd.Categorical(rng.choice(["T", "B", None], n_obs), ["B", "T", "empty"]),
            "donor": pd.Categorical(rng.choice([f"d{i}" for i in range(70)], n_obs)),
            "is_doublet": rng.random(n_obs) > 0.5,
        },
        index=[f"cell{i}" for i in range(n_obs)],
    )
    adata = ad.AnnData(made(logs), obs, layers={"counts": made(counts)})
    adata.obsm["X_umap"] = rng.normal(size=(n_obs, 2))
    adata.raw = adata.copy()
    adata.write_h5ad(path)
    return adata


def tree(folder: Path) -> dict[str, str]:
    """Return a digest of each file of a folder."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
