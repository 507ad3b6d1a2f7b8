"""The common part of matrices of every layout: their values, and the runs of which their scale is found."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid
from starcyte.store.dataset import Values

MAX_ROWS = 65536
"""Rows, or genes, of a block, at most, so that an offset in it fits 16 bits."""

SAMPLED_VALUES = 4096
"""The values of a run of which the scale of a matrix is found."""

ALL_VALUES = 1 << 19
"""All values of a matrix of so many are read: it gets no index, which would find what a sample misses."""

REWRITE = "Write the file again from its source with anndata."

_LEAST_RUNS, _MOST_RUNS = 16, 64


def numeric(name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of the values that are returned: the file's, in native byte order."""
    if dtype.kind not in "fiub":
        raise DatasetInvalid(f"{name} has values of dtype {dtype}; a matrix must have numbers.", REWRITE)
    return dtype.newbyteorder("=")


def for_scipy(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in a dtype that scipy's sparse arrays support."""
    return values.astype(np.float32) if values.dtype == np.float16 else values


def sample_runs(n_values: int, length: int, at_once: int, n_blocks: int) -> int:
    """Return the number of runs from which the scale is found: all of a small matrix, else one in each block.

    Parameters
    ----------
    n_values
        The number of values of the matrix.
    length, at_once
        The length of the axis that runs are on, and that of a run.
    n_blocks
        The number of blocks of the matrix.
    """
    if n_values <= ALL_VALUES:
        return -(-length // at_once)
    return min(max(n_blocks, _LEAST_RUNS), _MOST_RUNS)


def sparse_values(n: int, rows: NDArray[Any], values: NDArray[Any]) -> Values:
    """Return the entries of a row or column in the order of their indices; duplicates are summed, as scipy does.

    Parameters
    ----------
    n
        The length of the row or column.
    rows, values
        The index and the value of each entry.
    """
    if rows.size and np.any(np.diff(rows) <= 0):
        order = np.argsort(rows, kind="stable")
        rows, values = rows[order], values[order]
        starts = np.flatnonzero(np.r_[True, np.diff(rows) > 0])
        rows, values = rows[starts], np.add.reduceat(values, starts, dtype=values.dtype)
    return Values(n, values, rows.astype(np.uint32))
