"""The kind and the content of a file (AnnData, MuData, a table of SpatialData, loom), found without a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import DatasetInvalid, NotFound
from starcyte.settings import Settings
from starcyte.store.anndata.colors import category_colors
from starcyte.store.anndata.embeddings import Embedding, prefer_default, select_embeddings
from starcyte.store.anndata.frame import Frame
from starcyte.store.anndata.images import Image
from starcyte.store.anndata.joined_obs import Obs
from starcyte.store.anndata.loom import as_anndata, is_loom
from starcyte.store.anndata.modalities import all_embeddings, all_images, all_obsp, all_scales, colors_of, tell_apart
from starcyte.store.anndata.modality import Modality, open_modality
from starcyte.store.anndata.mudata import is_mudata, open_obs
from starcyte.store.anndata.obsp import ModalityObsp, ObspMatrix
from starcyte.store.anndata.sections import Section, with_sections
from starcyte.store.anndata.slides import Slide
from starcyte.store.anndata.spatialdata import choose_table, is_spatialdata, with_positions
from starcyte.store.dataset import Content, Warnings
from starcyte.store.nodes import Container, Group, Node
from starcyte.store.not_read.groups import group_error


@dataclass(frozen=True, eq=False)
class Contents:
    """The contents of a file.

    Parameters
    ----------
    content
        Its kind.
    table
        The table of SpatialData that is shown; empty for anything else.
    root
        The group of the AnnData or MuData: the root of the file, or a table of it.
    uns
        Its uns.
    obs
        The cells.
    modalities
        The modalities of MuData; of AnnData one, without a name.
    embeddings, obsp, images, colors
        By name; the colours of each column that has not too many categories.
    slides
        The slides that have scale factors.
    """

    content: Content
    table: str
    root: Group
    uns: Group | None
    obs: Obs
    modalities: Sequence[Modality]
    embeddings: Mapping[str, Embedding | Section]
    obsp: dict[str, ObspMatrix | ModalityObsp]
    images: Mapping[str, Image]
    slides: Sequence[Slide]
    colors: Mapping[str, Sequence[str]]


def open_contents(name: str, container: Container, settings: Settings, warnings: Warnings) -> Contents:
    """Open the content of a file.

    Parameters
    ----------
    name
        The name of the file.
    container
        The open file.
    settings
        ``table``, ``embedding``, ``obs_names``, ``max_categories`` and those of :func:`open_modality` are used.
    warnings
        Gets a warning for all that is left out.

    Raises
    ------
    DatasetInvalid
        If it is nothing that is known, is damaged, or has no cells.
    NotFound
        If a table, a column or an embedding that the settings name does not exist.
    """
    return _Opening(name, container, settings, warnings).contents()


class _Opening:
    """The common part of all steps of opening."""

    def __init__(self, name: str, container: Container, settings: Settings, warnings: Warnings) -> None:
        self._name, self._container, self._settings, self._warnings = name, container, settings, warnings
        self._uns: Group | None = None

    def contents(self) -> Contents:
        store, settings, warnings = self._container.root, self._settings, self._warnings
        content, table, root = self._choose_table(store)
        uns = self._uns = root.group("uns")
        is_joined = is_mudata(root)
        obs, modalities = self._open_mudata(root) if is_joined else self._open_anndata(root)
        if obs.n == 0:
            raise DatasetInvalid(f"{self._name!r} has no cells (obs is empty).", "Check the step that wrote it.")
        tell_apart(modalities)
        if settings.obs_names:
            obs.info(settings.obs_names)
        obsp = all_obsp(root, modalities, obs.n, warnings)
        images = all_images(root, modalities, warnings)
        slides = all_scales(root, modalities, warnings)
        embeddings = all_embeddings(root, modalities, obs, warnings)
        regions: Sequence[str] = ()
        if table:
            embeddings, regions = with_positions(embeddings, store, root, obs, warnings)
        chosen = select_embeddings(prefer_default(embeddings, uns), settings.embedding)
        libraries = list(dict.fromkeys((*regions, *(image.library for image in images.values()))))
        shown = with_sections(chosen, libraries, obs, warnings)
        n_duplicated = sum(modality.genes.n_duplicated for modality in modalities)
        if n_duplicated:
            warnings.add(f"{n_duplicated} gene names are duplicates; they are shown with a number.")
        if not shown:
            warnings.add(
                "The dataset has no embedding (obsm): cells are shown in histograms instead of a scatter plot."
            )
        colors = {
            c.name: category_colors(*colors_of(c.name, uns, modalities), len(c.categories), warnings)
            for c in obs.columns
            if c.categories is not None and len(c.categories) <= settings.max_categories
        }
        return Contents(
            "MuData" if is_joined else content, table, root, uns, obs, modalities, shown, obsp, images, slides, colors
        )

    def _choose_table(self, root: Group) -> tuple[Content, str, Group]:
        """Return the kind of a file, the table of SpatialData, and the group of the AnnData."""
        if is_spatialdata(root):
            return "SpatialData", *choose_table(self._name, root, self._settings.table)
        if self._settings.table:
            raise NotFound(
                f"No such table (setting table): {self._settings.table!r}.",
                f"{self._name!r} is no SpatialData, which alone has tables.",
            )
        return ("loom", "", as_anndata(root, self._warnings)) if is_loom(root) else ("AnnData", "", root)

    def _open_anndata(self, root: Group) -> tuple[Obs, list[Modality]]:
        obs = self._frame("obs", root.child("obs"))
        return obs, [self._open_modality("", root, obs, None, obs.n)]

    def _open_mudata(self, root: Group) -> tuple[Obs, list[Modality]]:
        joined, parts = open_obs(self._name, root, self._frame, self._warnings)
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
                f"{self._name!r} is MuData without a modality that can be shown. {' '.join(self._warnings.lines)}",
                "Check the step that wrote it.",
            )
        return joined, found

    def _open_modality(self, name: str, root: Group, obs: Frame, rows: NDArray[np.intp] | None, n_obs: int) -> Modality:
        def open_frame(name: str, node: Node | None) -> Frame:
            return self._frame(name, node, obs.from_seurat_disk)

        return open_modality(name, root, obs, rows, n_obs, open_frame, self._settings, self._warnings)

    def _frame(self, name: str, node: Node | None, from_seurat_disk: bool = False) -> Frame:
        if node is None:
            raise group_error(self._name, self._container.kind, self._container.root, name)
        return Frame(name, node, self._warnings, self._uns, from_seurat_disk)
