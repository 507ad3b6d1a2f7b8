"""Products of matrices with a row for each gene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Multiplications of one product: OpenBLAS divides larger ones (2^18) among threads, which wait for each other, and
#: for those of other comparisons
MULTIPLICATIONS = 200_000


def tall_product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``a @ b``, computed by one thread.

    Parameters
    ----------
    a
        Shape (genes, n), of many genes.
    b
        Shape (n, p).
    """
    out = np.empty((a.shape[0], b.shape[1]))
    step = max(MULTIPLICATIONS // max(b.size, 1), 1)
    for first in range(0, a.shape[0], step):
        np.matmul(a[first : first + step], b, out=out[first : first + step])
    return out
