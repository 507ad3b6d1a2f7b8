"""Data frames (obs, var) on disk, read column by column, in every encoding that anndata has written since 0.6.

====================  ==========================================================================================
anndata               encoding of a frame
====================  ==========================================================================================
0.6                   an array of compound dtype, its first field the index; categories in ``uns/<column>_categories``
0.7                   a group of arrays; categories in ``__categories/<column>``, referenced by an attribute
0.8 and later         a group of encoded elements (``encoding-type`` of each)
====================  ==========================================================================================

Programs in R deviate from these; see :mod:`starcyte.store.anndata.r_values`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, NotFound, StarcyteError
from starcyte.store.anndata.r_values import (
    NA_INTEGER,
    find_logical,
    is_from_seurat_disk,
    is_marked_logical,
    logical_of_enumeration,
    missing_integers,
    recode,
)
from starcyte.store.anndata.row_names import RowNames, open_row_names
from starcyte.store.dataset import Column, ColumnInfo, Kind, Warnings
from starcyte.store.nodes import Array, Group, Node, decode, reading

_KINDS = {"b": Kind.BOOLEAN, "i": Kind.CONTINUOUS, "u": Kind.CONTINUOUS, "f": Kind.CONTINUOUS, "M": Kind.DATETIME}
# all integers up to this one are exact as 64-bit floats
_MOST_EXACT = 1 << 53


@dataclass(frozen=True, eq=False)
class _ColumnStorage:
    """The arrays of a column: values (or codes) and mask; ``codes`` has the code of each value of an enumeration."""

    info: ColumnInfo
    values: Array
    field: str | None = None
    mask: Array | None = None
    codes: Mapping[int, int] | None = None


class Frame:
    """A data frame on disk.

    Parameters
    ----------
    name
        Its name in messages: ``obs``, ``var``, ``raw/var``.
    node
        The group or compound array.
    warnings
        Gets a warning for each column that is left out.
    legacy_categories
        The group ``uns``, which has ``<column>_categories`` in the format of anndata 0.6.
    from_seurat_disk
        Whether SeuratDisk wrote it; by default as its own columns tell. A frame without factors does not tell.

    Raises
    ------
    DatasetInvalid
        If it is not a frame, or has no index.
    """

    def __init__(
        self,
        name: str,
        node: Node,
        warnings: Warnings,
        legacy_categories: Group | None = None,
        from_seurat_disk: bool = False,
    ) -> None:
        self.name = name
        self._node = node
        self._warnings = warnings
        self._legacy = legacy_categories
        self._columns: dict[str, _ColumnStorage] = {}
        self.from_seurat_disk = from_seurat_disk
        if isinstance(node, Array):
            if node.dtype.names is None or node.ndim != 1:
                raise DatasetInvalid(f"{name} is an array, not a data frame.", "Write the file again with anndata.")
            self.index_name = node.dtype.names[0]
            self._index = RowNames(f"{name}/{self.index_name}", node, self.index_name)
            names = list(node.dtype.names[1:])
        else:
            self.index_name, self._index = self._find_index(node)
            self.from_seurat_disk = from_seurat_disk or is_from_seurat_disk(node)
            names = self._column_order(node)
        self.n = self._index.n
        for column in names:
            try:
                self._columns[column] = self._find_column(column)
            except StarcyteError as error:
                warnings.add(f"Column {column!r} of {name} is left out: {error.message}")
        if name.rpartition("/")[2] == "obs":
            self._columns = {column: _with_exact_kind(stored) for column, stored in self._columns.items()}

    @property
    def node(self) -> Node:
        """The group or compound array."""
        return self._node

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        """The name, kind and categories of each column, in the file's order."""
        return tuple(c.info for c in self._columns.values())

    def info(self, column: str) -> ColumnInfo:
        """Return name, kind and categories of a column; raise NotFound if it does not exist."""
        return self._find(column).info

    @property
    def index(self) -> NDArray[np.object_]:
        """The names of the rows, shape (n,), str objects."""
        return self._index.all

    def names_of(self, rows: Sequence[int]) -> list[str]:
        """Read the names of some rows; see :meth:`RowNames.at`."""
        return self._index.at(rows)

    def names_between(self, start: int, stop: int) -> list[str]:
        """Read the names of the rows from start to stop (excluded)."""
        return self._index.between(start, stop)

    def column(self, name: str, rows: slice = slice(None)) -> Column:
        """Read one column, or some rows of it.

        Raises
        ------
        NotFound
            If it does not exist.
        DatasetInvalid
            If it cannot be read, or its codes are out of the range of its categories.
        """
        stored = self._find(name)
        where = f"Column {name!r} of {self.name}"
        info = stored.info
        with reading(where):
            raw = stored.values.read((rows,), field=stored.field)
            mask = stored.mask.read((rows,)).astype(bool) if stored.mask is not None else None
        if info.kind is Kind.STRING:
            return Column(info, decode(raw), mask)
        if stored.codes is not None:
            raw = recode(raw, stored.codes)
        if info.categories is not None:
            raw = np.where(raw == NA_INTEGER, -1, raw)
            _check_codes(where, raw, len(info.categories))
            return Column(info, raw.astype(np.min_scalar_type(-max(len(info.categories), 1)), copy=False))
        if stored.codes is not None:
            raw, mask = raw == 1, raw < 0
        elif mask is None:
            mask = missing_integers(raw)
        return Column(info, raw, mask if mask is not None and mask.any() else None)

    def _find(self, name: str) -> _ColumnStorage:
        try:
            return self._columns[name]
        except KeyError:
            raise NotFound(f"No such column in {self.name}: {name!r}.", "The schema lists the columns.") from None

    def _find_index(self, group: Group) -> tuple[str, RowNames]:
        named = group.attribute("_index")
        for name in (named, "_index", "index"):
            if isinstance(name, str):
                found = open_row_names(f"{self.name}/{name}", group.child(name))
                if found is not None:
                    return name, found
        raise DatasetInvalid(f"{self.name} has no index (the names of its rows).", "Write the file again with anndata.")

    def _column_order(self, group: Group) -> list[str]:
        order = group.attribute("column-order")
        if order is None:
            return [m for m in group.members() if m not in {self.index_name, "__categories"}]
        return [str(c) for c in decode(np.atleast_1d(order)).tolist() if c != self.index_name]

    def _find_column(self, name: str) -> _ColumnStorage:
        if isinstance(self._node, Array):
            return self._in_compound(name, self._node)
        node = self._node.child(name)
        if node is None:
            raise DatasetInvalid("it is in column-order but missing.")
        if isinstance(node, Group):
            return self._in_group(name, node)
        if node.shape != (self.n,):
            raise DatasetInvalid(f"its shape is {node.shape}, not ({self.n},).")
        reference = node.attribute("categories")
        if reference is not None:
            categories, ordered = self._referenced(name, reference)
            return _ColumnStorage(_categorical(name, node.dtype, categories, ordered), node)
        if self.from_seurat_disk:
            return self._of_seurat_disk(name, node)
        return _stored(name, node)

    def _of_seurat_disk(self, name: str, node: Array) -> _ColumnStorage:
        assert isinstance(self._node, Group)
        levels = self._node.child(f"__categories/{name}")
        if isinstance(levels, Array) and node.dtype.kind in "iu":
            return _ColumnStorage(_categorical(name, node.dtype, _category_texts(levels), False), node)
        logical = find_logical(node)
        return _stored(name, node) if logical is None else _logical(name, node, logical)

    def _in_group(self, name: str, group: Group) -> _ColumnStorage:
        encoding = group.text_attribute("encoding-type")
        if encoding == "categorical":
            codes = group.array("codes")
            self._check_length(codes)
            categories = group.child("categories")
            parent, key = (categories, "values") if isinstance(categories, Group) else (group, "categories")
            texts = _category_texts(parent.array(key))
            return _ColumnStorage(_categorical(name, codes.dtype, texts, _is_ordered(group)), codes)
        if encoding in {"nullable-integer", "nullable-boolean", "nullable-string-array"}:
            values = group.array("values")
            mask = group.array("mask") if group.child("mask") is not None else None
            self._check_length(values)
            if mask is not None:
                self._check_length(mask)
            return _ColumnStorage(_plain(name, values), values, mask=mask)
        raise DatasetInvalid(f"its encoding is {encoding!r}.")

    def _in_compound(self, name: str, table: Array) -> _ColumnStorage:
        dtype = table.dtype[name]
        if dtype.kind in "iu" and self._legacy is not None:
            node = self._legacy.child(f"{name}_categories")
            if isinstance(node, Array):
                categories = _category_texts(node)
                codes = table.read(field=name, name=f"{self.name}[{name!r}]")
                # obs and var share uns: the categories belong to the column whose codes fit, as in anndata
                if codes.size == 0 or int(codes.max()) < len(categories):
                    return _ColumnStorage(_categorical(name, dtype, categories, False), table, name)
        return _stored(name, table, name)

    def _referenced(self, name: str, reference: Any) -> tuple[tuple[str, ...], bool]:
        assert isinstance(self._node, Group)
        # HDF5 object references point to __categories/<name>; access by name keeps the checks of child()
        path = reference if isinstance(reference, str) else f"__categories/{name}"
        node = self._node.child(path)
        if not isinstance(node, Array):
            raise DatasetInvalid("its categories are missing.")
        return _category_texts(node), _is_ordered(node)

    def _check_length(self, array: Array) -> None:
        if array.shape != (self.n,):
            raise DatasetInvalid(f"its shape is {array.shape}, not ({self.n},).")


