"""What a case is: how to write a file, and what was put into it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

Array = np.ndarray[Any, Any]
Write = Callable[[Path], None]

CELLS = [f"cell{i}" for i in range(6)]
GENES = ["CD3D", "MS4A1", "NKG7", "LYZ", "PPBP"]
# One gene that no cell expresses, and one cell that expresses no gene.
DENSE = np.array(
    [
        [0, 1.5, 0, 0, 2],
        [0, 0, 0, 3.25, 0],
        [1, 0, 0, 0, 0.5],
        [0, 0, 0, 0, 0],
        [4, 0, 0, -1, 0],
        [0, 2, 0, 0, 7.75],
    ],
    np.float32,
)
PLACES = np.array([[0, 1], [2, 3], [4, 5], [-6, 7.5], [8, 9], [10, -11]], np.float32)
TYPES = ["T", "B", "T", "NK", "B", "T"]


@dataclass(frozen=True)
class Col:
    """A column of obs as it was put in: numbers, texts or booleans, None for what is missing.

    Attributes
    ----------
    kind
        What `inspect` calls it.
    values
        For a categorical column the text of each cell's category.
    categories, ordered
        For a categorical column.
    """

    kind: str
    values: Sequence[Any]
    categories: Sequence[str] | None = None
    ordered: bool = False


@dataclass(frozen=True)
class Mat:
    """A matrix as it was put in."""

    layout: str
    dense: Array


@dataclass(frozen=True)
class Expect:
    """What is in a file. What is None is not looked at.

    Attributes
    ----------
    obs
        All columns in their order; those that are left out are not among them.
    unreadable
        Columns that may be listed, but must be refused with a message when read.
    places
        All embeddings, with NaN for what is not drawn.
    matrices
        All matrices.
    warnings
        For each warning that must be there, texts of which all must be in it.
    quiet
        No other warnings may be there.
    anndata
        anndata can read the file, and must agree.
    """

    n_obs: int = len(CELLS)
    n_vars: int = len(GENES)
    obs: Mapping[str, Col] | None = None
    unreadable: Sequence[str] = ()
    places: Mapping[str, Array] | None = None
    matrices: Mapping[str, Mat] | None = None
    genes: Sequence[str] | None = None
    names_from: str | None = None
    raw_genes: Sequence[str] | None = None
    cells: Sequence[str] | None = None
    colors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    not_colors: Sequence[str] = ()
    warnings: Sequence[Sequence[str]] = ()
    quiet: bool = True
    anndata: bool = True


@dataclass(frozen=True)
class Case:
    """A file that must be shown.

    Attributes
    ----------
    id
        What the test is called.
    write
        Makes the file.
    expect
        What is in it.
    needs
        A package without which the file can be neither written nor read.
    """

    id: str
    write: Write
    expect: Expect
    needs: str | None = None


@dataclass(frozen=True)
class Bad:
    """A file that must be refused: status 2, and one line with each of `says` in it.

    Attributes
    ----------
    id
        What the test is called.
    write
        Makes the file, or what is there in its place.
    says
        Regular expressions, of any case.
    """

    id: str
    write: Write
    says: Sequence[str]


def small(**parts: Any) -> ad.AnnData:
    """Return the dataset that the cases vary: all of it may be replaced by `parts`."""
    given: dict[str, Any] = {
        "X": sp.csr_matrix(DENSE),
        "obs": pd.DataFrame({"cell_type": pd.Categorical(TYPES)}, index=pd.Index(CELLS)),
        "var": pd.DataFrame(index=pd.Index(GENES)),
        "obsm": {"X_umap": PLACES},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ad.AnnData(**(given | parts))


def save(dataset: ad.AnnData, path: Path, **options: Any) -> None:
    """Write `dataset`, whatever anndata thinks of its names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.write_h5ad(path, **options)


def write_small(options: Mapping[str, Any] | None = None, **parts: Any) -> Write:
    """Return what writes `small` with these parts."""
    return lambda path: save(small(**parts), path, **(options or {}))


def altered(change: Callable[[h5py.File], None], **parts: Any) -> Write:
    """Return what writes `small` with these parts, and then changes the file by hand."""

    def write(path: Path) -> None:
        save(small(**parts), path)
        with h5py.File(path, "r+") as file:
            change(file)

    return write


def put(file: h5py.File, where: str, values: Any, **options: Any) -> h5py.Dataset:
    """Put an array in the place of whatever is there, with the attributes of an anndata array."""
    if where in file:
        del file[where]
    made = file.create_dataset(where, data=values, **options)
    made.attrs["encoding-type"] = "array"
    made.attrs["encoding-version"] = "0.2.0"
    return made


def put_sparse(
    file: h5py.File,
    where: str,
    layout: str,
    parts: tuple[Any, Any, Any],
    shape: tuple[int, int],
    **options: Any,
) -> None:
    """Put a sparse matrix, consistent or not, in the place of whatever is there; `parts` are data, indices, indptr."""
    if where in file:
        del file[where]
    group = file.create_group(where)
    group.attrs["encoding-type"] = f"{layout}_matrix"
    group.attrs["encoding-version"] = "0.1.0"
    group.attrs["shape"] = np.array(shape, np.int64)
    for name, values in zip(("data", "indices", "indptr"), parts, strict=True):
        group.create_dataset(name, data=values, **options)


CELL_TYPE = Col("categorical", TYPES, ["B", "NK", "T"])
AS_SMALL = Expect(
    obs={"cell_type": CELL_TYPE},
    places={"X_umap": PLACES},
    matrices={"X": Mat("csr", DENSE)},
    genes=GENES,
    names_from="index",
    cells=CELLS,
)
