"""Count, mean and sum of squared deviations of each gene in each group of cells.

Groups are combined by the formula of Chan, Golub and LeVeque 1983 (doi:10.1080/00031305.1983.10483115); within a group
the deviations are taken from a mean of the very group and gene. Variances are never a difference of large sums.
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

# so many entries at a time stay within a processor's cache
_PIECE = 1 << 18
_GENES_AT_ONCE = 2048
_PLACE = np.dtype(np.int32)

# sum, sum of squared deviations, stored, positive: of the entries of each gene in each group
_Sums = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint32], NDArray[np.uint32]]


@dataclass(frozen=True, eq=False)
class Moments:
    """What is known of each gene in each group.

    Parameters
    ----------
    n
        Cells in each group, shape (groups,).
    mean
        Shape (genes, groups), float64; 0 where the group is empty, NaN where it holds a NaN.
    m2
        Sum of squared deviations from the mean, shape (genes, groups), float64.
    positive
        Cells with a value above 0, shape (genes, groups).
    """

    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    m2: NDArray[np.float64]
    positive: NDArray[np.uint32]

    def of_genes(self, genes: slice | NDArray[Any]) -> Moments:
        """Return the moments of some genes."""
        return Moments(self.n, self.mean[genes], self.m2[genes], self.positive[genes])

    def merged(self, into: Sequence[Sequence[int]]) -> Moments:
        """Return the moments of unions of groups.

        Parameters
        ----------
        into
            For each new group, the groups it is made of.
        """
        n_genes, k = self.mean.shape[0], len(into)
        n = np.array([self.n[list(groups)].sum() for groups in into], np.int64)
        mean, m2 = np.zeros((n_genes, k)), np.zeros((n_genes, k))
        positive = np.zeros((n_genes, k), np.uint32)
        for new, groups in enumerate(into):
            kept = [group for group in groups if self.n[group] > 0]
            if kept:
                # runs of genes, so that what is made on the way stays within a processor's cache
                for first in range(0, n_genes, _GENES_AT_ONCE):
                    genes = slice(first, first + _GENES_AT_ONCE)
                    mean[genes, new], m2[genes, new] = self._union(genes, kept)
                    positive[genes, new] = self.positive[genes, kept].sum(axis=1)
        return Moments(n, mean, m2, positive)

    def _union(self, genes: slice, groups: list[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and m2 of some genes in a union of groups, none of them empty."""
        weight = self.n[groups].astype(np.float64)
        means = self.mean[genes, groups]
        with np.errstate(invalid="ignore", over="ignore"):
            # from the first, so that what is the same in all groups stays that to the last digit
            reference = means[:, 0].copy()
            means -= reference[:, None]
            off = means @ weight / weight.sum()
            means -= off[:, None]
            means *= means
            return reference + off, self.m2[genes, groups].sum(axis=1) + means @ weight

    def rest(self) -> Moments:
        """Return, for each group, the moments of all other groups together.

        Combined from the groups before and the groups after, never by subtraction.
        """
        k = self.n.size
        before, after = self._running(range(k)), self._running(range(k - 1, -1, -1))
        n = before.n + after.n
        mean, m2 = before.mean, before.m2
        chan(before.n, mean, m2, after.n, after.mean, after.m2)
        return Moments(n, mean, m2, before.positive + after.positive)

    def _running(self, order: Sequence[int]) -> Moments:
        """Return, for each group, the moments of the groups before it in an order."""
        n = np.zeros_like(self.n)
        mean, m2 = np.zeros_like(self.mean), np.zeros_like(self.m2)
        positive = np.zeros_like(self.positive)
        for last, group in pairwise(order):
            n[group] = n[last]
            mean[:, group], m2[:, group] = mean[:, last], m2[:, last]
            chan(n[group], mean[:, group], m2[:, group], self.n[last], self.mean[:, last], self.m2[:, last])
            n[group] += self.n[last]
            positive[:, group] = positive[:, last] + self.positive[:, last]
        return Moments(n, mean, m2, positive)


