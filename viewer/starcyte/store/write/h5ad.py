"""Export of an ``.h5ad`` file with additional categorical columns in obs; the original is not changed, X is not read.

The file is copied byte by byte, and the columns are added to the copy. A copy of object by object would be slower,
would clear the object references of anndata 0.7's categories, and would lose elements that starcyte does not know.
Links to other files are copied as links and never followed, so that a file cannot have another file read or written.

Columns are written in the encoding of the file's own obs (see :mod:`starcyte.store.anndata.frame`), so that the
programs that read the original also read the copy.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, InputError, StorageFull
from starcyte.store.anndata.colors import PALETTE
from starcyte.store.dataset import Tick, no_tick
from starcyte.store.fingerprint import fingerprint
from starcyte.store.hdf5.file import open_file
from starcyte.store.hdf5.nodes import HDF5Group, attribute, child, members
from starcyte.store.index.preallocate import preallocate
from starcyte.store.nodes import reading
from starcyte.store.write.elements import encode
from starcyte.store.write.file_copy import DISK_FULL, copy_bytes, new_file, sync_file
from starcyte.store.write.isolated import write_in_process

_ROWS = 1 << 16
# space for HDF5's own metadata, next to the columns
_MARGIN = 4 << 20


@dataclass(frozen=True, eq=False)
class NewColumn:
    """A categorical column to add.

    Parameters
    ----------
    name
        Its name, which the file may not allow.
    codes
        Shape (n_obs,), -1 for a cell without a category.
    categories
        The text of each code, all different.
    colors
        ``#rrggbb`` for each category, or empty for a category without a colour.
    """

    name: str
    codes: NDArray[np.signedinteger[Any]]
    categories: Sequence[str]
    colors: Sequence[str]


def copy_with_columns(
    source: Path,
    target: Path,
    columns: Sequence[NewColumn],
    provenance: Mapping[str, str],
    expected: str,
    tick: Tick = no_tick,
    isolated: bool = False,
) -> list[str]:
    """Write a copy of a file with additional columns in obs.

    Parameters
    ----------
    source
        The original.
    target
        The path of the copy, which must not exist. On return it is complete and synced; if an error is raised, it is
        removed.
    columns
        The columns to add.
    provenance
        The entries of ``uns/starcyte``.
    expected
        The fingerprint that the original must have: the values of a column belong to cells by position.
    tick
        Called with the fraction done; raises to stop.
    isolated
        Whether to add the columns in a child process: HDF5 may crash when it writes to a damaged file.

    Returns
    -------
    list of str
        Messages about deviations: a column with another name, colours left out.

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
    with new_file(target):
        copy_bytes(source, target, _MARGIN, tick)
        if fingerprint(target)[0] != expected:
            raise InputError(f"{source.name!r} changed while it was copied.", "Try again when the file is complete.")
        _preallocate(target, columns)
        if isolated:
            notes = write_in_process(add_columns, target, columns, provenance)
        else:
            notes = add_columns(target, columns, provenance)
        sync_file(target)
    return notes


def _preallocate(target: Path, columns: Sequence[NewColumn]) -> None:
    """Extend the file by more than HDF5 needs, which truncates it: HDF5 itself crashes when the disk is full."""
    texts = sum(len(c) * 4 + 64 for column in columns for c in (*column.categories, column.name))
    rewritten = _rewritten_bytes(target)
    size = target.stat().st_size
    with target.open("rb+") as stream:
        preallocate(stream.fileno(), _MARGIN + texts + rewritten + sum(c.codes.nbytes for c in columns), size)


def _rewritten_bytes(path: Path) -> int:
    """Return the size of what is written again as a whole: the table of anndata 0.6, groups with several names."""
    with open_file(path) as file:
        obs = child(file, "obs")
        if isinstance(obs, h5py.Dataset):
            return int(obs.dtype.itemsize * obs.shape[0])
        return sum(_group_bytes(file[name]) for name in ("obs", "uns") if _is_shared(file, name))


def _group_bytes(group: h5py.Group) -> int:
    sizes: list[int] = []
    group.visititems(
        lambda _, node: sizes.append(node.id.get_storage_size() if isinstance(node, h5py.Dataset) else 512)
    )
    return sum(sizes)


