"""HDF5 read with distrust: links and storage stay inside the file, faults become one line that names the place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, FilterMissing, StarcyteError
from starcyte.store.hdf5.signature import check_signature

Node: TypeAlias = h5py.Group | h5py.Dataset

_FILTERS = {
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32026: "blosc2",
}
_DAMAGED = "The file may be damaged or incomplete; copy or download it again."


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever HDF5 raises into DatasetInvalid with the name of what was read.

    Parameters
    ----------
    what
        The element, as a user would name it.
    """
    try:
        yield
    except StarcyteError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, UnicodeError) as error:
        raise DatasetInvalid(f"{what} cannot be read: {error}", _DAMAGED) from error


def open_file(path: Path) -> h5py.File:
    """Open an HDF5 file in place, read-only, without locking it.

    Raises
    ------
    DatasetMissing
        If there is no such file, or it may not be read.
    DatasetInvalid
        If it is not a whole HDF5 file.
    """
    check_signature(path)
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if "truncated" in str(error):
            raise DatasetInvalid(
                f"{path.name!r} is truncated: it has {path.stat().st_size:,} bytes, fewer than it says itself.",
                "Copy or download the file again.",
            ) from None
        raise DatasetInvalid(f"{path.name!r} cannot be opened as HDF5: {error}.", _DAMAGED) from None


def child(group: h5py.Group, name: str) -> Node | None:
    """Return a member of a group, None where there is none.

    Links to other files and storage in other files are refused: a file that somebody else made must not say which
    files of this machine are read.

    Parameters
    ----------
    group
        The group.
    name
        The member's name; slashes lead into groups below.

    Raises
    ------
    DatasetInvalid
        If the member is, or leads, outside the file, or cannot be read.
    """
    node: Any = group
    for part in name.split("/"):
        if part in {"", "."} or not isinstance(node, h5py.Group):
            return None
        where = f"{node.name.rstrip('/')}/{part}"
        with reading(where):
            try:
                link = node.get(part, getlink=True)
            except KeyError:
                return None
            if link is None:
                return None
            if isinstance(link, h5py.ExternalLink):
                raise DatasetInvalid(f"{where} is a link to another file.", "Copy the data into the file.")
            if isinstance(link, h5py.SoftLink):
                raise DatasetInvalid(f"{where} is a symbolic link.", "Write the data in place of the link.")
            node = node[part]
            if isinstance(node, h5py.Dataset):
                assert node.dtype is not None  # a type that numpy has no equivalent of fails here, in words
    if isinstance(node, h5py.Dataset):
        if node.is_virtual or node.external:
            raise DatasetInvalid(f"{node.name} keeps its data in other files.", "Copy the data into the file.")
        _check_filters(node)
    return node if isinstance(node, h5py.Group | h5py.Dataset) else None


def members(group: h5py.Group) -> list[str]:
    """Return the names of a group's members, in their own order."""
    with reading(group.name or "/"):
        return [str(name) for name in group]


def dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return a member that must be a dataset.

    Raises
    ------
    DatasetInvalid
        If it is missing or is something else.
    """
    node = child(group, name)
    if not isinstance(node, h5py.Dataset):
        state = "is missing" if node is None else "is a group, not an array"
        raise DatasetInvalid(f"{(group.name or '').rstrip('/')}/{name} {state}.", _DAMAGED)
    return node


class Vector:
    """A one-dimensional array, read by pieces.

    Where it lies in the file as it is, contiguous and not compressed, it is read past HDF5, whose one lock would make
    every other reader wait. By a descriptor of its own: under the file's name there may be another file by now.

    Parameters
    ----------
    array
        The dataset, one-dimensional.
    """

    def __init__(self, array: h5py.Dataset) -> None:
        self._array = array
        self.name: str = array.name
        self.dtype: np.dtype[Any] = array.dtype
        self.size = int(array.shape[0])
        self._descriptor, self._offset = _place(array)

    def __del__(self) -> None:
        """Let go of the file."""
        if self.__dict__.get("_offset") is not None:
            os.close(self._descriptor)

    @property
    def piece(self) -> int:
        """How many elements HDF5 reads, and unpacks, at once; 0 where they lie in the file as they are."""
        return 0 if self._offset is not None else int((self._array.chunks or (self.size or 1,))[0])

    def read(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return elements start to stop.

        Parameters
        ----------
        start, stop
            Which, stop excluded.
        out
            Where to put them: of this dtype and long enough.

        Raises
        ------
        DatasetInvalid
            If they cannot be read.
        """
        if self._offset is None:
            with reading(self.name):
                piece: NDArray[Any] = self._array[start:stop]
            if out is None:
                return piece
            out = out[: stop - start]
            out[:] = piece
            return out
        out = np.empty(max(stop - start, 0), self.dtype) if out is None else out[: stop - start]
        with reading(self.name):
            view, position = memoryview(out.view(np.uint8).data), self._offset + start * self.dtype.itemsize
            while len(view):
                n = os.preadv(self._descriptor, [view], position)
                if n == 0:
                    raise OSError("the file ends before it should")
                view, position = view[n:], position + n
        return out


def _place(array: h5py.Dataset) -> tuple[int, int | None]:
    """Return a descriptor and the offset of an array's bytes; None as offset where they are not there as they are."""
    plain = array.chunks is None and array.dtype.kind in "iuf" and array.dtype.isnative and array.size
    with reading(array.name):
        if not plain or array.file.userblock_size or array.file.driver != "sec2":
            return -1, None
        offset = array.id.get_offset()
        return (-1, None) if offset is None else (os.dup(array.file.id.get_vfd_handle()), offset)


def attribute(node: Node, *names: str) -> Any:
    """Return the first of these attributes that is there, text decoded; None where none is."""
    for name in names:
        with reading(f"attribute {name!r} of {node.name}"):
            if name in node.attrs:
                value = node.attrs[name]
                return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return None


def text_attribute(node: Node, *names: str) -> str:
    """Return the first of these attributes that is there, as text; empty where none is, or it is no text."""
    value = attribute(node, *names)
    return value if isinstance(value, str) else ""


def is_text(dtype: np.dtype[Any]) -> bool:
    """Say whether values of this dtype are text."""
    return dtype.kind in "SU" or h5py.check_string_dtype(dtype) is not None


def text(array: h5py.Dataset, field: str | None = None) -> NDArray[np.object_]:
    """Read an array of text, of fixed or variable length, as str objects.

    Parameters
    ----------
    array
        The dataset, of any shape.
    field
        The field to read where the dtype is compound.
    """
    with reading(array.name):
        raw = array[()] if field is None else array[field]
        return decode(raw)


def decode(raw: Any) -> NDArray[np.object_]:
    """Return bytes or text as an array of str objects; bytes that are not UTF-8 become replacement characters."""
    flat = np.asarray(raw, dtype=object).ravel()
    out = np.empty(flat.shape, dtype=object)
    out[:] = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in flat.tolist()]
    return out.reshape(np.shape(raw))


def _check_filters(array: h5py.Dataset) -> None:
    with reading(array.name):
        plist = array.id.get_create_plist()
        codes = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    for code in codes:
        if not h5py.h5z.filter_avail(code) and not _register_filters(code):
            name = _FILTERS.get(code, "a filter unknown to starcyte")
            raise FilterMissing(
                f"{array.name} is compressed with {name} (HDF5 filter {code}), which is not installed here.",
                "Install the package hdf5plugin, or write the file with gzip.",
            )


def _register_filters(code: int) -> bool:
    try:
        # importing it is what registers its filters with HDF5
        import hdf5plugin  # noqa: F401
    except ImportError:
        return False
    return bool(h5py.h5z.filter_avail(code))
