"""Mean and fraction expressing, for some genes in each category of a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import BadRequest
from starcyte.store.base import Column, Kind, Matrix, Tick, no_tick
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
    if column.info.kind in {Kind.CONTINUOUS, Kind.DATETIME}:
        raise BadRequest(
            f"Column {column.info.name!r} is {column.info.kind}: it has no categories to group by.",
            "Choose a categorical column.",
        )
    codes, categories = column.as_codes()
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
