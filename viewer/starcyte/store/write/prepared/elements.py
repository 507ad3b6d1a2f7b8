"""The elements of AnnData in a prepared store, but for its matrices: copied, in the encodings of today's anndata.

Frames of anndata 0.6 and 0.7 and of programs in R are converted column by column; an element in today's encoding is
copied as it is. An element that cannot be copied is left out with a warning that names it.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import Cancelled, StarcyteError, StorageFull
from starcyte.store.anndata.frame import Frame
from starcyte.store.anndata.prepared_layout import HOME
from starcyte.store.dataset import Column, Kind, Warnings
from starcyte.store.nodes import Array, Group, Node
from starcyte.store.write.zarr.array import new_array
from starcyte.store.write.zarr.store import DICT, ZarrWriter

_ARRAY = {"encoding-type": "array", "encoding-version": "0.2.0"}
_TEXT = {"encoding-type": "string-array", "encoding-version": "0.2.0"}
_ENCODINGS = {
    "categorical",
    "nullable-integer",
    "nullable-boolean",
    "nullable-string-array",
    "csr_matrix",
    "csc_matrix",
    "awkward-array",
}
_LEGACY_SPARSE = {"csr": "csr_matrix", "csc": "csc_matrix"}
_ATTRIBUTES = ("encoding-version", "ordered", "shape", "length", "form", "na-value")
# with the ending of a file that is being written
_LONGEST_NAME = 240
# the files of a group
_RESERVED = {"zarr.json", "zarr.json.part"}


class ElementWriter:
    """Copies elements into a store.

    Parameters
    ----------
    store
        The store.
    warnings
        Gets a warning for each element that is left out or changed.
    legacy_categories
        The group ``uns`` of the source, with the categories of anndata 0.6.
    """

    def __init__(self, store: ZarrWriter, warnings: Warnings, legacy_categories: Group | None) -> None:
        self._store, self._warnings, self._legacy = store, warnings, legacy_categories

    def uns(self, path: str, parent: Group | None, is_prepared: bool) -> None:
        """Copy ``uns``, but for the addition of a prepared store to it: that of the source is of the source's matrices.

        Parameters
        ----------
        path
            Its path.
        parent
            The group in the source.
        is_prepared
            Whether the source is a prepared store; in another one an element of that name is the user's.
        """
        if parent is not None and not is_prepared and HOME in parent.members():
            self._warnings.add(f"{path}/{HOME} is left out: a prepared store has its own.")
        self.members(path, parent, without=(HOME,))

    def members(
        self, path: str, parent: Node | None, as_positions: bool = False, without: Collection[str] = ()
    ) -> None:
        """Copy the members of a group, each of which is left out alone if it cannot be copied.

        Parameters
        ----------
        path
            The group: ``obsm``, ``uns`` and others.
        parent
            The group in the source; a compound array in the format of anndata 0.6.
        as_positions
            Whether arrays of two axes have a column for each dimension and are read by column, as float32.
        without
            Members that are not copied.
        """
        self._store.group(path, DICT)
        names = parent.members() if isinstance(parent, Group) else list((parent and parent.dtype.names) or ())

        def write(place: str, name: str) -> None:
            if isinstance(parent, Group):
                self._element(place, parent.child(name), as_positions)
            elif parent is not None:
                self._values(place, parent.read(field=name), as_positions)

        for name in names:
            if name in without:
                continue
            self._member(path, name, folder_name, partial(write, name=name))

    def _member(self, path: str, name: str, key: Callable[[str], str], write: Callable[[str], None]) -> bool:
        """Write a member of a group at the path that ``key`` makes of its name; leave it out if that fails."""
        place = ""
        try:
            place = f"{path}/{key(name)}"
            if self._store.knows(place):
                place = ""
                raise ValueError("another one has its path")
            write(place)
        except (Cancelled, StorageFull):
            raise
        except (StarcyteError, ValueError, TypeError, OSError, RecursionError) as error:
            # others are of the disk, and not of the member
            if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG:
                raise
            if place:
                self._store.discard(place)
            reason = error.message if isinstance(error, StarcyteError) else error
            if isinstance(error, OSError | RecursionError):
                reason = "it is nested too deeply"
            self._warnings.add(f"{path}/{name} is left out: {reason}")
            return False
        return True

    def _element(self, path: str, node: Node | None, as_positions: bool = False) -> None:
        if node is None:
            array = new_array((), np.dtype(bool), {"encoding-type": "null", "encoding-version": "0.1.0"})
            self._store.write(path, array, lambda part: np.zeros((), bool))
        elif isinstance(node, Array):
            self._array(path, node, as_positions)
        else:
            self._group(path, node)

    def _group(self, path: str, group: Group) -> None:
        encoding = group.text_attribute("encoding-type")
        legacy = group.text_attribute("h5sparse_format")
        if encoding == "dataframe":
            self.frame(path, Frame(path, group, self._warnings, self._legacy))
        elif encoding in _ENCODINGS or legacy in _LEGACY_SPARSE:
            attributes = {name: value for name in _ATTRIBUTES if (value := _json(group.attribute(name))) is not None}
            attributes["encoding-type"] = encoding or _LEGACY_SPARSE[legacy]
            attributes.setdefault("encoding-version", "0.1.0")
            shape = group.attribute("shape", "h5sparse_shape")
            if shape is not None:
                attributes["shape"] = _json(shape)
            self._store.group(path, attributes)
            for name in group.members():
                self._element(f"{path}/{folder_name(name)}", group.child(name))
        else:
            self.members(path, group)

    def _array(self, path: str, node: Array, as_positions: bool = False) -> None:
        if node.dtype.names is not None:
            self._values(path, _records(node))
            return
        kept = {name: _json(node.attribute(name)) for name in ("ordered", "na-value")}
        encoding = {name: value for name, value in kept.items() if value is not None}
        if node.is_text():
            encoding |= _TEXT if node.ndim else {"encoding-type": "string", "encoding-version": "0.2.0"}
            text = new_array(node.shape, np.dtype(object), encoding)
            self._store.write(path, text, lambda part: node.read_text(part))
            return
        dtype = _plain(node.dtype)
        is_positions = as_positions and node.ndim == 2 and dtype.kind == "f"
        if is_positions:
            dtype = np.dtype(np.float32)
        encoding |= _ARRAY if node.ndim else {"encoding-type": "numeric-scalar", "encoding-version": "0.2.0"}
        array = new_array(node.shape, dtype, encoding, by_column=as_positions)

        def read(part: tuple[slice, ...]) -> NDArray[Any]:
            with np.errstate(over="ignore"):
                return np.asarray(node.read(part)).astype(dtype)

        self._store.write(path, array, read)

    def _values(self, path: str, values: NDArray[Any], as_positions: bool = False) -> None:
        """Write an array that is in memory."""
        kind = "rec-array" if values.dtype.names is not None else "array"
        dtype = _plain(values.dtype)
        if as_positions and values.ndim == 2 and dtype.kind == "f":
            dtype = np.dtype(np.float32)
        array = new_array(values.shape, dtype, {"encoding-type": kind, "encoding-version": "0.2.0"}, as_positions)
        self._store.write(path, array, lambda part: values[part].astype(dtype))

    def values(self, path: str, name: str, values: NDArray[Any]) -> None:
        """Write positions of cells that are in memory, shape (n_obs, dims), as a member of a group."""
        self._member(path, name, folder_name, partial(self._values, values=values, as_positions=True))

    def frame(self, path: str, frame: Frame) -> None:
        """Copy a data frame.

        Parameters
        ----------
        path
            Its path.
        frame
            The frame of the source: it has the columns that can be read.
        """
        node = frame.node
        index = _index_key(frame.index_name)
        names: list[str] = []
        attributes = {"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": index, "column-order": names}
        self._store.group(path, attributes)
        texts = frame.index
        self._text(f"{path}/{index}", texts)
        for info in frame.columns:
            if self._member(
                path, info.name, key_of, partial(self._frame_column, node=node, frame=frame, name=info.name)
            ):
                names.append(info.name)
        self._store.group(path, attributes)

    def names(self, path: str, names: NDArray[np.object_]) -> None:
        """Write a data frame that has names of rows alone."""
        attributes = {"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": "_index", "column-order": []}
        self._store.group(path, attributes)
        self._text(f"{path}/_index", names)

    def _frame_column(self, path: str, node: Node, frame: Frame, name: str) -> None:
        # read in any case: codes without a category are found so
        column = frame.column(name)
        child = node.child(name) if isinstance(node, Group) else None
        if child is not None and _is_current(child):
            self._element(path, child)
        else:
            self._column(path, column)

    def _text(self, path: str, values: NDArray[np.object_]) -> None:
        self._store.write(path, new_array(values.shape, np.dtype(object), _TEXT), lambda part: values[part])

    def _column(self, path: str, column: Column) -> None:
        info, values, missing = column.info, column.values, column.missing
        if info.categories is not None:
            ordered = {"encoding-type": "categorical", "encoding-version": "0.2.0", "ordered": info.ordered}
            self._store.group(path, ordered)
            self._values(f"{path}/codes", values)
            texts = np.empty(len(info.categories), object)
            texts[:] = info.categories
            self._text(f"{path}/categories", texts)
        elif missing is not None and values.dtype.kind == "f":
            self._values(path, np.where(missing, np.nan, values))
        elif missing is not None:
            kind = {"b": "nullable-boolean", "O": "nullable-string-array"}.get(values.dtype.kind, "nullable-integer")
            self._store.group(path, {"encoding-type": kind, "encoding-version": "0.1.0"})
            self._plain_column(f"{path}/values", values)
            self._values(f"{path}/mask", missing)
        elif info.kind is Kind.DATETIME:
            self._warnings.add(f"{path} has dates, which are written as text.")
            self._text(path, np.datetime_as_string(values).astype(object))
        else:
            self._plain_column(path, values)

    def _plain_column(self, path: str, values: NDArray[Any]) -> None:
        if values.dtype == object:
            self._text(path, values)
        else:
            self._values(path, values)


def key_of(name: str) -> str:
    """Return the path of a member in its group: a slash, or a backslash as zarr-python has it, leads into a group.

    Raises
    ------
    ValueError
        If a part of the name cannot be that of a folder on every system.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part]
    if not parts or any(part in {".", "..", *_RESERVED} or "\0" in part for part in parts):
        raise ValueError(f"its name {name!r} cannot be that of a folder")
    if any(len(part.encode("utf-8", "surrogatepass")) > _LONGEST_NAME for part in parts):
        raise ValueError(f"its name has more than {_LONGEST_NAME} bytes")
    return "/".join(parts)


