"""Rank sums of groups of cells for every gene of a sparse matrix.

The stored values of a run of genes are sorted together. The zeros, which are not stored, are one run of ties between
the negative and the positive values: their number alone gives their rank.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.blocks import parallel_for
from starcyte.store.anndata.csc_matrix import CscMatrix
from starcyte.store.anndata.prepared_matrix import PreparedMatrix
from starcyte.store.cell_rows import of_rows
from starcyte.store.dataset import Matrix, Tick, no_tick
from starcyte.store.index.column_index import ColumnIndex
from starcyte.store.index.indexed_matrix import current_matrix
from starcyte.store.moments import totals
from starcyte.store.scale import expm1

# stored values sorted at once; sorting takes some 60 bytes for each
ENTRIES_AT_ONCE = 1_000_000

Entries = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class RankSums:
    """Rank sums and tie corrections of every gene.

    Parameters
    ----------
    n
        Cells in each group, int64, shape (groups,).
    ranks
        Sum of the ranks among all grouped cells, ties sharing their mean rank; float64, shape (genes, groups).
    ties
        Sum of t^3 - t over the runs of t equal values, float64, shape (genes,).
    mean
        Mean value, float64, shape (genes, groups).
    positive
        Cells with a value above 0, int64, shape (genes, groups).
    expm1
        Sum of base ** value - 1, see ``Moments``, float64, shape (genes, groups).
    """

    n: NDArray[np.int64]
    ranks: NDArray[np.float64]
    ties: NDArray[np.float64]
    mean: NDArray[np.float64]
    positive: NDArray[np.int64]
    expm1: NDArray[np.float64]


def rank_sums(
    matrix: Matrix,
    codes: NDArray[Any],
    n_groups: int,
    workers: int = 1,
    tick: Tick = no_tick,
    entries_at_once: int = ENTRIES_AT_ONCE,
) -> RankSums:
    """Rank all grouped cells by each gene, and return the sum of the ranks of each group.

    Parameters
    ----------
    matrix
        The matrix; fast if it has a column index or is stored by gene.
    codes
        The group of each cell, integers of shape (n_obs,); n_groups for cells in no group.
    n_groups
        The number of groups.
    workers
        The number of threads to use.
    tick
        Called between runs of genes with the fraction done; raises to stop.
    entries_at_once
        Stored values to sort at once, for each thread; a single gene may have more.

    Raises
    ------
    DatasetInvalid
        If the matrix contradicts itself.
    """
    strata = np.zeros(codes.size, np.uint8)
    return rank_sums_within(matrix, codes, n_groups, strata, 1, workers, tick, entries_at_once)[0]


def rank_sums_within(
    matrix: Matrix,
    codes: NDArray[Any],
    n_groups: int,
    strata: NDArray[Any],
    n_strata: int,
    workers: int = 1,
    tick: Tick = no_tick,
    entries_at_once: int = ENTRIES_AT_ONCE,
) -> list[RankSums]:
    """Rank the grouped cells of each stratum by each gene, and return the rank sums within each, from one pass.

    Parameters
    ----------
    matrix, codes, n_groups, workers, tick, entries_at_once
        As in ``rank_sums``.
    strata
        The stratum of each grouped cell, integers of shape (n_obs,); of no effect for others.
    n_strata
        The number of strata.

    Raises
    ------
    DatasetInvalid
        If the matrix contradicts itself.
    """
    n_genes = matrix.shape[1]
    codes, strata = of_rows(matrix, codes).astype(np.min_scalar_type(n_groups)), of_rows(matrix, strata)
    grouped = np.flatnonzero(codes < n_groups)
    place = strata[grouped].astype(np.int64) * n_groups + codes[grouped]
    n = np.bincount(place, minlength=n_strata * n_groups).reshape(n_strata, n_groups).astype(np.int64)
    # a gene of a stratum is ranked as a gene of its own
    shape = (n_genes * n_strata, n_groups)
    ranks, mean, amount = (np.zeros(shape) for _ in range(3))
    result = RankSums(n, ranks, np.zeros(shape[0]), mean, np.zeros(shape, np.int64), amount)
    read, cuts = _reader(current_matrix(matrix), n_groups * n_strata, tick, entries_at_once)

    def work(number: int) -> None:
        first, last = cuts[number], cuts[number + 1]
        genes, rows, values = read(first, last)
        groups = codes[rows]
        kept = np.flatnonzero((groups < n_groups) & (values != 0))
        genes = genes[kept]
        if n_strata > 1:
            genes = genes * np.uint32(n_strata) + strata[rows[kept]].astype(np.uint32)
        _rank(genes, groups[kept], values[kept], first * n_strata, last * n_strata, matrix.log_base, result)

    parallel_for(len(cuts) - 1, work, workers, tick)
    every = [slice(stratum, None, n_strata) for stratum in range(n_strata)]
    return [
        RankSums(n[k], ranks[of], result.ties[of], mean[of], result.positive[of], amount[of])
        for k, of in enumerate(every)
    ]


def _reader(
    matrix: Matrix, n_groups: int, tick: Tick, at_once: int
) -> tuple[Callable[[int, int], Entries], Sequence[int]]:
    """Return a function that reads the entries of a run of genes, and the bounds of the runs."""
    n_obs, n_genes = matrix.shape
    stored = matrix.by_gene if isinstance(matrix, PreparedMatrix) else matrix
    if isinstance(stored, CscMatrix) or (isinstance(stored, ColumnIndex) and stored.layout != "dense"):
        return stored.entries, gene_cuts(stored.gene_sizes(), n_groups, at_once)

    def by_column(first: int, last: int) -> Entries:
        columns = [matrix.column(j) for j in range(first, last)]
        rows = [np.arange(c.n, dtype=np.uint32) if c.indices is None else c.indices for c in columns]
        genes = np.repeat(np.arange(last - first, dtype=np.uint32), [r.size for r in rows])
        return genes, np.concatenate(rows), np.concatenate([c.values for c in columns])

    def by_scan(first: int, last: int) -> Entries:
        parts: list[Entries] = []
        for number in range(matrix.n_blocks):
            tick(bisect_left(cuts, first) / len(cuts))
            block = matrix.block(number)
            assert block.ptr is not None
            assert block.offsets is not None
            start, stop = block.ptr[first], block.ptr[last]
            genes = np.repeat(np.arange(last - first, dtype=np.uint32), np.diff(block.ptr[first : last + 1]))
            rows = block.offsets[start:stop].astype(np.uint32) + np.uint32(block.rows.start)
            parts.append((genes, rows, block.values[start:stop]))
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))  # type: ignore[return-value]

    if matrix.layout == "csr":
        cuts = gene_cuts(_scanned_sizes(matrix, tick), n_groups, at_once)
        return by_scan, cuts
    # the entries of a gene are not counted before it is read, but are at most the number of cells
    return by_column, gene_cuts(np.full(n_genes, n_obs), n_groups, at_once)


def _scanned_sizes(matrix: Matrix, tick: Tick) -> NDArray[np.int64]:
    sizes = np.zeros(matrix.shape[1], np.int64)
    for number in range(matrix.n_blocks):
        tick(0.0)
        ptr = matrix.block(number).ptr
        assert ptr is not None
        sizes += np.diff(ptr)
    return sizes


def gene_cuts(sizes: NDArray[np.int64], n_groups: int, at_once: int) -> list[int]:
    """Return the bounds of runs of genes that have at most so many entries and sums of groups; or of single genes.

    Parameters
    ----------
    sizes
        The number of entries of each gene, shape (genes,).
    n_groups
        The number of groups.
    at_once
        The number of entries of a run.
    """
    ends, cuts = np.cumsum(sizes), [0]
    most_genes = max(min(at_once // max(n_groups, 1), 1 << 16), 1)
    while cuts[-1] < sizes.size:
        first = cuts[-1]
        before = int(ends[first - 1]) if first else 0
        last = int(np.searchsorted(ends, before + at_once, side="right"))
        cuts.append(min(max(last, first + 1), first + most_genes, sizes.size))
    return cuts


def _rank(
    genes: NDArray[Any],
    groups: NDArray[Any],
    values: NDArray[Any],
    first: int,
    last: int,
    log_base: float,
    result: RankSums,
) -> None:
    """Put the rank sums of a run of genes of strata, first to last, into the result.

    Parameters
    ----------
    genes, groups, values
        The entries that are not 0: the gene, counted from ``first``; the group of the cell; the value.
    first, last
        The genes, those of each stratum counted as one, the strata of a gene beside each other.
    log_base
        The base of the logarithm, if the values are logarithms.
    result
        The result, with ``n`` of shape (strata, groups), and the other arrays of genes of strata.
    """
    n_strata, k = result.n.shape
    n_genes = last - first
    n = np.tile(result.n, (n_genes // n_strata, 1))
    cells = n.sum(axis=1)
    place = genes.astype(np.int64) * k + groups
    size = n_genes * k
    stored = np.bincount(place, minlength=size).reshape(-1, k)
    numbers = values.astype(np.float64)
    result.mean[first:last] = totals(place, numbers, size).reshape(-1, k) / np.maximum(n, 1)
    result.expm1[first:last] = totals(place, expm1(numbers, log_base), size).reshape(-1, k)
    result.positive[first:last] = totals(place, values > 0, size).reshape(-1, k)
    genes, groups, values = _sorted(genes, groups, values)
    per_gene = stored.sum(axis=1)
    begin = np.r_[0, np.cumsum(per_gene)]
    zeros = cells - per_gene
    negative = np.bincount(genes[values < 0], minlength=n_genes)

    changes = np.r_[True, (genes[1:] != genes[:-1]) | (values[1:] != values[:-1])] if genes.size else np.zeros(0, bool)
    starts = np.flatnonzero(changes)
    lengths = np.diff(np.r_[starts, genes.size])
    run_gene = genes[starts]
    # the mean rank of a run, counted from 1 within its gene; positive values rank above the zeros
    rank = starts - begin[run_gene] + (lengths + 1) / 2 + np.where(values[starts] > 0, zeros[run_gene], 0)
    place = genes.astype(np.int64) * k + groups
    ranks = totals(place, np.repeat(rank, lengths), size).reshape(-1, k)
    ranks += (n - stored) * (negative + (zeros + 1) / 2)[:, None]
    ties = totals(run_gene, lengths.astype(np.float64) ** 3 - lengths, n_genes) + (
        zeros.astype(np.float64) ** 3 - zeros
    )
    undefined = np.bincount(genes[np.isnan(values)], minlength=n_genes) > 0 if values.dtype.kind == "f" else None
    if undefined is not None and undefined.any():
        ranks[undefined], ties[undefined] = np.nan, np.nan
    result.ranks[first:last], result.ties[first:last] = ranks, ties


def _sorted(genes: NDArray[Any], groups: NDArray[Any], values: NDArray[Any]) -> Entries:
    """Return the entries sorted by gene, then by value."""
    if values.dtype != np.float32 or genes.size == 0 or int(groups.max()) >= 256 or int(genes.max()) >= 1 << 24:
        order = np.lexsort((values, genes))
        return genes[order], groups[order], values[order]
    # gene, value and group are packed into 64 bits, which sort many times faster than an index does: the bits of a
    # float32 sort as the number does once all bits of a negative number are inverted, and the sign bit of others is set
    bits = values.view(np.uint32)
    key = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
    key |= genes.astype(np.uint64) << np.uint64(32)
    key <<= np.uint64(8)
    key |= groups.astype(np.uint64)
    key.sort()
    groups = (key & np.uint64(255)).astype(groups.dtype)
    key >>= np.uint64(8)
    bits = key.astype(np.uint32)
    values = np.where(bits >> 31, bits & np.uint32(0x7FFFFFFF), ~bits).view(np.float32)
    return (key >> np.uint64(32)).astype(np.uint32), groups, values
