"""The score of a gene set in each cell: the mean of its genes, with or without control genes subtracted."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from starcyte.compute.blocks import parallel_for
from starcyte.compute.moments import group_moments
from starcyte.errors import BadRequest
from starcyte.store.cell_rows import to_cells
from starcyte.store.dataset import Dataset, Kind, Matrix, Tick, no_tick
from starcyte.store.index.indexed_matrix import current_matrix
from starcyte.store.moments import totals

# scanpy's defaults
CONTROLS = 50
BINS = 25


# reading so many genes one by one takes as long as a pass over the matrix, by gene or by cell
_SHARE_BY_GENE = 0.1


def mean_of_genes(matrix: Matrix, genes: Sequence[int], workers: int = 1, tick: Tick = no_tick) -> NDArray[np.float64]:
    """Return the mean of some genes in each cell, float64, shape (n_obs,); NaN for cells that the matrix lacks.

    Many genes are read in one pass over the matrix, as is more than one gene of a matrix by cell without an index.

    Parameters
    ----------
    matrix
        The matrix.
    genes
        Positions of the genes in the matrix, without duplicates.
    workers
        The number of threads to use.
    tick
        Called while reading with the fraction done; raises to stop.
    """
    source = current_matrix(matrix)
    most = 1 if source.layout == "csr" else max(_SHARE_BY_GENE * matrix.shape[1], 1)
    if len(genes) > most:
        return to_cells(matrix, _sum_in_a_pass(source, genes, workers, tick) / len(genes))
    total = np.zeros(matrix.shape[0])
    for i, gene in enumerate(genes):
        read = matrix.column(gene, tick)
        if read.indices is None:
            total += read.values
        else:
            total[read.indices] += read.values
        tick(i / len(genes))
    return to_cells(matrix, total / len(genes))


def score_of_genes(
    dataset: Dataset, matrix: Matrix, genes: Sequence[int], workers: int = 1, tick: Tick = no_tick
) -> NDArray[np.float64]:
    """Return the mean of some genes minus the mean of control genes of similar expression in each cell.

    The score of Satija et al. 2015 (doi:10.1038/nbt.3192). Equal to scanpy's ``score_genes`` with its defaults,
    including its random choice of controls (seed 0); but not on z-scores, whose genes all have a mean of 0 but for
    rounding, by which scanpy ranks them.

    Parameters
    ----------
    dataset
        The dataset.
    matrix
        The matrix.
    genes
        Positions of the genes in the matrix, without duplicates.
    workers
        The number of threads to use.
    tick
        Called while reading with the fraction done; raises to stop.

    Returns
    -------
    array
        float64, shape (n_obs,).

    Raises
    ------
    BadRequest
        If no gene remains as a control.
    """
    first, last = (lambda done: tick(done / 2)), (lambda done: tick(0.5 + done / 2))
    controls = control_genes(mean_of_cells(dataset, matrix, workers, first), genes)
    if not len(controls):
        raise BadRequest(
            "No genes of similar expression remain as controls of the gene set.", "Use the mean of the genes."
        )
    return mean_of_genes(matrix, genes, workers, last) - mean_of_genes(matrix, controls.tolist(), workers, last)


def _sum_in_a_pass(matrix: Matrix, genes: Sequence[int], workers: int, tick: Tick) -> NDArray[np.float64]:
    """Return the sum of some genes in each cell, from one pass over the blocks of a matrix."""
    chosen = np.zeros(matrix.shape[1], bool)
    chosen[list(genes)] = True
    total, lock = np.zeros(matrix.shape[0]), threading.Lock()

    def add(number: int) -> None:
        block = matrix.block(number)
        inside = chosen[block.genes]
        if block.ptr is None or block.offsets is None:
            part = block.values[inside].sum(axis=0, dtype=np.float64)
        else:
            entries = np.repeat(inside, np.diff(block.ptr))
            n = block.rows.stop - block.rows.start
            part = totals(block.offsets[entries], block.values[entries], n)
        with lock:
            total[block.rows] += part

    parallel_for(matrix.n_blocks, add, workers, tick)
    return total


def mean_of_cells(dataset: Dataset, matrix: Matrix, workers: int = 1, tick: Tick = no_tick) -> NDArray[np.float64]:
    """Return the mean of each gene over all cells, float64, shape (genes,); from cached moments if there are any."""
    for info in dataset.obs:
        cached = matrix.moments(info.name) if info.kind in {Kind.CATEGORICAL, Kind.BOOLEAN} else None
        if cached is not None:
            return cached.merged([range(cached.n.size)]).mean[:, 0]
    return group_moments(matrix, np.zeros(dataset.n_obs, np.int8), 1, workers, tick).mean[:, 0]


def control_genes(mean: NDArray[np.float64], genes: Sequence[int]) -> NDArray[np.intp]:
    """Choose control genes: for each bin of mean expression that has genes of the set, up to 50 others.

    Parameters
    ----------
    mean
        Mean of each gene, float64, shape (genes,).
    genes
        Positions of the genes of the set.

    Returns
    -------
    array
        Positions of the controls, increasing; none of them is in the set.
    """
    random = np.random.RandomState(0)  # scanpy's generator, so that the controls are scanpy's
    finite = np.flatnonzero(np.isfinite(mean))
    step = int(np.round(finite.size / (BINS - 1)))
    if step == 0:
        raise BadRequest(f"{finite.size} genes are too few to choose controls from.", "Use the mean of the genes.")
    bins = np.full(mean.size, -1.0)
    # rounded, so that means that differ only by the order of summation have the same rank
    bins[finite] = rankdata(mean[finite].round(12), "min") // step
    chosen: list[NDArray[np.intp]] = []
    for number in np.unique(bins[list(genes)]):
        similar = np.flatnonzero(bins == number)
        if similar.size > CONTROLS:
            similar = similar[random.choice(similar.size, CONTROLS, replace=False)]
        chosen.append(similar)
    return np.setdiff1d(np.concatenate(chosen), np.asarray(genes))
