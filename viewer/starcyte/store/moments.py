"""Moments: count, mean, sum of squared deviations and sum of amounts of each gene in each group of cells.

Groups are merged by the formula of Chan, Golub and LeVeque 1983 (doi:10.1080/00031305.1983.10483115); within a group
the deviations are from a mean of that group and gene. No variance is computed as a difference of large sums.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from starcyte.store.block import Block
from starcyte.store.scale import NATURAL, expm1

_GENES_AT_ONCE = 2048
_BIN = np.dtype(np.int32)

# of the stored entries of each gene in each group: sum, sum of squared deviations, sum of expm1, number, number above 0
_Sums = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.uint32], NDArray[np.uint32]]


@dataclass(frozen=True, eq=False)
class Moments:
    """The moments of each gene in each group of cells.

    Parameters
    ----------
    n
        Number of cells in each group, shape (groups,).
    mean
        Shape (genes, groups), float64; 0 if the group is empty, NaN if it has a NaN.
    m2
        Sum of squared deviations from the mean, shape (genes, groups), float64.
    positive
        Number of cells with a value above 0, shape (genes, groups).
    expm1
        Sum of base ** value - 1, the amounts if the values are logarithms, shape (genes, groups), float64; infinite
        or NaN for values that are too large for logarithms.
    """

    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    m2: NDArray[np.float64]
    positive: NDArray[np.uint32]
    expm1: NDArray[np.float64]

    def of_genes(self, genes: slice | NDArray[Any]) -> Moments:
        """Return the moments of some genes."""
        return Moments(self.n, self.mean[genes], self.m2[genes], self.positive[genes], self.expm1[genes])

    def merged(self, unions: Sequence[Sequence[int]]) -> Moments:
        """Return the moments of unions of groups.

        Parameters
        ----------
        unions
            For each union, the groups to merge.
        """
        n_genes, k = self.mean.shape[0], len(unions)
        n = np.array([self.n[list(groups)].sum() for groups in unions], np.int64)
        mean, m2 = np.zeros((n_genes, k)), np.zeros((n_genes, k))
        positive, amount = np.zeros((n_genes, k), np.uint32), np.zeros((n_genes, k))
        for new, groups in enumerate(unions):
            kept = [group for group in groups if self.n[group] > 0]
            if kept:
                # runs of genes, so that intermediate arrays fit a processor's cache
                for first in range(0, n_genes, _GENES_AT_ONCE):
                    genes = slice(first, first + _GENES_AT_ONCE)
                    mean[genes, new], m2[genes, new] = self._union(genes, kept)
                    positive[genes, new] = self.positive[genes, kept].sum(axis=1)
                    amount[genes, new] = self.expm1[genes, kept].sum(axis=1)
        return Moments(n, mean, m2, positive, amount)

    def _union(self, genes: slice, groups: list[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and m2 of some genes in a union of non-empty groups."""
        weight = self.n[groups].astype(np.float64)
        means = self.mean[genes, groups]
        with np.errstate(invalid="ignore", over="ignore"):
            # relative to the first group, so that a mean that all groups share is exact
            reference = means[:, 0].copy()
            means -= reference[:, None]
            shift = means @ weight / weight.sum()
            means -= shift[:, None]
            means *= means
            return reference + shift, self.m2[genes, groups].sum(axis=1) + means @ weight

    def rest(self) -> Moments:
        """Return, for each group, the moments of the union of all other groups.

        They are merged from the groups before and the groups after; subtraction would lose digits.
        """
        k = self.n.size
        before, after = self._running(range(k)), self._running(range(k - 1, -1, -1))
        n = before.n + after.n
        mean, m2 = before.mean, before.m2
        merge_moments(before.n, mean, m2, after.n, after.mean, after.m2)
        return Moments(n, mean, m2, before.positive + after.positive, before.expm1 + after.expm1)

    def _running(self, order: Sequence[int]) -> Moments:
        """Return, for each group, the moments of the groups before it in an order."""
        n = np.zeros_like(self.n)
        mean, m2 = np.zeros_like(self.mean), np.zeros_like(self.m2)
        positive, amount = np.zeros_like(self.positive), np.zeros_like(self.expm1)
        for last, group in pairwise(order):
            n[group] = n[last]
            mean[:, group], m2[:, group] = mean[:, last], m2[:, last]
            merge_moments(n[group], mean[:, group], m2[:, group], self.n[last], self.mean[:, last], self.m2[:, last])
            n[group] += self.n[last]
            positive[:, group] = positive[:, last] + self.positive[:, last]
            amount[:, group] = amount[:, last] + self.expm1[:, last]
        return Moments(n, mean, m2, positive, amount)


