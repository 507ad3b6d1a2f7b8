"""obs, var and other tables on disk, column by column, in every form that anndata has written since 0.6.

====================  ==========================================================================================
anndata               what a table is
====================  ==========================================================================================
0.6                   a dataset of compound dtype, its first field the index; categories in ``uns/<column>_categories``
0.7                   a group of arrays; categories in ``__categories/<column>``, referenced by an attribute
0.8 and later         a group of encoded elements (``encoding-type`` of each)
====================  ==========================================================================================

Columns are read with h5py alone: importing anndata takes longer than showing the cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, NotFound, StarcyteError
from starcyte.store.dataset import Column, ColumnInfo, Kind, Warnings
from starcyte.store.hdf5.file import (
    Node,
    attribute,
    child,
    dataset,
    decode,
    is_text,
    members,
    reading,
    text,
    text_attribute,
)

_KINDS = {"b": Kind.BOOLEAN, "i": Kind.CONTINUOUS, "u": Kind.CONTINUOUS, "f": Kind.CONTINUOUS, "M": Kind.DATETIME}


@dataclass(frozen=True, eq=False)
class _Source:
    """Where a column's parts stand: values (or codes), categories, mask."""

    info: ColumnInfo
    values: h5py.Dataset
    field: str | None = None
    mask: h5py.Dataset | None = None


class Frame:
    """A table on disk.

    Parameters
    ----------
    name
        How to speak of it: ``obs``, ``var``, ``raw/var``.
    node
        The group or compound dataset.
    warnings
        Told of the columns that are left out.
    legacy_categories
        In files of anndata 0.6, the group ``uns`` with ``<column>_categories``.

    Raises
    ------
    DatasetInvalid
        If it is no table, or has no index.
    """

    def __init__(self, name: str, node: Node, warnings: Warnings, legacy_categories: h5py.Group | None = None) -> None:
        self.name = name
        self._node = node
        self._warnings = warnings
        self._legacy = legacy_categories
        self._sources: dict[str, _Source] = {}
        if isinstance(node, h5py.Dataset):
            if node.dtype.names is None or node.ndim != 1:
                raise DatasetInvalid(f"{name} is an array, not a table.", "Write the file again with anndata.")
            self.index_name = node.dtype.names[0]
            self.n = int(node.shape[0])
            names = list(node.dtype.names[1:])
        else:
            self.index_name, self._index = self._find_index(node)
            self.n = int(self._index.shape[0])
            names = self._column_order(node)
        for column in names:
            try:
                self._sources[column] = self._source(column)
            except StarcyteError as error:
                warnings.add(f"Column {column!r} of {name} is left out: {error.message}")

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        """What is known of each column, in the file's order."""
        return tuple(s.info for s in self._sources.values())

    def info(self, column: str) -> ColumnInfo:
        """Return what is known of a column; raise NotFound where there is none."""
        return self._find(column).info

    @cached_property
    def index(self) -> NDArray[np.object_]:
        """The names of the rows, shape (n,), str objects."""
        if isinstance(self._node, h5py.Dataset):
            return text(self._node, self.index_name)
        return text(self._index)

    def names_of(self, rows: Sequence[int]) -> list[str]:
        """Read the names of some rows alone: those of a million cells take a hundred bytes each in memory.

        Parameters
        ----------
        rows
            Their positions, each below n; a range is read in one go.
        """
        if isinstance(self._node, h5py.Dataset):
            return [str(self.index[i]) for i in rows]
        if isinstance(rows, range):
            with reading(f"{self.name}/{self.index_name}"):
                return list(decode(self._index[rows.start : rows.stop]).tolist())
        wanted = sorted(set(rows))
        with reading(f"{self.name}/{self.index_name}"):
            found = dict(zip(wanted, decode(self._index[wanted]).tolist(), strict=True)) if wanted else {}
        return [found[i] for i in rows]

    def names_between(self, start: int, stop: int) -> list[str]:
        """Read the names of the rows from start up to stop."""
        if isinstance(self._node, h5py.Dataset):
            return [str(name) for name in self.index[start:stop]]
        with reading(f"{self.name}/{self.index_name}"):
            found: list[str] = decode(self._index[start:stop]).tolist()
        return found

    def column(self, name: str) -> Column:
        """Read one column.

        Raises
        ------
        NotFound
            If there is no such column.
        DatasetInvalid
            If it cannot be read, or its codes and categories contradict each other.
        """
        source = self._find(name)
        where = f"Column {name!r} of {self.name}"
        info = source.info
        with reading(where):
            raw: NDArray[Any] = source.values[()] if source.field is None else source.values[source.field]
            mask = source.mask[()].astype(bool) if source.mask is not None else None
        if info.kind is Kind.STRING:
            return Column(info, decode(raw), mask)
        if info.categories is not None:
            _check_codes(where, raw, len(info.categories))
            return Column(info, raw.astype(np.min_scalar_type(-max(len(info.categories), 1)), copy=False))
        return Column(info, raw, mask if mask is not None and mask.any() else None)

    def _find(self, name: str) -> _Source:
        try:
            return self._sources[name]
        except KeyError:
            raise NotFound(f"There is no column {name!r} in {self.name}.", "The schema lists the columns.") from None

    def _find_index(self, group: h5py.Group) -> tuple[str, h5py.Dataset]:
        named = attribute(group, "_index")
        for name in (named, "_index", "index"):
            if isinstance(name, str):
                node = child(group, name)
                if isinstance(node, h5py.Group):  # a nullable string array
                    node = child(node, "values")
                if isinstance(node, h5py.Dataset) and node.ndim == 1:
                    return name, node
        raise DatasetInvalid(f"{self.name} has no index (the names of its rows).", "Write the file again with anndata.")

    def _column_order(self, group: h5py.Group) -> list[str]:
        order = attribute(group, "column-order")
        if order is None:
            return [m for m in members(group) if m not in {self.index_name, "__categories"}]
        return [str(c) for c in decode(np.atleast_1d(order)).tolist() if c != self.index_name]

    def _source(self, name: str) -> _Source:
        if isinstance(self._node, h5py.Dataset):
            return self._compound_source(name, self._node)
        node = child(self._node, name)
        if node is None:
            raise DatasetInvalid("it is listed but not there.")
        if isinstance(node, h5py.Group):
            return self._group_source(name, node)
        if node.shape != (self.n,):
            raise DatasetInvalid(f"its shape is {node.shape}, not ({self.n},).")
        reference = attribute(node, "categories")
        if reference is not None:
            categories, ordered = self._referenced(name, reference)
            return _Source(_categorical(name, node.dtype, categories, ordered), node)
        return _Source(_plain(name, node.dtype), node)

    def _group_source(self, name: str, group: h5py.Group) -> _Source:
        encoding = text_attribute(group, "encoding-type")
        if encoding == "categorical":
            codes = dataset(group, "codes")
            self._check_length(codes)
            categories = child(group, "categories")
            parent, key = (categories, "values") if isinstance(categories, h5py.Group) else (group, "categories")
            texts = _category_texts(dataset(parent, key))
            return _Source(_categorical(name, codes.dtype, texts, _is_ordered(group)), codes)
        if encoding in {"nullable-integer", "nullable-boolean", "nullable-string-array"}:
            values = dataset(group, "values")
            mask = dataset(group, "mask") if child(group, "mask") is not None else None
            self._check_length(values)
            if mask is not None:
                self._check_length(mask)
            return _Source(_plain(name, values.dtype), values, mask=mask)
        raise DatasetInvalid(f"it is stored as {encoding!r}.")

    def _compound_source(self, name: str, table: h5py.Dataset) -> _Source:
        dtype = table.dtype[name]
        if dtype.kind in "iu" and self._legacy is not None:
            node = child(self._legacy, f"{name}_categories")
            if isinstance(node, h5py.Dataset):
                categories = _category_texts(node)
                with reading(f"{self.name}[{name!r}]"):
                    codes = table[name]
                # uns is shared by obs and var: the categories are of the one whose codes fit (as anndata decides)
                if codes.size == 0 or int(codes.max()) < len(categories):
                    return _Source(_categorical(name, dtype, categories, False), table, field=name)
        return _Source(_plain(name, dtype), table, field=name)

    def _referenced(self, name: str, reference: Any) -> tuple[tuple[str, ...], bool]:
        assert isinstance(self._node, h5py.Group)
        if isinstance(reference, h5py.Reference):
            # the reference leads to __categories/<name>; reading that by name keeps every check of child()
            reference = f"__categories/{name}"
        node = child(self._node, str(reference))
        if not isinstance(node, h5py.Dataset):
            raise DatasetInvalid("its categories are not there.")
        return _category_texts(node), _is_ordered(node)

    def _check_length(self, array: h5py.Dataset) -> None:
        if array.shape != (self.n,):
            raise DatasetInvalid(f"it has the shape {array.shape}, not ({self.n},).")


