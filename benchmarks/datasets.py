"""Datasets of any size, written in chunks so that no machine has to hold one.

``python -m benchmarks.datasets FILE --cells 250000 --genes 30000 --density 0.04``

Cells are drawn from a pool of simulated ones (40 clusters, gene rates by a power law, log1p of counts per 10,000), each
with a depth of its own, so that no two cells are equal.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from scipy.sparse import csr_array

CLUSTERS = 40
DONORS = 12
POOL = 8000
_TWIN_ENTRIES = 150_000_000


@dataclass(frozen=True)
class Size:
    """What is asked of a dataset: cells, genes, and the share of values that are not zero."""

    name: str
    cells: int
    genes: int
    density: float
    # what holds the file in memory takes tens of minutes and gigabytes for it, or does not end
    huge: bool = False

    def __str__(self) -> str:
        return f"{self.cells:,} x {self.genes:,} at {self.density:.0%}"

    def file(self, folder: Path, layout: str = "csr") -> Path:
        """Return the file, written if it is not there."""
        path = folder / f"{self.name}-{self.cells}x{self.genes}-{self.density:g}-{layout}.h5ad"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            if layout == "csr":
                write_dataset(part, self.cells, self.genes, self.density)
            else:
                write_csc_twin(self.file(folder), part)
            part.rename(path)
        return path


SIZES = {
    size.name: size
    for size in (
        Size("tiny", 2_000, 1_000, 0.05),
        Size("small", 50_000, 20_000, 0.05),
        Size("medium", 250_000, 30_000, 0.04),
        Size("large", 1_000_000, 30_000, 0.03, huge=True),
    )
}


def write_dataset(path: Path, n_obs: int, n_vars: int, density: float, seed: int = 0, counts: bool = False) -> None:
    """Write a CSR dataset of n_obs x n_vars with that share of values: logarithms, or counts of twelve donors."""
    rng = np.random.default_rng(seed)
    pool, pool_clusters = _pool(n_vars, density, rng, counts)
    members = [np.flatnonzero(pool_clusters == c) for c in range(CLUSTERS)]
    sizes = rng.dirichlet(np.full(CLUSTERS, 2.0))
    clusters = rng.choice(CLUSTERS, n_obs, p=sizes)
    chosen = np.empty(n_obs, np.int64)
    for c in range(CLUSTERS):
        mine = np.flatnonzero(clusters == c)
        chosen[mine] = rng.choice(members[c], mine.size)
    lengths = np.diff(pool.indptr)[chosen]
    indptr = np.r_[0, np.cumsum(lengths)].astype(np.int64)
    _write_tables(path, clusters, n_vars, rng, counts)
    with h5py.File(path, "r+") as file:
        del file["X"]
        data, indices = _create_matrix(file, "csr_matrix", (n_obs, n_vars), indptr)
        for first in range(0, n_obs, POOL):
            last = min(first + POOL, n_obs)
            rows = pool[chosen[first:last]]
            depth = np.repeat(rng.uniform(0.8, 1.25, last - first).astype(np.float32), np.diff(rows.indptr))
            scaled = rows.data * depth
            data[indptr[first] : indptr[last]] = np.maximum(np.rint(scaled), 1) if counts else scaled
            indices[indptr[first] : indptr[last]] = rows.indices


def write_csc_twin(source: Path, target: Path, entries: int = _TWIN_ENTRIES) -> None:
    """Write the same dataset with X by columns, the one form that cellxgene reads a gene of quickly.

    The matrix is read once for each range of genes that has about so many entries.
    """
    with h5py.File(source, locking=False) as csr, h5py.File(target, "w") as csc:
        for name in csr:
            if name != "X":
                csr.copy(name, csc)
        csc.attrs.update(csr.attrs)
        n_obs, n_vars = (int(n) for n in csr["X"].attrs["shape"])
        row_ptr = csr["X/indptr"][:].astype(np.int64)
        blocks = [(first, min(first + POOL, n_obs)) for first in range(0, n_obs, POOL)]
        sizes = np.zeros(n_vars, np.int64)
        for first, last in blocks:
            sizes += np.bincount(csr["X/indices"][row_ptr[first] : row_ptr[last]], minlength=n_vars)
        indptr = np.r_[0, np.cumsum(sizes)]
        data, indices = _create_matrix(csc, "csc_matrix", (n_obs, n_vars), indptr)
        low = 0
        while low < n_vars:
            high = max(int(np.searchsorted(indptr, indptr[low] + entries, "right")) - 1, low + 1)
            base, end = int(indptr[low]), int(indptr[high])
            values, rows = np.empty(end - base, np.float32), np.empty(end - base, np.int32)
            filled = indptr[low:high] - base
            for first, last in blocks:
                piece = slice(row_ptr[first], row_ptr[last])
                block = csr_array(
                    (csr["X/data"][piece], csr["X/indices"][piece], row_ptr[first : last + 1] - row_ptr[first]),
                    shape=(last - first, n_vars),
                )[:, low:high].tocsc()
                counts = np.diff(block.indptr)
                at = np.repeat(filled - block.indptr[:-1], counts) + np.arange(block.nnz)
                values[at], rows[at] = block.data, block.indices + first
                filled = filled + counts
            data[base:end], indices[base:end] = values, rows
            low = high


def _create_matrix(
    file: h5py.File, encoding: str, shape: tuple[int, int], indptr: np.ndarray
) -> tuple[h5py.Dataset, h5py.Dataset]:
    group = file.create_group("X")
    group.attrs.update({"encoding-type": encoding, "encoding-version": "0.1.0", "shape": shape})
    group["indptr"] = indptr.astype(np.int32 if indptr[-1] < 2**31 else np.int64)
    return (
        group.create_dataset("data", (indptr[-1],), np.float32),
        group.create_dataset("indices", (indptr[-1],), np.int32),
    )


def _pool(n_vars: int, density: float, rng: np.random.Generator, of_counts: bool) -> tuple[csr_array, np.ndarray]:
    rates = rng.permutation(1.0 / np.arange(10, n_vars + 10) ** 0.9)
    clusters = rng.integers(0, CLUSTERS, POOL)
    profiles = np.tile(rates, (CLUSTERS, 1))
    for profile in profiles:
        up = rng.choice(n_vars, max(n_vars // 200, 1), replace=False)
        profile[up] += rates.max() * rng.uniform(0.2, 1.0, up.size)
    profiles /= profiles.sum(1, keepdims=True)
    # each cluster has its own depth: clusters differ in size, and the density must not depend on which are large
    expected = profiles * np.array([[_depth_for(density, share)] for share in profiles])
    parts = []
    for first in range(0, POOL, 500):
        counts = rng.poisson(expected[clusters[first : first + 500]])
        if of_counts:
            parts.append(csr_array(counts.astype(np.float32)))
            continue
        cpm = counts / np.maximum(counts.sum(1, keepdims=True), 1) * 1e4
        parts.append(csr_array(np.log1p(cpm).astype(np.float32)))
    indptr = np.r_[0, np.cumsum(np.concatenate([np.diff(p.indptr) for p in parts]))]
    pool = csr_array(
        (np.concatenate([p.data for p in parts]), np.concatenate([p.indices for p in parts]), indptr),
        shape=(POOL, n_vars),
    )
    return pool, clusters


def _depth_for(density: float, share: np.ndarray) -> float:
    """Return the counts of a cell at which that share of its genes is expected to be seen (Poisson)."""
    low, high = 1.0, 1e7
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if np.mean(-np.expm1(-share * middle)) < density else (low, middle)
    return low


def _write_tables(path: Path, clusters: np.ndarray, n_vars: int, rng: np.random.Generator, counts: bool) -> None:
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
    if counts:
        donors = rng.integers(0, DONORS, n_obs)
        obs["donor"] = pd.Categorical.from_codes(donors, [f"donor {c}" for c in range(DONORS)])
        obs["condition"] = pd.Categorical.from_codes(donors % 2, ["sick", "well"])
    centres = rng.normal(0, 8, (CLUSTERS, 2))
    umap = (centres[clusters] + rng.normal(0, 1, (n_obs, 2))).astype(np.float32)
    adata = ad.AnnData(
        X=csr_array((n_obs, n_vars), dtype=np.float32),
        obs=obs,
        var=pd.DataFrame(index=[f"GENE{i}" for i in range(n_vars)]),
        obsm={"X_umap": umap},
    )
    if not counts:
        adata.uns["log1p"] = {}
    adata.write_h5ad(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--cells", type=int, default=250_000)
    parser.add_argument("--genes", type=int, default=30_000)
    parser.add_argument("--density", type=float, default=0.04)
    parser.add_argument("--csc", action="store_true", help="write X by columns, from the CSR file of this name")
    arguments = parser.parse_args()
    if arguments.csc:
        write_csc_twin(arguments.file, arguments.file.with_suffix(".csc.h5ad"))
    else:
        write_dataset(arguments.file, arguments.cells, arguments.genes, arguments.density)
