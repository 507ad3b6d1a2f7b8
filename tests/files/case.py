"""Cases: how to write a file, and its expected content."""

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
UMAP = np.array([[0, 1], [2, 3], [4, 5], [-6, 7.5], [8, 9], [10, -11]], np.float32)
TYPES = ["T", "B", "T", "NK", "B", "T"]


@dataclass(frozen=True)
class Col:
    """An expected obs column: numbers, texts or booleans, None for missing values.

    Attributes
    ----------
    kind
        The kind that `inspect` prints.
    values
        The value of each cell; of a categorical column the text of its category.
    categories, ordered
        Those of a categorical column.
    """

    kind: str
    values: Sequence[Any]
    categories: Sequence[str] | None = None
    ordered: bool = False


@dataclass(frozen=True)
class Mat:
    """An expected matrix."""

    layout: str
    dense: Array


@dataclass(frozen=True)
class Expect:
    """The expected content of a file. None: not tested.

    Attributes
    ----------
    obs
        All columns in their order, except those that must be left out.
    unreadable
        Columns that may be listed, but must raise an error when read.
    embeddings
        All embeddings, NaN for cells that are not drawn.
    matrices
        All matrices.
    warnings
        For each expected warning the texts that it must have.
    quiet
        Whether other warnings are an error.
    anndata
        Whether anndata can read the file, and must give the same.
    """

    n_obs: int = len(CELLS)
    n_vars: int = len(GENES)
    obs: Mapping[str, Col] | None = None
    unreadable: Sequence[str] = ()
    embeddings: Mapping[str, Array] | None = None
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
    """A file that must be read.

    Attributes
    ----------
    id
        The name of the test.
    write
        Writes the file.
    expect
        Its content.
    needs
        A package without which the file can be neither written nor read.
    """

    id: str
    write: Write
    expect: Expect
    needs: str | None = None


@dataclass(frozen=True)
class Bad:
    """A file that must be refused, or a matrix of which must be left out, by a line that matches each of `patterns`.

    Attributes
    ----------
    id
        The name of the test.
    write
        Writes the file, or something else at its path.
    patterns
        Regular expressions, matched without regard to case.
    """

    id: str
    write: Write
    patterns: Sequence[str]


def small(**parts: Any) -> ad.AnnData:
    """Return the dataset that the cases vary: `parts` replace its elements."""
    given: dict[str, Any] = {
        "X": sp.csr_matrix(DENSE),
        "obs": pd.DataFrame({"cell_type": pd.Categorical(TYPES)}, index=pd.Index(CELLS)),
        "var": pd.DataFrame(index=pd.Index(GENES)),
        "obsm": {"X_umap": UMAP},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ad.AnnData(**(given | parts))


def save(dataset: ad.AnnData, path: Path, **options: Any) -> None:
    """Write `dataset` without anndata's warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.write_h5ad(path, **options)


def write_small(options: Mapping[str, Any] | None = None, **parts: Any) -> Write:
    """Return a function that writes `small` with these parts."""
    return lambda path: save(small(**parts), path, **(options or {}))


def altered(change: Callable[[h5py.File], None], **parts: Any) -> Write:
    """Return a function that writes `small` with these parts, and then changes the file by h5py."""

    def write(path: Path) -> None:
        save(small(**parts), path)
        with h5py.File(path, "r+") as file:
            change(file)

    return write


def put(file: h5py.File, where: str, values: Any, **options: Any) -> h5py.Dataset:
    """Write an array with the attributes of an anndata array, in place of an existing element."""
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
    """Write a sparse matrix, consistent or not, in place of an existing element; `parts` are data, indices, indptr."""
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
    embeddings={"X_umap": UMAP},
    matrices={"X": Mat("csr", DENSE)},
    genes=GENES,
    names_from="index",
    cells=CELLS,
)
