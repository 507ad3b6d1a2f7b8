"""The obs of several modalities as one table: the columns of the root, and those of each modality with its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import NotFound
from starcyte.store.anndata.frame import Frame
from starcyte.store.dataset import Column, ColumnInfo, Kind


class Obs(Protocol):
    """The columns of the cells, and their names: of one frame, or of those of several modalities."""

    n: int
    from_seurat_disk: bool

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        """The name, kind and categories of each column."""
        ...

    @property
    def index(self) -> NDArray[np.object_]:
        """The names of the cells, shape (n,), str objects."""
        ...

    def info(self, column: str) -> ColumnInfo:
        """Return name, kind and categories of a column; raise NotFound if it does not exist."""
        ...

    def names_of(self, rows: Sequence[int]) -> list[str]:
        """Read the names of some cells."""
        ...

    def names_between(self, start: int, stop: int) -> list[str]:
        """Read the names of the cells from start to stop (excluded)."""
        ...

    def column(self, name: str, rows: slice = ...) -> Column:
        """Read one column, or some rows of it; raise NotFound if it does not exist."""
        ...


@dataclass(frozen=True, eq=False)
class ModalityObs:
    """The obs of one modality.

    Parameters
    ----------
    name
        The modality.
    frame
        Its frame.
    rows
        The row of each cell of the dataset, -1 for none; None if the rows are the cells.
    """

    name: str
    frame: Frame
    rows: NDArray[np.intp] | None


class JoinedObs:
    """The obs of a dataset of several modalities.

    Parameters
    ----------
    names
        The names of all cells, shape (n,); None if those of the root are in its frame.
    root
        The frame of the root; None if it has none.
    modalities
        The modalities. Their columns are named as mudata's ``pull_obs`` names them: ``rna:leiden``. A column that the
        root has of this name is that of the root.
    """

    from_seurat_disk = False

    def __init__(
        self, names: NDArray[np.object_] | None, root: Frame | None, modalities: Sequence[ModalityObs]
    ) -> None:
        self._names, self._root = names, root
        self.n = root.n if root is not None else 0 if names is None else int(names.size)
        self._of: dict[str, tuple[ModalityObs, str, ColumnInfo]] = {}
        known = {info.name for info in self._root_columns}
        for modality in modalities:
            for info in modality.frame.columns:
                name = f"{modality.name}:{info.name}"
                if name not in known and name not in self._of:
                    self._of[name] = (modality, info.name, replace(info, name=name))

    @property
    def root(self) -> Frame | None:
        """The frame of the root; None if it has none."""
        return self._root

    @property
    def _root_columns(self) -> tuple[ColumnInfo, ...]:
        return () if self._root is None else self._root.columns

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        """The name, kind and categories of each column, those of the root first."""
        return (*self._root_columns, *(info for _, _, info in self._of.values()))

    @property
    def index(self) -> NDArray[np.object_]:
        """The names of the cells, shape (n,), str objects."""
        if self._names is not None:
            return self._names
        assert self._root is not None
        return self._root.index

    def info(self, column: str) -> ColumnInfo:
        """Return name, kind and categories of a column; raise NotFound if it does not exist."""
        if column in self._of:
            return self._of[column][2]
        if self._root is None:
            raise NotFound(f"No such column in obs: {column!r}.", "The schema lists the columns.")
        return self._root.info(column)

    def names_of(self, rows: Sequence[int]) -> list[str]:
        """Read the names of some cells."""
        if self._names is not None:
            return [str(self._names[i]) for i in rows]
        assert self._root is not None
        return self._root.names_of(rows)

    def names_between(self, start: int, stop: int) -> list[str]:
        """Read the names of the cells from start to stop (excluded)."""
        if self._names is not None:
            return [str(name) for name in self._names[start:stop]]
        assert self._root is not None
        return self._root.names_between(start, stop)

    def column(self, name: str, rows: slice = slice(None)) -> Column:
        """Read one column, or some rows of it; values of cells that a modality lacks are missing.

        Raises
        ------
        NotFound
            If it does not exist.
        DatasetInvalid
            If it cannot be read.
        """
        if name not in self._of:
            self.info(name)
            assert self._root is not None
            return self._root.column(name, rows)
        modality, own, info = self._of[name]
        if modality.rows is None:
            return replace(modality.frame.column(own, rows), info=info)
        wanted = modality.rows[rows]
        present = wanted[wanted >= 0]
        if not present.size:
            read = modality.frame.column(own, slice(0, 1))
            return _taken(replace(read, info=info), np.full(wanted.size, -1, np.intp))
        first, last = int(present.min()), int(present.max()) + 1
        read = modality.frame.column(own, slice(first, last))
        return _taken(replace(read, info=info), np.where(wanted < 0, -1, wanted - first))


def _taken(column: Column, rows: NDArray[np.intp]) -> Column:
    """Return some rows of a column, -1 for a missing value."""
    absent = rows < 0
    if not column.values.size:
        values: NDArray[Any] = np.zeros(rows.size, column.values.dtype)
    else:
        values = column.values[np.where(absent, 0, rows)]
    if not absent.any():
        return Column(column.info, values, None if column.missing is None else column.missing[rows])
    kind, missing = column.info.kind, column.missing
    if kind is Kind.CATEGORICAL:
        values[absent] = -1
        return Column(column.info, values)
    if kind is Kind.DATETIME:
        values[absent] = np.datetime64("NaT")
        return Column(column.info, values, missing)
    gone = absent if missing is None or not missing.size else absent | missing[np.where(absent, 0, rows)]
    if kind is Kind.CONTINUOUS and values.dtype.kind == "f" and missing is None:
        values[absent] = np.nan
        return Column(column.info, values)
    # a value that occurs, as the texts of a column are its categories
    values[absent] = values[~absent][0] if not absent.all() else "" if kind is Kind.STRING else 0
    return Column(column.info, values, gone)
