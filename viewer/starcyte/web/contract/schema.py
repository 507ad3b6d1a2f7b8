"""The contents of a dataset."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from starcyte.web.contract.base import Answer, Count
from starcyte.web.contract.comparison import FoldChangeInfo, LogBase, MethodInfo, MinFraction, Scale


class ObsColumn(Answer):
    """A column of obs; the fields with a default are those of a categorical column."""

    name: str
    kind: Literal["categorical", "continuous", "boolean", "string", "datetime"]
    dtype: str
    n_categories: Count | UnsetType = UNSET
    ordered: bool | UnsetType = UNSET
    categories: (
        Annotated[list[str] | None, Meta(description="null if there are more than the setting max_categories")]
        | UnsetType
    ) = UNSET
    colors: Annotated[list[str] | None, Meta(description="#rrggbb of each category")] | UnsetType = UNSET


class EmbeddingInfo(Answer):
    """An embedding of obsm, or a section: the cells of one slide in a spatial embedding."""

    name: str
    dims: Count
    library: Annotated[str | None, Meta(description="The slide of a section, as the images name it")]


class ImageInfo(Answer):
    """An image under the cells of a spatial embedding."""

    name: str
    library: Annotated[str, Meta(description="The slide")]
    width: Count
    height: Count
    scale: Annotated[float, Meta(description="Pixels per unit of the spatial coordinates")]


class SlideInfo(Answer):
    """The size of the spots of a slide, and its scale."""

    library: Annotated[str, Meta(description="The slide, as images and sections name it")]
    spot_diameter: Annotated[
        float | None, Meta(description="In units of the spatial coordinates; null if the file does not say")
    ]
    microns: Annotated[
        float | None, Meta(description="Micrometres per unit of the spatial coordinates; null if the file does not say")
    ]


class ModalityInfo(Answer):
    """A modality of MuData, such as RNA or proteins."""

    name: str
    n_obs: Annotated[Count, Meta(description="Cells that it has")]
    n_vars: Count
    n_missing: Annotated[Count, Meta(description="Cells of the dataset that it lacks, whose values are missing")]


class MatrixInfo(Answer):
    """X, raw/X or a layer; of a modality as rna/X."""

    name: str
    modality: Annotated[str | None, Meta(description="null in a dataset of one")]
    n_vars: Count
    dtype: str
    layout: Literal["csr", "csc", "dense"]
    nnz: Count | None
    scale: Annotated[Scale | None, Meta(description="null until the values are downloaded, or if they are unreadable")]
    log_base: LogBase


class VarNames(Answer):
    """The source of the genes' names."""

    n: Count
    names_from: str
    columns: Annotated[list[str], Meta(description="The columns of var that a search looks in")]
    n_duplicated: Count


class ObsNames(Answer):
    """The source of the cells' names."""

    names_from: str


class Features(Answer):
    """The features that the server and the user's role allow."""

    diffexp: bool
    genesets: bool
    finish: bool
    terms: bool
    outputs: bool
    annotations: (
        Annotated[bool, Meta(description="Whether they can be changed; omitted if they are disabled")] | UnsetType
    ) = UNSET


class Defaults(Answer):
    """The operator's initial view; an empty field leaves the choice to the page."""

    color_by: str
    embedding: str
    min_fraction: MinFraction


class Schema(Answer):
    """The contents of the dataset: obs columns, embeddings, matrices, and the features of the server."""

    title: str
    content: Annotated[Literal["AnnData", "MuData", "SpatialData", "loom"], Meta(description="What the file is")]
    container: Annotated[str, Meta(description="HDF5 or Zarr")]
    fingerprint: str
    revision: Annotated[str, Meta(description="Of the file; send it as X-Starcyte-Revision to be warned of a change")]
    version: str
    n_obs: Count
    n_vars: Count
    obs: list[ObsColumn]
    embeddings: list[EmbeddingInfo]
    matrices: list[MatrixInfo]
    modalities: Annotated[list[ModalityInfo], Meta(description="Empty unless the dataset is MuData")]
    obsp: Annotated[list[str], Meta(description="Names of the matrices of cells by cells")]
    images: list[ImageInfo]
    slides: Annotated[list[SlideInfo], Meta(description="The slides that have scale factors")]
    default_matrix: str | None
    default_matrix_reason: Annotated[str, Meta(description="A sentence; empty if there is nothing to choose")]
    genes: VarNames
    cells: ObsNames
    methods: Annotated[list[MethodInfo], Meta(description="The methods of comparison; the first is the default")]
    fold_changes: Annotated[list[FoldChangeInfo], Meta(description="The formulas; the first is the default")]
    features: Features
    max_saved_item_bytes: Annotated[Count, Meta(description="Size of a saved view, result or figure, at most")]
    finish_key: Annotated[str, Meta(description="For POST finish; empty if it is disabled")]
    defaults: Defaults
    about: Annotated[str, Meta(description="URL of a page about the dataset; may be empty")]
    warnings: list[str]