def _with_exact_kind(stored: _ColumnStorage) -> _ColumnStorage:
    """Return a column of integers as text if some are too large for floats: these are identifiers, not amounts.

    JavaScript's numbers, and most readers of JSON and CSV, have floats of 53 bits for all numbers.
    """
    info, array = stored.info, stored.values
    if info.kind is not Kind.CONTINUOUS or info.dtype not in {"int64", "uint64", ">i8", ">u8"}:
        return stored
    try:
        values = array.read(field=stored.field)
    except StarcyteError:
        return stored  # the error is that of the request for the column
    if not values.size or max(abs(int(values.min())), int(values.max())) <= _MOST_EXACT:
        return stored
    return replace(stored, info=replace(info, kind=Kind.STRING))


def _is_ordered(node: Node) -> bool:
    return bool(np.any(node.attribute("ordered")))


def _stored(name: str, array: Array, field: str | None = None) -> _ColumnStorage:
    """Return a column that is one array: text, numbers, or an enumeration."""
    names = array.enumeration(field)
    if names:
        logical = logical_of_enumeration(names)
        if logical is not None:
            return _logical(name, array, logical, field)
        ranked = sorted(names, key=names.__getitem__)
        codes = {names[text]: code for code, text in enumerate(ranked)}
        dtype = array.dtype if field is None else array.dtype[field]
        return _ColumnStorage(_categorical(name, dtype, tuple(ranked), False), array, field, codes=codes)
    if field is None and is_marked_logical(array):
        return _logical(name, array, {0: 0, 1: 1})
    return _ColumnStorage(_plain(name, array, field), array, field)


