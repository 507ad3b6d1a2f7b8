"""Summaries for plots: dot plot, violin, histogram, correlation, gene-set score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from starcyte.errors import BadRequest, LimitExceeded, NotFound
from starcyte.web.context import context
from starcyte.web.grouping import answer_grouped, grouping
from starcyte.web.responses import answer_columns, answer_json, answer_once, names_listed, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from starcyte.web.wire import WireColumn

blueprint = Blueprint("summaries", __name__)


@blueprint.get("/summary")
def summary() -> Response:
    """Return mean and fraction expressing of some genes in each category of a column."""
    from starcyte.compute.plots.dot_plot import summarize

    ctx, dataset = context(), context().dataset()
    names = names_listed("genes", "max_summary_genes")
    group_by, matrix_name = request.args.get("group_by"), request.args.get("matrix", "X")
    if group_by is None:
        raise BadRequest("A summary needs a column to group by.", "Add &group_by=<column>.")
    found = grouping(group_by)

    def make() -> Response:
        matrix, known = ctx.matrix(matrix_name), dataset.genes(matrix_name)
        positions = [known.index(n) for n in names]
        result = summarize(matrix, positions, found.column, ctx.tick)
        rows = [
            {"gene": known.names[p], "mean": _nullable(mean), "fraction": _nullable(fraction)}
            for p, mean, fraction in zip(positions, result.mean, result.fraction, strict=True)
        ]
        return answer_json(
            {
                "matrix": matrix_name,
                "group_by": group_by,
                "groups": list(result.groups),
                "n": result.n.tolist(),
                "genes": rows,
            }
        )

    return answer_grouped(make, found)


@blueprint.get("/distribution")
def distribution() -> Response:
    """Return quantiles and a density of a gene or a column of obs, in each category of another, or of two."""
    from starcyte.compute.plots.distribution import QUANTILES, crossed
    from starcyte.compute.plots.distribution import distribution as describe

    read = _values("gene", "column")
    group_by, split_by = request.args.get("group_by"), request.args.get("split_by")
    if split_by is not None and group_by is None:
        raise BadRequest("split_by splits the categories of group_by, which is not given.", "Add &group_by=<column>.")
    groups_of, parts_of = (None if name is None else grouping(name) for name in (group_by, split_by))

    def make() -> Response:
        import numpy as np

        dataset = context().dataset()
        values = read()
        parts: Sequence[str | None] = (None,)
        if groups_of is None:
            found = describe(values, np.zeros(dataset.n_obs, np.int8), ("all",))
        elif parts_of is None:
            found = describe(values, *groups_of.column.as_categories())
        else:
            codes, groups = groups_of.column.as_categories()
            part_codes, parts = parts_of.column.as_categories()
            most = context().settings.max_split
            if len(groups) * len(parts) > most:
                raise LimitExceeded(
                    f"{len(groups)} times {len(parts)} categories are more than {most} (setting max_split).",
                    "Split by a column of fewer categories.",
                )
            both = crossed(codes, part_codes, len(parts))
            found = describe(values, both, [name for name in groups for _ in parts])
        rows = [
            {
                "name": name,
                "part": parts[k % len(parts)],
                "n": int(n),
                "mean": _nullable(mean),
                "quantiles": _nullable(quantiles),
                "density": None if np.isnan(density).all() else density.tolist(),
            }
            for k, (name, n, mean, quantiles, density) in enumerate(
                zip(found.groups, found.n, found.mean, found.quantiles, found.density, strict=True)
            )
        ]
        levels = list(QUANTILES)
        return answer_json(
            {
                "group_by": group_by,
                "split_by": split_by,
                "levels": levels,
                "grid": found.grid.tolist(),
                "groups": rows,
            }
        )

    return answer_grouped(make, groups_of, parts_of)


@blueprint.get("/histogram")
def histogram() -> Response:
    """Return the histogram of a gene or a column of obs."""
    from starcyte.compute.plots.histogram import histogram as count

    read = _values("gene", "column")
    bins = whole_number(request.args.get("bins"), "bins", 50, context().settings.max_bins) or 1

    def make() -> Response:
        counts, edges = count(read(), bins)
        return answer_json({"counts": counts.tolist(), "edges": edges.tolist()})

    return answer_once(make)


@blueprint.get("/correlation")
def correlation() -> Response:
    """Return how two genes, or columns of obs, go together."""
    from starcyte.compute.plots.correlation import correlation as correlate

    x, y = _values("x", "x_column"), _values("y", "y_column")

    def make() -> Response:
        n, pearson, spearman = correlate(x(), y())
        return answer_json({"n": n, "pearson": _nullable(pearson), "spearman": _nullable(spearman)})

    return answer_once(make)


@blueprint.get("/score")
def score() -> Response:
    """Return the mean or the score of a set of genes, over all cells; genes that are not there are named in it."""
    from starcyte.compute.plots.gene_set_score import mean_of_genes, score_of_genes
    from starcyte.web.wire import WireColumn

    ctx, dataset = context(), context().dataset()
    names, method, matrix_name = (
        names_listed("genes", "max_summary_genes"),
        request.args.get("method", "mean"),
        request.args.get("matrix", "X"),
    )
    if method not in {"mean", "score"}:
        raise BadRequest(f"There is no method {method!r}.", "Methods: mean, score.")

    def read() -> tuple[int, list[WireColumn]]:
        matrix, known = ctx.matrix(matrix_name), dataset.genes(matrix_name)
        found: dict[int, None] = {}
        missing = []
        for name in names:
            try:
                found[known.index(name)] = None
            except NotFound:
                missing.append(name)
        if not found:
            raise NotFound("None of the genes is there.", "Search genes to see what there is.")
        if method == "mean":
            values = mean_of_genes(matrix, list(found), ctx.tick)
        else:
            values = score_of_genes(dataset, matrix, list(found), ctx.settings.cores, ctx.tick)
        return dataset.n_obs, [WireColumn(method, values, extra={"missing_genes": missing})]

    return answer_columns(read)


def _values(gene_name: str, column_name: str) -> Callable[[], NDArray[Any]]:
    """Return what reads the numbers that a query asks for: a gene of a matrix, or a column of obs."""
    ctx, dataset = context(), context().dataset()
    gene, column = request.args.get(gene_name), request.args.get(column_name)
    matrix_name = request.args.get("matrix", "X")
    if (gene is None) == (column is None):
        raise BadRequest(f"One of {gene_name} and {column_name} is needed.", f"Add ?{gene_name}=<gene name>.")

    def read() -> NDArray[Any]:
        if gene is not None:
            matrix = ctx.matrix(matrix_name)
            return matrix.column(dataset.genes(matrix_name).index(gene), ctx.tick).dense()
        assert column is not None
        return dataset.obs_column(column).as_numbers()

    return read


def _nullable(values: Any) -> Any:
    """Return numbers as Python's, None for those that JSON has no word for."""
    if isinstance(values, float):
        return values if -float("inf") < values < float("inf") else None
    return [_nullable(v) for v in values.tolist()]
