"""An AnnData dataset in a container; its matrices stay on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetChanged, NotFound, StarcyteError
from starcyte.settings import Settings
from starcyte.store.anndata.colors import text_colors
from starcyte.store.anndata.contents import open_contents
from starcyte.store.anndata.csc_matrix import CscMatrix
from starcyte.store.anndata.frame import Frame
from starcyte.store.anndata.genes import GeneNames, unique
from starcyte.store.anndata.joined_obs import JoinedObs
from starcyte.store.anndata.matrix import needs_index
from starcyte.store.anndata.matrix_values import ALL_VALUES
from starcyte.store.anndata.modalities import (
    all_results,
    colors_of,
    default_matrices,
    describe_matrix,
    describe_modality,
)
from starcyte.store.anndata.modality import Modality
from starcyte.store.anndata.obsp import check_obsp
from starcyte.store.anndata.open_matrices import OpenMatrices
from starcyte.store.anndata.prepared_matrix import PreparedMatrix
from starcyte.store.anndata.sections import Section
from starcyte.store.cell_rows import of_rows
from starcyte.store.dataset import (
    Column,
    ColumnInfo,
    EmbeddingInfo,
    Kind,
    Matrix,
    Tick,
    Values,
    Warnings,
    no_tick,
)
from starcyte.store.gene_lookup import GeneLookup
from starcyte.store.index.column_index import IndexKey
from starcyte.store.index.indexed_matrix import IndexedMatrix
from starcyte.store.index.stored_dataset import StoredDataset
from starcyte.store.names import dataset_stem
from starcyte.store.nodes import Array, Container, Group
from starcyte.store.scale import Scale, check_choices, chosen_kind, find_scale
from starcyte.store.stored_results import StoredResults
from starcyte.store.unavailable_matrix import refuse_unavailable

# cell names, and columns of an embedding, that are prefetched by one read
_NAMES_AT_ONCE = 100_000
_DIMS_AT_ONCE = 8
_NO_MATRIX = "The dataset has no expression matrix: only obs and obsm can be shown."


class AnnDataDataset:
    """An open AnnData dataset. Safe for use from several threads.

    Opening it reads names and categories, and no data of a matrix; everything else is read on request. The scales of
    its matrices, and with them the default matrix, are found from samples of the values when they are first asked for.

    Parameters
    ----------
    path
        The file.
    settings
        ``title``, ``var_names``, ``obs_names``, ``embedding``, ``scale``, ``block_bytes`` and ``max_categories`` are
        used.
    container
        The open file; closed with the dataset, or if it cannot be opened as one.
    is_partial
        Whether the file is a partial download that holds what ``prefetch`` reads: matrices and obsp raise
        DatasetLoading until ``complete``.

    Raises
    ------
    DatasetInvalid
        If it is not AnnData, is damaged, or has no cells.
    NotFound
        If a chosen column of names is not there.
    SettingInvalid
        If the setting ``scale`` names a scale that does not exist.
    """

    def __init__(self, path: Path, settings: Settings, container: Container, is_partial: bool = False) -> None:
        self.path = path
        self._settings = settings
        self._warnings = Warnings()
        self._is_partial = is_partial
        self._default: tuple[str | None, str] | None = None
        self._defaults: Mapping[str, tuple[str, str]] = {}
        self._whole: StoredDataset | None = None
        self._results: StoredResults | None = None
        self._container = container
        try:
            check_choices(settings.scale)
            self.fingerprint, self.revision = container.fingerprint()
            self._opened = self.fingerprint
            self._open()
            for note in container.notes:
                self._warnings.add(note)
        except BaseException:
            container.close()
            raise

    def _open(self) -> None:
        self._contents = found = open_contents(self.path.name, self._container, self._settings, self._warnings)
        self.content, self._uns, self._obs, self._modalities = found.content, found.uns, found.obs, found.modalities
        self._embeddings, self._obsp = found.embeddings, found.obsp
        self._images, self._colors = found.images, found.colors
        self.n_obs, self.n_vars = self._obs.n, sum(modality.var.n for modality in self._modalities)
        if found.table:
            # annotations and indexes are those of one table
            own = hashlib.blake2b(f"{self.fingerprint} {found.table}".encode(), digest_size=16).hexdigest()
            self.revision = self.revision.replace(self.fingerprint, own, 1)
            self.fingerprint = own
        matrices = dict[str, Matrix]()
        for modality in self._modalities:
            matrices |= modality.matrices
        for matrix in matrices.values():
            if isinstance(matrix, PreparedMatrix):
                matrix.learn_groups(partial(self._group_sizes, matrix))
        self._matrices = OpenMatrices(matrices, self._is_partial)

    def _group_sizes(self, matrix: Matrix, column: str) -> NDArray[np.int64] | None:
        """Return the number of rows of a matrix in each group of an obs column, the last those without a category."""
        try:
            codes, categories = self.obs_column(column).as_codes()
        except (StarcyteError, ValueError):
            return None
        k, own = len(categories), of_rows(matrix, codes)
        return np.bincount(np.where(own < 0, k, own), minlength=k + 1).astype(np.int64)

    @property
    def root(self) -> Group:
        """The group of the AnnData or MuData: the root of the file, or a table of it."""
        return self._contents.root

    @property
    def parts(self) -> Sequence[Modality]:
        """The modalities of MuData; of AnnData one, without a name."""
        return self._modalities

    @property
    def root_obs(self) -> Frame | None:
        """The obs of the root; None for MuData that has none."""
        return self._obs.root if isinstance(self._obs, JoinedObs) else self._modalities[0].obs

    def has_changed(self) -> bool:
        """Return whether the content of the file is another one than when it was opened."""
        return self._container.fingerprint()[0] != self._opened

    @property
    def title(self) -> str:
        """The title: the setting, else ``uns['title']``, else the name of the file."""
        if self._settings.title:
            return str(self._settings.title)
        try:
            node = None if self._uns is None else self._uns.child("title")
            if isinstance(node, Array) and node.is_text() and node.size == 1:
                given = str(np.atleast_1d(node.read_text()).ravel()[0]).strip()
                if given:
                    return given
        except StarcyteError as error:
            self._warnings.add(f"uns['title'] is left out: {error.message}")
        return dataset_stem(self.path.name)

    @property
    def obs(self) -> Sequence[ColumnInfo]:
        """Name, kind and categories of each obs column."""
        return self._obs.columns

    @property
    def embeddings(self) -> Sequence[EmbeddingInfo]:
        """The embeddings, the preferred ones first."""
        return [e.info for e in self._embeddings.values()]

    @property
    def matrices(self) -> Sequence[IndexedMatrix]:
        """The matrices that the file has of X, raw/X and layers, of several modalities as ``rna/X``."""
        return list(self._matrices)

    @property
    def modalities(self) -> Sequence[str]:
        """The modalities in their order; empty for a dataset of one."""
        return [modality.name for modality in self._modalities if modality.name]

    def _modality_of(self, matrix: str | None) -> Modality:
        """Return the modality that has a matrix; of no matrix, the first one."""
        return next((one for one in self._modalities if matrix in one.matrices), self._modalities[0])

    @property
    def default_matrix(self) -> str | None:
        """The name of the matrix that is shown by default; None if there is no matrix."""
        return self._choose_default()[0]

    def _choose_default(self) -> tuple[str | None, str]:
        """Return the default matrix and the reason for it, which an index that is built later does not change."""
        if self._default is None:
            if not self._is_partial:
                self._check_small()
            follows_schema = self._uns is not None and self._uns.child("schema_version") is not None
            self._defaults = default_matrices(self._modalities, self._known_scales(), follows_schema)
            self._default = next(iter(self._defaults.values()), (None, ""))
        return self._default

    def _check_small(self) -> None:
        """Leave out small matrices, of obsp as well, whose indices are inconsistent."""
        self._matrices.check(lambda matrix, tick: matrix.check(tick, ALL_VALUES), no_tick, self._warnings)
        check_obsp(self._obsp, self._warnings, ALL_VALUES)

    def _known_scales(self) -> dict[str, Scale | None]:
        """Return the scale of each matrix; one whose values cannot be read is left out with a warning."""
        scales = dict[str, Scale | None]()

        def find(matrix: IndexedMatrix, tick: Tick) -> None:
            scales[matrix.name] = self.scale(matrix.name)

        self._matrices.check(find, no_tick, self._warnings)
        return scales

    def scale(self, matrix: str) -> Scale | None:
        """Return the scale of a matrix; None if its values are not downloaded yet."""
        found = self.matrix(matrix)
        if self._is_partial:
            return None
        kind = chosen_kind(self._settings.scale, matrix)
        return find_scale(found.value_range(), found.log_base) if kind is None else Scale(kind, found.log_base)

    @property
    def warnings(self) -> Sequence[str]:
        """Messages about elements that are left out, or are suspicious."""
        without = () if self._matrices.names else (_NO_MATRIX,)
        return (*self._warnings.lines, *without)

    def obs_column(self, name: str) -> Column:
        """Read an obs column; raise NotFound if it does not exist."""
        return self._obs.column(name)

    def obs_rows(self, start: int, stop: int) -> list[Column]:
        """Read the values of the cells from start to stop (excluded) in all columns of obs."""
        return [self._obs.column(column.name, slice(start, stop)) for column in self.obs]

    def colors(self, name: str) -> Sequence[str] | None:
        """Return ``#rrggbb`` for each category of an obs column; None if it has no categories or too many."""
        return self._colors.get(name)

    def cell_names(self, rows: Sequence[int]) -> list[str]:
        """Read the names of some cells, from the column of the setting ``obs_names`` or the index."""
        chosen = self._settings.obs_names
        if not chosen:
            return self._obs.names_of(rows)
        names = self._obs.column(chosen).as_text()
        return [str(names[i]) for i in rows]

    def index_names(self, start: int, stop: int) -> list[str]:
        """Read the index of obs from start to stop (excluded)."""
        return self._obs.names_between(start, stop)

    def embedding(self, name: str, dims: Sequence[int]) -> NDArray[np.float32]:
        """Read columns of an embedding, shape (len(dims), n_obs); NaN for cells without finite coordinates."""
        found = self._embeddings.get(name)
        if found is None:
            raise NotFound(f"No such embedding: {name!r}.", "The schema lists the embeddings.")
        wrong = [d for d in dims if not 0 <= d < found.info.dims]
        if wrong:
            raise NotFound(
                f"Embedding {name!r} has no column {wrong[0]}.", f"Its columns are 0 to {found.info.dims - 1}."
            )
        return found.read(dims)

    def obsp_row(self, name: str, cell: int) -> Values:
        """Read the row of a cell in a matrix of obsp; raise NotFound if it does not exist."""
        found = self._obsp.get(name)
        if found is None:
            raise NotFound(f"No such matrix in obsp: {name!r}.", "The schema lists the matrices.")
        if self._is_partial:
            refuse_unavailable(f"obsp {name!r}")
        if not 0 <= cell < self.n_obs:
            raise NotFound(f"No such cell: {cell}.", f"Cells are numbered from 0 to {self.n_obs - 1}.")
        return found.row(cell) if self._whole is None else self._whole.obsp_row(name, cell)

    def image(self, name: str) -> NDArray[np.uint8]:
        """Read the pixels of a tissue image; raise NotFound if it does not exist."""
        found = self._images.get(name)
        if found is None:
            raise NotFound(f"No such image: {name!r}.", "The schema lists the images.")
        return found.read()

    def stored_results(self) -> StoredResults:
        """Return the results in ``uns``; raise DatasetLoading until the file is downloaded."""
        if self._whole is not None:
            return self._whole.stored_results()
        if self._is_partial:
            refuse_unavailable("uns")
        if self._results is None:
            self._results = all_results(
                self._uns, self._modalities, self._obs, self._matrices.names, self._settings.max_categories
            )
        return self._results

    def matrix(self, name: str) -> IndexedMatrix:
        """Return a matrix by name; raise NotFound if it does not exist, DatasetInvalid if it is inconsistent."""
        return self._matrices.get(name)

    def leave_out(self, matrix: str, error: StarcyteError) -> str:
        """Leave an inconsistent matrix out from now on, and return the warning."""
        self._default = None
        return self._matrices.leave_out(matrix, error)

    def index_key(self, matrix: str) -> IndexKey:
        """Return the key of the column index of a matrix."""
        found = self.matrix(matrix)
        return IndexKey(self.fingerprint, self.revision, found.name, found.shape, str(found.dtype))

    def grouping_columns(self, matrix: str) -> list[Column]:
        """Read the obs columns whose moments the index of a matrix holds, by its rows.

        Unreadable ones are left out with a warning.
        """
        columns, rows = [], self.matrix(matrix).cells
        for info in self.obs:
            k = 2 if info.kind is Kind.BOOLEAN else len(info.categories or ())
            if info.kind in {Kind.BOOLEAN, Kind.CATEGORICAL} and 0 < k <= self._settings.moments_categories:
                try:
                    column = self.obs_column(info.name)
                    columns.append(column if rows is None else column.at(rows.cells))
                except StarcyteError as error:
                    self._warnings.add(error.message)
        return columns

    def genes(self, matrix: str | None = None) -> GeneNames:
        """Return the names of the genes of a matrix; raw/X may have more genes."""
        modality = self._modality_of(matrix)
        return modality.genes if matrix is None else modality.names_of(matrix)

    def gene_lookup(self, matrix: str | None = None) -> GeneLookup:
        """Return the lookup of genes in a matrix (by default those of var) and, after it, in the other modalities."""
        if matrix is not None:
            self.matrix(matrix)
        if len(self._modalities) > 1:
            self._choose_default()
        asked, own = matrix or "", self._modality_of(matrix)
        others = {name: matrix for name, (matrix, _) in self._defaults.items() if name != own.name}
        modalities = {asked: own.name} | {matrix: name for name, matrix in others.items()}
        return GeneLookup(asked, {asked: self.genes(matrix)} | {m: self.genes(m) for m in others.values()}, modalities)

    def describe(self) -> dict[str, Any]:
        """Return the content of the dataset as JSON, as printed by ``inspect --json``."""
        default, reason = self._choose_default()
        genes = self._modality_of(default).genes
        return {
            "title": self.title,
            "content": self.content,
            "container": self._container.kind,
            "fingerprint": self.fingerprint,
            "n_obs": self.n_obs,
            "n_vars": self.n_vars,
            "obs": [self._describe_column(c) for c in self.obs],
            "embeddings": [{"name": e.name, "dims": e.dims, "library": e.library} for e in self.embeddings],
            "matrices": [describe_matrix(m, self._modality_of(m.name).name, self.scale(m.name)) for m in self.matrices],
            "prepared": [m.name for m in self.matrices if m.is_prepared],
            "modalities": [describe_modality(modality, self.n_obs) for modality in self._modalities if modality.name],
            "obsp": list(self._obsp),
            "images": [
                {"name": i.name, "library": i.library, "width": i.width, "height": i.height, "scale": i.scale}
                for i in self._images.values()
            ],
            "slides": [asdict(slide) for slide in self._contents.slides],
            "default_matrix": default,
            "default_matrix_reason": reason,
            "genes": {
                "n": self.n_vars,
                "names_from": genes.names_from,
                "columns": list(genes.columns),
                "n_duplicated": sum(modality.genes.n_duplicated for modality in self._modalities),
            },
            "cells": {"names_from": self._settings.obs_names or "index"},
            "warnings": list(self.warnings),
        }

    def _describe_column(self, info: ColumnInfo) -> dict[str, Any]:
        entry: dict[str, Any] = {"name": info.name, "kind": str(info.kind), "dtype": info.dtype}
        if info.kind is Kind.CATEGORICAL and info.categories is not None:
            colors = self._colors.get(info.name)
            entry |= {
                "n_categories": len(info.categories),
                "ordered": info.ordered,
                "categories": None if colors is None else list(info.categories),
                "colors": colors,
            }
        elif info.kind is Kind.STRING:
            colors = text_colors(*colors_of(info.name, self._uns, self._modalities), self._settings.max_categories)
            entry |= {"colors": colors} if colors else {}
        return entry

    def check(self, tick: Tick = no_tick) -> list[str]:
        """Check the dataset: read everything but the values of the matrices.

        Of a store that is read in place from the network, the indices of large matrices are not read.

        Returns
        -------
        list of str
            Warnings in addition to those of opening; an inconsistent matrix is left out.
        """
        found = Warnings()
        most = ALL_VALUES if self._container.is_remote else None
        self._matrices.check(lambda matrix, tick: matrix.check(tick, most), tick, found)
        check_obsp(self._obsp, found, most)
        for info in self._obs.columns:
            try:
                self._obs.column(info.name)
            except StarcyteError as error:
                found.add(error.message)
        for name, embedding in self._embeddings.items():
            if isinstance(embedding, Section):
                continue
            undrawn = self._count_undrawn(name, embedding.info.dims, found) - embedding.n_missing
            if undrawn > 0:
                found.add(f"Embedding {name!r}: {undrawn} cells have NaN or infinite coordinates and are not drawn.")
        names, n_duplicated = unique(self._obs.index.tolist())
        if n_duplicated:
            found.add(f"{n_duplicated} of {len(names)} cell names are duplicates.")
        return found.lines

    def _count_undrawn(self, name: str, dims: int, found: Warnings) -> int:
        try:
            return int(np.isnan(self.embedding(name, range(min(dims, 2)))[0]).sum())
        except StarcyteError as error:
            found.add(error.message)
            return 0

    def prefetch(self) -> None:
        """Read everything but matrices and obsp, and discard it, so that a remote file holds these bytes locally."""
        for info in self.obs:
            with suppress(StarcyteError):
                self.obs_column(info.name)
        for start in range(0, self.n_obs, _NAMES_AT_ONCE):
            self.index_names(start, min(start + _NAMES_AT_ONCE, self.n_obs))
        for embedding in self._embeddings.values():
            if isinstance(embedding, Section):
                continue
            for first in range(0, embedding.info.dims, _DIMS_AT_ONCE):
                with suppress(StarcyteError):
                    embedding.read(range(first, min(first + _DIMS_AT_ONCE, embedding.info.dims)))
        for image in self._images.values():
            with suppress(StarcyteError):
                image.read()

    def warm(self) -> None:
        """Read all that the first gene needs besides its values, of matrices in which a gene is read directly."""
        for matrix in self.matrices:
            if isinstance(matrix.base, CscMatrix | PreparedMatrix):
                with suppress(StarcyteError):
                    matrix.base.warm()

    def await_indexes(self) -> None:
        """Refuse a gene that would take a scan of its matrix, until the matrix has its index."""
        for matrix in self.matrices:
            size = matrix.nnz if matrix.nnz is not None else matrix.shape[0] * matrix.shape[1]
            matrix.awaits_index = needs_index(matrix.base) and size >= self._settings.index_least

    def complete(self, whole: StoredDataset) -> None:
        """Read matrices and obsp from the complete file from now on.

        Parameters
        ----------
        whole
            The complete file, opened; closed with this dataset.

        Raises
        ------
        DatasetChanged
            If it is another file than the one of which this is a partial download.
        """
        # of a file outside of the cache, the revision has the inode as well
        is_same = whole.revision == self.revision or whole.revision.startswith(f"{self.revision}-")
        if not is_same or [m.name for m in whole.matrices] != self._matrices.names:
            whole.close()
            raise DatasetChanged("The dataset was replaced while it was downloaded.", "Open it again.")
        self._matrices.complete(whole.matrix)
        self._whole, self._is_partial, self._default = whole, False, None

    def close(self) -> None:
        """Close the file."""
        self._container.close()
        if self._whole is not None:
            self._whole.close()
