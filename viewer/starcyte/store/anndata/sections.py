"""Sections: the cells of each slide of a spatial dataset, as embeddings of their own.

The coordinates of several slides overlap in one array of obsm, so that the image of a slide fits its own cells only.
squidpy and scanpy name the slide of each cell in ``obs['library_id']``, by the names of ``uns['spatial']``; other
writers use columns of other names with the same categories.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import StarcyteError
from starcyte.store.anndata.embeddings import Embedding
from starcyte.store.anndata.joined_obs import Obs
from starcyte.store.dataset import EmbeddingInfo, Kind, Warnings

# columns that are taken before others, whose texts are read as well
_USUAL = ("library_id", "library", "slide", "section", "sample", "sample_id", "batch")
_SPATIAL = re.compile(r"(^|[^a-z])spatial")
# coordinates that are computed from those in a tissue
_REDUCTION = re.compile(
    r"umap|tsne|pca|phate|diffmap|draw_graph|force|trimap|pacmap|isomap|nmf|harmony|scvi|latent|embed"
    r"|no[nt][_. -]?spatial"
)


def is_spatial(embedding: str) -> bool:
    """Return whether the coordinates of an embedding are positions in a tissue, by its name."""
    name = embedding.lower()
    return bool(_SPATIAL.search(name)) and not _REDUCTION.search(name)


@dataclass(frozen=True, eq=False)
class Section:
    """The cells of one slide in a spatial embedding."""

    info: EmbeddingInfo
    whole: Embedding
    obs: Obs
    column: str
    "The obs column that names the slide of each cell."

    def read(self, dims: Sequence[int]) -> NDArray[np.float32]:
        """Read columns of the embedding, as :meth:`Embedding.read` does; NaN for cells of other slides."""
        out = self.whole.read(dims)
        codes, categories = self.obs.column(self.column).as_codes()
        out[:, codes != categories.index(str(self.info.library))] = np.nan
        return out


def with_sections(
    embeddings: Mapping[str, Embedding], libraries: Sequence[str], obs: Obs, warnings: Warnings
) -> dict[str, Embedding | Section]:
    """Return the embeddings, before each spatial one its sections if there are several slides.

    Parameters
    ----------
    embeddings
        The embeddings by name.
    libraries
        The slides that have images.
    obs
        The file's ``obs``.
    warnings
        Gets a warning if no column names the slide of each cell.
    """
    found: dict[str, Embedding | Section] = dict(embeddings)
    spatial = [name for name in embeddings if is_spatial(name)]
    if len(libraries) < 2 or not spatial:
        return found
    column = _column_of_slides(libraries, obs)
    if column is None:
        warnings.add(
            f"{len(libraries)} slides have images ({', '.join(libraries)}): none is drawn, as no obs column (such as"
            " library_id) says which cells belong to which slide."
        )
        return found
    found = {}
    for name, whole in embeddings.items():
        if name in spatial:
            for library in libraries:
                info = EmbeddingInfo(f"{name}/{library}", whole.info.dims, library)
                found[info.name] = Section(info, whole, obs, column)
        found[name] = whole
    return found


def _column_of_slides(libraries: Sequence[str], obs: Obs) -> str | None:
    """Return the obs column whose categories include all slides, of several the one with the most usual name."""

    def rank(name: str) -> int:
        folded = name.casefold()
        return _USUAL.index(folded) if folded in _USUAL else len(_USUAL)

    for info in sorted(obs.columns, key=lambda info: rank(info.name)):
        if info.kind is Kind.STRING and rank(info.name) < len(_USUAL):
            try:
                categories: Sequence[str] = obs.column(info.name).as_codes()[1]
            except StarcyteError:
                continue
        else:
            categories = info.categories or ()
        if set(libraries) <= set(categories):
            return info.name
    return None
