"""Moments of small groups of cells, from only the rows of a csr matrix that belong to them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from starcyte.compute.blocks import parallel_for
from starcyte.store.anndata.csr_matrix import CsrMatrix
from starcyte.store.anndata.prepared_matrix import PreparedMatrix
from starcyte.store.dataset import Matrix, Tick, no_tick
from starcyte.store.index.indexed_matrix import IndexedMatrix
from starcyte.store.moments import BinSums, Moments, correct, may_round, merge_moments
from starcyte.store.scale import expm1

# above this share of the entries, a pass over the column index costs less; for few groups it reads half of them
_MOST_SHARE = 0.5
# decompressing takes several times as long as reading
_MOST_SHARE_PACKED = 0.1
_MOST_GROUPS = 8


def by_rows(matrix: Matrix, codes: NDArray[Any], n_groups: int) -> CsrMatrix | None:
    """Return the csr matrix to read the groups' rows from, or None if a pass over all entries costs less.

    Parameters
    ----------
    matrix
        The matrix.
    codes
        The group of each row, integers of shape (rows,); n_groups for cells in no group.
    n_groups
        The number of groups.

    Returns
    -------
    CsrMatrix or None
        None also for a matrix of another layout, and for more than eight groups.
    """
    base = rows_of(matrix)
    if base is None or n_groups > _MOST_GROUPS:
        return None
    if matrix.is_prepared:
        # both orders are packed alike, and few cells by gene cost as much as all
        return base
    if not base.chunk and (not isinstance(matrix, IndexedMatrix) or matrix.current is base):
        return base
    share = _MOST_SHARE_PACKED if base.chunk else _MOST_SHARE
    return base if base.entries_read(codes < n_groups) <= share * (base.nnz or 0) else None


def reads_little(matrix: Matrix, codes: NDArray[Any], n_groups: int) -> bool:
    """Return whether the groups' rows are so few that reading them again costs less than keeping what they give.

    Parameters
    ----------
    matrix, codes, n_groups
        As of :func:`by_rows`.
    """
    base = by_rows(matrix, codes, n_groups)
    if base is None or not matrix.is_prepared:
        return base is not None
    return base.entries_read(codes < n_groups) <= _MOST_SHARE_PACKED * (base.nnz or 0)


def rows_of(matrix: Matrix) -> CsrMatrix | None:
    """Return the csr matrix in the file, or that of a prepared store; None for other layouts."""
    base = matrix.base if isinstance(matrix, IndexedMatrix) else matrix
    if isinstance(base, PreparedMatrix):
        return base.by_cell
    return base if isinstance(base, CsrMatrix) else None


def row_moments(
    matrix: CsrMatrix, codes: NDArray[Any], n_groups: int, workers: int = 1, tick: Tick = no_tick
) -> Moments:
    """Return the moments of groups of cells, reading only their rows.

    Parameters
    ----------
    matrix
        The matrix.
    codes
        The group of each row, integers of shape (rows,); n_groups for cells in no group.
    n_groups
        The number of groups.
    workers
        The number of threads to use.
    tick
        Called between batches of rows with the fraction done; raises to stop.

    Raises
    ------
    DatasetInvalid
        If the matrix contradicts itself.
    """
    n_genes = matrix.shape[1]
    n = np.bincount(codes, minlength=n_groups + 1)[:n_groups].astype(np.int64)
    # shape (groups, genes), so that the moments of one group are contiguous
    seen = np.zeros(n_groups, np.int64)
    mean, m2 = np.zeros((n_groups, n_genes)), np.zeros((n_groups, n_genes))
    positive, amount = np.zeros((n_groups, n_genes), np.uint32), np.zeros((n_groups, n_genes))
    lock = threading.Lock()

    batches = matrix.batches(np.flatnonzero(codes < n_groups))

    def add(number: int) -> None:
        for group, rows in matrix.rows(batches[number], codes):
            part_mean, part_m2, part_positive, part_amount = _moments(rows, matrix.log_base)
            with lock, np.errstate(invalid="ignore", over="ignore"):
                merge_moments(int(seen[group]), mean[group], m2[group], rows.shape[0], part_mean, part_m2)
                seen[group] += rows.shape[0]
                positive[group] += part_positive
                amount[group] += part_amount

    parallel_for(len(batches), add, workers, tick)
    return Moments(n, mean.T, m2.T, positive.T, amount.T)


def _moments(
    rows: csr_array, log_base: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint32], NDArray[np.float64]]:
    """Return mean, m2, positive and expm1 (see ``Moments``) of each gene in some rows, each of shape (genes,)."""
    n, n_genes = rows.shape
    genes, numbers = rows.indices, rows.data.astype(np.float64)
    sums = BinSums(genes, n_genes)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinite values make their gene NaN
        stored = sums.counts()
        mean = sums.totals(numbers) / n
        all_positive = numbers.size == 0 or rows.data.min() > 0
        positive = stored if all_positive else BinSums(genes[numbers > 0], n_genes).counts()
        amount = sums.totals(expm1(numbers, log_base))
        absent = n - stored.astype(np.float64)
        numbers -= mean.take(genes)
        off = sums.totals(numbers) - absent * mean if may_round(rows.data) else None
        numbers *= numbers
        m2 = sums.totals(numbers) + absent * mean**2
        correct(np.full(1, n, np.float64), mean, m2, off)
    return mean, m2, positive, amount
