"""AnnData files written by h5py alone, with full control of their storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.sparse import issparse


@dataclass(frozen=True, eq=False)
class Parts:
    """A sparse matrix as its three arrays, which may be inconsistent."""

    layout: str
    data: Any
    indices: Any
    indptr: Any
    shape: tuple[int, int]
    chunks: int | None = None
    compression: str | None = None


@dataclass(frozen=True, eq=False)
class Dense:
    """An array and its storage."""

    values: Any
    chunks: tuple[int, int] | None = None
    compression: str | None = None


@dataclass(frozen=True, eq=False)
class Categorical:
    """A column of codes."""

    codes: Any
    categories: Any
    ordered: bool = False


@dataclass(frozen=True, eq=False)
class Nullable:
    """A column of numbers or booleans with missing values."""

    values: Any
    mask: Any


def as_parts(matrix: Any, index_dtype: Any = np.int32, **storage: Any) -> Parts:
    """Return a scipy CSR or CSC matrix as its arrays."""
    return Parts(
        matrix.format,
        matrix.data,
        matrix.indices.astype(index_dtype),
        matrix.indptr.astype(index_dtype),
        matrix.shape,
        **storage,
    )


def write_h5ad(
    path: Path,
    x: Any = None,
    *,
    obs: Mapping[str, Any] | None = None,
    var: Mapping[str, Any] | None = None,
    cells: Sequence[str] | int | None = None,
    genes: Sequence[str] | int | None = None,
    obsm: Mapping[str, Any] | None = None,
    layers: Mapping[str, Any] | None = None,
    raw: Any = None,
    raw_genes: Sequence[str] | None = None,
    uns: Mapping[str, Any] | None = None,
) -> Path:
    """Write a file in the format of anndata 0.8 and later.

    Parameters
    ----------
    path
        Where.
    x, raw
        A scipy CSR or CSC matrix, an array, :class:`Parts`, :class:`Dense` or nothing.
    obs, var
        Columns: arrays, lists of text, :class:`Categorical` or :class:`Nullable`.
    cells, genes, raw_genes
        Names, or how many.
    obsm, layers, uns
        Elements by name.
    """
    shape = _shape(x)
    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"], file.attrs["encoding-version"] = "anndata", "0.1.0"
        _frame(file, "obs", _names(cells, shape[0] if shape else 0, "c"), obs or {})
        _frame(file, "var", _names(genes, shape[1] if shape else 0, "g"), var or {})
        if x is not None:
            _matrix(file, "X", x)
        if raw is not None:
            group = _group(file, "raw", "raw")
            _matrix(group, "X", raw)
            _frame(group, "var", _names(raw_genes, _shape(raw)[1], "g"), {})
        for folder, elements in (("obsm", obsm), ("layers", layers), ("uns", uns)):
            parent = _group(file, folder, "dict")
            for name, element in (elements or {}).items():
                _matrix(parent, name, element)
    return path


def _shape(x: Any) -> tuple[int, int]:
    return () if x is None else (x.values if isinstance(x, Dense) else x).shape


def _names(given: Sequence[str] | int | None, n: int, letter: str) -> list[str]:
    if given is None or isinstance(given, int):
        return [f"{letter}{i}" for i in range(n if given is None else given)]
    return list(given)


def _group(parent: h5py.Group, name: str, encoding: str, version: str = "0.1.0") -> h5py.Group:
    group = parent.create_group(name)
    group.attrs["encoding-type"], group.attrs["encoding-version"] = encoding, version
    return group


def _frame(parent: h5py.Group, name: str, index: Sequence[str], columns: Mapping[str, Any]) -> None:
    group = _group(parent, name, "dataframe", "0.2.0")
    group.attrs["_index"] = "_index"
    group.attrs.create("column-order", list(columns), dtype=h5py.string_dtype(), shape=(len(columns),))
    _array(group, "_index", np.array(index, dtype=object))
    for column, values in columns.items():
        _column(group, column, values)


def _column(parent: h5py.Group, name: str, column: Any) -> None:
    if isinstance(column, Categorical):
        group = _group(parent, name, "categorical", "0.2.0")
        group.attrs["ordered"] = column.ordered
        _array(group, "codes", column.codes)
        _array(group, "categories", column.categories)
    elif isinstance(column, Nullable):
        kind = "boolean" if np.asarray(column.values).dtype == bool else "integer"
        group = _group(parent, name, f"nullable-{kind}")
        _array(group, "values", column.values)
        _array(group, "mask", np.asarray(column.mask, bool))
    else:
        _array(parent, name, column)


def _matrix(parent: h5py.Group, name: str, matrix: Any) -> None:
    if issparse(matrix):
        matrix = as_parts(matrix)
    if isinstance(matrix, Parts):
        group = _group(parent, name, f"{matrix.layout}_matrix")
        group.attrs["shape"] = matrix.shape
        for part in ("data", "indices", "indptr"):
            values = np.asarray(getattr(matrix, part))
            chunks = min(matrix.chunks, values.size) if matrix.chunks and values.size else None
            group.create_dataset(
                part, data=values, chunks=chunks, compression=matrix.compression if values.size else None
            )
    elif isinstance(matrix, Dense):
        parent.create_dataset(name, data=matrix.values, chunks=matrix.chunks, compression=matrix.compression)
    else:
        _array(parent, name, matrix)


def _array(parent: h5py.Group, name: str, values: Any) -> None:
    array = np.asarray(values)
    text = array.dtype.kind in "UO"
    data, dtype = (array.astype(object), h5py.string_dtype()) if text else (array, None)
    node = parent.create_dataset(name, data=data, dtype=dtype)
    node.attrs["encoding-type"] = "string-array" if text else "array"
    node.attrs["encoding-version"] = "0.2.0"
