"""A matrix of a prepared store: read by gene, by cell where that is less, and with its moments."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, StarcyteError
from starcyte.store.anndata.csc_matrix import CscMatrix
from starcyte.store.anndata.csr_matrix import CsrMatrix
from starcyte.store.anndata.matrix import open_matrix
from starcyte.store.anndata.prepared_layout import CHUNKS, COLUMN, HOME, MOMENTS, PARTS, ROWS, VERSION, home_of
from starcyte.store.block import Block
from starcyte.store.cell_rows import CellRows
from starcyte.store.dataset import Layout, Matrix, Tick, Values, no_tick
from starcyte.store.moments import Moments
from starcyte.store.nodes import DAMAGED, Group
from starcyte.store.scale import ValueRange

_HIGHEST: Final = sys.float_info.max


class PreparedMatrix:
    """A matrix with the additions of a prepared store. It needs no column index.

    Parameters
    ----------
    base
        The matrix as AnnData has it: by gene, or dense.
    home
        The group of its additions.
    block_bytes
        The most bytes to read at once.

    Raises
    ------
    DatasetInvalid
        If the additions contradict the matrix.
    """

    is_prepared = True

    def __init__(self, base: Matrix, home: Group, block_bytes: int) -> None:
        self._base, self._home = base, home
        self.name: str = base.name
        self.shape: tuple[int, int] = base.shape
        self.dtype: np.dtype[Any] = base.dtype
        self.layout: Layout = base.layout
        self.nnz: int | None = base.nnz
        self.log_base: float = base.log_base
        self.cells: CellRows | None = base.cells
        self._count: Callable[[str], NDArray[np.int64] | None] = lambda column: None
        self._checked: dict[str, NDArray[np.int64] | None] = {}
        self.by_cell: CsrMatrix | None = None
        "The same values by cell; None for a dense matrix."
        if isinstance(base, CscMatrix):
            base.learn_chunk_bytes(lambda: self._chunk_bytes)
        rows = home.group(ROWS)
        if rows is not None:
            by_cell = open_matrix(base.name, rows, base.shape, block_bytes, base.log_base)
            if isinstance(by_cell, CsrMatrix) and by_cell.nnz == base.nnz:
                self.by_cell = by_cell

    @cached_property
    def _chunk_bytes(self) -> NDArray[Any]:
        array = self._home.array(CHUNKS)
        if array.ndim != 2 or array.shape[0] != 2:
            raise DatasetInvalid(f"{array.name} has the shape {array.shape}.", DAMAGED)
        return array.read()

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene."""
        return self._base.column(index, tick)

    def warm(self) -> None:
        """Read all that the first gene needs besides its values, where reads wait for the network."""
        if isinstance(self._base, CscMatrix):
            self._base.warm()

    @property
    def by_gene(self) -> CscMatrix | None:
        """The matrix by gene; None for a dense matrix."""
        return self._base if isinstance(self._base, CscMatrix) else None

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return self._base.n_blocks

    def block(self, number: int) -> Block:
        """Read one block."""
        return self._base.block(number)

    def check(self, tick: Tick = no_tick, most: int | None = None) -> None:
        """Check the indices of the matrix."""
        self._base.check(tick, most)

    def value_range(self) -> ValueRange:
        """Return the range of all values, which the store states; that of a sample if it does not."""
        lowest, highest, whole = (self._home.attribute(name) for name in ("lowest", "highest", "whole"))
        are_numbers = isinstance(lowest, int | float) and isinstance(highest, int | float)
        # compared before they are made floats: an integer may have any length
        if are_numbers and isinstance(whole, bool) and -_HIGHEST <= lowest <= 0 <= highest <= _HIGHEST:
            return ValueRange(float(lowest), float(highest), whole)
        return self._base.value_range()

    def learn_groups(self, count: Callable[[str], NDArray[np.int64] | None]) -> None:
        """Take the numbers of cells of groups from obs, with which moments must agree.

        Parameters
        ----------
        count
            Returns the number of rows in each group of an obs column, the last group those without a category; None
            if it has no categories, or cannot be read.
        """
        self._count = count

    @cached_property
    def _columns(self) -> dict[str, Group]:
        moments = self._home.group(MOMENTS)
        groups = [] if moments is None else [moments.group(name) for name in moments.members()]
        return {group.text_attribute(COLUMN): group for group in groups if group is not None}

    def moments(self, column: str) -> Moments | None:
        """Return the moments of an obs column, which the store has; None if it has not, or they are damaged."""
        try:
            group = self._columns.get(column)
            if group is None:
                return None
            if column not in self._checked:
                self._checked[column] = self._count(column)
            n = self._checked[column]
            # obs may have been edited since
            if n is None or not np.array_equal(group.array("n").read(), n):
                return None
            parts = [group.array(name) for name in PARTS]
            if any(part.shape != (n.size, self.shape[1]) for part in parts):
                return None
            if [part.dtype for part in parts] != [np.float64, np.float64, np.float64, np.uint32]:
                return None
            mean, m2, expm1, positive = (part.read().T for part in parts)
        except StarcyteError:
            return None  # the values, which are there, give the same moments
        if (m2 < 0).any() or (positive > n).any():
            return None
        return Moments(n, mean, m2, positive, expm1)


def prepared(base: Matrix, root: Group, name: str, block_bytes: int) -> Matrix:
    """Return a matrix with the additions of a prepared store; the matrix itself if the store is none.

    Parameters
    ----------
    base
        The matrix as AnnData has it.
    root
        The group of its AnnData: the root of the store, or a modality.
    name
        Its name there.
    block_bytes
        The most bytes to read at once.
    """
    try:
        if base.layout == "csr" or not is_prepared(root):
            return base
        home = root.group(home_of(name, base.layout == "csc"))
        return base if home is None else PreparedMatrix(base, home, block_bytes)
    except StarcyteError:
        return base  # its additions are damaged, and the matrix need not be


def is_prepared(root: Group) -> bool:
    """Return whether a store is a prepared one, of a version that is known."""
    mark = root.group(f"uns/{HOME}")
    version = None if mark is None else mark.attribute("format")
    return isinstance(version, int) and version == VERSION
