"""Count, mean and sum of squared deviations of each gene in each group of cells.

Blocks are combined by the formula of Chan, Golub and LeVeque 1983 (doi:10.1080/00031305.1983.10483115); within a block
the deviations are taken from the mean of the very group and gene. Variances are never a difference of large sums.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.store.block import Block

# so many entries at a time stay within a processor's cache
_PIECE = 1 << 18


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
        shape = (self.mean.shape[0], len(into))
        n = np.zeros(len(into), np.int64)
        mean, m2, positive = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.uint32)
        for new, groups in enumerate(into):
            for old in groups:
                chan(n[new], mean[:, new], m2[:, new], self.n[old], self.mean[:, old], self.m2[:, old])
                n[new] += self.n[old]
                positive[:, new] += self.positive[:, old]
        return Moments(n, mean, m2, positive)

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
        self.mean: NDArray[np.float64] = make("mean", shape, np.float64)
        self.m2: NDArray[np.float64] = make("m2", shape, np.float64)
        self.positive: NDArray[np.uint32] = make("positive", shape, np.uint32)
        # the cells of each group that each gene has seen: pieces of blocks come in any order
        self._seen: NDArray[np.uint32] = make("seen", shape, np.uint32)

    def result(self) -> Moments:
        """Return the moments."""
        return Moments(self.n, self.mean, self.m2, self.positive)

    def add(self, block: Block) -> None:
        """Take a block in."""
        codes = self._codes[block.rows]
        n = np.bincount(codes, minlength=self._n_groups + 1)[: self._n_groups].astype(np.float64)
        if not n.any():
            return
        first_gene = block.genes.start
        with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinite values make their gene NaN
            if block.ptr is None or block.offsets is None:
                for first, last in _dense_pieces(block.values):
                    genes = slice(first_gene + first, first_gene + last)
                    self._merge(genes, n, *self._dense(block.values[first:last], codes, n))
                return
            for first, last in _sparse_pieces(block.ptr):
                genes = slice(first_gene + first, first_gene + last)
                self._merge(genes, n, *self._sparse(block, first, last, codes, n))

    def _merge(
        self,
        genes: slice,
        n: NDArray[np.float64],
        mean: NDArray[np.float64],
        m2: NDArray[np.float64],
        positive: NDArray[Any],
    ) -> None:
        with self._lock:
            seen = self._seen[genes]
            chan(seen, self.mean[genes], self.m2[genes], n, mean, m2)
            self.positive[genes] += positive.astype(np.uint32)
            seen += n.astype(np.uint32)

    def _sparse(
        self, block: Block, first: int, last: int, codes: NDArray[Any], n: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[Any]]:
        assert block.ptr is not None
        assert block.offsets is not None
        k, start, stop = self._n_groups, block.ptr[first], block.ptr[last]
        size = (last - first) * k
        group = codes.take(block.offsets[start:stop])
        values = block.values[start:stop]
        # where each gene starts among all groups
        base = np.repeat(np.arange(0, size, k, dtype=np.int64), np.diff(block.ptr[first : last + 1]))
        if self._grouped_share < 1:
            kept = np.flatnonzero(group < k)
            group, values, base = group[kept], values[kept], base[kept]
        base += group
        numbers = values.astype(np.float64)
        stored = np.bincount(base, minlength=size)
        mean = totals(base, numbers, size).reshape(-1, k)
        mean /= np.maximum(n, 1)
        all_positive = numbers.size == 0 or numbers.min() > 0
        positive: NDArray[Any] = stored if all_positive else totals(base, numbers > 0, size)
        absent = n - stored.reshape(-1, k)
        numbers -= mean.ravel()[base]
        off = totals(base, numbers, size).reshape(-1, k) - absent * mean if may_round(values) else None
        numbers *= numbers
        m2 = totals(base, numbers, size).reshape(-1, k)
        m2 += absent * mean**2
        correct(n, mean, m2, off)
        return mean, m2, positive.reshape(-1, k)

    def _dense(
        self, values: NDArray[Any], codes: NDArray[Any], n: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[Any]]:
        k = self._n_groups
        kept = np.flatnonzero(codes < k)
        # cells in the order of their groups, so that each group is one run
        order = kept[np.argsort(codes[kept], kind="stable")]
        present = np.flatnonzero(n)
        starts = np.r_[0, np.cumsum(n[present])[:-1]].astype(np.intp)
        numbers = values[:, order].astype(np.float64)
        mean, m2, positive = (np.zeros((values.shape[0], k)) for _ in range(3))
        mean[:, present] = np.add.reduceat(numbers, starts, axis=1) / n[present]
        positive[:, present] = np.add.reduceat((numbers > 0).astype(np.float64), starts, axis=1)
        numbers -= mean[:, codes[order]]
        off = None
        if may_round(values):
            off = np.zeros_like(mean)
            off[:, present] = np.add.reduceat(numbers, starts, axis=1)
        numbers *= numbers
        m2[:, present] = np.add.reduceat(numbers, starts, axis=1)
        correct(n, mean, m2, off)
        return mean, m2, positive


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


def totals(place: NDArray[Any], weights: NDArray[Any], size: int) -> NDArray[np.float64]:
    """Add up weights by place, in float64; shape (size,)."""
    sums: NDArray[Any] = np.bincount(place, weights, size)
    return sums.astype(np.float64, copy=False)  # numpy counts nothing in whole numbers


def _sparse_pieces(ptr: NDArray[np.int64]) -> list[tuple[int, int]]:
    return _pieces(ptr, _PIECE)


def _dense_pieces(values: NDArray[Any]) -> list[tuple[int, int]]:
    step = max(_PIECE // max(values.shape[1], 1), 1)
    return [(i, min(i + step, values.shape[0])) for i in range(0, values.shape[0], step)]


def _pieces(ptr: NDArray[np.int64], entries: int) -> list[tuple[int, int]]:
    """Cut genes into runs of about so many entries, and of at most so many genes."""
    n = ptr.size - 1
    cuts = np.searchsorted(ptr, np.arange(0, int(ptr[-1]) + entries, entries)).clip(max=n)
    cuts = np.unique(np.r_[0, cuts, np.arange(0, n, 1024), n])
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))
