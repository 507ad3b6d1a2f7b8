"""The names in a prepared store; docs/reference/prepared-store.md describes it for other programs."""

from __future__ import annotations

from typing import TypeAlias

VERSION = 1
"""The version of the format, an attribute of ``uns/starcyte``; a store of another version is read as plain AnnData."""

HOME = "starcyte"
"""The group of additions: of ``uns``, and of a sparse matrix, whose other members anndata does not read."""

ROWS = "rows"
"""The group with the same values by cell, of a sparse matrix."""

MOMENTS = "moments"
"""The group of moments: a group for each obs column, numbered."""

CHUNKS = "chunks"
"""The array of the packed bytes of each chunk of ``data`` and of ``indices``, shape (2, chunks)."""

COLUMN = "column"
"""The attribute with the name of the obs column of a group of moments."""

PARTS = ("mean", "m2", "expm1", "positive")
"""The arrays of moments, shape (groups, genes), beside ``n``, shape (groups,)."""

Key: TypeAlias = str


def home_of(matrix: str, is_sparse: bool) -> Key:
    """Return the path of the group of the additions to a matrix.

    Parameters
    ----------
    matrix
        Its name: ``X``, ``raw/X`` or ``layers/<layer>``.
    is_sparse
        Whether it is a group of arrays, and not an array, which can have no members.
    """
    return f"{matrix}/{HOME}" if is_sparse else f"uns/{HOME}/{matrix}"
