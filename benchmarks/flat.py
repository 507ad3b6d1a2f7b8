"""Datasets of very many cells and hardly any genes: what the page has to carry, without a matrix to wait for."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

TYPES, DONORS, GENES = 20, 8, 4


def write_flat(path: Path, n_obs: int, seed: int = 0) -> ad.AnnData:
    """Write n_obs cells in 20 types (islands of ``X_umap``) of 8 donors, with two measurements, and return them.

    The measurement ``depth`` is independent of the type, ``quality`` is of one kind in each. ``uns/paga`` connects the
    types in a ring.
    """
    rng = np.random.default_rng(seed)
    middles = 8 * rng.normal(size=(TYPES, 2))
    types = rng.integers(0, TYPES, n_obs)
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical.from_codes(types, [f"type {k + 1}" for k in range(TYPES)]),
            "donor": pd.Categorical.from_codes(rng.integers(0, DONORS, n_obs), [f"D{k + 1}" for k in range(DONORS)]),
            "depth": rng.normal(size=n_obs).astype(np.float32),
            "quality": (types + rng.normal(size=n_obs)).astype(np.float32),
        },
        index=np.char.add("c", np.arange(n_obs).astype(str)),
    )
    places = (middles[types] + rng.normal(size=(n_obs, 2))).astype(np.float32)
    counts = rng.poisson(0.4, (n_obs, GENES)).astype(np.float32)
    var = pd.DataFrame(index=[f"G{k + 1}" for k in range(GENES)])
    adata = ad.AnnData(counts, obs=obs, var=var, obsm={"X_umap": places})
    following = np.roll(np.eye(TYPES), 1, axis=1)
    adata.uns["paga"] = {"connectivities": csr_matrix(0.5 * (following + following.T)), "groups": "cell_type"}
    adata.write_h5ad(path)
    return adata