def _is_shared(file: h5py.File, name: str) -> bool:
    """Return whether a group of the file can be reached by another name, where additions would appear as well."""
    node = child(file, name)
    if not isinstance(node, h5py.Group):
        return False
    return isinstance(file.get(name, getlink=True), h5py.SoftLink) or h5py.h5o.get_info(node.id).rc > 1


def _separate(file: h5py.File, name: str) -> None:
    """Replace a group that has several names by a copy."""
    if _is_shared(file, name):
        node = child(file, name)
        del file[name]
        file.copy(node, name)


def add_columns(
    path: Path, columns: Sequence[NewColumn], provenance: Mapping[str, str], tick: Tick = no_tick
) -> list[str]:
    """Add columns to a file in place; see :func:`copy_with_columns`.

    Raises
    ------
    DatasetInvalid
        If the file cannot be changed.
    StorageFull
        If the disk is full.
    """
    notes: list[str] = []
    tick(1.0)
    try:
        with reading(f"The copy {path.name!r}"), h5py.File(path, "r+", locking=False) as file:
            _add(file, columns, provenance, notes)
    except DatasetInvalid as error:
        # HDF5 has no exception for a full disk, only the system's message
        if any(os.strerror(number).lower() in error.message.lower() for number in DISK_FULL):
            raise StorageFull("The disk is full.", "Free space, or choose another folder.") from None
        raise
    return notes


def _add(file: h5py.File, columns: Sequence[NewColumn], provenance: Mapping[str, str], notes: list[str]) -> None:
    for name in ("obs", "uns"):
        _separate(file, name)
    obs, uns = child(file, "obs"), child(file, "uns")
    if uns is None:
        uns = encode(file.create_group("uns"), "dict", "0.1.0")
    in_uns = members(uns) if isinstance(uns, h5py.Group) else []
    if not isinstance(uns, h5py.Group):
        notes.append("uns of the file is not a group: colours and the provenance are left out.")
    named: list[tuple[str, NewColumn]] = []
    taken = _taken(file, obs)
    for column in columns:
        key = _free_key(column.name, taken, in_uns)
        taken.add(key)
        named.append((key, column))
        if key != column.name:
            notes.append(
                f"Annotation {column.name!r} is column {key!r} of the new file: its name is taken or not allowed."
            )
    if isinstance(obs, h5py.Dataset):
        if not isinstance(uns, h5py.Group):
            raise DatasetInvalid(
                "obs is in the format of anndata 0.6, and uns is not a group.", "Write the file again with anndata."
            )
        _widen_table(file, obs, named, uns)
    elif isinstance(obs, h5py.Group):
        for key, column in named:
            _write_referenced(obs, key, column) if _is_referenced(obs) else _writeencode(obs, key, column)
        _list_columns(obs, [key for key, _ in named])
    if isinstance(uns, h5py.Group):
        for key, column in named:
            colors = [c or PALETTE[i % len(PALETTE)] for i, c in enumerate(column.colors)]
            encode(_text(uns, f"{key}_colors", colors), "string-array", "0.2.0")
        if "starcyte" in in_uns:
            del uns["starcyte"]  # the provenance of an earlier export
        record = encode(uns.create_group("starcyte"), "dict", "0.1.0")
        for key, value in provenance.items():
            made = record.create_dataset(key, data=storable(value), dtype=h5py.string_dtype())
            encode(made, "string", "0.2.0")


def _taken(file: h5py.File, obs: Any) -> set[str]:
    """Return the names that a new column of obs must not have."""
    if isinstance(obs, h5py.Dataset):
        # uns/<column>_categories is shared by columns of obs and var
        var = child(file, "var")
        tables = [t for t in (obs, var) if isinstance(t, h5py.Dataset) and t.dtype.names]
        return {name for table in tables for name in table.dtype.names}
    kept = child(obs, "__categories")
    beside = members(kept) if isinstance(kept, h5py.Group) else []
    return {*members(obs), *_column_order(obs), *beside, "_index", "__categories"}


def _free_key(name: str, taken: Collection[str], in_uns: Collection[str]) -> str:
    """Return a name as a key that HDF5 allows, with a number if it is taken."""
    base = storable(name).replace("/", "_")
    base = base if base.strip(". ") else "annotation"
    for number in range(1, len(taken) + len(in_uns) + 2):
        key = base if number == 1 else f"{base}_{number}"
        if key not in taken and f"{key}_colors" not in in_uns and f"{key}_categories" not in in_uns:
            return key
    raise AssertionError("more names were tried than are taken")


