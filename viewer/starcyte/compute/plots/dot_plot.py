"""The dot plot: mean and fraction expressing of genes in each category of a column."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.blocks import parallel_for
from starcyte.compute.selection import codes_within
from starcyte.store.cell_rows import of_rows
from starcyte.store.dataset import Column, Matrix, Tick, no_tick
from starcyte.store.index.indexed_matrix import current_matrix
from starcyte.store.moments import totals


@dataclass(frozen=True, eq=False)
class Summary:
    """Mean and fraction expressing of genes in the categories of a column.

    Parameters
    ----------
    groups
        The categories.
    n
        Cells in each, int64, shape (groups,).
    mean, fraction
        Mean value, and fraction of cells with a value above 0; float64, shape (genes, groups). NaN for a category
        without cells.
    """

    groups: Sequence[str]
    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    fraction: NDArray[np.float64]


def summarize(
    matrix: Matrix,
    genes: Sequence[int],
    column: Column,
    tick: Tick = no_tick,
    within: NDArray[np.bool_] | None = None,
    workers: int = 1,
) -> Summary:
    """Return mean and fraction expressing of genes in each category of a column.

    Read from the moments cached with the index if they have the column, else from the genes' values.

    Parameters
    ----------
    matrix
        The matrix.
    genes
        Positions of the genes in the matrix.
    column
        A column that has categories.
    tick
        Called while reading with the fraction done; raises to stop.
    within
        The cells that are considered, bool, shape (n_obs,); None for all.
    workers
        The number of threads to use.

    Raises
    ------
    BadRequest
        If the column has no categories.
    """
    codes, categories = column.as_categories()
    codes = of_rows(matrix, codes_within(codes, within))
    # cached moments are those of all cells
    cached = matrix.moments(column.info.name) if within is None else None
    if cached is not None:
        some, n = cached.of_genes(np.asarray(genes, np.intp)), len(categories)
        counted = np.where(some.n > 0, some.n, np.nan)
        mean, fraction = some.mean[:, :n] + 0 * counted[:n], some.positive[:, :n] / counted[:n]
        return Summary(categories, some.n[:n], mean, fraction)
    k = len(categories)
    counts = np.bincount(codes[codes >= 0], minlength=k).astype(np.int64)
    source = current_matrix(matrix)
    if source.layout == "csr" and len(genes) > 1:
        # each gene by itself would take as long
        unique, rows = np.unique(genes, return_inverse=True)
        sums, positive = _in_a_pass(source, unique, codes, k, workers, tick)
        with np.errstate(invalid="ignore", divide="ignore"):
            return Summary(categories, counts, sums[rows] / counts, positive[rows] / counts)
    mean, fraction = np.empty((len(genes), k)), np.empty((len(genes), k))
    for row, gene in enumerate(genes):
        read = matrix.column(gene, lambda done, row=row: tick((row + done) / len(genes)))  # type: ignore[misc]
        here = codes if read.indices is None else codes[read.indices]
        inside = here >= 0
        values = read.values[inside].astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean[row] = totals(here[inside], values, k) / counts
            fraction[row] = totals(here[inside], values > 0, k) / counts
    return Summary(categories, counts, mean, fraction)


def _in_a_pass(
    matrix: Matrix, genes: NDArray[np.intp], codes: NDArray[Any], k: int, workers: int, tick: Tick
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sum and the number of positive values of genes in k categories, from one pass over the blocks."""
    place = np.full(matrix.shape[1], -1)
    place[genes] = np.arange(genes.size)
    found = np.zeros((2, genes.size * k))
    lock = threading.Lock()

    def add(number: int) -> None:
        block = matrix.block(number)
        rows, chosen = place[block.genes], codes[block.rows]
        if block.ptr is None or block.offsets is None:
            inside = rows >= 0
            rows = np.repeat(rows[inside], chosen.size)
            values, at = block.values[inside].ravel(), np.tile(chosen, int(inside.sum()))
        else:
            entries = np.repeat(rows, np.diff(block.ptr))
            inside = entries >= 0
            rows, values, at = entries[inside], block.values[inside], chosen[block.offsets[inside]]
        counted = at >= 0
        keys, values = rows[counted] * k + at[counted], values[counted].astype(np.float64)
        parts = totals(keys, values, found.shape[1]), totals(keys, values > 0, found.shape[1])
        with lock:
            found[0] += parts[0]
            found[1] += parts[1]

    parallel_for(matrix.n_blocks, add, workers, tick)
    sums, positive = found.reshape(2, genes.size, k)
    return sums, positive