def chan(
    n_a: Any, mean_a: NDArray[Any], m2_a: NDArray[Any], n_b: Any, mean_b: NDArray[Any], m2_b: NDArray[Any]
) -> None:
    """Add group b to group a: ``mean_a`` and ``m2_a`` are changed in place, counts are the caller's.

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
    """Moments that grow block by block; blocks may come from several threads and in any order.

    What is squared and added up are deviations from a reference: of each gene and group, the mean of the first block
    that has cells of the group. So one look at each value is enough, and merging a block costs three additions for each
    gene and group. What the reference is off is taken out in the end. That is a difference, but of no large numbers:
    with N cells in a group, n of them in its first block, n times the square of what the reference is off is at most
    m2 itself, so that rounding is magnified N / n times at most. Means come from sums of the values where those are
    exact, else from sums of the deviations.

    Parameters
    ----------
    codes
        The group of each cell, shape (n_obs,), 0 to n_groups - 1; cells that belong to no group have n_groups.
    n_groups
        The number of groups.
    n_genes
        The number of genes.
    make
        Makes the arrays, of zeros: called with a name, a shape and a dtype.
    """

    def __init__(
        self,
        codes: NDArray[Any],
        n_groups: int,
        n_genes: int,
        make: Callable[[str, tuple[int, ...], Any], NDArray[Any]] = lambda name, shape, dtype: np.zeros(shape, dtype),
    ) -> None:
        self._codes = codes.astype(np.min_scalar_type(n_groups))
        self._n_groups = n_groups
        self._lock = threading.Lock()
        shape = (n_genes, n_groups)
        self.n: NDArray[np.int64] = np.bincount(self._codes, minlength=n_groups + 1)[:n_groups].astype(np.int64)
        self._grouped_share = self.n.sum() / max(codes.size, 1)
        self._reference: NDArray[np.float64] = make("reference", shape, np.float64)
        # sums over the entries that are stored: zeros that are not count in the end
        self._sum: NDArray[np.float64] = make("sum", shape, np.float64)
        self._square: NDArray[np.float64] = make("square", shape, np.float64)
        self._stored: NDArray[np.uint32] = make("stored", shape, np.uint32)
        self._positive: NDArray[np.uint32] = make("positive", shape, np.uint32)
        # of each range of genes that blocks have, the groups that have a reference
        self._referred: dict[int, NDArray[np.bool_]] = {}
        self._of_deviations = False  # what the sum is of; else of the values
        self._result: Moments | None = None

    def result(self) -> Moments:
        """Return the moments; no block comes after that."""
        if self._result is None:
            for first in range(0, self._sum.shape[0], _GENES_AT_ONCE):
                self._finish(slice(first, first + _GENES_AT_ONCE))
            self._result = Moments(self.n, self._reference, self._square, self._positive)
        return self._result

    def _finish(self, genes: slice) -> None:
        """Turn reference and sums of some genes into mean and m2, in place."""
        reference, total, square = self._reference[genes], self._sum[genes], self._square[genes]
        n = np.maximum(self.n, 1).astype(np.float64)
        absent = self.n - self._stored[genes].astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            off = total - (absent if self._of_deviations else n) * reference
            square += absent * reference**2
            square -= off**2 / n
            np.maximum(square, 0, out=square)
            if self._of_deviations:
                reference += off / n
            else:
                np.divide(total, n, out=reference)

    def add(self, block: Block) -> None:
        """Take a block in."""
        codes = self._codes[block.rows]
        there = np.bincount(codes, minlength=self._n_groups + 1)[: self._n_groups] > 0
        if not there.any():
            return
        with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinite values make their gene NaN
            with self._lock:
                self._of_deviations = may_round(block.values)
                referred = self._referred.setdefault(block.genes.start, np.zeros_like(there))
                if np.any(there & ~referred):
                    self._refer(block, codes, there & ~referred)
                    referred |= there
            all_positive = bool(block.ptr is not None and block.values.size and block.values.min() > 0)
            for first, last in _pieces_of(block, self._n_groups):
                genes = slice(block.genes.start + first, block.genes.start + last)
                reference = self._reference[genes]
                if block.ptr is None:
                    parts = self._dense(block.values[first:last], codes, reference)
                else:
                    parts = self._sparse(block, first, last, codes, reference, all_positive)
                total, square, stored, positive = parts
                with self._lock:
                    self._sum[genes] += total
                    self._square[genes] += square
                    self._stored[genes] += stored
                    self._positive[genes] += positive

    def _refer(self, block: Block, codes: NDArray[Any], new: NDArray[np.bool_]) -> None:
        """Make the means of a block the reference of groups that have none."""
        n = np.maximum(np.bincount(codes, minlength=self._n_groups + 1)[: self._n_groups], 1)
        for first, last in _pieces_of(block, self._n_groups):
            reference = self._reference[block.genes.start + first : block.genes.start + last]
            # the second time it takes out what rounding left, so that a gene of one value has that as its reference
            for _ in range(2 if self._of_deviations else 1):
                if block.ptr is None:
                    total, _, stored, _ = self._dense(block.values[first:last], codes, reference)
                else:
                    total, _, stored, _ = self._sparse(block, first, last, codes, reference, True)
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
        # where each gene starts among all groups
        place = np.repeat(np.arange(0, size, k, dtype=_PLACE), np.diff(block.ptr[first : last + 1]))
        if self._grouped_share < 1:
            kept = np.flatnonzero(group < k)
            group, values, place = group[kept], values[kept], place[kept]
        place += group
        adding = Adding(place, size)
        stored = adding.counts()
        positive = stored if all_positive else Adding(place[values > 0], size).counts()
        numbers = values.astype(np.float64)
        total = None if self._of_deviations else adding.totals(numbers)
        numbers -= reference.reshape(-1).take(place)
        total = adding.totals(numbers) if total is None else total
        numbers *= numbers
        square = adding.totals(numbers)
        shape = (last - first, k)
        return total.reshape(shape), square.reshape(shape), stored.reshape(shape), positive.reshape(shape)

    def _dense(self, values: NDArray[Any], codes: NDArray[Any], reference: NDArray[np.float64]) -> _Sums:
        k = self._n_groups
        kept = np.flatnonzero(codes < k)
        # cells in the order of their groups, so that each group is one run
        order = kept[np.argsort(codes[kept], kind="stable")]
        sizes = np.bincount(codes[kept], minlength=k)
        present = np.flatnonzero(sizes)
        starts = np.r_[0, np.cumsum(sizes[present])[:-1]].astype(np.intp)
        numbers = values[:, order].astype(np.float64)
        total, square, positive = (np.zeros((values.shape[0], k)) for _ in range(3))
        positive[:, present] = np.add.reduceat((numbers > 0).astype(np.float64), starts, axis=1)
        deviations = numbers - reference[:, codes[order]]
        total[:, present] = np.add.reduceat(deviations if self._of_deviations else numbers, starts, axis=1)
        numbers = deviations
        numbers *= numbers
        square[:, present] = np.add.reduceat(numbers, starts, axis=1)
        return total, square, np.broadcast_to(sizes.astype(np.uint32), total.shape), positive.astype(np.uint32)


def may_round(values: NDArray[Any]) -> bool:
    """Say whether the sum of a block's equal values may be rounded in float64; that of shorter numbers is exact."""
    return values.dtype.itemsize >= 8


