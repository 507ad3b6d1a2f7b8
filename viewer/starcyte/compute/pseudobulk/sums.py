"""Pseudobulk: sums of each gene over groups of cells."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.blocks import parallel_for
from starcyte.store.block import Block
from starcyte.store.dataset import Matrix, Tick, no_tick
from starcyte.store.index.indexed_matrix import current_matrix
from starcyte.store.moments import totals


def group_sums(
    matrix: Matrix, codes: NDArray[Any], n_groups: int, workers: int = 1, tick: Tick = no_tick
) -> NDArray[np.float64]:
    """Return the sum of each gene over each group of cells, in one pass over the matrix.

    Sums of whole numbers are exact.

    Parameters
    ----------
    matrix
        The matrix.
    codes
        The group of each cell, integers of shape (n_obs,); n_groups for cells in no group.
    n_groups
        The number of groups.
    workers
        The number of threads to use.
    tick
        Called between blocks with the fraction done; raises to stop.

    Returns
    -------
    ndarray of float64
        Shape (genes, n_groups).

    Raises
    ------
    DatasetInvalid
        If the matrix contradicts itself.
    """
    sums = np.zeros((matrix.shape[1], n_groups))
    source = current_matrix(matrix)
    lock = threading.Lock()

    def add(number: int) -> None:
        block = source.block(number)
        of_block = _of_block(block, codes[block.rows], n_groups)
        if of_block is not None:
            with lock:
                sums[block.genes] += of_block

    parallel_for(source.n_blocks, add, workers, tick)
    return sums


def _of_block(block: Block, codes: NDArray[Any], n_groups: int) -> NDArray[np.float64] | None:
    """Return the sums of a block's genes; None if it has no cell of a group."""
    kept = codes < n_groups
    if not kept.any():
        return None
    n_genes = block.genes.stop - block.genes.start
    if block.ptr is None:
        groups = np.flatnonzero(kept)
        membership = np.zeros((codes.size, n_groups))
        membership[groups, codes[groups]] = 1
        return np.asarray(block.values.astype(np.float64) @ membership)
    assert block.offsets is not None
    of_entry = codes[block.offsets]
    bins = np.repeat(np.arange(n_genes, dtype=np.int64) * n_groups, np.diff(block.ptr)) + of_entry
    inside = of_entry < n_groups
    return totals(bins[inside], block.values[inside], n_genes * n_groups).reshape(n_genes, n_groups)