def storable(text: str) -> str:
    """Return text that HDF5 can store: without NUL characters and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _categories(column: NewColumn) -> list[str]:
    made: list[str] = []
    seen: set[str] = set()
    for text in map(storable, column.categories):
        number, given = 1, text
        while text in seen:  # two texts may differ only in characters that cannot be stored
            number += 1
            text = f"{given}_{number}"
        seen.add(text)
        made.append(text)
    return made


def _codes(column: NewColumn) -> NDArray[np.signedinteger[Any]]:
    # the width that pandas uses
    smallest = np.min_scalar_type(-max(len(column.categories), 1))
    return column.codes.astype(smallest, copy=False)


def _text(group: h5py.Group, name: str, values: Sequence[str]) -> h5py.Dataset:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return group.create_dataset(name, data=array, dtype=h5py.string_dtype())


def _writeencode(obs: h5py.Group, key: str, column: NewColumn) -> None:
    group = encode(obs.create_group(key), "categorical", "0.2.0")
    group.attrs["ordered"] = False
    encode(group.create_dataset("codes", data=_codes(column)), "array", "0.2.0")
    encode(_text(group, "categories", _categories(column)), "string-array", "0.2.0")


def _is_referenced(obs: h5py.Group) -> bool:
    """Return whether a table has the encoding of anndata 0.7."""
    return HDF5Group(obs).text_attribute("encoding-version") == "0.1.0"


def _write_referenced(obs: h5py.Group, key: str, column: NewColumn) -> None:
    kept = child(obs, "__categories")
    if kept is None:
        kept = obs.create_group("__categories")
    if not isinstance(kept, h5py.Group):
        raise DatasetInvalid("obs/__categories is an array, not a group.", "Write the file again with anndata.")
    categories = _text(kept, key, _categories(column))
    categories.attrs["ordered"] = False
    obs.create_dataset(key, data=_codes(column)).attrs["categories"] = categories.ref


def _column_order(obs: h5py.Group) -> list[str]:
    order = attribute(obs, "column-order")
    if order is None:
        index = HDF5Group(obs).text_attribute("_index")
        return [m for m in members(obs) if m not in {index, "_index", "index", "__categories"}]
    # names that are not UTF-8 are written back unchanged
    return [
        n.decode("utf-8", "surrogateescape") if isinstance(n, bytes) else str(n) for n in np.atleast_1d(order).tolist()
    ]


def _list_columns(obs: h5py.Group, keys: Sequence[str]) -> None:
    order = np.empty(0, dtype=object)
    listed = [c for c in _column_order(obs) if c not in keys]
    order = np.empty(len(listed) + len(keys), dtype=object)
    order[:] = [*listed, *keys]
    obs.attrs.create("column-order", order, dtype=h5py.string_dtype())


def _widen_table(file: h5py.File, table: h5py.Dataset, named: Sequence[tuple[str, NewColumn]], uns: h5py.Group) -> None:
    """Rewrite a compound table of anndata 0.6 with additional fields, in blocks; their categories go to uns."""
    old = table.dtype
    codes = {key: _codes(column) for key, column in named}
    fields = [(name, old.fields[name][0]) for name in old.names]
    dtype = np.dtype(fields + [(key, values.dtype) for key, values in codes.items()])
    file.move("obs", "obs of the original")
    known = {k: getattr(table, k) for k in ("chunks", "compression", "compression_opts", "shuffle")}
    plain = known["compression"] in {None, "gzip", "lzf"}
    made = file.create_dataset("obs", table.shape, dtype, **(known if plain else {"chunks": table.chunks}))
    for name in table.attrs:
        made.attrs[name] = table.attrs[name]
    for start in range(0, table.shape[0], _ROWS):
        block = table[start : start + _ROWS]
        wide = np.empty(block.shape, dtype)
        for name in old.names:
            wide[name] = block[name]
        for key, values in codes.items():
            wide[key] = values[start : start + _ROWS]
        made[start : start + _ROWS] = wide
    del file["obs of the original"]
    for key, column in named:
        _text(uns, f"{key}_categories", _categories(column))
