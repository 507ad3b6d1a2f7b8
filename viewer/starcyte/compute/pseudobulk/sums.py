"""Sums of each gene over groups of cells: what a comparison over samples reads of a matrix."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.blocks import parallel_for
from starcyte.compute.rank_sums import gene_cuts
from starcyte.compute.rows import by_rows
from starcyte.store.anndata.csr_matrix import CsrMatrix
from starcyte.store.block import Block
from starcyte.store.cell_rows import of_rows
from starcyte.store.dataset import Matrix, Tick, no_tick
from starcyte.store.index.column_index import ColumnIndex
from starcyte.store.index.indexed_matrix import current_matrix
from starcyte.store.index.sums import Groups, MergedSums, Sums
from starcyte.store.moments import BinSums, gene_runs

# entries of an intermediate array, which should fit a processor's cache
_ENTRIES_AT_ONCE = 1 << 18
# with more groups, a block has fewer values than there are sums, and runs of genes cost less
_MOST_BY_BLOCK = 48
# added to each count, so that one sum has also their number: exact, as both are below 2^22 and 2^31
_COUNT = float(1 << 31)
# of a run of genes, which is read from every block: more of them are fewer reads
_ENTRIES_OF_GENES = 1 << 20


def group_sums(matrix: Matrix, groups: Groups, workers: int = 1, tick: Tick = no_tick) -> Sums:
    """Return the sums of groups of cells; reads the matrix once, or only the rows of small groups.

    Parameters
    ----------
    matrix
        The matrix.
    groups
        The groups.
    workers
        The number of threads to use.
    tick
        Called between blocks with the fraction done; raises to stop.

    Raises
    ------
    DatasetInvalid
        If the matrix contradicts itself.
    """
    return sums_of_rows(matrix, groups_of_rows(matrix, groups), workers, tick)


def groups_of_rows(matrix: Matrix, groups: Groups) -> Groups:
    """Return groups of cells as groups of the rows of a matrix."""
    return groups if matrix.cells is None else Groups(of_rows(matrix, groups.codes), groups.n)


def sums_of_rows(matrix: Matrix, groups: Groups, workers: int = 1, tick: Tick = no_tick) -> Sums:
    """Return the sums of groups of rows; see ``group_sums``."""
    shape = (groups.n, matrix.shape[1])
    n = np.bincount(groups.codes, minlength=groups.n + 1)[: groups.n].astype(np.int64)
    found = Sums(n, np.zeros(shape).T, np.zeros(shape, np.uint32).T)
    add_sums(found, matrix, groups, workers, tick)
    return found


def merged_sums(matrix: Matrix, groups: Groups, workers: int = 1, tick: Tick = no_tick) -> MergedSums:
    """Return the sums of groups of cells as those of unions of one group each; see ``group_sums``."""
    return MergedSums(group_sums(matrix, groups, workers, tick), [[group] for group in range(groups.n)])


def add_sums(found: Sums, matrix: Matrix, groups: Groups, workers: int = 1, tick: Tick = no_tick) -> None:
    """Add the values of a matrix to sums of groups of its rows, in place; see ``group_sums``."""
    rows = by_rows(matrix, groups.codes, groups.n)
    if rows is not None:
        _add_rows(found, rows, groups.codes, workers, tick)
        return
    source = current_matrix(matrix)
    if groups.n > _MOST_BY_BLOCK and isinstance(source, ColumnIndex) and source.layout != "dense":
        _add_genes(found, source, groups.codes, workers, tick)
        return
    # a matrix without an index knows its values from a sample
    is_whole = isinstance(source, ColumnIndex) and source.value_range().whole
    accumulator = _Accumulator(found, groups.codes, is_whole)
    parallel_for(source.n_blocks, lambda number: accumulator.add(source.block(number)), workers, tick)
    accumulator.finish()


def _add_rows(found: Sums, matrix: CsrMatrix, codes: NDArray[Any], workers: int, tick: Tick) -> None:
    """Add the rows of the groups to their sums."""
    batches, n_genes, lock = matrix.batches(np.flatnonzero(codes < found.n.size)), matrix.shape[1], threading.Lock()

    def add(number: int) -> None:
        for group, rows in matrix.rows(batches[number], codes):
            total = BinSums(rows.indices, n_genes).totals(rows.data)
            positive = BinSums(rows.indices[rows.data > 0], n_genes).counts()
            with lock:
                found.total[:, group] += total
                found.positive[:, group] += positive

    parallel_for(len(batches), add, workers, tick)


def _add_genes(found: Sums, index: ColumnIndex, codes: NDArray[Any], workers: int, tick: Tick) -> None:
    """Add runs of genes of all cells."""
    k = found.n.size
    codes = codes.astype(np.min_scalar_type(k))
    all_grouped = bool(found.n.sum() == codes.size)
    cuts = gene_cuts(index.gene_sizes(), k, _ENTRIES_OF_GENES)

    def add(number: int) -> None:
        first, last = cuts[number], cuts[number + 1]
        genes, rows, values = index.entries(first, last)
        group = codes.take(rows)
        bins = genes.view(np.int32)
        bins *= k
        bins += group
        if not all_grouped:
            kept = np.flatnonzero(group < k)
            bins, values = bins[kept], values[kept]
        with np.errstate(invalid="ignore", over="ignore"):  # the sum of a gene with NaN is NaN
            total, positive = _bin_sums(bins, values, last - first, k)
        found.total[first:last] += total
        found.positive[first:last] += positive

    parallel_for(len(cuts) - 1, add, workers, tick)


def _bin_sums(
    bins: NDArray[np.int32], values: NDArray[Any], n_genes: int, k: int
) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    """Return the sums of values, and the numbers of those above 0, each of shape (genes, groups).

    Parameters
    ----------
    bins
        Gene times groups, plus group, of each value.
    values
        The values.
    n_genes, k
        The numbers of genes and groups.
    """
    above = values > 0
    sums = BinSums(bins, n_genes * k)
    positive = sums.counts() if above.all() else BinSums(bins[above], n_genes * k).counts()
    return sums.totals(values).reshape(n_genes, k), positive.reshape(n_genes, k)


def _bin_sums_of_counts(
    bins: NDArray[np.int32], values: NDArray[Any], n_genes: int, k: int
) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    """Return the same of whole numbers above 0 whose sums are below ``_COUNT``, in one pass over the bins."""
    numbers = values.astype(np.float64)
    numbers += _COUNT
    both = BinSums(bins, n_genes * k).totals(numbers).reshape(n_genes, k)
    positive = np.floor(both / _COUNT)
    both -= positive * _COUNT
    return both, positive.astype(np.uint32)


class _Accumulator:
    """Adds blocks to sums; blocks may be added by several threads and in any order.

    Parameters
    ----------
    found
        The sums, which are changed by ``finish``.
    codes
        The group of each cell, shape (n_obs,); the number of groups for cells in none.
    is_whole
        Whether all values are known to be whole numbers, but for NaN and infinite ones.
    """

    def __init__(self, found: Sums, codes: NDArray[Any], is_whole: bool) -> None:
        self._found, self._k, self._is_whole = found, found.n.size, is_whole
        self._codes = codes.astype(np.int32)  # as bins are: to add numbers of one type costs least
        self._all_grouped = bool(found.n.sum() == codes.size)
        # of each thread: gene by gene in memory, as blocks are, and added without waiting for others
        self._parts: dict[int, tuple[NDArray[np.float64], NDArray[np.uint32]]] = {}

    def add(self, block: Block) -> None:
        """Add a block."""
        codes = self._codes[block.rows]
        if not self._all_grouped and not (codes < self._k).any():
            return
        shape = (self._found.total.shape[0], self._k)
        part = self._parts.setdefault(threading.get_ident(), (np.zeros(shape), np.zeros(shape, np.uint32)))
        for first, last in gene_runs(block, self._k, _ENTRIES_AT_ONCE):
            genes = slice(block.genes.start + first, block.genes.start + last)
            with np.errstate(invalid="ignore", over="ignore"):  # the sum of a gene with NaN is NaN
                total, positive = (self._dense if block.ptr is None else self._sparse)(block, first, last, codes)
                part[0][genes] += total
                part[1][genes] += positive

    def finish(self) -> None:
        """Add what was accumulated to the sums."""
        for total, positive in self._parts.values():
            self._found.total[:] += total
            self._found.positive[:] += positive
        self._parts.clear()

    def _sparse(
        self, block: Block, first: int, last: int, codes: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
        assert block.ptr is not None
        assert block.offsets is not None
        start, stop, size = block.ptr[first], block.ptr[last], (last - first) * self._k
        group, values = codes.take(block.offsets[start:stop]), block.values[start:stop]
        # the bin of each entry: gene times groups, plus group
        bins = np.repeat(np.arange(0, size, self._k, dtype=np.int32), np.diff(block.ptr[first : last + 1]))
        if not self._all_grouped:
            kept = np.flatnonzero(group < self._k)
            group, values, bins = group[kept], values[kept], bins[kept]
        bins += group
        fits = self._is_whole and values.size and values.min() > 0 and float(values.max()) * codes.size < _COUNT
        return (_bin_sums_of_counts if fits else _bin_sums)(bins, values, last - first, self._k)

    def _dense(
        self, block: Block, first: int, last: int, codes: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
        kept = np.flatnonzero(codes < self._k)
        # cells sorted by group, so that each group is one run
        order = kept[np.argsort(codes[kept], kind="stable")]
        sizes = np.bincount(codes[kept], minlength=self._k)
        present = np.flatnonzero(sizes)
        starts = np.r_[0, np.cumsum(sizes[present])[:-1]].astype(np.intp)
        values = block.values[first:last][:, order]
        total = np.zeros((last - first, self._k))
        positive = np.zeros((last - first, self._k), np.uint32)
        total[:, present] = np.add.reduceat(values.astype(np.float64), starts, axis=1)
        positive[:, present] = np.add.reduceat((values > 0).astype(np.uint32), starts, axis=1)
        return total, positive
