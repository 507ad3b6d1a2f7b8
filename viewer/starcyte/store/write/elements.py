"""Write an h5ad file by h5py, each element encoded as anndata encodes it.

anndata itself would bring pandas. The encodings are those of its documentation ("on-disk format"): a dict and a frame
become a group, an array a dataset, and attributes name the encoding of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

_COMPRESSION = "lzf"


@dataclass(frozen=True)
class Categorical:
    """A categorical column, of unordered categories.

    Parameters
    ----------
    codes
        For each row, the index of its category; -1 where the value is missing.
    categories
        The categories.
    """

    codes: NDArray[np.signedinteger[Any]]
    categories: Sequence[str]

    def as_text(self) -> NDArray[np.object_]:
        """Return the category of each row; no value may be missing."""
        text: NDArray[np.object_] = np.array(self.categories, dtype=object)[self.codes]
        return text


Column: TypeAlias = NDArray[Any] | Sequence[str] | Categorical


@dataclass(frozen=True)
class Frame:
    """A data frame: obs or var.

    Parameters
    ----------
    index
        The names of the rows.
    columns
        The columns, in their order.
    """

    index: Sequence[str]
    columns: Mapping[str, Column]


Element: TypeAlias = Mapping[str, Any] | Frame | Column | sp.csr_matrix | str


def write_anndata(path: Path, elements: Mapping[str, Element]) -> None:
    """Write an h5ad file.

    Parameters
    ----------
    path
        The path.
    elements
        X, obs, var, obsm and the others by their names.
    """
    with h5py.File(path, "w") as file:
        encode(file, "anndata", "0.1.0")
        for name, element in elements.items():
            _write(file, name, element)


def encode(node: Any, kind: str, version: str) -> Any:
    """Name the encoding of a group or dataset in its attributes, and return it."""
    node.attrs["encoding-type"], node.attrs["encoding-version"] = kind, version
    return node


def _write(group: h5py.Group, name: str, element: Element) -> None:
    match element:
        case Mapping():
            made = encode(group.create_group(name), "dict", "0.1.0")
            for key, value in element.items():
                _write(made, key, value)
        case Frame():
            made = encode(group.create_group(name), "dataframe", "0.2.0")
            made.attrs["column-order"] = list(element.columns)
            made.attrs["_index"] = "_index"
            for key, column in {"_index": element.index, **element.columns}.items():
                _write(made, key, column)
        case Categorical():
            made = encode(group.create_group(name), "categorical", "0.2.0")
            made.attrs["ordered"] = False
            _write(made, "codes", element.codes)
            _write(made, "categories", element.categories)
        case sp.csr_matrix():
            made = encode(group.create_group(name), "csr_matrix", "0.1.0")
            made.attrs["shape"] = element.shape
            for key in ("data", "indices", "indptr"):
                # resizable, so that anndata can append rows
                made.create_dataset(key, data=getattr(element, key), maxshape=(None,), compression=_COMPRESSION)
        case np.ndarray():
            encode(group.create_dataset(name, data=element, compression=_COMPRESSION), "array", "0.2.0")
        case str():
            encode(group.create_dataset(name, data=element, dtype=h5py.string_dtype()), "string", "0.2.0")
        case _:
            array = np.array(element, dtype=h5py.string_dtype())
            made = group.create_dataset(name, data=array, dtype=h5py.string_dtype(), compression=_COMPRESSION)
            encode(made, "string-array", "0.2.0")
