"""A set of genes as one number for each cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from starcyte.compute.moments import group_moments
from starcyte.errors import BadRequest
from starcyte.store.dataset import Dataset, Kind, Matrix, Tick, no_tick

# scanpy's defaults
CONTROLS = 50
BINS = 25


def mean_of_genes(matrix: Matrix, genes: Sequence[int], tick: Tick = no_tick) -> NDArray[np.float64]:
    """Return the mean of some genes in each cell, shape (n_obs,), float64."""
    total = np.zeros(matrix.shape[0])
    for i, gene in enumerate(genes):
        read = matrix.column(gene, tick)
        if read.indices is None:
            total += read.values
        else:
            total[read.indices] += read.values
        tick(i / len(genes))
    return total / len(genes)


def score_of_genes(
    dataset: Dataset, matrix: Matrix, genes: Sequence[int], workers: int = 1, tick: Tick = no_tick
) -> NDArray[np.float64]:
    """Return the mean of some genes less the mean of control genes of like expression (Satija et al. 2015).

    Equal to scanpy's ``score_genes`` with its defaults, its random choice of controls (seed 0) included.

    Parameters
    ----------
    dataset
        The dataset.
    matrix
        The matrix.
    genes
        Positions of the genes, none twice.
    workers
        Threads to use.
    tick
        Called while reading; raises to stop.

    Returns
    -------
    array
        Shape (n_obs,), float64.

    Raises
    ------
    BadRequest
        If no gene is left to be a control.
    """
    controls = control_genes(mean_of_cells(dataset, matrix, workers, tick), genes)
    if not len(controls):
        raise BadRequest("No gene is left to compare the set with.", "Take the mean of the genes.")
    return mean_of_genes(matrix, genes, tick) - mean_of_genes(matrix, controls.tolist(), tick)


def mean_of_cells(dataset: Dataset, matrix: Matrix, workers: int = 1, tick: Tick = no_tick) -> NDArray[np.float64]:
    """Return the mean of each gene over all cells, shape (genes,); from kept moments where there are any."""
    for info in dataset.obs:
        kept = matrix.moments(info.name) if info.kind in {Kind.CATEGORICAL, Kind.BOOLEAN} else None
        if kept is not None:
            return kept.merged([range(kept.n.size)]).mean[:, 0]
    return group_moments(matrix, np.zeros(matrix.shape[0], np.int8), 1, workers, tick).mean[:, 0]


def control_genes(mean: NDArray[np.float64], genes: Sequence[int]) -> NDArray[np.intp]:
    """Choose, for genes of a set, others of like mean expression.

    Parameters
    ----------
    mean
        Mean of each gene, shape (genes,).
    genes
        The set.

    Returns
    -------
    array
        Positions, in increasing order, none of the set among them.
    """
    random = np.random.RandomState(0)  # scanpy's generator: another would choose other controls
    finite = np.flatnonzero(np.isfinite(mean))
    step = int(np.round(finite.size / (BINS - 1)))
    if step == 0:
        raise BadRequest(f"{finite.size} genes are too few to choose controls from.", "Take the mean of the genes.")
    cut = np.full(mean.size, -1.0)
    # rounded, so that means which differ by the order of adding up alone rank the same
    cut[finite] = rankdata(mean[finite].round(12), "min") // step
    chosen: list[NDArray[np.intp]] = []
    for wanted in np.unique(cut[list(genes)]):
        alike = np.flatnonzero(cut == wanted)
        if alike.size > CONTROLS:
            alike = alike[random.choice(alike.size, CONTROLS, replace=False)]
        chosen.append(alike)
    return np.setdiff1d(np.concatenate(chosen), np.asarray(genes))
