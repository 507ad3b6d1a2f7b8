"""Mean and fraction expressing, for some genes in each category of a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.store.dataset import Column, Matrix, Tick, no_tick
from starcyte.store.moments import totals


@dataclass(frozen=True, eq=False)
class Summary:
    """What a dot plot shows.

    Parameters
    ----------
    groups
        The categories.
    n
        Cells in each, shape (groups,).
    mean, fraction
        Mean value, and fraction of cells above 0; shape (genes, groups), NaN for a category without cells.
    """

    groups: Sequence[str]
    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    fraction: NDArray[np.float64]


def summarize(matrix: Matrix, genes: Sequence[int], column: Column, tick: Tick = no_tick) -> Summary:
    """Summarise genes in each category of a column.

    Parameters
    ----------
    matrix
        The matrix.
    genes
        Positions of the genes.
    column
        A column of obs that has categories.
    tick
        Called while reading; raises to stop.

    Raises
    ------
    BadRequest
        If the column has no categories.
    """
    codes, categories = column.as_categories()
    kept = matrix.moments(column.info.name)
    if kept is not None:
        some, n = kept.of_genes(np.asarray(genes, np.intp)), len(categories)
        counted = np.where(some.n > 0, some.n, np.nan)
        mean, fraction = some.mean[:, :n] + 0 * counted[:n], some.positive[:, :n] / counted[:n]
        return Summary(categories, some.n[:n], mean, fraction)
    k = len(categories)
    counts = np.bincount(codes[codes >= 0], minlength=k).astype(np.int64)
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
