"""Summaries for plots: dot plot, violin, histogram, correlation, gene-set score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import UNSET, UnsetType

from starcyte.errors import BadRequest, LimitExceeded, NotFound
from starcyte.store.cell_rows import to_cells
from starcyte.web.context import context
from starcyte.web.contract.base import given
from starcyte.web.contract.columns import Columns, ScoreQuery, ScoreRequest
from starcyte.web.contract.plots import (
    Correlation,
    CorrelationQuery,
    CorrelationRequest,
    Distribution,
    DistributionQuery,
    DistributionRequest,
    GeneSummary,
    GroupDistribution,
    Histogram,
    HistogramQuery,
    HistogramRequest,
    Summary,
    SummaryQuery,
    SummaryRequest,
)
from starcyte.web.encoding.decode import decode_names
from starcyte.web.encoding.media import COLUMNS
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.grouping import Grouping, answer_grouped, grouping, selected_within
from starcyte.web.responses import answer_cached, answer_columns, answer_json
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from starcyte.compute.plots.distribution import Distribution as Computed
    from starcyte.store.gene_lookup import FoundGene
    from starcyte.web.encoding.wire import WireColumn

routes = Routes("summaries")


@routes.get("/summary", errors=(*READ, 413), cached=True)
def summary(query: SummaryQuery) -> ResponseOf[Summary]:
    """Return the mean and the fraction expressing of genes in each category of a column."""
    found = grouping(query.group_by)
    return answer_grouped(lambda: _summary(query, found, None), found)


@routes.post("/summary", errors=(*READ, 413), size="max_body_bytes")
def summary_within(body: SummaryRequest) -> ResponseOf[Summary]:
    """Return the mean and the fraction expressing of genes in each category of a column, for some cells."""
    return _summary(body, grouping(body.group_by), selected_within(body.within))


def _summary(query: SummaryQuery, found: Grouping, within: NDArray[np.bool_] | None) -> ResponseOf[Summary]:
    from starcyte.compute.plots.dot_plot import summarize

    ctx, dataset = context(), context().dataset()
    names = decode_names(query.genes, ctx.settings, "max_summary_genes")
    known = dataset.gene_lookup(query.matrix)
    genes = list(dict.fromkeys(known.find(n) for n in names))
    rows: dict[FoundGene, GeneSummary] = {}
    # those of other modalities, such as proteins, are read from their own matrices
    for name in dict.fromkeys((query.matrix, *(gene.matrix for gene in genes))):
        own = [gene for gene in genes if gene.matrix == name]
        matrix, ids = ctx.matrix(name), dataset.genes(name).ids
        positions = [gene.position for gene in own]
        result = summarize(matrix, positions, found.column, ctx.tick, within, ctx.settings.cores)
        if name == query.matrix:
            groups, n = list(result.groups), result.n.tolist()
        for gene, mean, fraction in zip(own, result.mean, result.fraction, strict=True):
            rows[gene] = GeneSummary(
                gene=known.name(gene),
                gene_id=ids[gene.position] if ids else None,
                matrix=None if name == query.matrix else name,
                mean=mean.tolist(),
                fraction=fraction.tolist(),
            )
    return answer_json(
        Summary(matrix=query.matrix, group_by=query.group_by, groups=groups, n=n, genes=[rows[gene] for gene in genes])
    )


@routes.get("/distribution", errors=(*READ, 413), cached=True)
def distribution(query: DistributionQuery) -> ResponseOf[Distribution]:
    """Return quantiles and a density of a gene or an obs column, in each category of another column, or of two."""
    groupings = _groupings(query)
    return answer_grouped(lambda: _distribution(query, *groupings, None), *groupings)


@routes.post("/distribution", errors=(*READ, 413), size="max_body_bytes")
def distribution_within(body: DistributionRequest) -> ResponseOf[Distribution]:
    """Return quantiles and a density of a gene or an obs column in each category, for some cells."""
    return _distribution(body, *_groupings(body), selected_within(body.within))


def _groupings(query: DistributionQuery) -> tuple[Grouping | None, Grouping | None]:
    _check_one(gene=query.gene, column=query.column)
    if query.group_by is UNSET and query.split_by is not UNSET:
        raise BadRequest("split_by is given without group_by.", "Add &group_by=<column>.")
    groups_of, parts_of = (None if name is UNSET else grouping(name) for name in (query.group_by, query.split_by))
    return groups_of, parts_of


def _distribution(
    query: DistributionQuery,
    groups_of: Grouping | None,
    parts_of: Grouping | None,
    within: NDArray[np.bool_] | None,
) -> ResponseOf[Distribution]:
    from starcyte.compute.plots.distribution import QUANTILES

    values = _values(query.matrix, gene=query.gene, column=query.column)
    found, parts = _distribution_of(values, groups_of, parts_of, within)
    rows = zip(found.groups, found.n, found.mean, found.quantiles, found.density, strict=True)
    return answer_json(
        Distribution(
            group_by=given(query.group_by),
            split_by=given(query.split_by),
            levels=list(QUANTILES),
            range=list(found.range),
            groups=[
                GroupDistribution(
                    name=name,
                    part=parts[k % len(parts)],
                    n=int(n),
                    mean=float(mean),
                    quantiles=quantiles.tolist(),
                    density=None if density is None else density.tolist(),
                )
                for k, (name, n, mean, quantiles, density) in enumerate(rows)
            ],
        )
    )


def _distribution_of(
    values: NDArray[Any], groups_of: Grouping | None, parts_of: Grouping | None, within: NDArray[np.bool_] | None
) -> tuple[Computed, Sequence[str | None]]:
    """Return the distribution of values in each group, or in each part of each group, and the parts."""
    from starcyte.compute.plots.distribution import crossed
    from starcyte.compute.plots.distribution import distribution as describe
    from starcyte.compute.selection import codes_within

    if groups_of is None:
        return describe(values, codes_within(np.zeros(values.size, np.int8), within), ("all",)), (None,)
    codes, groups = groups_of.column.as_categories()
    codes = codes_within(codes, within)
    if parts_of is None:
        return describe(values, codes, groups), (None,)
    part_codes, parts = parts_of.column.as_categories()
    most = context().settings.max_split
    if len(groups) * len(parts) > most:
        raise LimitExceeded(
            f"{len(groups)} times {len(parts)} categories are more than {most} (max_split).",
            "Split by a column of fewer categories.",
        )
    both = crossed(codes, part_codes, len(parts))
    return describe(values, both, [name for name in groups for _ in parts]), parts


@routes.get("/histogram", errors=READ, cached=True)
def histogram(query: HistogramQuery) -> ResponseOf[Histogram]:
    """Return the histogram of a gene or an obs column."""
    _check_one(gene=query.gene, column=query.column)
    return answer_cached(lambda: _histogram(query, None))


@routes.post("/histogram", errors=READ, size="max_body_bytes")
def histogram_within(body: HistogramRequest) -> ResponseOf[Histogram]:
    """Return the histogram of a gene or an obs column, for some cells."""
    return _histogram(body, selected_within(body.within))


def _histogram(query: HistogramQuery, within: NDArray[np.bool_] | None) -> ResponseOf[Histogram]:
    from starcyte.compute.plots.histogram import histogram as count

    bins = min(query.bins, context().settings.max_bins) or 1
    values = _values(query.matrix, gene=query.gene, column=query.column)
    counts, edges = count(values if within is None else values[within], bins)
    return answer_json(Histogram(counts=counts.tolist(), edges=edges.tolist()))


@routes.get("/correlation", errors=READ, cached=True)
def correlation(query: CorrelationQuery) -> ResponseOf[Correlation]:
    """Return Pearson's and Spearman's correlation of two genes or obs columns."""
    _check_one(x=query.x, x_column=query.x_column)
    _check_one(y=query.y, y_column=query.y_column)
    return answer_cached(lambda: _correlation(query, None))


@routes.post("/correlation", errors=READ, size="max_body_bytes")
def correlation_within(body: CorrelationRequest) -> ResponseOf[Correlation]:
    """Return Pearson's and Spearman's correlation of two genes or obs columns, over some cells."""
    return _correlation(body, selected_within(body.within))


def _correlation(query: CorrelationQuery, within: NDArray[np.bool_] | None) -> ResponseOf[Correlation]:
    from starcyte.compute.plots.correlation import correlation as correlate

    x = _values(query.matrix, x=query.x, x_column=query.x_column)
    y = _values(query.matrix, y=query.y, y_column=query.y_column)
    n, pearson, spearman = correlate(x, y) if within is None else correlate(x[within], y[within])
    return answer_json(Correlation(n=n, pearson=pearson, spearman=spearman))


@routes.get("/score", media=COLUMNS, errors=(*READ, 413), cached=True)
def score(query: ScoreQuery) -> ResponseOf[Columns]:
    """Return the mean or the score of a set of genes in every cell.

    Binary and JSON list the genes that are missing from the matrix. The score of a matrix of z-scores differs from
    scanpy's: many of its genes have a mean of 0, and are ranked by rounding errors.
    """
    names = decode_names(query.genes, context().settings, "max_summary_genes")
    return answer_columns(lambda: _score(names, query.method, query.matrix))


@routes.post("/score", media=COLUMNS, errors=(*READ, 413))
def score_of_many(body: ScoreRequest) -> ResponseOf[Columns]:
    """Return the mean or the score of a set of genes in every cell, as GET does, for sets too large for an address."""
    most = context().settings.max_gene_set_genes
    if len(body.genes) > most:
        raise LimitExceeded(f"{len(body.genes)} genes are more than {most} (max_gene_set_genes).", "Request fewer.")
    if not body.genes:
        raise BadRequest("The list of genes is empty.", "Give their names.")
    return answer_columns(lambda: _score(body.genes, body.method, body.matrix), is_cached=False)


def _score(names: Sequence[str], method: str, matrix_name: str) -> tuple[int, list[WireColumn]]:
    from starcyte.compute.plots.gene_set_score import mean_of_genes, score_of_genes
    from starcyte.web.encoding.wire import WireColumn

    ctx, dataset = context(), context().dataset()
    matrix, known = ctx.matrix(matrix_name), dataset.genes(matrix_name)
    found: dict[int, None] = {}
    missing = []
    for name in names:
        position = known.position(name)
        if position is None:
            missing.append(name)
        else:
            found[position] = None
    if not found:
        raise NotFound("The matrix has none of these genes.", "Search for genes to find their names.")
    workers = ctx.settings.cores
    if method == "mean":
        values = mean_of_genes(matrix, list(found), workers, ctx.tick)
    else:
        values = score_of_genes(dataset, matrix, list(found), workers, ctx.tick)
    return dataset.n_obs, [WireColumn(method, values, extra={"missing_genes": missing})]


def _check_one(**named: str | UnsetType) -> None:
    """Raise BadRequest unless one of the two parameters that name a gene and an obs column is given."""
    (gene_parameter, gene), (column_parameter, column) = named.items()
    if (gene is UNSET) == (column is UNSET):
        raise BadRequest(
            f"One of {gene_parameter} and {column_parameter} is needed.", f"Add ?{gene_parameter}=<gene name>."
        )


def _values(matrix_name: str, **named: str | UnsetType) -> NDArray[Any]:
    """Return the values of a gene or of an obs column, shape (n_obs,).

    Parameters
    ----------
    matrix_name
        The matrix of the gene.
    named
        The parameters of the request that name the gene and the column, in this order; one of them must be given.
    """
    _check_one(**named)
    gene, column = named.values()
    ctx, dataset = context(), context().dataset()
    if not isinstance(gene, UnsetType):
        found = dataset.gene_lookup(matrix_name).find(gene)
        matrix = ctx.matrix(found.matrix)
        return to_cells(matrix, matrix.column(found.position, ctx.tick).dense())
    assert not isinstance(column, UnsetType)
    return dataset.obs_column(column).as_numbers()
