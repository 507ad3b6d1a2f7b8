"""Write an ``.h5ad`` file with some of the cells of another, block by block.

What belongs to the cells is filtered: obs, X, layers, raw/X, obsm and both axes of obsp. All else is copied as it is.
What cannot be filtered is left out, with a note. Links to other files are copied as links and never followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from starcyte.errors import Cancelled, DatasetInvalid, InputError, StarcyteError, StorageFull
from starcyte.store.dataset import Tick, no_tick
from starcyte.store.fingerprint import fingerprint
from starcyte.store.hdf5.file import open_file
from starcyte.store.hdf5.nodes import HDF5Array, HDF5Group, attribute, child, members
from starcyte.store.nodes import decode, reading
from starcyte.store.write.file_copy import new_file, sync_file
from starcyte.store.write.h5ad import NewColumn, add_columns
from starcyte.store.write.isolated import write_in_process
from starcyte.store.write.like import BLOCK_BYTES, BLOCK_ENTRIES, copy_attributes, create_like

_SPARSE = {"csr_matrix": True, "csc_matrix": False, "csr": True, "csc": False}
# arrays of a column of a frame that have a row for each cell
_PARTS = {"codes", "values", "mask"}
_STANDARD = {"X", "obs", "var", "uns", "obsm", "obsp", "varm", "varp", "layers", "raw"}

Rows = NDArray[np.bool_]


def subset_with_columns(
    source: Path,
    target: Path,
    rows: Rows,
    columns: Sequence[NewColumn],
    provenance: Mapping[str, str],
    expected: str,
    tick: Tick = no_tick,
) -> list[str]:
    """Write a file with some cells of another, and additional columns in obs, in a process of its own.

    Parameters
    ----------
    source, target, columns, provenance, expected, tick
        As of :func:`starcyte.store.write.h5ad.copy_with_columns`; columns have a code for each cell of the original.
    rows
        The cells, bool, shape (n_obs,).

    Returns
    -------
    list of str
        Elements that are left out, and deviations of the columns.

    Raises
    ------
    StorageFull
        If the disk is full.
    InputError
        If the target cannot be written, or the original has changed.
    DatasetInvalid
        If the original is damaged.
    """
    if fingerprint(source)[0] != expected:
        raise InputError(f"{source.name!r} has changed since it was opened.", "Open the file again.")
    chosen = [replace(column, codes=column.codes[rows]) for column in columns]
    with new_file(target):
        notes = write_in_process(_write, target, source, rows, chosen, provenance, tick=tick)
        sync_file(target)
        if fingerprint(source)[0] != expected:
            raise InputError(f"{source.name!r} changed while it was copied.", "Try again when the file is complete.")
    return notes


def _write(
    target: Path, source: Path, rows: Rows, columns: Sequence[NewColumn], provenance: Mapping[str, str], tick: Tick
) -> list[str]:
    return [*write_subset(source, target, rows, tick), *add_columns(target, columns, provenance)]


def write_subset(source: Path, target: Path, rows: Rows, tick: Tick = no_tick) -> list[str]:
    """Write a file with some cells.

    Parameters
    ----------
    source
        The original.
    target
        The new file, which exists and is empty.
    rows
        The cells, bool, shape (n_obs,).
    tick
        Called between elements with the fraction done; raises to stop.

    Returns
    -------
    list of str
        Elements that are left out, with the reason.

    Raises
    ------
    DatasetInvalid
        If the original is damaged.
    """
    with reading(f"{source.name!r}"), open_file(source) as old, h5py.File(target, "w", locking=False) as new:
        return _Writing(old, new, rows, tick).write()


class _Writing:
    """The elements of a file that are written, and what is left out of them."""

    def __init__(self, old: h5py.File, new: h5py.File, rows: Rows, tick: Tick) -> None:
        self._old, self._new, self._rows, self._tick = old, new, rows, tick
        self._notes: list[str] = []

    def write(self) -> list[str]:
        copy_attributes(self._old, self._new)
        # categories of anndata 0.6 and 0.7 are referred to by other elements
        names = sorted(members(self._old), key=lambda name: name != "uns")
        elsewhere = {root for name in names for root in _linked_roots(self._old, name)}
        for number, name in enumerate(names):
            self._tick(number / len(names))
            if name == "obs":
                self._frame(child(self._old, name), self._new, name, self._rows)
            elif name in {"X", "raw.X"}:
                self._one(self._old, self._new, name, name)
            elif name in {"layers", "obsm", "obsp"}:
                self._each(name)
            elif name == "raw" and isinstance(self._old.get(name), h5py.Group):
                self._raw(self._old[name])
            elif name not in elsewhere:
                self._copy(self._old, self._new, name)
        return self._notes

    def _copy(self, old: h5py.Group, new: h5py.Group, name: str) -> None:
        """Copy an element as it is; a link as a link."""
        link = old.get(name, getlink=True)
        if isinstance(link, h5py.HardLink):
            old.copy(name, new)
        else:
            new[name] = link

    def _raw(self, old: h5py.Group) -> None:
        new = self._new.create_group("raw")
        copy_attributes(old, new)
        for name in members(old):
            if name == "X":
                self._one(old, new, name, "raw/X")
            else:
                self._copy(old, new, name)

    def _each(self, parent: str) -> None:
        """Write the elements of layers, obsm or obsp."""
        old = child(self._old, parent)
        if isinstance(old, h5py.Dataset):  # a table of anndata 0.6
            self._array(old, self._new, parent, parent, self._rows)
        elif isinstance(old, h5py.Group):
            new = self._new.create_group(parent)
            copy_attributes(old, new)
            for name in members(old):
                self._one(old, new, name, f"{parent}/{name}", is_square=parent == "obsp")

    def _one(self, old: h5py.Group, new: h5py.Group, name: str, path: str, is_square: bool = False) -> None:
        """Write one element; leave it out if it cannot be read."""
        try:
            self._matrix(child(old, name), new, name, path, is_square)
        except (StarcyteError, OSError, TypeError, ValueError) as error:
            self._leave_out(error, new, name, path)

    def _leave_out(self, error: Exception, new: h5py.Group, name: str, path: str) -> None:
        if isinstance(error, Cancelled | StorageFull):
            raise error
        if name in new:
            del new[name]
        reason = error.message if isinstance(error, StarcyteError) else str(error)
        self._notes.append(f"{path} is left out: {reason}")

    def _matrix(self, old: Any, new: h5py.Group, name: str, path: str, is_square: bool = False) -> None:
        if isinstance(old, h5py.Dataset):
            self._array(old, new, name, path, self._rows, is_square)
            return
        if not isinstance(old, h5py.Group):
            raise DatasetInvalid("it is neither an array nor a group.")
        kind = HDF5Group(old).text_attribute("encoding-type", "h5sparse_format")
        if kind in _SPARSE:
            self._sparse(old, new, name, path, _SPARSE[kind], is_square)
        elif kind == "dataframe" and not is_square:
            self._frame(old, new, name, self._rows_of(old))
        else:
            raise DatasetInvalid(f"the cells of the encoding {kind!r} cannot be chosen.")

    def _rows_of(self, frame: h5py.Group) -> Rows:
        """Return the rows of a frame of obsm that belong to the cells: by name, as the frame may have another order."""
        index = _index_of(frame)
        mine = None if index is None else HDF5Array(index).read_text()
        own = _index_of(self._old["obs"]) if isinstance(self._old["obs"], h5py.Group) else None
        if mine is None or own is None:
            return self._rows
        names = HDF5Array(own).read_text()
        if len(mine) == len(names) and bool(np.all(mine == names)):
            return self._rows
        found = np.isin(mine, names)
        if not found.any():  # rows that are only numbered stay by position
            return self._rows
        rows = np.isin(mine, names[self._rows])
        # there are as many rows as cells: those of no cell stand for the cells without one
        rows[np.flatnonzero(~found)[: int(self._rows.sum() - rows.sum())]] = True
        return rows

    def _array(
        self, old: h5py.Dataset, new: h5py.Group, name: str, path: str, rows: Rows, is_square: bool = False
    ) -> None:
        if old.shape is None or old.ndim == 0:
            new.copy(old, name)
            return
        if old.shape[0] != rows.size:
            raise DatasetInvalid(f"it has {old.shape[0]:,} rows, not {rows.size:,}.")
        if old.dtype.hasobject and h5py.check_string_dtype(old.dtype) is None and old.dtype.names is None:
            raise DatasetInvalid("its values are lists.")
        kept = int(rows.sum())
        shape = (kept, kept, *old.shape[2:]) if is_square and old.ndim > 1 else (kept, *old.shape[1:])
        made = create_like(old, new, name, shape)
        stored, row_bytes = HDF5Array(old), max(int(np.prod(old.shape[1:], dtype=np.int64)) * old.dtype.itemsize, 1)
        step = max(BLOCK_BYTES // row_bytes, 1)
        at = 0
        for start in range(0, rows.size, step):
            chosen = rows[start : start + step]
            if not chosen.any():
                continue
            block = stored.read((slice(start, min(start + step, rows.size)),))[chosen]
            if is_square and block.ndim > 1:
                block = block[:, rows]
            made[at : at + len(block)] = block
            at += len(block)
            self._tick(at / max(kept, 1))
        self._point(old, made)

    def _point(self, old: h5py.Dataset, made: h5py.Dataset) -> None:
        """Copy attributes; references point to the same place of the new file."""
        for name, value in old.attrs.items():
            if isinstance(value, h5py.Reference):
                there = self._old[value].name
                if there in self._new:
                    made.attrs[name] = self._new[there].ref
            else:
                made.attrs.create(name, value, dtype=old.attrs.get_id(name).dtype)

    def _frame(self, old: Any, new: h5py.Group, name: str, rows: Rows) -> None:
        """Write a frame: its columns are arrays, or groups of them."""
        if isinstance(old, h5py.Dataset):
            self._array(old, new, name, name, rows)
            return
        made = new.create_group(name)
        copy_attributes(old, made)
        path = made.name.lstrip("/")
        if "__categories" in members(old):
            self._copy(old, made, "__categories")
        index = _index_of(old)
        for column in members(old):
            if column == "__categories":
                continue
            try:
                self._column(child(old, column), made, column, f"{path}/{column}", rows)
            except (StarcyteError, OSError, TypeError, ValueError) as error:
                if index is not None and index.name == f"{old.name}/{column}":
                    raise
                self._leave_out(error, made, column, f"{path}/{column}")
                _unlist(made, column)

    def _column(self, old: Any, new: h5py.Group, name: str, path: str, rows: Rows) -> None:
        if isinstance(old, h5py.Dataset):
            self._array(old, new, name, path, rows)
            return
        if not isinstance(old, h5py.Group):
            raise DatasetInvalid("it is neither an array nor a group.")
        kind = HDF5Group(old).text_attribute("encoding-type")
        if not _PARTS & set(members(old)) and kind not in {"", "dict"}:
            raise DatasetInvalid(f"the cells of the encoding {kind!r} cannot be chosen.")
        made = new.create_group(name)
        copy_attributes(old, made)
        for part in members(old):
            node = child(old, part)
            if not _PARTS & set(members(old)):  # a name with a slash
                self._column(node, made, part, f"{path}/{part}", rows)
                continue
            if part in {"categories", "levels"} or not isinstance(node, h5py.Dataset):
                self._copy(old, made, part)
            else:
                self._array(node, made, part, f"{path}/{part}", rows)

    def _sparse(self, old: h5py.Group, new: h5py.Group, name: str, path: str, by_row: bool, is_square: bool) -> None:
        shape = tuple(int(n) for n in np.atleast_1d(HDF5Group(old).attribute("shape", "h5sparse_shape")).tolist())
        if len(shape) != 2 or shape[0] != self._rows.size or (is_square and shape[1] != shape[0]):
            raise DatasetInvalid(f"its shape is {shape}.")
        kept = int(self._rows.sum())
        major = self._rows if by_row or is_square else None
        minor = self._rows if not by_row or is_square else None
        made = new.create_group(name)
        for key, value in old.attrs.items():
            is_shape = key in {"shape", "h5sparse_shape"}
            made.attrs[key] = np.array([kept, kept if is_square else shape[1]], np.int64) if is_shape else value
        starts = HDF5Array(old["indptr"]).read().astype(np.int64)
        if starts.size != shape[0 if by_row else 1] + 1 or np.any(np.diff(starts) < 0):
            raise DatasetInvalid("it contradicts itself.")
        lengths: list[NDArray[np.int64]] = []
        outputs = {key: create_like(old[key], made, key, (0,), is_growing=True) for key in ("data", "indices")}
        number = np.cumsum(self._rows) - 1
        at = 0
        for lines, data, indices, n in _runs(old, starts, major):
            if minor is not None:
                inside = minor[indices]
                owner = np.repeat(np.arange(lines), n)[inside]
                n = np.bincount(owner, minlength=lines)
                data, indices = data[inside], number[indices[inside]].astype(indices.dtype)
            for key, values in (("data", data), ("indices", indices)):
                outputs[key].resize((at + values.size,))
                outputs[key][at:] = values
            at += data.size
            lengths.append(np.asarray(n, np.int64))
            self._tick(0.5)
        indptr = np.concatenate([[0], np.cumsum(np.concatenate([np.empty(0, np.int64), *lengths]))])
        copy_attributes(
            old["indptr"], made.create_dataset("indptr", data=indptr.astype(old["indptr"].dtype, copy=False))
        )


def _runs(
    old: h5py.Group, starts: NDArray[np.int64], major: Rows | None
) -> Iterator[tuple[int, NDArray[Any], NDArray[Any], NDArray[np.int64]]]:
    """Yield runs of lines (rows, or columns of CSC): their number, values, indices and entries of each line.

    Lines that are not wanted are left out; a line of many entries is yielded as a whole.
    """
    data, indices = HDF5Array(old["data"]), HDF5Array(old["indices"])
    n_lines = starts.size - 1
    first = 0
    while first < n_lines:
        last = int(np.searchsorted(starts, starts[first] + BLOCK_ENTRIES, "right")) - 1
        last = min(max(last, first + 1), n_lines)
        sizes = np.diff(starts[first : last + 1])
        chosen = np.ones(last - first, bool) if major is None else major[first:last]
        part = (slice(int(starts[first]), int(starts[last])),)
        if not chosen.any():
            first = last
            continue
        values, at = data.read(part), indices.read(part)
        if not chosen.all():
            entries = np.repeat(chosen, sizes)
            values, at = values[entries], at[entries]
        yield int(chosen.sum()), values, at, sizes[chosen]
        first = last


def _index_of(frame: h5py.Group) -> h5py.Dataset | None:
    """Return the names of the rows of a frame."""
    named = HDF5Group(frame).text_attribute("_index")
    for name in (named, "_index", "index"):
        node = child(frame, name) if name else None
        if isinstance(node, h5py.Dataset):
            return node
    return None


def _unlist(frame: h5py.Group, column: str) -> None:
    """Take a column that was left out off the list of columns."""
    order = attribute(frame, "column-order")
    if order is not None:
        left = [name for name in decode(np.atleast_1d(order)).tolist() if name != column]
        frame.attrs.create("column-order", np.array(left, dtype=object), dtype=h5py.string_dtype())


def _linked_roots(file: h5py.File, name: str) -> Iterator[str]:
    """Yield groups, none of AnnData's own, that soft links lead to: their cells are written in place of the links."""
    if name not in _STANDARD:
        return
    node = file.get(name, getlink=True)
    links = [node]
    if isinstance(node, h5py.HardLink) and isinstance(file[name], h5py.Group):
        links += [file[name].get(part, getlink=True) for part in members(file[name])]
    for link in links:
        root = link.path.strip("/").split("/")[0] if isinstance(link, h5py.SoftLink) else ""
        if root and root not in _STANDARD:
            yield root
