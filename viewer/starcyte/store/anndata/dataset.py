"""An AnnData dataset in a container; its matrices stay on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetChanged, DatasetInvalid, NotFound, StarcyteError
from starcyte.settings import Settings
from starcyte.store.anndata.colors import category_colors, text_colors
from starcyte.store.anndata.embeddings import prefer_default, select_embeddings
from starcyte.store.anndata.frame import Frame
from starcyte.store.anndata.genes import GeneNames, unique
from starcyte.store.anndata.joined_obs import JoinedObs, Obs
from starcyte.store.anndata.loom import as_anndata, is_loom
from starcyte.store.anndata.matrix import ALL_VALUES, CscMatrix, needs_index
from starcyte.store.anndata.modalities import (
    all_embeddings,
    all_images,
    all_obsp,
    all_results,
    all_scales,
    default_matrices,
    describe_modality,
    tell_apart,
)
from starcyte.store.anndata.modality import Modality, open_modality
from starcyte.store.anndata.mudata import is_mudata, open_obs
from starcyte.store.anndata.obsp import check_obsp
from starcyte.store.anndata.open_matrices import OpenMatrices
from starcyte.store.anndata.prepared_matrix import PreparedMatrix
from starcyte.store.anndata.sections import Section, with_sections
from starcyte.store.anndata.spatialdata import choose_table, is_spatialdata, with_positions
from starcyte.store.dataset import (
    Column,
    ColumnInfo,
    Content,
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
from starcyte.store.nodes import Array, Container, Group, Node
from starcyte.store.not_read.groups import group_error
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
        self._table = ""
        self.content: Content = "AnnData"
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
        store = self._container.root
        root = self._root = self._choose_table(store)
        self._uns = root.group("uns")
        self._obs, self._modalities = self._open_modalities(root)
        self.n_obs, self.n_vars = self._obs.n, sum(modality.var.n for modality in self._modalities)
        if self.n_obs == 0:
            raise DatasetInvalid(f"{self.path.name!r} has no cells (obs is empty).", "Check the step that wrote it.")
        tell_apart(self._modalities)
        found = dict[str, Matrix]()
        for modality in self._modalities:
            found |= modality.matrices
        self._matrices = OpenMatrices(found, self._is_partial)
        if self._settings.obs_names:
            self._obs.info(self._settings.obs_names)
        self._obsp = all_obsp(root, self._modalities, self.n_obs, self._warnings)
        self._images = all_images(root, self._modalities, self._warnings)
        self._slides = all_scales(root, self._modalities, self._warnings)
        embeddings = all_embeddings(root, self._modalities, self._obs, self._warnings)
        regions: Sequence[str] = ()
        if self._table:
            embeddings, regions = with_positions(embeddings, store, root, self._obs, self._warnings)
        chosen = select_embeddings(prefer_default(embeddings, self._uns), self._settings.embedding)
        libraries = list(dict.fromkeys((*regions, *(image.library for image in self._images.values()))))
        self._embeddings = with_sections(chosen, libraries, self._obs, self._warnings)
        n_duplicated = sum(modality.genes.n_duplicated for modality in self._modalities)
        if n_duplicated:
            self._warnings.add(f"{n_duplicated} gene names are duplicates; they are shown with a number.")
        if not self._embeddings:
            self._warnings.add(
                "The dataset has no embedding (obsm): cells are shown in histograms instead of a scatter plot."
            )
        self._colors = {
            c.name: category_colors(*self._colors_of(c.name), len(c.categories), self._warnings)
            for c in self._obs.columns
            if c.categories is not None and len(c.categories) <= self._settings.max_categories
        }

    def _choose_table(self, root: Group) -> Group:
        """Return the group of the AnnData: a table of SpatialData, a loom file as AnnData, or the root itself."""
        if is_loom(root):
            self.content = "loom"
            root = as_anndata(root, self._warnings)
        if not is_spatialdata(root):
            if self._settings.table:
                raise NotFound(
                    f"No such table (setting table): {self._settings.table!r}.",
                    f"{self.path.name!r} is no SpatialData, which alone has tables.",
                )
            return root
        self.content = "SpatialData"
        self._table, table = choose_table(self.path.name, root, self._settings.table)
        # annotations and indexes are those of one table
        own = hashlib.blake2b(f"{self.fingerprint} {self._table}".encode(), digest_size=16).hexdigest()
        self.revision = self.revision.replace(self.fingerprint, own, 1)
        self.fingerprint = own
        return table

    def _open_modalities(self, root: Group) -> tuple[Obs, list[Modality]]:
        """Return the table of all cells, and the modalities: one without a name, if the file is no MuData."""
        if not is_mudata(root):
            obs = self._frame("obs", root.child("obs"))
            return obs, [self._open_modality("", root, obs, None, obs.n)]
        self.content = "MuData"
        joined, parts = open_obs(self.path.name, root, self._frame, self._warnings)
        found, group = [], root.group("mod")
        assert group is not None
        for part in parts:
            try:
                inner = group.group(part.name)
                assert inner is not None
                found.append(self._open_modality(part.name, inner, part.frame, part.rows, joined.n))
            except DatasetInvalid as error:
                self._warnings.add(f"The matrices of modality {part.name!r} are left out: {error}")
        if not found:
            raise DatasetInvalid(
                f"{self.path.name!r} is MuData without a modality that can be shown. {' '.join(self._warnings.lines)}",
                "Check the step that wrote it.",
            )
        return joined, found

    def _open_modality(self, name: str, root: Group, obs: Frame, rows: NDArray[np.intp] | None, n_obs: int) -> Modality:
        def open_frame(name: str, node: Node | None) -> Frame:
            return self._frame(name, node, obs.from_seurat_disk)

        return open_modality(name, root, obs, rows, n_obs, open_frame, self._settings, self._warnings)

    def _frame(self, name: str, node: Node | None, from_seurat_disk: bool = False) -> Frame:
        if node is None:
            raise group_error(self.path.name, self._container.kind, self._container.root, name)
        return Frame(name, node, self._warnings, self._uns, from_seurat_disk)

    def _colors_of(self, column: str) -> tuple[Group | None, str]:
        """Return the uns that may have the colours of a column, and the name of the column there."""
        modality, colon, own = column.partition(":")
        part = next((one for one in self._modalities if colon and one.name == modality), None)
        if part is None or (self._uns is not None and self._uns.child(f"{column}_colors") is not None):
            return self._uns, column
        return part.uns, own

    @property
    def root(self) -> Group:
        """The group of the AnnData or MuData: the root of the file, or a table of it."""
        return self._root

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
            "matrices": [self._describe_matrix(m) for m in self.matrices],
            "modalities": [describe_modality(modality, self.n_obs) for modality in self._modalities if modality.name],
            "obsp": list(self._obsp),
            "images": [
                {"name": i.name, "library": i.library, "width": i.width, "height": i.height, "scale": i.scale}
                for i in self._images.values()
            ],
            "slides": [asdict(slide) for slide in self._slides],
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

    def _describe_matrix(self, matrix: IndexedMatrix) -> dict[str, Any]:
        scale = self.scale(matrix.name)
        return {
            "name": matrix.name,
            "modality": self._modality_of(matrix.name).name or None,
            "n_vars": matrix.shape[1],
            "dtype": str(matrix.dtype),
            "layout": matrix.layout,
            "nnz": matrix.nnz,
            "scale": None if scale is None else scale.kind,
            "log_base": scale.base if scale is not None and scale.kind == "log1p" else None,
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
            colors = text_colors(*self._colors_of(info.name), self._settings.max_categories)
            entry |= {"colors": colors} if colors else {}
        return entry

    def check(self, tick: Tick = no_tick) -> list[str]:
        """Check the dataset: read everything but the values of the matrices.

        Of what is read in place from the network, the indices of large matrices are not read.

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
        """Read what the first gene needs besides its values, of matrices in which a gene is read directly."""
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
