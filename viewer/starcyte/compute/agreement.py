"""Agreement of two groupings of the same cells: contingency table, adjusted Rand index, Cohen's kappa."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Agreement:
    """The agreement of two groupings.

    Parameters
    ----------
    counts
        The contingency table: cells in each category of the first and of the second, int64, shape (categories of the
        first + 1, categories of the second + 1); the last row and column count cells without a category.
    n
        Cells that have a category in both; ``ari`` and ``kappa`` are computed from these.
    ari
        Adjusted Rand index (Hubert and Arabie 1985, doi:10.1007/BF01908075), as sklearn's ``adjusted_rand_score``; NaN
        if n is 0.
    kappa
        Cohen's kappa (1960, doi:10.1177/001316446002000104), unweighted, as sklearn's ``cohen_kappa_score``; categories
        are matched by name. NaN if no name is in both, or both put all cells into the same category.
    """

    counts: NDArray[np.int64]
    n: int
    ari: float
    kappa: float


def agreement(a: NDArray[Any], a_categories: Sequence[str], b: NDArray[Any], b_categories: Sequence[str]) -> Agreement:
    """Return the agreement of two groupings.

    Parameters
    ----------
    a, b
        The category of each cell, integers of shape (n_obs,); -1 for none.
    a_categories, b_categories
        The names of the categories.
    """
    rows, columns = len(a_categories) + 1, len(b_categories) + 1
    place = (a.astype(np.int64) % rows) * columns + b.astype(np.int64) % columns
    counts = np.bincount(place, minlength=rows * columns).reshape(rows, columns).astype(np.int64)
    both = counts[:-1, :-1]
    return Agreement(counts, int(both.sum()), _ari(both), _kappa(both, a_categories, b_categories))


def _ari(counts: NDArray[np.int64]) -> float:
    n = int(counts.sum())
    if n == 0:
        return float("nan")
    # pairs of cells in the same category of both, of the first, of the second; Python integers do not overflow
    both = _pairs(counts.ravel())
    first, second = _pairs(counts.sum(1)), _pairs(counts.sum(0))
    total = n * (n - 1) // 2
    if first == second == both:
        return 1.0  # one cell, or the same grouping
    expected = first * second / total
    return (both - expected) / ((first + second) / 2 - expected)


def _pairs(counts: NDArray[np.int64]) -> int:
    return sum(c * (c - 1) // 2 for c in counts.tolist() if c)


def _kappa(counts: NDArray[np.int64], rows: Sequence[str], columns: Sequence[str]) -> float:
    n = int(counts.sum())
    place = {name: j for j, name in enumerate(columns)}
    shared = [(i, place[name]) for i, name in enumerate(rows) if name in place]
    if n == 0 or not shared:
        return float("nan")
    of_row, of_column = counts.sum(1) / n, counts.sum(0) / n
    observed = sum(int(counts[i, j]) for i, j in shared) / n
    expected = float(sum(of_row[i] * of_column[j] for i, j in shared))
    return (observed - expected) / (1 - expected) if expected < 1 else float("nan")
