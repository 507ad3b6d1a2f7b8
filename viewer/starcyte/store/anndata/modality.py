"""One modality: a group with obs, var and matrices of its own. A plain AnnData is one of them, without a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.settings import Settings
from starcyte.store.anndata.frame import Frame
from starcyte.store.anndata.genes import GeneNames
from starcyte.store.anndata.matrices import find_matrices
from starcyte.store.anndata.prepared_matrix import prepared
from starcyte.store.cell_rows import CellRows
from starcyte.store.dataset import Matrix, Warnings
from starcyte.store.gene_synonyms import GeneSynonyms, open_synonyms
from starcyte.store.nodes import Group, Node


@dataclass(frozen=True, eq=False)
class Modality:
    """A modality.

    Parameters
    ----------
    name
        Its name; empty for the one of a plain AnnData.
    root
        Its group.
    obs, var
        Its frames.
    matrices
        Its matrices by their names in the dataset: ``X``, or ``rna/X``.
    genes
        The names of its var.
    raw_genes
        Those of its raw/var; None if it has no raw/X.
    raw_var
        Its raw/var; None if it has no raw/X.
    rows
        The row of each cell of the dataset, -1 for none; None if its rows are the cells.
    """

    name: str
    root: Group
    obs: Frame
    var: Frame
    matrices: Mapping[str, Matrix]
    genes: GeneNames
    raw_genes: GeneNames | None
    raw_var: Frame | None
    rows: NDArray[np.intp] | None

    @property
    def prefix(self) -> str:
        """What precedes the names of its matrices in those of the dataset."""
        return f"{self.name}/" if self.name else ""

    @property
    def uns(self) -> Group | None:
        """Its uns."""
        return self.root.group("uns")

    def names_of(self, matrix: str) -> GeneNames:
        """Return the names of the genes of one of its matrices."""
        return self.raw_genes if matrix == f"{self.prefix}raw/X" and self.raw_genes else self.genes


def open_modality(
    name: str,
    root: Group,
    obs: Frame,
    rows: NDArray[np.intp] | None,
    n_obs: int,
    open_frame: Callable[[str, Node | None], Frame],
    settings: Settings,
    warnings: Warnings,
) -> Modality:
    """Open a modality without reading its matrices.

    Parameters
    ----------
    name, root, obs, rows
        See :class:`Modality`.
    n_obs
        The number of cells of the dataset.
    open_frame
        Opens ``var`` and ``raw/var``, by their names in messages.
    settings
        ``var_names``, ``gene_synonyms``, ``max_synonyms`` and ``block_bytes`` are used.
    warnings
        Gets a warning for each matrix that is left out.

    Raises
    ------
    DatasetInvalid
        If it has no var.
    NotFound
        If it is the only one, and has no column ``var_names``.
    """
    prefix = f"{name}/" if name else ""
    var = open_frame(f"{prefix}var", root.child("var"))
    found, raw_var = find_matrices(
        root,
        (obs.n, var.n),
        settings.block_bytes,
        lambda node: open_frame(f"{prefix}raw/var", node),
        warnings,
        prefix,
    )
    if rows is not None:
        cells = CellRows(cells_of(rows, obs.n), n_obs)
        for matrix in found.values():
            matrix.cells = cells
    matrices = {
        key: prepared(matrix, root, key.removeprefix(prefix), settings.block_bytes) for key, matrix in found.items()
    }
    chosen = settings.var_names
    if name and chosen not in {c.name for c in var.columns}:
        chosen = ""  # a column of one modality need not be in another

    def synonyms() -> GeneSynonyms | None:
        return open_synonyms(settings.gene_synonyms, settings.max_synonyms)

    genes = GeneNames(var, chosen, synonyms=synonyms, modality=name)
    raw_genes = (
        GeneNames(raw_var, chosen if chosen in {c.name for c in raw_var.columns} else "", genes, synonyms, name)
        if raw_var
        else None
    )
    return Modality(name, root, obs, var, matrices, genes, raw_genes, raw_var, rows)


def cells_of(rows: NDArray[np.intp], n_rows: int) -> NDArray[np.intp]:
    """Return the cell of each row, from the row of each cell; each row is that of one cell."""
    cells = np.empty(n_rows, np.intp)
    has = np.flatnonzero(rows >= 0)
    cells[rows[has]] = has
    return cells
