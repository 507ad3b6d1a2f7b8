"""The format of ``.zarr`` folders and ``.zarr.zip`` files: AnnData in Zarr."""

from __future__ import annotations

from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

from starcyte.store.format import Format, Reads
from starcyte.store.zarr.folder import is_zarr_folder
from starcyte.store.zarr.zip_file import is_zarr_zip

if TYPE_CHECKING:
    from starcyte.settings import Settings
    from starcyte.store.anndata.dataset import AnnDataDataset


def _open(path: Path, settings: Settings, part: Path | None, stream: RawIOBase | None) -> AnnDataDataset:
    from starcyte.store.anndata.dataset import AnnDataDataset
    from starcyte.store.zarr.file import ZarrFile

    return AnnDataDataset(path, settings, ZarrFile(path, settings.max_array_bytes))


ZARR = Format(
    "zarr",
    "Zarr 2 and 3, a folder or a zip file",
    is_zarr_zip,
    _open,
    "a codec of Zarr",
    (
        Reads("AnnData", (".zarr", ".zarr.zip"), "anndata 0.8 and later, starcyte prepare", "zarr"),
        Reads("MuData", (".zarr", ".zarr.zip"), "mudata, muon", "mudata"),
        Reads("SpatialData", (".zarr", ".zarr.zip"), "spatialdata, spatialdata-io, sopa", "spatialdata"),
    ),
    is_zarr_folder,
)