def _logical(name: str, array: Array, codes: Mapping[int, int], field: str | None = None) -> _ColumnStorage:
    return _ColumnStorage(ColumnInfo(name, Kind.BOOLEAN, "bool"), array, field, codes=codes)


def _plain(name: str, array: Array, field: str | None = None) -> ColumnInfo:
    dtype = array.dtype if field is None else array.dtype[field]
    if array.is_text(field):
        return ColumnInfo(name, Kind.STRING, "object")
    kind = _KINDS.get(dtype.kind)
    if kind is None or dtype.names is not None or dtype.subdtype is not None:
        raise DatasetInvalid(f"its values are {dtype}.")
    return ColumnInfo(name, kind, str(dtype))


def _categorical(name: str, dtype: np.dtype[Any], categories: tuple[str, ...], ordered: bool) -> ColumnInfo:
    if dtype.kind not in "iu":
        raise DatasetInvalid(f"its codes are {dtype}, not integers.")
    return ColumnInfo(name, Kind.CATEGORICAL, str(dtype), categories, ordered)


def _category_texts(array: Array) -> tuple[str, ...]:
    if array.is_text():
        return tuple(array.read_text().ravel().tolist())
    return tuple(category_text(v) for v in np.atleast_1d(array.read()).ravel().tolist())


def category_text(value: Any) -> str:
    """Return the text of a category: integers without a decimal point, booleans as False and True."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _check_codes(where: str, codes: NDArray[Any], n_categories: int) -> None:
    if codes.size and (int(codes.max()) >= n_categories or int(codes.min()) < -1):
        raise DatasetInvalid(
            f"{where} is inconsistent: a code is outside -1 to {n_categories - 1}.",
            "Write the file again from its source with anndata.",
        )
