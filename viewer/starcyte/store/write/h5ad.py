"""A copy of an ``.h5ad`` file with more categorical columns in obs; the original is not touched, X is never read.

The copy is made byte by byte, and the columns are added to it. Copying object by object would be slower, would set the
references of anndata 0.7's categories to nothing, and would lose what starcyte does not know of. Links to other files
are copied as the links they are: nothing here follows one, so that a file cannot have another read or written.

Columns are written in the style of the file's own obs (see :mod:`starcyte.store.anndata.frame`), so that a program
that reads the original reads the copy.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, InputError, StarcyteError, StorageFull
from starcyte.store.anndata.colors import PALETTE
from starcyte.store.dataset import Tick, no_tick
from starcyte.store.fingerprint import fingerprint
from starcyte.store.hdf5.file import open_file
from starcyte.store.hdf5.nodes import HDF5Group, attribute, child, members
from starcyte.store.index.preallocate import take_room
from starcyte.store.nodes import reading
from starcyte.store.write.file_copy import FULL, copy_bytes, new_file, to_disk

_ROWS = 1 << 16
# what HDF5 may need beside the columns themselves
_MARGIN = 4 << 20


@dataclass(frozen=True, eq=False)
class NewColumn:
    """A categorical column to add.

    Parameters
    ----------
    name
        What it should be called.
    codes
        Shape (n_obs,), -1 where a cell has no category.
    categories
        Text of each code, all different.
    colors
        ``#rrggbb`` for each category, or empty where it has none.
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
    apart: bool = False,
) -> list[str]:
    """Write a copy of a file with more columns in obs.

    Parameters
    ----------
    source
        The original.
    target
        Where; there must be nothing yet. When this returns it is whole and on disk, when it raises it is not there.
    columns
        What to add.
    provenance
        What to write to ``uns/starcyte``.
    expected
        The fingerprint that the original must have: columns belong to cells by their position.
    tick
        Told of the progress.
    apart
        Whether to add the columns in a process of its own: a damaged file may make HDF5 crash when it writes.

    Returns
    -------
    list of str
        What is not as it was asked for, in words: a column of another name, colours left out.

    Raises
    ------
    StorageFull
        If there is no room.
    InputError
        If the target cannot be written, or the original has changed.
    DatasetInvalid
        If the original is damaged.
    """
    if fingerprint(source)[0] != expected:
        raise InputError(f"{source.name!r} has changed since it was opened.", "Start starcyte anew on the file.")
    with new_file(target):
        copy_bytes(source, target, _MARGIN, tick)
        if fingerprint(target)[0] != expected:
            raise InputError(f"{source.name!r} changed while it was copied.", "Try again when it is written.")
        _take_room(target, columns)
        add = _add_apart if apart else add_columns
        notes = add(target, columns, provenance)
        to_disk(target)
    return notes


def _take_room(target: Path, columns: Sequence[NewColumn]) -> None:
    """Make the file longer than HDF5 will, which cuts it: when it finds the disk full itself, it crashes."""
    texts = sum(len(c) * 4 + 64 for column in columns for c in (*column.categories, column.name))
    # in anndata 0.6's form the whole table is written anew
    table = _table_bytes(target)
    size = target.stat().st_size
    with target.open("rb+") as stream:
        take_room(stream.fileno(), _MARGIN + texts + table + sum(c.codes.nbytes for c in columns), size)


def _table_bytes(path: Path) -> int:
    with open_file(path) as file:
        obs = child(file, "obs")
        return obs.dtype.itemsize * obs.shape[0] if isinstance(obs, h5py.Dataset) else 0


