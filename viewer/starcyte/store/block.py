"""A block of a matrix in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Block:
    """A rectangular part of a matrix, gene by gene.

    Parameters
    ----------
    rows, genes
        The cells and genes of the block.
    values
        Sparse: shape (entries,). Dense: shape (genes, rows). In the file's dtype.
    ptr
        The position of each gene's first entry, shape (genes + 1,), int64; None if dense.
    offsets
        The row of each entry, relative to the first of ``rows``, shape (entries,), unsigned; no row occurs twice in a
        gene. None if dense.
    """

    rows: slice
    genes: slice
    values: NDArray[Any]
    ptr: NDArray[np.int64] | None = None
    offsets: NDArray[Any] | None = None
