"""HDF5 files and Zarr stores that are not read, by their groups: OTHERS, their registry."""

from __future__ import annotations

from collections.abc import Callable

from starcyte.errors import DatasetInvalid, StarcyteError
from starcyte.store.nodes import Group
from starcyte.store.not_read.other import Name, Other

# members of the root that are looked at
_MOST_MEMBERS = 100


def _has(*paths: str) -> Callable[[Group], bool]:
    return lambda root: all(root.child(path) is not None for path in paths)


def _is_old_10x(root: Group) -> bool:
    members = [root.group(name) for name in root.members()[:_MOST_MEMBERS]]
    return any(genome is not None and _has("barcodes", "gene_names", "indptr")(genome) for genome in members)


def _is_image(root: Group) -> bool:
    return any(root.attribute(name) is not None for name in ("multiscales", "plate", "well", "ome"))


def _is_pandas(root: Group) -> bool:
    return root.attribute("PYTABLES_FORMAT_VERSION") is not None


def _10x_hint(name: Name) -> str:
    return (
        f"In Python: adata = scanpy.read_10x_h5({name.python}); adata.var_names_make_unique();"
        f" adata.write_h5ad({name.h5ad}), best after an embedding."
    )


OTHERS: tuple[tuple[Callable[[Group], bool], Other], ...] = (
    (
        _has("assays", "cell.names"),
        Other(
            "an h5Seurat file",
            lambda n: f'In R: SeuratDisk::Convert({n.r}, dest = "h5ad").',
        ),
    ),
    (
        _has("barcode_idx", "feature_idx"),
        Other(
            "the molecules of Cell Ranger (molecule_info.h5)",
            lambda n: "Take filtered_feature_bc_matrix.h5 of the same run, and convert it with scanpy.read_10x_h5.",
        ),
    ),
    (
        _has("matrix/barcodes", "matrix/indptr"),
        Other("a 10x matrix (.h5 of Cell Ranger): counts without an embedding", _10x_hint),
    ),
    (
        _is_old_10x,
        Other("a 10x matrix (.h5 of Cell Ranger 2): counts without an embedding", _10x_hint),
    ),
    (
        _is_image,
        Other("an image (OME-Zarr) and no AnnData", lambda n: "Give the AnnData .h5ad or .zarr of its cells."),
    ),
    (
        _is_pandas,
        Other(
            "a table of PyTables (pandas HDFStore)",
            lambda n: f"In Python: anndata.AnnData(pandas.read_hdf({n.python})).write_h5ad({n.h5ad}).",
        ),
    ),
)
"""The kinds of HDF5 files and Zarr stores, by their root group; the first that matches is taken."""


def group_error(name: str, container: str, root: Group, missing: str) -> DatasetInvalid:
    """Return the error of a file whose root group is not AnnData: its kind, and how to go on.

    Parameters
    ----------
    name
        The name of the file.
    container
        The kind of container, such as HDF5.
    root
        Its root group.
    missing
        The element that it lacks.
    """
    for matches, other in OTHERS:
        try:
            if matches(root):
                return other.error(name)
        except StarcyteError:
            continue
    return DatasetInvalid(f"{name!r} is {container} but not AnnData: it has no {missing}.", _within(root))


def _within(root: Group) -> str:
    """Return the hint: the members that are AnnData, or else the usual one."""
    for member in root.members()[:_MOST_MEMBERS]:
        try:
            inner = root.group(member)
            if inner is not None and inner.text_attribute("encoding-type") == "anndata":
                return f"It has an AnnData in /{member}: write that as a file of its own."
        except StarcyteError:
            continue
    return "Give a file written by anndata."
