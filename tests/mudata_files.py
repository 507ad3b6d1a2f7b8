"""MuData files for the tests: two modalities that share most cells, as mudata writes them and as other programs do."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import h5py
import mudata as md
import numpy as np
import pandas as pd
import scipy.sparse as sp

# groups of 50 cells and more, whose variance is not overestimated
N = 240
GENES = ["CD3D", "CD4", "MS4A1", "LYZ", "NKG7"]
PROTEINS = ["CD4", "CD19_TotalSeqB", "CD56"]


def cite_seq() -> md.MuData:
    """Return RNA and protein of 240 cells: RNA lacks the last 30, protein the first 48, and is in another order."""
    random = np.random.default_rng(3)
    names = np.array([f"cell{i}" for i in range(N)])
    in_rna, in_prot = np.arange(N - 30), random.permutation(np.arange(48, N))
    counts = random.poisson(1.5, (in_rna.size, len(GENES))).astype(np.float32)
    rna = ad.AnnData(
        sp.csr_matrix(np.log1p(counts)),
        obs=pd.DataFrame(
            {
                "leiden": pd.Categorical(random.choice(["0", "1", "2"], in_rna.size)),
                "n_genes": (counts > 0).sum(1),
                "donor": random.choice(["A", "B"], in_rna.size),
                "is_doublet": random.random(in_rna.size) < 0.2,
            },
            index=names[in_rna],
        ),
        var=pd.DataFrame({"highly_variable": [True, False, True, True, False]}, index=GENES),
        obsm={"X_umap": random.normal(size=(in_rna.size, 2)).astype(np.float32)},
        layers={"counts": sp.csr_matrix(counts)},
        obsp={"connectivities": sp.csr_matrix(random.random((in_rna.size, in_rna.size)) > 0.8, dtype=np.float32)},
        uns={"leiden_colors": np.array(["#112233", "#445566", "#778899"]), "log1p": {"base": 2.0}},
    )
    rna.raw = ad.AnnData(
        sp.csr_matrix(random.poisson(2, (in_rna.size, 7)).astype(np.float32)),
        obs=rna.obs[[]],
        var=pd.DataFrame(index=[*GENES, "FOXP3", "IL7R"]),
    )
    prot = ad.AnnData(
        random.normal(2, 1, (in_prot.size, len(PROTEINS))),
        obs=pd.DataFrame({"leiden": pd.Categorical(random.choice(["x", "y"], in_prot.size))}, index=names[in_prot]),
        var=pd.DataFrame(index=PROTEINS),
        obsm={"X_umap": random.normal(size=(in_prot.size, 3))},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mdata = md.MuData({"rna": rna, "prot": prot})
        mdata.obs["celltype"] = pd.Categorical(random.choice(["B", "T", "NK"], mdata.n_obs))
        mdata.obsm["X_wnn_umap"] = random.normal(size=(mdata.n_obs, 2)).astype(np.float32)
    return mdata


def pulled(mdata: md.MuData, is_pulled: bool) -> md.MuData:
    """Return MuData with, or without, the columns of the modalities at the root."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if is_pulled:
            mdata.pull_obs()
        else:
            mdata.obs = mdata.obs[[c for c in mdata.obs.columns if ":" not in c]]
    return mdata


def write(mdata: md.MuData, path: Path) -> Path:
    """Write MuData as HDF5, or as Zarr if that is its ending."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (mdata.write_zarr if path.suffix == ".zarr" else mdata.write_h5mu)(path)
    return path


def read(path: Path) -> md.MuData:
    """Read MuData with mudata, the oracle, with all columns of the modalities at its root."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mdata = md.read_zarr(path) if path.suffix == ".zarr" else md.read_h5mu(path)
        mdata.update()
        mdata.pull_obs()
    return mdata


def without(path: Path, *names: str) -> Path:
    """Remove what another writer does not write: elements, or the attribute ``mod-order``."""
    with h5py.File(path, "r+") as file:
        for name in names:
            if name == "mod-order":
                del file["mod"].attrs[name]
            else:
                del file[name]
    return path
