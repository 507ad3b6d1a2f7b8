"""A piece of a matrix in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Block:
    """A rectangle of a matrix, gene after gene.

    Parameters
    ----------
    rows, genes
        The cells and genes that it covers.
    values
        Sparse: shape (entries,). Dense: shape (genes, rows). In the file's dtype.
    ptr
        Where each gene's entries start, shape (genes + 1,), int64; None where dense.
    offsets
        The row of each entry, counted from the first of ``rows``, shape (entries,), unsigned; no row twice within a
        gene. None where dense.
    """

    rows: slice
    genes: slice
    values: NDArray[Any]
    ptr: NDArray[np.int64] | None = None
    offsets: NDArray[Any] | None = None