def merge_moments(
    n_a: Any, mean_a: NDArray[Any], m2_a: NDArray[Any], n_b: Any, mean_b: NDArray[Any], m2_b: NDArray[Any]
) -> None:
    """Merge the moments of group b into those of group a: ``mean_a`` and ``m2_a`` change in place, counts do not.

    Parameters
    ----------
    n_a, n_b
        Counts, which broadcast against the means.
    mean_a, mean_b
        Means, of one shape.
    m2_a, m2_b
        Sums of squared deviations, of that shape.
    """
    total = np.asarray(n_a + n_b, np.float64)
    weight = np.divide(n_b, total, out=np.zeros_like(total), where=total > 0)
    with np.errstate(invalid="ignore", over="ignore"):
        delta = mean_b - mean_a
        mean_a += delta * weight
        m2_a += m2_b
        delta *= delta
        delta *= n_a * weight
        m2_a += delta


class Accumulator:
    """Accumulates moments block by block; blocks may be added by several threads and in any order.

    The sums are of deviations from a reference: for each gene and group, the mean of the first block that has cells of
    the group. One pass over the values is enough, and a block costs three additions for each gene and group. At the
    end the sums are corrected by the error of the reference. This is a difference, but not of large numbers: with N
    cells in a group, n of them in its first block, n times the square of the reference's error is at most m2 itself,
    so that rounding errors grow by a factor of N / n at most. Means are computed from sums of the values if these are
    exact, else from sums of the deviations.

    Parameters
    ----------
    codes
        The group of each cell, shape (n_obs,), 0 to n_groups - 1; n_groups for cells without a group.
    n_groups
        The number of groups.
    n_genes
        The number of genes.
    log_base
        The base of the logarithm, if the values are logarithms.
    allocate
        Returns an array of zeros; called with a name, a shape and a dtype.
    entries_at_once
        The number of entries of an intermediate array, which should fit a processor's cache.
    """

    def __init__(
        self,
        codes: NDArray[Any],
        n_groups: int,
        n_genes: int,
        log_base: float = NATURAL,
        allocate: Callable[[str, tuple[int, ...], Any], NDArray[Any]] = lambda name, shape, dtype: np.zeros(
            shape, dtype
        ),
        entries_at_once: int = 1 << 18,
    ) -> None:
        self._entries_at_once, self._log_base = entries_at_once, log_base
        self._codes = codes.astype(np.min_scalar_type(n_groups))
        self._n_groups = n_groups
        self._lock = threading.Lock()
        shape = (n_genes, n_groups)
        self.n: NDArray[np.int64] = np.bincount(self._codes, minlength=n_groups + 1)[:n_groups].astype(np.int64)
        self._grouped_share = self.n.sum() / max(codes.size, 1)
        self._reference: NDArray[np.float64] = allocate("reference", shape, np.float64)
        # sums over the stored entries: implicit zeros are added at the end
        self._sum: NDArray[np.float64] = allocate("sum", shape, np.float64)
        self._square: NDArray[np.float64] = allocate("square", shape, np.float64)
        self._expm1: NDArray[np.float64] = allocate("expm1", shape, np.float64)
        self._stored: NDArray[np.uint32] = allocate("stored", shape, np.uint32)
        self._positive: NDArray[np.uint32] = allocate("positive", shape, np.uint32)
        # for the first gene of each block: the groups that have a reference
        self._with_reference: dict[int, NDArray[np.bool_]] = {}
        self._of_deviations = False  # whether the sum is of deviations or of values
        self._result: Moments | None = None

    def result(self) -> Moments:
        """Return the moments; no block may be added after that."""
        if self._result is None:
            for first in range(0, self._sum.shape[0], _GENES_AT_ONCE):
                self._finish(slice(first, first + _GENES_AT_ONCE))
            self._result = Moments(self.n, self._reference, self._square, self._positive, self._expm1)
        return self._result

    def _finish(self, genes: slice) -> None:
        """Convert reference and sums of some genes to mean and m2, in place."""
        reference, total, square = self._reference[genes], self._sum[genes], self._square[genes]
        n = np.maximum(self.n, 1).astype(np.float64)
        absent = self.n - self._stored[genes].astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            error = total - (absent if self._of_deviations else n) * reference
            square += absent * reference**2
            square -= error**2 / n
            np.maximum(square, 0, out=square)
            if self._of_deviations:
                reference += error / n
            else:
                np.divide(total, n, out=reference)

    def add(self, block: Block) -> None:
        """Add a block."""
        codes = self._codes[block.rows]
        present = np.bincount(codes, minlength=self._n_groups + 1)[: self._n_groups] > 0
        if not present.any():
            return
        with np.errstate(invalid="ignore", over="ignore"):  # the moments of a gene with NaN or infinite values are NaN
            with self._lock:
                self._of_deviations = may_round(block.values)
                with_reference = self._with_reference.setdefault(block.genes.start, np.zeros_like(present))
                if np.any(present & ~with_reference):
                    self._set_reference(block, codes, present & ~with_reference)
                    with_reference |= present
            all_positive = bool(block.ptr is not None and block.values.size and block.values.min() > 0)
            for first, last in gene_runs(block, self._n_groups, self._entries_at_once):
                genes = slice(block.genes.start + first, block.genes.start + last)
                reference = self._reference[genes]
                if block.ptr is None:
                    parts = self._dense(block.values[first:last], codes, reference)
                else:
                    parts = self._sparse(block, first, last, codes, reference, all_positive)
                total, square, amount, stored, positive = parts
                with self._lock:
                    self._sum[genes] += total
                    self._square[genes] += square
                    self._expm1[genes] += amount
                    self._stored[genes] += stored
                    self._positive[genes] += positive

    def _set_reference(self, block: Block, codes: NDArray[Any], new: NDArray[np.bool_]) -> None:
        """Set the reference of groups without one to the means of a block."""
        n = np.maximum(np.bincount(codes, minlength=self._n_groups + 1)[: self._n_groups], 1)
        for first, last in gene_runs(block, self._n_groups, self._entries_at_once):
            reference = self._reference[block.genes.start + first : block.genes.start + last]
            # the second iteration removes the rounding error, so that the reference of a constant gene is exact
            for _ in range(2 if self._of_deviations else 1):
                if block.ptr is None:
                    total, _, _, stored, _ = self._dense(block.values[first:last], codes, reference)
                else:
                    total, _, _, stored, _ = self._sparse(block, first, last, codes, reference, True)
                step = (total - (n - stored.astype(np.float64)) * reference) / n if self._of_deviations else total / n
                step[~np.isfinite(step)] = 0
                reference[:, new] += step[:, new]

    def _sparse(
        self,
        block: Block,
        first: int,
        last: int,
        codes: NDArray[Any],
        reference: NDArray[np.float64],
        all_positive: bool,
    ) -> _Sums:
        assert block.ptr is not None
        assert block.offsets is not None
        k, start, stop = self._n_groups, block.ptr[first], block.ptr[last]
        size = (last - first) * k
        group = codes.take(block.offsets[start:stop])
        values = block.values[start:stop]
        # the bin of each entry: gene times groups, plus group
        bins = np.repeat(np.arange(0, size, k, dtype=_BIN), np.diff(block.ptr[first : last + 1]))
        if self._grouped_share < 1:
            kept = np.flatnonzero(group < k)
            group, values, bins = group[kept], values[kept], bins[kept]
        bins += group
        sums = BinSums(bins, size)
        stored = sums.counts()
        positive = stored if all_positive else BinSums(bins[values > 0], size).counts()
        numbers = values.astype(np.float64)
        amount = sums.totals(expm1(numbers, self._log_base))
        total = None if self._of_deviations else sums.totals(numbers)
        numbers -= reference.reshape(-1).take(bins)
        total = sums.totals(numbers) if total is None else total
        numbers *= numbers
        square = sums.totals(numbers)
        shape = (last - first, k)
        parts = total, square, amount, stored, positive
        return tuple(part.reshape(shape) for part in parts)  # type: ignore[return-value]

    def _dense(self, values: NDArray[Any], codes: NDArray[Any], reference: NDArray[np.float64]) -> _Sums:
        k = self._n_groups
        kept = np.flatnonzero(codes < k)
        # cells sorted by group, so that each group is one run
        order = kept[np.argsort(codes[kept], kind="stable")]
        sizes = np.bincount(codes[kept], minlength=k)
        present = np.flatnonzero(sizes)
        starts = np.r_[0, np.cumsum(sizes[present])[:-1]].astype(np.intp)
        numbers = values[:, order].astype(np.float64)
        total, square, amount, positive = (np.zeros((values.shape[0], k)) for _ in range(4))
        positive[:, present] = np.add.reduceat((numbers > 0).astype(np.float64), starts, axis=1)
        amount[:, present] = np.add.reduceat(expm1(numbers, self._log_base), starts, axis=1)
        deviations = numbers - reference[:, codes[order]]
        total[:, present] = np.add.reduceat(deviations if self._of_deviations else numbers, starts, axis=1)
        numbers = deviations
        numbers *= numbers
        square[:, present] = np.add.reduceat(numbers, starts, axis=1)
        stored = np.broadcast_to(sizes.astype(np.uint32), total.shape)
        return total, square, amount, stored, positive.astype(np.uint32)


