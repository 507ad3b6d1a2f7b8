"""Folders that are not read, by their content: OTHERS, their registry."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Set
from pathlib import Path

from starcyte.errors import DatasetInvalid, DatasetMissing, StarcyteError
from starcyte.store.names import has_dataset_name
from starcyte.store.not_read.other import Name, Other

# names in a folder that are looked at
_MOST_NAMES = 1000


def _has(*alternatives: Set[str]) -> Callable[[Set[str]], bool]:
    return lambda names: any(alternative <= names for alternative in alternatives)


def _soma_hint(name: Name) -> str:
    return (
        f"In Python: tiledbsoma.io.to_anndata(tiledbsoma.open({name.python}), measurement_name='RNA')"
        f".write_h5ad({name.h5ad})."
    )


OTHERS: tuple[tuple[Callable[[Set[str]], bool], Other], ...] = (
    (
        _has({"__tiledb_group.tdb"}, {"__group", "__meta"}, {"__schema", "__fragments"}),
        Other("a TileDB folder, such as TileDB-SOMA", _soma_hint),
    ),
    (
        _has({"matrix.mtx"}, {"matrix.mtx.gz"}),
        Other(
            "a folder of Cell Ranger (matrix.mtx): counts without an embedding",
            lambda n: f"In Python: scanpy.read_10x_mtx({n.python}).write_h5ad({n.h5ad}), best after an embedding.",
        ),
    ),
    (
        _has({"index_data", "storage_order"}, {"idxptr", "storage_order"}),
        Other(
            "a folder of BPCells",
            lambda n: f"In R: BPCells::write_matrix_anndata_hdf5(BPCells::open_matrix_dir({n.r}), {n.r_h5ad}).",
        ),
    ),
)
"""The kinds of folders, by the names in them; the first that matches is taken."""


def folder_error(path: Path) -> StarcyteError:
    """Return the error of a folder that is of no known format: its kind, and how to go on."""
    try:
        names = frozenset(entry.name for entry in itertools.islice(path.iterdir(), _MOST_NAMES))
    except OSError as error:
        return DatasetMissing(f"{str(path)!r} cannot be read: {error.strerror}.", "Check the path and its permissions.")
    for matches, other in OTHERS:
        if matches(names):
            return other.error(path.name, repr(str(path)))
    if any(has_dataset_name(name) for name in names):
        return DatasetInvalid(
            f"{str(path)!r} is a folder of datasets.",
            f"Show all of them with `starcyte serve {Name(str(path)).shell}`, or give the path of one.",
        )
    return DatasetMissing(
        f"{str(path)!r} is a folder, and no Zarr store.", "Give the path of an .h5ad file or of a .zarr folder."
    )
