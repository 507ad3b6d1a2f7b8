"""Matrices on disk (X, raw/X, layers) in every layout, read by gene or by block and never as a whole."""

from __future__ import annotations

from starcyte.errors import DatasetInvalid
from starcyte.store.anndata.csc_matrix import CscMatrix
from starcyte.store.anndata.csr_matrix import CsrMatrix
from starcyte.store.anndata.dense_matrix import DenseMatrix
from starcyte.store.anndata.matrix_values import (
    REWRITE,
)
from starcyte.store.dataset import Matrix
from starcyte.store.nodes import Array, Node
from starcyte.store.scale import NATURAL


def open_matrix(name: str, node: Node, shape: tuple[int, int], block_bytes: int, log_base: float = NATURAL) -> Matrix:
    """Open a matrix without reading its data.

    Parameters
    ----------
    name
        ``X``, ``raw/X`` or ``layers/<layer>``.
    node
        The array, or the group of ``data``, ``indices`` and ``indptr``.
    shape
        Cells by genes, by the lengths of obs and var.
    block_bytes
        The most bytes to read at once.
    log_base
        The base of the logarithm, if the values are logarithms.

    Raises
    ------
    DatasetInvalid
        If it is not a matrix of numbers, or its shape is not that of obs and var, or its arrays do not match.
    """
    if isinstance(node, Array):
        return DenseMatrix(name, node, shape, block_bytes, log_base)
    encoding = node.attribute("encoding-type", "h5sparse_format")
    layout = {"csr_matrix": "csr", "csc_matrix": "csc", "csr": "csr", "csc": "csc"}.get(str(encoding))
    if layout == "csr":
        return CsrMatrix(name, node, shape, block_bytes, log_base)
    if layout == "csc":
        return CscMatrix(name, node, shape, block_bytes, log_base)
    if encoding is None:
        raise DatasetInvalid(f"{name} is a group without an encoding: {', '.join(node.members()[:5])}.", REWRITE)
    raise DatasetInvalid(
        f"{name} has the encoding {encoding!r}, which is not one of a matrix known to starcyte.", REWRITE
    )


def needs_index(matrix: Matrix) -> bool:
    """Return whether reading one gene is a scan of the matrix, which an index saves."""
    is_by_gene = matrix.layout == "csc" or (isinstance(matrix, DenseMatrix) and matrix.is_by_gene)
    return not is_by_gene and not matrix.is_prepared
