"""A digest of the entries of a matrix that does not depend on their order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.store.block import Block

_AT_ONCE = 1 << 18
_MASK = 2**64 - 1
# odd constants of splitmix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195) and of xxHash
_PLACE, _VALUE, _MIX = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xBF58476D1CE4E5B9))
_SHIFT = np.uint64(29)
_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def block_digest(block: Block, dtype: np.dtype[Any], n_genes: int, with_zeros: bool) -> int:
    """Return the digest of the entries of a block.

    Parameters
    ----------
    block
        The block.
    dtype
        The dtype in which its values are compared.
    n_genes
        The number of genes of the matrix.
    with_zeros
        Whether the zeros of a dense block are entries.
    """
    values = block.values.astype(dtype, copy=False)
    if block.ptr is None or block.offsets is None:
        if with_zeros:
            genes, rows = (places.ravel() for places in np.indices(values.shape, np.uint32))
            values = values.ravel()
        else:
            genes, rows = (places.astype(np.uint32) for places in np.nonzero(values))
            values = values[genes, rows]
        return digest_of(rows + np.uint32(block.rows.start), genes + np.uint32(block.genes.start), values, n_genes)
    genes = np.repeat(np.arange(block.genes.start, block.genes.stop, dtype=np.uint32), np.diff(block.ptr))
    rows = block.offsets.astype(np.uint32)
    rows += np.uint32(block.rows.start)
    return digest_of(rows, genes, values, n_genes)


def digest_of(cells: NDArray[Any], genes: NDArray[Any], values: NDArray[Any], n_genes: int) -> int:
    """Return the sum of a hash of each entry, modulo 2**64: equal for equal entries in any order.

    Parameters
    ----------
    cells, genes, values
        The cell, the gene and the value of each entry, of one shape.
    n_genes
        The number of genes of the matrix.
    """
    total = 0
    for start in range(0, values.size, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        mixed = cells[part].astype(np.uint64)
        mixed *= np.uint64(n_genes)
        mixed += genes[part].astype(np.uint64)
        mixed *= _PLACE
        # bits, so that NaN and the sign of 0 count
        bits = np.ascontiguousarray(values[part]).view(_UNSIGNED[values.itemsize]).astype(np.uint64)
        bits *= _VALUE
        mixed += bits
        mixed ^= mixed >> _SHIFT
        mixed *= _MIX
        mixed ^= mixed >> _SHIFT
        total += int(mixed.sum(dtype=np.uint64))
    return total & _MASK
