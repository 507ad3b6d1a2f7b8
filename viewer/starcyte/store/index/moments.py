"""The moments in an index, of several obs columns in one pass over the matrix.

Obs columns are nested: a sample belongs to one donor, a donor to one condition, a cell type to one lineage. Moments are
computed for the combinations of categories that occur, and each column's are merged from these at the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.store.block import Block
from starcyte.store.dataset import Column
from starcyte.store.index.column_index import moments_bytes, moments_name
from starcyte.store.index.preallocate import map_zeros, preallocate
from starcyte.store.moments import Accumulator, Moments

# up to this number of groups a pass takes hardly longer; with more, merging them costs more than another pass
_MAX_GROUPS = 64
_MAX_COMBINATIONS = 1 << 20
_GENES_AT_ONCE = 2048


@dataclass(frozen=True, eq=False)
class _Grouping:
    """A column as groups: its categories, and as the last group the cells without a category."""

    name: str
    n_groups: int
    codes: NDArray[np.int32]


class JointColumns:
    """Obs columns whose moments are computed together, by combinations of their categories.

    Parameters
    ----------
    first
        The first column.
    """

    def __init__(self, first: _Grouping) -> None:
        self._members = [first]
        self.codes, self.n_groups = _renumber(first.codes, first.n_groups)

    def add_column(self, column: _Grouping) -> bool:
        """Add a column unless that makes too many combinations; return whether it was added."""
        if self.n_groups * column.n_groups > _MAX_COMBINATIONS:
            return False
        codes, n = _renumber(self.codes * column.n_groups + column.codes, self.n_groups * column.n_groups)
        if n > max(_MAX_GROUPS, self.n_groups):
            return False
        self._members.append(column)
        self.codes, self.n_groups = codes, n
        return True

    def start(self, folder: Path, number: int, n_genes: int, log_base: float) -> None:
        """Allocate the moments."""
        self._folder, self._n_genes, self._parts = folder, n_genes, list[Path]()

        def allocate(name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
            self._parts.append(folder / f"sums-{number}-{name}.bin")
            return map_zeros(self._parts[-1], shape, dtype)

        self._accumulator = Accumulator(self.codes, self.n_groups, n_genes, log_base, allocate)

    def add(self, block: Block) -> None:
        """Add a block; safe for use from several threads."""
        self._accumulator.add(block)

    def write(self) -> dict[str, int]:
        """Write the file of each column, and return the number of groups of each."""
        made = dict[str, int]()
        for column in self.columns():
            _write(self._folder / moments_name(column.name), column, self._n_genes)
            made[column.name] = column.n_groups
        self.remove()
        return made

    def columns(self) -> Iterator[ColumnMoments]:
        """Yield the moments of each column, once all blocks are added."""
        result = self._accumulator.result()
        for column in self._members:
            # all cells of a combination have the same category of each column
            category = np.zeros(self.n_groups, np.int64)
            category[self.codes] = column.codes
            unions = [np.flatnonzero(category == g).tolist() for g in range(column.n_groups)]
            yield ColumnMoments(column.name, np.bincount(column.codes, minlength=column.n_groups), result, unions)

    def remove(self) -> None:
        """Remove the files of the pass."""
        for part in self._parts:
            part.unlink()


@dataclass(frozen=True, eq=False)
class ColumnMoments:
    """The moments of the groups of a column.

    Parameters
    ----------
    name
        The column.
    n
        The number of cells of each group, shape (groups,).
    combinations
        The moments of combinations of categories.
    unions
        The combinations of each group.
    """

    name: str
    n: NDArray[np.int64]
    combinations: Moments
    unions: Sequence[Sequence[int]]

    @property
    def n_groups(self) -> int:
        """The number of groups."""
        return self.n.size

    def of_genes(self, genes: slice) -> Moments:
        """Return the moments of some genes."""
        return self.combinations.of_genes(genes).merged(self.unions)

    def of_group(self, group: int) -> Moments:
        """Return the moments of all genes in one group."""
        return self.combinations.merged([self.unions[group]])


def _write(path: Path, column: ColumnMoments, n_genes: int) -> None:
    k = column.n_groups
    with path.open("w+b") as stream:
        preallocate(stream.fileno(), moments_bytes(n_genes, k))
        os.pwrite(stream.fileno(), column.n.astype("<i8").tobytes(), 0)
        if n_genes:
            offsets = (8 * k + 8 * k * n_genes * np.arange(4)).tolist()
            dtypes = ("<f8", "<f8", "<f8", "<u4")
            mean, m2, amount, positive = (
                np.memmap(stream, dtype, "r+", offset, (n_genes, k))
                for dtype, offset in zip(dtypes, offsets, strict=True)
            )
            for first in range(0, n_genes, _GENES_AT_ONCE):
                genes = slice(first, first + _GENES_AT_ONCE)
                some = column.of_genes(genes)
                mean[genes], m2[genes], amount[genes] = some.mean, some.m2, some.expm1
                positive[genes] = some.positive
            for array in (mean, m2, amount, positive):
                array.flush()
        os.fsync(stream.fileno())


def join_columns(columns: Sequence[Column]) -> list[JointColumns]:
    """Distribute columns over few sets that are computed together.

    Parameters
    ----------
    columns
        Columns with categories.
    """
    groupings = []
    for column in columns:
        codes, categories = column.as_codes()
        groups = codes.astype(np.int32)
        groups[groups < 0] = len(categories)
        groupings.append(_Grouping(column.info.name, len(categories) + 1, groups))
    joined: list[JointColumns] = []
    for grouping in sorted(groupings, key=lambda g: -g.n_groups):
        if not any(joint.add_column(grouping) for joint in joined):
            joined.append(JointColumns(grouping))
    return joined


def _renumber(codes: NDArray[np.int32], n: int) -> tuple[NDArray[np.int32], int]:
    """Return codes without gaps for the groups that have cells, and the number of these groups."""
    occurring = np.flatnonzero(np.bincount(codes, minlength=n))
    number = np.zeros(n, np.int32)
    number[occurring] = np.arange(occurring.size)
    return number[codes], int(occurring.size)