def _add_apart(path: Path, columns: Sequence[NewColumn], provenance: Mapping[str, str]) -> list[str]:
    """Do what :func:`add_columns` does, in another process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_add_there, args=(theirs, path, columns, provenance), daemon=True)
    process.start()
    theirs.close()
    try:
        answer: list[str] | StarcyteError = ours.recv()
    except EOFError:
        raise DatasetInvalid(
            f"{path.name.lstrip('.')!r}: HDF5 crashed when it wrote the columns.",
            "The dataset may be damaged; write it again with anndata.",
        ) from None
    finally:
        ours.close()
        process.kill()
        process.join()
    if isinstance(answer, StarcyteError):
        raise answer
    return answer


def _add_there(pipe: Connection, path: Path, columns: Sequence[NewColumn], provenance: Mapping[str, str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that serves
    try:
        pipe.send(add_columns(path, columns, provenance))
    except StarcyteError as error:
        pipe.send(error)


def add_columns(path: Path, columns: Sequence[NewColumn], provenance: Mapping[str, str]) -> list[str]:
    """Add columns to the file itself; see :func:`copy_with_columns`.

    Raises
    ------
    DatasetInvalid
        If the file cannot be changed.
    StorageFull
        If there is no room.
    """
    notes: list[str] = []
    try:
        with reading(f"The copy {path.name!r}"), h5py.File(path, "r+", locking=False) as file:
            _add(file, columns, provenance, notes)
    except DatasetInvalid as error:
        # HDF5 has no error of its own for it, but says it
        if any(os.strerror(number).lower() in error.message.lower() for number in FULL):
            raise StorageFull("The disk is full.", "Make room, or choose another folder.") from None
        raise
    return notes


def _add(file: h5py.File, columns: Sequence[NewColumn], provenance: Mapping[str, str], notes: list[str]) -> None:
    obs, uns = child(file, "obs"), child(file, "uns")
    if uns is None:
        uns = _encoded(file.create_group("uns"), "dict", "0.1.0")
    in_uns = members(uns) if isinstance(uns, h5py.Group) else []
    if not isinstance(uns, h5py.Group):
        notes.append("uns of the file is no group: colours and the record of where the file comes from are left out.")
    named: list[tuple[str, NewColumn]] = []
    taken = _taken(file, obs)
    for column in columns:
        key = _free_key(column.name, taken, in_uns)
        taken.add(key)
        named.append((key, column))
        if key != column.name:
            notes.append(
                f"Annotation {column.name!r} is column {key!r} of the new file: the name was taken or is not one."
            )
    if isinstance(obs, h5py.Dataset):
        if not isinstance(uns, h5py.Group):
            raise DatasetInvalid("obs is in anndata 0.6's form, and uns is no group.", "Write the file with anndata.")
        _widen_table(file, obs, named, uns)
    elif isinstance(obs, h5py.Group):
        for key, column in named:
            _write_referenced(obs, key, column) if _is_referenced(obs) else _write_encoded(obs, key, column)
        _list_columns(obs, [key for key, _ in named])
    if isinstance(uns, h5py.Group):
        for key, column in named:
            colors = [c or PALETTE[i % len(PALETTE)] for i, c in enumerate(column.colors)]
            _encoded(_text(uns, f"{key}_colors", colors), "string-array", "0.2.0")
        if "starcyte" in in_uns:
            del uns["starcyte"]  # of the export that the original comes from
        record = _encoded(uns.create_group("starcyte"), "dict", "0.1.0")
        for key, value in provenance.items():
            made = record.create_dataset(key, data=storable(value), dtype=h5py.string_dtype())
            _encoded(made, "string", "0.2.0")


def _taken(file: h5py.File, obs: Any) -> set[str]:
    """Return the names that a new column of obs cannot have."""
    if isinstance(obs, h5py.Dataset):
        # uns holds the categories of both tables by the name of the column alone
        var = child(file, "var")
        tables = [t for t in (obs, var) if isinstance(t, h5py.Dataset) and t.dtype.names]
        return {name for table in tables for name in table.dtype.names}
    kept = child(obs, "__categories")
    beside = members(kept) if isinstance(kept, h5py.Group) else []
    return {*members(obs), *_column_order(obs), *beside, "_index", "__categories"}


def _free_key(name: str, taken: Collection[str], in_uns: Collection[str]) -> str:
    """Return the name itself, as far as it can be that of an object in HDF5, or the first of its kind that is free."""
    base = storable(name).replace("/", "_")
    base = base if base.strip(". ") else "annotation"
    for number in range(1, len(taken) + len(in_uns) + 2):
        key = base if number == 1 else f"{base}_{number}"
        if key not in taken and f"{key}_colors" not in in_uns and f"{key}_categories" not in in_uns:
            return key
    raise AssertionError("as many names as there are cannot all be taken")


def storable(text: str) -> str:
    """Return text as HDF5 can hold it: without NUL, and without halves of characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _categories(column: NewColumn) -> list[str]:
    made: list[str] = []
    seen: set[str] = set()
    for text in map(storable, column.categories):
        number, given = 1, text
        while text in seen:  # what could not be stored may have been the difference
            number += 1
            text = f"{given}_{number}"
        seen.add(text)
        made.append(text)
    return made


def _codes(column: NewColumn) -> NDArray[np.signedinteger[Any]]:
    # the width that pandas takes
    smallest = np.min_scalar_type(-max(len(column.categories), 1))
    return column.codes.astype(smallest, copy=False)


def _encoded(node: Any, kind: str, version: str) -> Any:
    node.attrs["encoding-type"], node.attrs["encoding-version"] = kind, version
    return node


def _text(group: h5py.Group, name: str, values: Sequence[str]) -> h5py.Dataset:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return group.create_dataset(name, data=array, dtype=h5py.string_dtype())


def _write_encoded(obs: h5py.Group, key: str, column: NewColumn) -> None:
    group = _encoded(obs.create_group(key), "categorical", "0.2.0")
    group.attrs["ordered"] = False
    _encoded(group.create_dataset("codes", data=_codes(column)), "array", "0.2.0")
    _encoded(_text(group, "categories", _categories(column)), "string-array", "0.2.0")


def _is_referenced(obs: h5py.Group) -> bool:
    """Say whether the table is in anndata 0.7's form."""
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
    # names that are not UTF-8 go back as they came
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
    """Write a compound table anew with more fields, in blocks; anndata 0.6 kept their categories in uns."""
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
