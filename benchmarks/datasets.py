"""Datasets of any size, written in chunks so that no machine has to hold one.

``python benchmarks/datasets.py FILE --cells 250000 --genes 30000 --density 0.04``

Cells are drawn from a pool of simulated ones (40 clusters, gene rates by a power law, log1p of counts per 10,000), each
with a depth of its own, so that no two cells are equal.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from scipy.sparse import csr_array

CLUSTERS = 40
POOL = 8000


def write_dataset(path: Path, n_obs: int, n_vars: int, density: float, seed: int = 0) -> None:
    """Write a CSR dataset of n_obs x n_vars with about that share of values."""
    rng = np.random.default_rng(seed)
    pool, pool_clusters = _pool(n_vars, density, rng)
    members = [np.flatnonzero(pool_clusters == c) for c in range(CLUSTERS)]
    sizes = rng.dirichlet(np.full(CLUSTERS, 2.0))
    clusters = rng.choice(CLUSTERS, n_obs, p=sizes)
    chosen = np.empty(n_obs, np.int64)
    for c in range(CLUSTERS):
        mine = np.flatnonzero(clusters == c)
        chosen[mine] = rng.choice(members[c], mine.size)
    lengths = np.diff(pool.indptr)[chosen]
    indptr = np.r_[0, np.cumsum(lengths)].astype(np.int64)
    _write_tables(path, clusters, n_vars, rng)
    with h5py.File(path, "r+") as file:
        del file["X"]
        group = file.create_group("X")
        group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": [n_obs, n_vars]})
        index_dtype = np.int32 if indptr[-1] < 2**31 else np.int64
        group["indptr"] = indptr.astype(index_dtype)
        data = group.create_dataset("data", (indptr[-1],), np.float32)
        indices = group.create_dataset("indices", (indptr[-1],), np.int32)
        for first in range(0, n_obs, POOL):
            last = min(first + POOL, n_obs)
            rows = pool[chosen[first:last]]
            depth = np.repeat(rng.uniform(0.8, 1.25, last - first).astype(np.float32), np.diff(rows.indptr))
            data[indptr[first] : indptr[last]] = rows.data * depth
            indices[indptr[first] : indptr[last]] = rows.indices


def _pool(n_vars: int, density: float, rng: np.random.Generator) -> tuple[csr_array, np.ndarray]:
    rates = rng.permutation(1.0 / np.arange(10, n_vars + 10) ** 0.9)
    clusters = rng.integers(0, CLUSTERS, POOL)
    up = [rng.choice(n_vars, max(n_vars // 200, 1), replace=False) for _ in range(CLUSTERS)]
    profiles = np.tile(rates, (CLUSTERS, 1))
    for c, genes in enumerate(up):
        profiles[c, genes] += rates.max() * rng.uniform(0.2, 1.0, genes.size)
    depth = _depth_for(density, (profiles / profiles.sum(1, keepdims=True)).mean(0))
    parts = []
    for first in range(0, POOL, 500):
        block = profiles[clusters[first : first + 500]]
        counts = rng.poisson(block / block.sum(1, keepdims=True) * depth)
        cpm = counts / np.maximum(counts.sum(1, keepdims=True), 1) * 1e4
        parts.append(csr_array(np.log1p(cpm).astype(np.float32)))
    indptr = np.r_[0, np.cumsum(np.concatenate([np.diff(p.indptr) for p in parts]))]
    pool = csr_array(
        (np.concatenate([p.data for p in parts]), np.concatenate([p.indices for p in parts]), indptr),
        shape=(POOL, n_vars),
    )
    return pool, clusters


def _depth_for(density: float, share: np.ndarray) -> float:
    low, high = 1.0, 1e7
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if np.mean(-np.expm1(-share * middle)) < density else (low, middle)
    return low


def _write_tables(path: Path, clusters: np.ndarray, n_vars: int, rng: np.random.Generator) -> None:
    n_obs = clusters.size
    obs = pd.DataFrame(
        {
            "cluster": pd.Categorical.from_codes(clusters, [f"cluster {c}" for c in range(CLUSTERS)]),
            "sample": pd.Categorical.from_codes(rng.integers(0, 8, n_obs), [f"sample {c}" for c in range(8)]),
            "fine": pd.Categorical.from_codes(rng.integers(0, 400, n_obs), [f"fine {c}" for c in range(400)]),
            "is_doublet": rng.random(n_obs) < 0.05,
            "n_counts": rng.lognormal(8, 0.5, n_obs),
            "n_genes": rng.integers(200, 5000, n_obs),
            "percent_mito": rng.beta(2, 30, n_obs).astype(np.float32),
        },
        index=[f"cell{i}" for i in range(n_obs)],
    )
    centres = rng.normal(0, 8, (CLUSTERS, 2))
    umap = (centres[clusters] + rng.normal(0, 1, (n_obs, 2))).astype(np.float32)
    adata = ad.AnnData(
        X=csr_array((n_obs, n_vars), dtype=np.float32),
        obs=obs,
        var=pd.DataFrame(index=[f"GENE{i}" for i in range(n_vars)]),
        obsm={"X_umap": umap},
    )
    adata.uns["log1p"] = {}
    adata.write_h5ad(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--cells", type=int, default=250_000)
    parser.add_argument("--genes", type=int, default=30_000)
    parser.add_argument("--density", type=float, default=0.04)
    arguments = parser.parse_args()
    write_dataset(arguments.file, arguments.cells, arguments.genes, arguments.density)
