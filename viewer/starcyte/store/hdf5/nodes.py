"""Groups and arrays of HDF5, untrusted: no link leads out of the file, and no array has its data in another file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid
from starcyte.store.hdf5.filters import check_filters
from starcyte.store.hdf5.vector import contiguous_vector
from starcyte.store.nodes import Array, Group, Node, Selection, Vector, reading

Object: TypeAlias = h5py.Group | h5py.Dataset


class HDF5Group(Group):
    """A group of an HDF5 file."""

    def __init__(self, group: h5py.Group) -> None:
        super().__init__(group.name or "/")
        self._group = group

    def attribute(self, *names: str) -> Any:
        """Return the first of these attributes that exists."""
        return attribute(self._group, *names)

    def members(self) -> list[str]:
        """Return the names of the members."""
        return members(self._group)

    def child(self, path: str) -> Node | None:
        """Return a member; links are refused."""
        found = child(self._group, path)
        if isinstance(found, h5py.Group):
            return HDF5Group(found)
        return None if found is None or found.shape is None else HDF5Array(found)


class HDF5Array(Array):
    """A dataset of an HDF5 file."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        super().__init__(dataset.name, dataset.shape, dataset.dtype)
        self._dataset = dataset

    def attribute(self, *names: str) -> Any:
        """Return the first of these attributes that exists."""
        return attribute(self._dataset, *names)

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """The shape of the chunks."""
        shape: tuple[int, ...] | None = self._dataset.chunks
        return shape

    def is_text(self, field: str | None = None) -> bool:
        """Return whether the values are text."""
        dtype = self.dtype if field is None else self.dtype[field]
        return dtype.kind in "SU" or h5py.check_string_dtype(dtype) is not None

    def enumeration(self, field: str | None = None) -> Mapping[str, int] | None:
        """Return the value of each name of an enumeration."""
        names: Mapping[str, int] | None = h5py.check_enum_dtype(self.dtype if field is None else self.dtype[field])
        return names

    def _read(self, selection: Selection, field: str | None) -> NDArray[Any]:
        if field is None:
            values: NDArray[Any] = self._dataset[selection]
        else:
            values = self._dataset[(field, *(selection if isinstance(selection, tuple) else (selection,)))]
        return values

    def vector(self) -> Vector:
        """Return the dataset for repeated reads of runs of elements, past the HDF5 library if it is contiguous."""
        return contiguous_vector(self, self._dataset) or Vector(self)


def child(group: h5py.Group, path: str) -> Object | None:
    """Return a member of a group; None if it does not exist.

    Links are refused, whether to other files or within the file, and so are datasets with their data in other files.

    Parameters
    ----------
    group
        The group.
    path
        The member's name; slashes lead into nested groups.

    Raises
    ------
    DatasetInvalid
        If the member is, or is reached by, a link, or cannot be read.
    FilterMissing
        If it is compressed with a filter that is not installed.
    """
    node: Any = group
    for part in path.split("/"):
        if part in {"", "."} or not isinstance(node, h5py.Group):
            return None
        name = f"{node.name.rstrip('/')}/{part}"
        with reading(name):
            try:
                link = node.get(part, getlink=True)
            except KeyError:
                return None
            if link is None:
                return None
            if isinstance(link, h5py.ExternalLink):
                raise DatasetInvalid(f"{name} is a link to another file.", "Copy the data into the file.")
            if isinstance(link, h5py.SoftLink):
                raise DatasetInvalid(f"{name} is a symbolic link.", "Write the data in place of the link.")
            node = node[part]
            if isinstance(node, h5py.Dataset):
                assert node.dtype is not None  # raises for a type without an equivalent in numpy
    if isinstance(node, h5py.Dataset):
        if node.is_virtual or node.external:
            raise DatasetInvalid(f"{node.name} keeps its data in other files.", "Copy the data into the file.")
        check_filters(node)
    return node if isinstance(node, h5py.Group | h5py.Dataset) else None


def members(group: h5py.Group) -> list[str]:
    """Return the names of a group's members, in the file's order."""
    with reading(group.name or "/"):
        return [str(name) for name in group]


def attribute(node: Object, *names: str) -> Any:
    """Return the first of these attributes that exists, text decoded and nulls as empty arrays; None if none does."""
    for name in names:
        with reading(f"attribute {name!r} of {node.name}"):
            if name in node.attrs:
                value = node.attrs[name]
                if isinstance(value, h5py.Empty):
                    return np.empty(0, value.dtype)
                return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return None
