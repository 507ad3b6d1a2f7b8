"""What the modalities of a dataset have together: embeddings, images, obsp, results, the default matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from starcyte.store.anndata.default_matrix import default_matrix
from starcyte.store.anndata.embeddings import Embedding, find_embeddings, sorted_embeddings
from starcyte.store.anndata.images import Image, find_images
from starcyte.store.anndata.joined_obs import Obs
from starcyte.store.anndata.modality import Modality, cells_of
from starcyte.store.anndata.obsp import ModalityObsp, ObspMatrix, find_obsp
from starcyte.store.anndata.slides import Slide, find_scales
from starcyte.store.anndata.uns_results import JoinedResults, UnsResults
from starcyte.store.dataset import Matrix, Warnings
from starcyte.store.nodes import Group
from starcyte.store.scale import Scale
from starcyte.store.stored_results import StoredResults

# the modality that is shown first, whatever the order: that of the transcripts
_FIRST = ("rna", "gex", "gene expression", "sct")


def tell_apart(modalities: Sequence[Modality]) -> None:
    """Put the modality before the names of genes that several modalities have."""
    if len(modalities) < 2:
        return
    counts = Counter[str]()
    for modality in modalities:
        counts.update({*modality.genes.names, *(modality.raw_genes.names if modality.raw_genes else ())})
    shared = {name for name, n in counts.items() if n > 1}
    for modality in modalities:
        modality.genes.tell_apart(shared)
        if modality.raw_genes is not None:
            modality.raw_genes.tell_apart(shared)


def all_embeddings(root: Group, modalities: Sequence[Modality], obs: Obs, warnings: Warnings) -> dict[str, Embedding]:
    """Return the embeddings of the root and, as ``rna:X_umap``, of the modalities; the preferred ones first.

    Parameters
    ----------
    root
        The file's root group.
    modalities
        The modalities; of a plain AnnData, the root itself.
    obs
        The cells of the dataset.
    warnings
        Gets a warning for each embedding that is left out, or lacks cells.
    """
    names = {modality.name for modality in modalities}
    # mudata writes there which cells a modality has
    found = find_embeddings(root.child("obsm"), obs, warnings, names)
    for modality in _named(modalities):
        own = find_embeddings(modality.root.child("obsm"), modality.obs, warnings)
        rows = np.arange(obs.n) if modality.rows is None else modality.rows
        for name, embedding in own.items():
            info = replace(embedding.info, name=f"{modality.name}:{name}")
            found.setdefault(info.name, replace(embedding, info=info, of_cells=rows))
    return sorted_embeddings(found)


def all_obsp(
    root: Group, modalities: Sequence[Modality], n_obs: int, warnings: Warnings
) -> dict[str, ObspMatrix | ModalityObsp]:
    """Return the matrices in obsp of the root and, as ``rna:distances``, of the modalities."""
    found: dict[str, ObspMatrix | ModalityObsp] = {**find_obsp(root, n_obs, warnings)}
    for modality in _named(modalities):
        own = find_obsp(modality.root, modality.obs.n, warnings)
        if own:
            rows = np.arange(n_obs) if modality.rows is None else modality.rows
            cells = cells_of(rows, modality.obs.n)
            found |= {f"{modality.name}:{name}": ModalityObsp(matrix, rows, cells) for name, matrix in own.items()}
    return found


def all_images(root: Group, modalities: Sequence[Modality], warnings: Warnings) -> dict[str, Image]:
    """Return the images of the root and of the modalities; of two of one name, the first."""
    found = find_images(root, warnings)
    for modality in _named(modalities):
        found = find_images(modality.root, warnings) | found
    return found


def all_scales(root: Group, modalities: Sequence[Modality], warnings: Warnings) -> list[Slide]:
    """Return the slides of the root and of the modalities; of two of one name, the first."""
    found = find_scales(root, warnings)
    for modality in _named(modalities):
        known = {slide.library for slide in found}
        found += [slide for slide in find_scales(modality.root, warnings) if slide.library not in known]
    return found


def all_results(
    uns: Group | None, modalities: Sequence[Modality], obs: Obs, matrices: Collection[str], max_categories: int
) -> StoredResults:
    """Return the results in the uns of the root and of the modalities; see :class:`UnsResults`."""
    of_modalities = {
        modality.name: UnsResults(
            modality.uns,
            modality.obs,
            [name.removeprefix(modality.prefix) for name in matrices if name in modality.matrices],
            max_categories,
        )
        for modality in _named(modalities)
    }
    root = UnsResults(uns, obs, () if of_modalities else matrices, max_categories)
    return JoinedResults(root, of_modalities) if of_modalities else root


def colors_of(column: str, uns: Group | None, modalities: Sequence[Modality]) -> tuple[Group | None, str]:
    """Return the uns that may have the colours of a column, and the name of the column there.

    Parameters
    ----------
    column
        The column, of a modality with its name: ``rna:leiden``.
    uns
        That of the root.
    modalities
        The modalities.
    """
    modality, colon, own = column.partition(":")
    part = next((one for one in modalities if colon and one.name == modality), None)
    if part is None or (uns is not None and uns.child(f"{column}_colors") is not None):
        return uns, column
    return part.uns, own


def describe_matrix(matrix: Matrix, modality: str, scale: Scale | None) -> dict[str, Any]:
    """Return the description of a matrix that the schema of a dataset holds."""
    return {
        "name": matrix.name,
        "modality": modality or None,
        "n_vars": matrix.shape[1],
        "dtype": str(matrix.dtype),
        "layout": matrix.layout,
        "nnz": matrix.nnz,
        "scale": None if scale is None else scale.kind,
        "log_base": scale.base if scale is not None and scale.kind == "log1p" else None,
    }


def default_matrices(
    modalities: Sequence[Modality], scales: Mapping[str, Scale | None], follows_schema: bool
) -> dict[str, tuple[str, str]]:
    """Return the default matrix of each modality that has one, and the reason for it, the first modality first.

    Parameters
    ----------
    modalities
        The modalities.
    scales, follows_schema
        As for :func:`default_matrix`.
    """
    found: dict[str, tuple[str, str]] = {}
    for modality in sorted(modalities, key=lambda one: one.name.casefold() not in _FIRST):
        own = {name: scale for name, scale in scales.items() if name in modality.matrices}
        name, reason = default_matrix(own, follows_schema, modality.prefix)
        if name is not None:
            found[modality.name] = (name, reason)
    return found


def describe_modality(modality: Modality, n_obs: int) -> dict[str, Any]:
    """Return the description of a modality that the schema of a dataset holds."""
    n = modality.obs.n
    return {"name": modality.name, "n_obs": n, "n_vars": modality.var.n, "n_missing": n_obs - n}


def _named(modalities: Sequence[Modality]) -> Iterator[Modality]:
    return (modality for modality in modalities if modality.name)
