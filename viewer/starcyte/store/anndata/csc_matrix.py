"""Matrices in CSC layout, by gene."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from starcyte.store.anndata.matrix_values import (
    sparse_values,
)
from starcyte.store.anndata.sparse_matrix import SparseMatrix
from starcyte.store.block import Block
from starcyte.store.dataset import Layout, Tick, Values, no_tick


class CscMatrix(SparseMatrix):
    """A matrix in CSC layout; a gene is one slice."""

    layout: Layout = "csc"
    _major = 1

    def column(self, index: int, tick: Tick = no_tick) -> Values:
        """Read one gene."""
        start, stop = int(self.indptr[index]), int(self.indptr[index + 1])
        self._data.ahead(start, stop)
        return sparse_values(self.shape[0], self._read_indices(start, stop), self._read_data(start, stop))

    def gene_sizes(self) -> NDArray[np.int64]:
        """Return the number of entries of each gene, shape (genes,); with those that a gene has twice."""
        sizes: NDArray[np.int64] = np.diff(self.indptr)
        return sizes

    def entries(self, first: int, last: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[Any]]:
        """Read the entries of a run of genes.

        Parameters
        ----------
        first, last
            The genes, last excluded.

        Returns
        -------
        genes, rows, values
            Shape (entries,): the gene (counted from first), the cell and the value of each.
        """
        block = self._run(first, last)
        assert block.ptr is not None
        assert block.offsets is not None
        genes = np.repeat(np.arange(last - first, dtype=np.uint32), np.diff(block.ptr))
        return genes, block.offsets, block.values

    def block(self, number: int) -> Block:
        """Read a run of genes."""
        return self._run(int(self.spans[number]), int(self.spans[number + 1]))

    def _run(self, first: int, last: int) -> Block:
        data, indices, indptr = self._read_span(first, last)
        genes = csc_array((data, indices, indptr.astype(indices.dtype)), shape=(self.shape[0], last - first))
        if not genes.has_canonical_format:
            genes.sum_duplicates()
        indices = genes.indices
        # none is negative
        offsets = indices.view(np.uint32) if indices.dtype == np.int32 else indices.astype(np.uint32)
        return Block(
            slice(0, self.shape[0]),
            slice(first, last),
            genes.data.astype(self.dtype, copy=False),
            genes.indptr.astype(np.int64),
            offsets,
        )
