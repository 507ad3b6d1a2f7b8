"""The format of ``.h5ad`` files: AnnData in HDF5."""

from __future__ import annotations

from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

from starcyte.store.format import Format, Reads
from starcyte.store.hdf5.signature import is_hdf5

if TYPE_CHECKING:
    from starcyte.settings import Settings
    from starcyte.store.anndata.dataset import AnnDataDataset


def _open(path: Path, settings: Settings, part: Path | None, stream: RawIOBase | None) -> AnnDataDataset:
    from starcyte.store.anndata.dataset import AnnDataDataset
    from starcyte.store.cache import is_in_cache
    from starcyte.store.hdf5.file import HDF5File

    is_download = part is not None or stream is not None or is_in_cache(path, settings)
    file = HDF5File(part or path, stream, settings.max_array_bytes, is_download)

    return AnnDataDataset(path, settings, file, is_partial=part is not None)


H5AD = Format(
    "h5ad",
    "HDF5",
    is_hdf5,
    _open,
    "the HDF5 library",
    (
        Reads("AnnData", (".h5ad",), "anndata 0.6 and later, scanpy, zellkonverter, anndataR, SeuratDisk", "anndata"),
        Reads("MuData", (".h5mu",), "mudata, muon, MuDataSeurat", "mudata"),
        Reads("loom", (".loom",), "loompy 2 and 3, velocyto, SCENIC, scanpy", "loom"),
    ),
)
