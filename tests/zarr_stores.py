"""Zarr stores of every kind that anndata writes."""

from __future__ import annotations

import shutil
import warnings
import zipfile
from pathlib import Path
from typing import Any

import anndata as ad
import zarr
from anndata.experimental import write_dispatched

KINDS = ("v2", "v3", "sharded", "zip")
"""Versions 2 and 3, version 3 with small chunks in shards, and a zip file of version 3."""


def write_zarr(adata: ad.AnnData, folder: Path, kind: str) -> Path:
    """Write an AnnData as Zarr and return its path; ValueError or TypeError for what anndata does not write so."""
    path = folder / f"cells_{kind}.zarr"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ad.settings.override(zarr_write_format=2 if kind == "v2" else 3):
            if kind == "sharded":
                write_dispatched(zarr.open_group(path, mode="w", zarr_format=3), "/", adata, callback=_sharded)
            else:
                adata.write_zarr(path)
    return zipped(path) if kind == "zip" else path


def _sharded(write: Any, store: Any, key: str, element: Any, dataset_kwargs: Any, iospec: Any) -> None:
    kwargs = dict(dataset_kwargs)
    if iospec.encoding_type == "array" and getattr(element, "ndim", 0) and all(element.shape):
        kwargs |= {"chunks": (2,) * element.ndim, "shards": (4,) * element.ndim}
    elif iospec.encoding_type in {"csr_matrix", "csc_matrix"} and element.nnz:
        kwargs |= {"chunks": (3,), "shards": (6,)}
    write(store, key, element, dataset_kwargs=kwargs)


def write_chunked(adata: ad.AnnData, path: Path, chunk: int, shard: int = 0, version: int = 3) -> Path:
    """Write with sparse matrices, and dense ones by gene, in small chunks; the metadata consolidated."""

    def write_element(write: Any, store: Any, key: str, element: Any, dataset_kwargs: Any, iospec: Any) -> None:
        kwargs = dict(dataset_kwargs)
        if iospec.encoding_type in {"csr_matrix", "csc_matrix"}:
            kwargs |= {"chunks": (chunk,)} | ({"shards": (shard,)} if shard else {})
        elif key.strip("/") == "X" and iospec.encoding_type == "array":
            kwargs |= {"chunks": (element.shape[0], 1)}
        write(store, key, element, dataset_kwargs=kwargs)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ad.settings.override(zarr_write_format=version):
            root = zarr.open_group(path, mode="w", zarr_format=version)
            write_dispatched(root, "/", adata, callback=write_element)
            zarr.consolidate_metadata(path, zarr_format=version)
    return path


def zipped(folder: Path, within: str = "", compression: int = zipfile.ZIP_STORED) -> Path:
    """Pack a folder into a zip file beside it, remove the folder, and return the file."""
    path = folder.with_name(folder.name + ".zip")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(file, within + file.relative_to(folder).as_posix())
    shutil.rmtree(folder)
    return path


def read_zarr(path: Path) -> ad.AnnData:
    """Read with anndata, the oracle."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if path.suffix != ".zip":
            return ad.read_zarr(path)
        with zarr.storage.ZipStore(path, mode="r") as store:
            return ad.read_zarr(store)