def _is_ordered(node: Node) -> bool:
    return bool(np.any(attribute(node, "ordered")))


def _plain(name: str, dtype: np.dtype[Any]) -> ColumnInfo:
    if is_text(dtype):
        return ColumnInfo(name, Kind.STRING, "object")
    kind = _KINDS.get(dtype.kind)
    if kind is None or dtype.names is not None or dtype.subdtype is not None:
        raise DatasetInvalid(f"it holds {dtype} values.")
    return ColumnInfo(name, kind, str(dtype))


def _categorical(name: str, dtype: np.dtype[Any], categories: tuple[str, ...], ordered: bool) -> ColumnInfo:
    if dtype.kind not in "iu":
        raise DatasetInvalid(f"its codes are {dtype} values, not whole numbers.")
    return ColumnInfo(name, Kind.CATEGORICAL, str(dtype), categories, ordered)


def _category_texts(array: h5py.Dataset) -> tuple[str, ...]:
    if is_text(array.dtype):
        return tuple(text(array).ravel().tolist())
    with reading(array.name):
        return tuple(category_text(v) for v in np.atleast_1d(array[()]).ravel().tolist())


def category_text(value: Any) -> str:
    """Return how a category is written: whole numbers without a point, booleans as False and True."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _check_codes(where: str, codes: NDArray[Any], n_categories: int) -> None:
    if codes.size and (int(codes.max()) >= n_categories or int(codes.min()) < -1):
        raise DatasetInvalid(
            f"{where} contradicts itself: a code is outside -1 to {n_categories - 1}.",
            "Write the file again from its source with anndata.",
        )