def folder_name(name: str) -> str:
    """Return the name of a member that is found by a list of folders; see :func:`key_of`."""
    key = key_of(name)
    if key != name or "/" in key:
        raise ValueError(f"its name {name!r} cannot be that of a folder")
    return key


def _index_key(name: str) -> str:
    try:
        return folder_name(name)
    except ValueError:
        return "_index"


def _is_current(node: Node) -> bool:
    """Return whether a column has an encoding of today's anndata, as which it is copied."""
    encoding = node.text_attribute("encoding-type")
    if isinstance(node, Group):
        return encoding in _ENCODINGS
    return encoding in {"array", "string-array"} and node.attribute("categories") is None and not node.enumeration()


def _json(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value


def _plain(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.names is None and dtype.kind not in "biufcU":
        raise ValueError(f"its values are {dtype}")
    return dtype.newbyteorder("=")


def _records(node: Array) -> NDArray[Any]:
    """Return a compound array, its texts as text of one length."""
    fields: Mapping[str, NDArray[Any]] = {
        name: node.read_text(field=name).astype("U") if node.is_text(name) else node.read(field=name)
        for name in node.dtype.names or ()
    }
    out = np.empty(node.shape, [(name, values.dtype, values.shape[node.ndim :]) for name, values in fields.items()])
    for name, values in fields.items():
        out[name] = values
    return out
