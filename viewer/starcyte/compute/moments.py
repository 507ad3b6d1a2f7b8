"""Count, mean and sum of squared deviations of each gene in each group of cells: one pass over a matrix.

Blocks are combined by the formula of Chan, Golub and LeVeque 1983 (doi:10.1080/00031305.1983.10483115); within a block
the deviations are taken from the block's own mean. Variances are never a difference of large sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from starcyte.store.base import Matrix, Tick, no_tick


@dataclass(frozen=True, eq=False)
class Moments:
    """What is known of each gene in each group.

    Parameters
    ----------
    n
        Cells in each group, shape (groups,).
    mean
        Shape (groups, genes), float64; NaN where the group is empty or holds a NaN.
    m2
        Sum of squared deviations from the mean, shape (groups, genes), float64.
    positive
        Cells with a value above 0, shape (groups, genes), int64.
    """

    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    m2: NDArray[np.float64]
    positive: NDArray[np.int64]

    @property
    def variance(self) -> NDArray[np.float64]:
        """Sample variance (n - 1), shape (groups, genes); NaN for a group of one cell."""
        dof = (self.n - 1).astype(np.float64)[:, None]
        variance: NDArray[np.float64] = np.divide(self.m2, dof, out=np.full(self.m2.shape, np.nan), where=dof > 0)
        return variance

    @property
    def fraction(self) -> NDArray[np.float64]:
        """Fraction of cells with a value above 0, shape (groups, genes)."""
        return self.positive / np.maximum(self.n, 1)[:, None]


def group_moments(matrix: Matrix, codes: NDArray[Any], n_groups: int, tick: Tick = no_tick) -> Moments:
    """Read a matrix once and return the moments of each group.

    Parameters
    ----------
    matrix
        The matrix.
    codes
        The group of each cell, shape (n_obs,); -1 for cells in none.
    n_groups
        The number of groups.
    tick
        Called between blocks; raises to stop.

    Raises
    ------
    DatasetInvalid
        If the matrix contradicts itself.
    """
    counts = np.bincount(codes[codes >= 0], minlength=n_groups).astype(np.int64)
    shape = (n_groups, matrix.shape[1])
    mean, m2, positive = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
    seen = np.zeros(n_groups)
    for block in matrix.blocks(tick):
        here = codes[block.rows]
        members = np.flatnonzero(here >= 0)
        if not members.size:
            continue
        data = block.data if members.size == here.size else _take_rows(block.data, members)
        with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinite values make their gene NaN
            n, block_mean, block_m2, block_positive = _block_moments(data, here[members], n_groups)
        columns = block.columns
        if block.columns == slice(0, shape[1]):
            total = seen + n
            weight = np.divide(n, total, out=np.zeros(n_groups), where=total > 0)
            with np.errstate(invalid="ignore", over="ignore"):
                delta = block_mean - mean
                mean += delta * weight[:, None]
                m2 += block_m2 + delta**2 * (seen * weight)[:, None]
            seen = total
        else:  # a block of whole genes: nothing to combine with
            mean[:, columns], m2[:, columns] = block_mean, block_m2
        positive[:, columns] += block_positive
    tick(1.0)
    mean[counts == 0] = np.nan
    return Moments(counts, mean, m2, positive)


def _is_sparse(data: Any) -> bool:
    return bool(issparse(data))


def _take_rows(data: Any, rows: NDArray[Any]) -> Any:
    return data.tocsr()[rows] if _is_sparse(data) else data[rows]


def _block_moments(
    data: Any, codes: NDArray[Any], n_groups: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    n = np.bincount(codes, minlength=n_groups).astype(np.float64)
    at_least_one = np.maximum(n, 1)[:, None]
    rows = np.arange(codes.size)
    if not _is_sparse(data):
        dense = data.astype(np.float64)
        indicator = csr_array((np.ones(codes.size), (codes, rows)), shape=(n_groups, codes.size))
        mean = (indicator @ dense) / at_least_one
        positive = indicator @ (dense > 0).astype(np.float64)
        dense -= mean[codes]
        np.square(dense, out=dense)
        return n, mean, indicator @ dense, positive.astype(np.int64)
    coo: Any = data.tocoo()
    n_genes = data.shape[1]
    place = codes[coo.row].astype(np.int64) * n_genes + coo.col
    values = coo.data.astype(np.float64)
    size = n_groups * n_genes

    def total(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        sums: NDArray[np.float64] = np.bincount(place, weights, size).reshape(n_groups, n_genes)  # type: ignore[assignment]
        return sums

    mean = total(values) / at_least_one
    stored = np.bincount(place, minlength=size).reshape(n_groups, n_genes)
    positive = total((values > 0).astype(np.float64)).astype(np.int64)
    deviations: NDArray[np.float64] = total((values - mean.ravel()[place]) ** 2)
    deviations += (n[:, None] - stored) * mean**2
    return n, mean, deviations, positive