def correct(
    n: NDArray[np.float64], mean: NDArray[np.float64], m2: NDArray[np.float64], off: NDArray[np.float64] | None
) -> None:
    """Take out, in place, what rounding left in means; ``off`` is the sum of the deviations from them, ideally 0.

    Without it a gene of the same value in all cells has a variance, tiny but significant.
    """
    if off is not None:
        off /= np.maximum(n, 1)
        mean += off
        off *= off
        off *= n
        m2 -= off
        np.maximum(m2, 0, out=m2)


class Adding:
    """Adds up by place, as a product with one column: in half the time of ``np.bincount``, and without Python's lock.

    Parameters
    ----------
    place
        The place of each entry, below size; shape (entries,).
    size
        The number of places.
    """

    def __init__(self, place: NDArray[Any], size: int) -> None:
        # codes may be of any width, which the product's own numbers do not fit
        place = place.astype(_PLACE if max(place.size, size) < 1 << 31 else np.int64, copy=False)
        ends = np.array([0, place.size], place.dtype)
        self._column = csc_array((np.ones(place.size, np.uint32), place, ends), shape=(size, 1))

    def counts(self) -> NDArray[np.uint32]:
        """Return the number of entries of each place; before any totals."""
        return np.asarray(self._column @ np.ones(1, np.uint32))

    def totals(self, weights: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sum of the weights of each place, in float64."""
        self._column.data = weights.astype(np.float64, copy=False)
        return np.asarray(self._column @ np.ones(1))


def totals(place: NDArray[Any], weights: NDArray[Any], size: int) -> NDArray[np.float64]:
    """Add up weights by place, in float64; shape (size,)."""
    return Adding(place, size).totals(weights)


def _pieces_of(block: Block, n_groups: int) -> list[tuple[int, int]]:
    """Cut the genes of a block into runs of about so many entries, and of at most so many sums."""
    n, most = block.genes.stop - block.genes.start, max(_PIECE // n_groups, 1)
    if block.ptr is None:
        cuts = np.arange(0, n, min(max(_PIECE // max(block.values.shape[1], 1), 1), most))
    else:
        cuts = np.searchsorted(block.ptr, np.arange(0, int(block.ptr[-1]) + _PIECE, _PIECE)).clip(max=n)
        cuts = np.r_[cuts, np.arange(0, n, most)]
    cuts = np.unique(np.r_[0, cuts, n])
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))
