"""Results of an analysis that the file has."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from starcyte.web.contract.base import Answer, Count, Name, Request

Statistic = Annotated[float | None, Meta(description="null if the file does not have it, or it is not finite")]


class RankedGenesInfo(Answer):
    """Genes ranked by scanpy; texts are empty if the file does not have them."""

    key: Annotated[str, Meta(description="The key in uns")]
    groups: list[str]
    n_genes: Annotated[Count, Meta(description="Ranks of each group")]
    statistics: Annotated[
        list[str], Meta(description="scores, logfoldchanges, pvals, pvals_adj, pts and pts_rest that the file has")
    ]
    method: str
    group_by: str
    reference: Annotated[str, Meta(description="rest, or the group that the others are compared with")]
    correction: str
    matrix: Annotated[str | None, Meta(description="The matrix that was tested; null if the dataset does not have it")]


class StoredDendrogram(Answer):
    """The order of the categories of a column in a dendrogram."""

    key: Annotated[str, Meta(description="The key in uns")]
    group_by: str
    categories: list[str]


class PagaInfo(Answer):
    """The graph of categories by PAGA."""

    group_by: str
    n: Annotated[Count, Meta(description="Categories, the nodes")]


class StoredContents(Answer):
    """The results that the file has."""

    ranked_genes: list[RankedGenesInfo]
    dendrograms: list[StoredDendrogram]
    paga: PagaInfo | None
    velocity: Annotated[list[str], Meta(description="The embeddings that have velocities")]
    warnings: Annotated[list[str], Meta(description="What is left out, and why")]


class RankedGenesQuery(Request):
    """A part of the ranked genes of a group."""

    group: Name
    offset: Count = 0
    limit: Annotated[Count, Meta(description="At most so many genes, and max_genes_listed")] = 100


class RankedGene(Answer):
    """A gene in a ranking."""

    name: Annotated[str, Meta(description="As the ranking has it")]
    gene: Annotated[str | None, Meta(description="The gene of the dataset; null if it has none of this name or id")]
    score: Statistic
    log2_fold_change: Statistic
    p: Statistic
    p_adjusted: Statistic
    fraction: Statistic
    fraction_rest: Statistic


class RankedGenesTable(Answer):
    """The ranked genes of a group, best first."""

    key: str
    group: str
    total: Annotated[Count, Meta(description="Genes of the group, without those that a filter left out")]
    genes: list[RankedGene]


class PagaEdge(Answer):
    """An edge of a PAGA graph."""

    a: Annotated[Count, Meta(description="A category by its position")]
    b: Count
    weight: float
    is_tree: bool


class PagaGraph(Answer):
    """The graph of categories by PAGA; the heaviest edges first."""

    group_by: str
    categories: list[str]
    edges: list[PagaEdge]
    positions: Annotated[list[list[float]] | None, Meta(description="Of each category, if the file has them")]


class VelocityQuery(Request):
    """How velocities are averaged."""

    points: Annotated[int, Meta(ge=5, le=100, description="Of the grid, on each axis; 50 for scVelo's density 1")] = 50
    min_mass: Annotated[
        int, Meta(ge=0, le=100, description="Points with fewer cells, in percent of the 99th percentile, are omitted")
    ] = 1


class VelocityGrid(Answer):
    """Velocities on a grid."""

    embedding: str
    x: list[float]
    y: list[float]
    dx: list[float]
    dy: list[float]
    spacing: Annotated[float, Meta(description="Distance of two points of the grid")]
    n_cells: Annotated[Count, Meta(description="Cells with a place and a velocity")]
