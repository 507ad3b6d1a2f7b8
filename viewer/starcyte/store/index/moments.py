"""The moments that are kept with an index, several columns in one pass where their categories go together.

Columns of obs repeat each other: a sample belongs to one donor, a donor to one condition, a cell type to one lineage.
So moments are taken of the combinations that occur, and each column's are put together from these in the end.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.store.block import Block
from starcyte.store.dataset import Column
from starcyte.store.index.column_index import moments_bytes, moments_name
from starcyte.store.index.preallocate import map_zeros, take_room
from starcyte.store.moments import Accumulator, Moments

# so many groups take hardly longer than few: beyond, merging them into the whole outweighs the pass that is saved
_MOST_GROUPS = 64
_MOST_COMBINATIONS = 1 << 20
_GENES_AT_ONCE = 2048


@dataclass(frozen=True, eq=False)
class _Grouping:
    """A column as groups: its categories, and the cells without one as the last."""

    name: str
    n_groups: int
    codes: NDArray[np.int32]


class Pack:
    """Columns whose moments are taken together.

    Parameters
    ----------
    first
        The column to begin with.
    """

    def __init__(self, first: _Grouping) -> None:
        self._members = [first]
        self.codes, self.n_groups = _observed(first.codes, first.n_groups)

    def take(self, column: _Grouping) -> bool:
        """Take a column in if it does not make too many groups, and say whether it did."""
        if self.n_groups * column.n_groups > _MOST_COMBINATIONS:
            return False
        codes, n = _observed(self.codes * column.n_groups + column.codes, self.n_groups * column.n_groups)
        if n > max(_MOST_GROUPS, self.n_groups):
            return False
        self._members.append(column)
        self.codes, self.n_groups = codes, n
        return True

    def start(self, folder: Path, number: int, n_genes: int) -> None:
        """Make room for the moments."""
        self._folder, self._n_genes, self._parts = folder, n_genes, list[Path]()

        def make(name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
            self._parts.append(folder / f"pack-{number}-{name}.bin")
            return map_zeros(self._parts[-1], shape, dtype)

        self._accumulator = Accumulator(self.codes, self.n_groups, n_genes, make)

    def add(self, block: Block) -> None:
        """Take a block in; safe from several threads."""
        self._accumulator.add(block)

    def finish(self) -> dict[str, int]:
        """Write the file of each column, and return their numbers of groups."""
        result = self._accumulator.result()
        for column in self._members:
            self._write(column, result)
        for part in self._parts:
            part.unlink()
        return {column.name: column.n_groups for column in self._members}

    def _write(self, column: _Grouping, result: Moments) -> None:
        k, n_genes = column.n_groups, self._n_genes
        # the cells of one combination have one category of each column
        category = np.zeros(self.n_groups, np.int64)
        category[self.codes] = column.codes
        unions = [np.flatnonzero(category == g).tolist() for g in range(k)]
        path = self._folder / moments_name(column.name)
        with path.open("w+b") as stream:
            take_room(stream.fileno(), moments_bytes(n_genes, k))
            counts = np.bincount(column.codes, minlength=k).astype("<i8")
            os.pwrite(stream.fileno(), counts.tobytes(), 0)
            if n_genes:
                places = np.cumsum([8 * k, 8 * k * n_genes, 8 * k * n_genes]).tolist()
                kinds = ("<f8", "<f8", "<u4")
                mean, m2, positive = (
                    np.memmap(stream, kind, "r+", place, (n_genes, k))
                    for kind, place in zip(kinds, places, strict=True)
                )
                for first in range(0, n_genes, _GENES_AT_ONCE):
                    genes = slice(first, first + _GENES_AT_ONCE)
                    some = result.of_genes(genes).merged(unions)
                    mean[genes], m2[genes], positive[genes] = some.mean, some.m2, some.positive
                for array in (mean, m2, positive):
                    array.flush()
            os.fsync(stream.fileno())


def packs_of(columns: Sequence[Column]) -> list[Pack]:
    """Put columns into as few packs as hold them.

    Parameters
    ----------
    columns
        Columns that have categories.
    """
    groupings = []
    for column in columns:
        codes, categories = column.as_codes()
        groups = codes.astype(np.int32)
        groups[groups < 0] = len(categories)
        groupings.append(_Grouping(column.info.name, len(categories) + 1, groups))
    packs: list[Pack] = []
    for grouping in sorted(groupings, key=lambda g: -g.n_groups):
        if not any(pack.take(grouping) for pack in packs):
            packs.append(Pack(grouping))
    return packs


def _observed(codes: NDArray[np.int32], n: int) -> tuple[NDArray[np.int32], int]:
    """Give the groups that have cells new numbers, from 0 and without gaps."""
    there = np.flatnonzero(np.bincount(codes, minlength=n))
    number = np.zeros(n, np.int32)
    number[there] = np.arange(there.size)
    return number[codes], int(there.size)
