"""The names of datasets: they tell what a path is meant to be, and never what it is."""

from __future__ import annotations

from pathlib import Path

_ENDINGS = (".h5ad", ".h5mu", ".loom", ".zarr.zip", ".zarr")
# a dataset in these is not read, but meant as one
_PACKED = (".h5ad.gz", ".h5ad.zip", ".h5mu.gz", ".h5mu.zip", ".h5seurat")


def has_dataset_name(place: str) -> bool:
    """Return whether a path ends as that of a dataset does, in any case of letters."""
    return place.lower().endswith((*_ENDINGS, *_PACKED))


def dataset_stem(name: str) -> str:
    """Return a file's name without the ending of a dataset, or else without its last ending."""
    ending = next((e for e in _ENDINGS if name.lower().endswith(e) and len(name) > len(e)), "")
    return name[: -len(ending)] if ending else Path(name).stem