def may_round(values: NDArray[Any]) -> bool:
    """Return whether the sum of equal values of a block may be rounded in float64; sums of shorter types are exact."""
    return values.dtype.itemsize >= 8


def correct(
    n: NDArray[np.float64], mean: NDArray[np.float64], m2: NDArray[np.float64], residual: NDArray[np.float64] | None
) -> None:
    """Correct means and m2 for the rounding of the means, in place.

    Without it a gene with the same value in all cells has a variance, tiny but significant.

    Parameters
    ----------
    n, mean, m2
        The moments.
    residual
        The sum of the deviations from the means, 0 but for rounding; it is overwritten. None: no correction.
    """
    if residual is not None:
        residual /= np.maximum(n, 1)
        mean += residual
        residual *= residual
        residual *= n
        m2 -= residual
        np.maximum(m2, 0, out=m2)


class BinSums:
    """Sums by bin, as a product of a sparse matrix of one column: twice as fast as ``np.bincount``, without the GIL.

    Parameters
    ----------
    bins
        The bin of each entry, below size; shape (entries,).
    size
        The number of bins.
    """

    def __init__(self, bins: NDArray[Any], size: int) -> None:
        # scipy needs indices of 32 or 64 bits, codes may be narrower
        bins = bins.astype(_BIN if max(bins.size, size) < 1 << 31 else np.int64, copy=False)
        ends = np.array([0, bins.size], bins.dtype)
        self._column = csc_array((np.ones(bins.size, np.uint32), bins, ends), shape=(size, 1))

    def counts(self) -> NDArray[np.uint32]:
        """Return the number of entries of each bin; must be called before ``totals``."""
        return np.asarray(self._column @ np.ones(1, np.uint32))

    def totals(self, weights: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sum of the weights of each bin, in float64."""
        self._column.data = weights.astype(np.float64, copy=False)
        return np.asarray(self._column @ np.ones(1))


def totals(bins: NDArray[Any], weights: NDArray[Any], size: int) -> NDArray[np.float64]:
    """Return the sum of the weights of each bin, in float64, shape (size,)."""
    return BinSums(bins, size).totals(weights)


def gene_runs(block: Block, n_groups: int, n_entries: int) -> list[tuple[int, int]]:
    """Divide the genes of a block into runs of about some number of entries, and of at most as many sums.

    Parameters
    ----------
    block
        The block.
    n_groups
        The number of sums of each gene.
    n_entries
        The number of entries.
    """
    n, most = block.genes.stop - block.genes.start, max(n_entries // n_groups, 1)
    if block.ptr is None:
        cuts = np.arange(0, n, min(max(n_entries // max(block.values.shape[1], 1), 1), most))
    else:
        ends = np.arange(0, int(block.ptr[-1]) + n_entries, n_entries)
        cuts = np.searchsorted(block.ptr, ends).clip(max=n)
        cuts = np.r_[cuts, np.arange(0, n, most)]
    cuts = np.unique(np.r_[0, cuts, n])
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))
