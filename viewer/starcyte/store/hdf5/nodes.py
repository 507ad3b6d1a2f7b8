"""Groups and arrays of HDF5, untrusted: no link leads out of the file, and no array has its data in another file.

Links within the file are followed, and so are virtual datasets of arrays of the same file.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid
from starcyte.store.hdf5.filters import check_filters
from starcyte.store.hdf5.large_chunks import LARGE_CHUNK_BYTES, LargeChunks, is_streamable, large_chunks
from starcyte.store.hdf5.vector import contiguous_vector
from starcyte.store.nodes import Array, Group, Node, Selection, Vector, reading

Object: TypeAlias = h5py.Group | h5py.Dataset

# soft links, and virtual datasets, on the way to one element
_MAX_LINKS = 16


class HDF5Group(Group):
    """A group of an HDF5 file."""

    def __init__(self, group: h5py.Group, most_bytes: int = sys.maxsize) -> None:
        super().__init__(group.name or "/")
        self._group, self._most_bytes = group, most_bytes

    def attribute(self, *names: str) -> Any:
        """Return the first of these attributes that exists."""
        return attribute(self._group, *names)

    def members(self) -> list[str]:
        """Return the names of the members."""
        return members(self._group)

    def child(self, path: str) -> Node | None:
        """Return a member; links to other files are refused."""
        found = child(self._group, path)
        if isinstance(found, h5py.Group):
            return HDF5Group(found, self._most_bytes)
        return None if found is None or found.shape is None else HDF5Array(found, self._most_bytes)


class HDF5Array(Array):
    """A dataset of an HDF5 file."""

    large_chunk_bytes = LARGE_CHUNK_BYTES
    "Bytes of a chunk from which it is read as a stream."

    def __init__(self, dataset: h5py.Dataset, most_bytes: int = sys.maxsize) -> None:
        super().__init__(dataset.name, dataset.shape, dataset.dtype)
        self._dataset, self.most_bytes = dataset, most_bytes

    @property
    def stored_bytes(self) -> int | None:
        """The bytes of its values in the file, compressed."""
        if self._dataset.is_virtual:
            return None
        with reading(self.name):
            return int(self._dataset.id.get_storage_size())

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

    @cached_property
    def _large(self) -> LargeChunks | None:
        with reading(self.name):
            return large_chunks(self._dataset, self.large_chunk_bytes)

    @property
    def bytes_at_once(self) -> int:
        """The bytes that are unpacked at once for any part that is read; 0 if runs of any length are read directly."""
        with reading(self.name):
            return 0 if is_streamable(self._dataset) else super().bytes_at_once

    def spread(self, length: int, n: int) -> list[int]:
        """Return the starts of runs along the first axis: of large chunks, within the first part of each."""
        return super().spread(length, n) if self._large is None else self._large.starts(length, n)

    def _run(self, selection: Selection, field: str | None) -> tuple[slice, list[Any]] | None:
        """Return the rows and columns of a selection that is read as a stream; None if it is not."""
        if field is not None or self._large is None or selection == ():
            return None
        rows, *columns = selection if isinstance(selection, tuple) else (selection,)
        return (rows, columns) if isinstance(rows, slice) and _is_run([rows, *columns]) else None

    def _unpacked_bytes(self, selection: Selection, field: str | None) -> int:
        return 0 if self._run(selection, field) is not None else super()._unpacked_bytes(selection, field)

    def _read(self, selection: Selection, field: str | None) -> NDArray[Any]:
        run = self._run(selection, field)
        if run is not None:
            assert self._large is not None
            return self._large.read(run[0], *run[1])
        if field is None:
            values: NDArray[Any] = self._dataset[selection]
        else:
            values = self._dataset[(field, *(selection if isinstance(selection, tuple) else (selection,)))]
        return values

    def vector(self) -> Vector:
        """Return the dataset for repeated reads of runs of elements, past the HDF5 library if it is contiguous."""
        return contiguous_vector(self, self._dataset) or Vector(self)


def _is_run(columns: list[Any]) -> bool:
    """Return whether columns are a run, a number, or not given."""
    return all((isinstance(c, slice) and c.step in {None, 1}) or (isinstance(c, int) and c >= 0) for c in columns)


def child(group: h5py.Group, path: str) -> Object | None:
    """Return a member of a group; None if it does not exist.

    Soft links are followed within the file. Links to other files are refused, and so are datasets with their data in
    other files.

    Parameters
    ----------
    group
        The group.
    path
        The member's name; slashes lead into nested groups.

    Raises
    ------
    DatasetInvalid
        If the member is, or is reached by, a link to another file or to nothing, or cannot be read.
    FilterMissing
        If it is compressed with a filter that is not installed.
    """
    return _checked(_follow(group, path, _MAX_LINKS), _MAX_LINKS)


def _follow(group: h5py.Group, path: str, links: int) -> Object | None:
    """Return the object at a path, with a limited number of soft links on the way to it."""
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
            node = _target(node, name, link.path, links - 1) if isinstance(link, h5py.SoftLink) else node[part]
            if isinstance(node, h5py.Dataset):
                assert node.dtype is not None  # raises for a type without an equivalent in numpy
    return node if isinstance(node, h5py.Group | h5py.Dataset) else None


def _target(group: h5py.Group, name: str, path: str, links: int) -> Object:
    """Return the object that a soft link leads to."""
    parts = "/".join(part for part in path.split("/") if part not in {"", "."})
    start = group.file["/"] if path.startswith("/") else group
    found = _follow(start, parts, links) if links > 0 and parts else None
    if found is None:
        raise DatasetInvalid(
            f"{name} is a symbolic link to {path!r}, where there is nothing.", "Write the data in place of the link."
        )
    return found


def _checked(node: Object | None, links: int) -> Object | None:
    """Return an object whose data are in the file, and can be decompressed."""
    if isinstance(node, h5py.Dataset):
        if node.external or (node.is_virtual and not _is_virtual_within(node, links - 1)):
            raise DatasetInvalid(f"{node.name} keeps its data in other files.", "Copy the data into the file.")
        check_filters(node)
    return node


def _is_virtual_within(node: h5py.Dataset, links: int) -> bool:
    """Return whether all sources of a virtual dataset are in its own file, and so are theirs."""
    with reading(node.name):
        sources = {(source.file_name, source.dset_name) for source in node.virtual_sources()}
        for file, path in sources:
            # a percent sign makes the names of many sources
            if file != "." or "%" in path or links <= 0:
                return False
            if not isinstance(_checked(_follow(node.file["/"], path.lstrip("/"), links), links), h5py.Dataset):
                return False
    return True


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
