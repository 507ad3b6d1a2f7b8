"""Moments of small groups of cells, from their rows alone."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from starcyte.compute.blocks import each
from starcyte.store.anndata.matrix import CsrMatrix
from starcyte.store.dataset import Matrix, Tick, no_tick
from starcyte.store.index.indexed_matrix import IndexedMatrix
from starcyte.store.moments import Adding, Moments, chan, correct, may_round

# beyond, reading the genes of all cells from the index costs less: half the entries, of few groups
_MOST_SHARE = 0.5
# to unpack them takes several times as long as to read them
_MOST_SHARE_PACKED = 0.1
_MOST_GROUPS = 8


def by_rows(matrix: Matrix, codes: NDArray[Any], n_groups: int) -> CsrMatrix | None:
    """Return the matrix to read rows of, or None where groups are too large for that or it has no rows to read.

    Parameters
    ----------
    matrix
        The matrix.
    codes
        The group of each cell, shape (n_obs,); n_groups for cells in none.
    n_groups
        The number of groups.
    """
    base = rows_of(matrix)
    if base is None or n_groups > _MOST_GROUPS:
        return None
    if not base.piece and (not isinstance(matrix, IndexedMatrix) or matrix.standing is base):
        return base
    share = _MOST_SHARE_PACKED if base.piece else _MOST_SHARE
    return base if base.entries_read(codes < n_groups) <= share * (base.nnz or 0) else None


def rows_of(matrix: Matrix) -> CsrMatrix | None:
    """Return the matrix that has a matrix's rows one by one; None where it is stored otherwise."""
    base = matrix.base if isinstance(matrix, IndexedMatrix) else matrix
    return base if isinstance(base, CsrMatrix) else None


def row_moments(
    matrix: CsrMatrix, codes: NDArray[Any], n_groups: int, workers: int = 1, tick: Tick = no_tick
) -> Moments:
    """Read the rows of some groups of cells and return the moments of each.

    Parameters
    ----------
    matrix
        The matrix.
    codes
        The group of each cell, shape (n_obs,); n_groups for cells in none.
    n_groups
        The number of groups.
    workers
        Threads to use.
    tick
        Called between blocks; raises to stop.

    Raises
    ------
    DatasetInvalid
        If the matrix contradicts itself.
    """
    n_genes = matrix.shape[1]
    n = np.bincount(codes, minlength=n_groups + 1)[:n_groups].astype(np.int64)
    # group by group, so that each is one run of memory
    seen = np.zeros(n_groups, np.int64)
    mean, m2 = np.zeros((n_groups, n_genes)), np.zeros((n_groups, n_genes))
    positive = np.zeros((n_groups, n_genes), np.uint32)
    lock = threading.Lock()

    batches = matrix.batches(np.flatnonzero(codes < n_groups))

    def add(number: int) -> None:
        for group, rows in matrix.rows(batches[number], codes):
            part_mean, part_m2, part_positive = _moments(rows)
            with lock, np.errstate(invalid="ignore", over="ignore"):
                chan(int(seen[group]), mean[group], m2[group], rows.shape[0], part_mean, part_m2)
                seen[group] += rows.shape[0]
                positive[group] += part_positive

    each(len(batches), add, workers, tick)
    return Moments(n, mean.T, m2.T, positive.T)


def _moments(rows: csr_array) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint32]]:
    """Return mean, m2 and positive of each gene in some rows."""
    n, n_genes = rows.shape
    genes, numbers = rows.indices, rows.data.astype(np.float64)
    adding = Adding(genes, n_genes)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinite values make their gene NaN
        stored = adding.counts()
        mean = adding.totals(numbers) / n
        all_positive = numbers.size == 0 or rows.data.min() > 0
        positive = stored if all_positive else Adding(genes[numbers > 0], n_genes).counts()
        absent = n - stored.astype(np.float64)
        numbers -= mean.take(genes)
        off = adding.totals(numbers) - absent * mean if may_round(rows.data) else None
        numbers *= numbers
        m2 = adding.totals(numbers) + absent * mean**2
        correct(np.full(1, n, np.float64), mean, m2, off)
    return mean, m2, positive
