"""Summaries for plots: dot plot, violin, histogram, correlation, gene-set score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import UNSET, UnsetType

from starcyte.errors import BadRequest, LimitExceeded, NotFound
from starcyte.web.context import context
from starcyte.web.contract.base import given
from starcyte.web.contract.columns import Columns, ScoreQuery
from starcyte.web.contract.plots import (
    Correlation,
    CorrelationQuery,
    Distribution,
    DistributionQuery,
    GeneSummary,
    GroupDistribution,
    Histogram,
    HistogramQuery,
    Summary,
    SummaryQuery,
)
from starcyte.web.encoding.decode import decode_names
from starcyte.web.encoding.media import COLUMNS
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.grouping import Grouping, answer_grouped, grouping
from starcyte.web.responses import answer_cached, answer_columns, answer_json
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from starcyte.compute.plots.distribution import Distribution as Computed
    from starcyte.web.encoding.wire import WireColumn

routes = Routes("summaries")


@routes.get("/summary", errors=(*READ, 413), cached=True)
def summary(query: SummaryQuery) -> ResponseOf[Summary]:
    """Return the mean and the fraction expressing of genes in each category of a column."""
    from starcyte.compute.plots.dot_plot import summarize

    ctx, dataset = context(), context().dataset()
    names, found = decode_names(query.genes, context().settings, "max_summary_genes"), grouping(query.group_by)

    def make() -> ResponseOf[Summary]:
        matrix, known = ctx.matrix(query.matrix), dataset.genes(query.matrix)
        positions = [known.index(n) for n in names]
        result = summarize(matrix, positions, found.column, ctx.tick)
        return answer_json(
            Summary(
                matrix=query.matrix,
                group_by=query.group_by,
                groups=list(result.groups),
                n=result.n.tolist(),
                genes=[
                    GeneSummary(gene=known.names[p], mean=mean.tolist(), fraction=fraction.tolist())
                    for p, mean, fraction in zip(positions, result.mean, result.fraction, strict=True)
                ],
            )
        )

    return answer_grouped(make, found)


@routes.get("/distribution", errors=(*READ, 413), cached=True)
def distribution(query: DistributionQuery) -> ResponseOf[Distribution]:
    """Return quantiles and a density of a gene or an obs column, in each category of another column, or of two."""
    read = _values(query.matrix, gene=query.gene, column=query.column)
    if query.group_by is UNSET and query.split_by is not UNSET:
        raise BadRequest("split_by is given without group_by.", "Add &group_by=<column>.")
    groups_of, parts_of = (None if name is UNSET else grouping(name) for name in (query.group_by, query.split_by))

    def make() -> ResponseOf[Distribution]:
        from starcyte.compute.plots.distribution import QUANTILES

        found, parts = _distribution(read(), groups_of, parts_of)
        rows = zip(found.groups, found.n, found.mean, found.quantiles, found.density, strict=True)
        return answer_json(
            Distribution(
                group_by=given(query.group_by),
                split_by=given(query.split_by),
                levels=list(QUANTILES),
                grid=found.grid.tolist(),
                groups=[
                    GroupDistribution(
                        name=name,
                        part=parts[k % len(parts)],
                        n=int(n),
                        mean=float(mean),
                        quantiles=quantiles.tolist(),
                        density=None if np.isnan(density).all() else density.tolist(),
                    )
                    for k, (name, n, mean, quantiles, density) in enumerate(rows)
                ],
            )
        )

    return answer_grouped(make, groups_of, parts_of)


def _distribution(
    values: NDArray[Any], groups_of: Grouping | None, parts_of: Grouping | None
) -> tuple[Computed, Sequence[str | None]]:
    """Return the distribution of values in each group, or in each part of each group, and the parts."""
    from starcyte.compute.plots.distribution import crossed
    from starcyte.compute.plots.distribution import distribution as describe

    if groups_of is None:
        return describe(values, np.zeros(values.size, np.int8), ("all",)), (None,)
    codes, groups = groups_of.column.as_categories()
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
    from starcyte.compute.plots.histogram import histogram as count

    read = _values(query.matrix, gene=query.gene, column=query.column)
    bins = min(query.bins, context().settings.max_bins) or 1

    def make() -> ResponseOf[Histogram]:
        counts, edges = count(read(), bins)
        return answer_json(Histogram(counts=counts.tolist(), edges=edges.tolist()))

    return answer_cached(make)


@routes.get("/correlation", errors=READ, cached=True)
def correlation(query: CorrelationQuery) -> ResponseOf[Correlation]:
    """Return Pearson's and Spearman's correlation of two genes or obs columns."""
    from starcyte.compute.plots.correlation import correlation as correlate

    x = _values(query.matrix, x=query.x, x_column=query.x_column)
    y = _values(query.matrix, y=query.y, y_column=query.y_column)

    def make() -> ResponseOf[Correlation]:
        n, pearson, spearman = correlate(x(), y())
        return answer_json(Correlation(n=n, pearson=pearson, spearman=spearman))

    return answer_cached(make)


@routes.get("/score", media=COLUMNS, errors=(*READ, 413), cached=True)
def score(query: ScoreQuery) -> ResponseOf[Columns]:
    """Return the mean or the score of a set of genes in every cell.

    Binary and JSON list the genes that are missing from the matrix.
    """
    from starcyte.compute.plots.gene_set_score import mean_of_genes, score_of_genes
    from starcyte.web.encoding.wire import WireColumn

    ctx, dataset = context(), context().dataset()
    names = decode_names(query.genes, context().settings, "max_summary_genes")

    def read() -> tuple[int, list[WireColumn]]:
        matrix, known = ctx.matrix(query.matrix), dataset.genes(query.matrix)
        found: dict[int, None] = {}
        missing = []
        for name in names:
            try:
                found[known.index(name)] = None
            except NotFound:
                missing.append(name)
        if not found:
            raise NotFound("The matrix has none of these genes.", "Search for genes to find their names.")
        if query.method == "mean":
            values = mean_of_genes(matrix, list(found), ctx.tick)
        else:
            values = score_of_genes(dataset, matrix, list(found), ctx.settings.cores, ctx.tick)
        return dataset.n_obs, [WireColumn(query.method, values, extra={"missing_genes": missing})]

    return answer_columns(read)


def _values(matrix_name: str, **named: str | UnsetType) -> Callable[[], NDArray[Any]]:
    """Return the function that reads the values of a gene or of an obs column.

    Parameters
    ----------
    matrix_name
        The matrix of the gene.
    named
        The parameters of the query that name the gene and the column, in this order; one of them must be given.
    """
    (gene_parameter, gene), (column_parameter, column) = named.items()
    if (gene is UNSET) == (column is UNSET):
        raise BadRequest(
            f"One of {gene_parameter} and {column_parameter} is needed.", f"Add ?{gene_parameter}=<gene name>."
        )
    ctx, dataset = context(), context().dataset()

    def read() -> NDArray[Any]:
        if gene is not UNSET:
            matrix = ctx.matrix(matrix_name)
            return matrix.column(dataset.genes(matrix_name).index(gene), ctx.tick).dense()
        assert column is not UNSET
        return dataset.obs_column(column).as_numbers()

    return read
