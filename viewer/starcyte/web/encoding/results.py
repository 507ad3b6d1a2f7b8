"""Results of jobs, as structs and as CSV."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from starcyte.compute.by_category import ComparedCategory, ComparisonByCategory
from starcyte.compute.diffexp import Comparison
from starcyte.compute.markers import GroupMarkers, Markers
from starcyte.compute.methods.method import RESULT_COLUMNS
from starcyte.store.dataset import Dataset
from starcyte.store.gene_lookup import Genes
from starcyte.web.contract.comparison import (
    DiffexpGene,
    DiffexpResult,
    FoldChangeUsed,
    MarkerGroup,
    MarkersResult,
    SampleUsed,
)
from starcyte.web.encoding.media import CSV
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.encoding.wire import csv_bytes


def diffexp_result(
    result: Comparison, dataset: Dataset, job_id: str, cutoff: float, limit: int | None, offset: int
) -> DiffexpResult:
    """Return a comparison as it is sent.

    Parameters
    ----------
    result
        The comparison.
    dataset
        Its dataset.
    job_id
        Its job.
    cutoff
        Genes with a smaller absolute log2 fold change are omitted, those without one are not.
    limit, offset
        The page of the genes, best first.
    """
    order = _large(result, result.order(), cutoff)
    page = order[offset:] if limit is None else order[offset : offset + limit]
    return DiffexpResult(
        method=result.options.method,
        matrix=result.matrix,
        correction=result.options.correction,
        scale=result.scale.kind,
        log_base=log_base(result),
        fold_change=fold_change(result),
        min_fraction=result.options.fraction_on(result.scale),
        warnings=result.warnings,
        n_tested=int(result.tested.sum()),
        fingerprint=dataset.fingerprint,
        n_a=result.n_a,
        n_b=result.n_b,
        n_genes=int(order.size),
        genes=gene_rows(result, dataset.genes(result.matrix), page, page),
        job_id=job_id,
        **_samples(result),
    )


def _samples(result: Comparison) -> dict[str, Any]:
    """Return the fields of a comparison over samples."""
    design = result.design
    if design is None:
        return {}
    used = [SampleUsed(sample=u.sample, side="b" if u.side else "a", n=u.n_cells) for u in design.used]
    return {"samples": used, "sample": design.sample_column, "coefficients": list(design.coefficients)}


def markers_result(result: Markers, dataset: Dataset, job_id: str, cutoff: float) -> MarkersResult:
    """Return markers as they are sent; see ``diffexp_result``."""
    known = dataset.genes(result.matrix)
    return MarkersResult(
        method=result.options.method,
        matrix=result.matrix,
        correction=result.options.correction,
        scale=result.scale.kind,
        log_base=log_base(result),
        fold_change=fold_change(result),
        min_fraction=result.options.fraction_on(result.scale),
        fingerprint=dataset.fingerprint,
        group_by=result.group_by,
        n_genes=result.n_genes,
        warnings=list(result.warnings),
        groups=[
            MarkerGroup(
                name=group.name,
                n=group.n,
                n_rest=group.n_rest,
                n_tested=group.n_tested,
                warnings=list(group.warnings),
                genes=_marker_rows(group, known, cutoff),
            )
            for group in result.groups
        ],
        job_id=job_id,
    )


def result_csv(result: Comparison | Markers, dataset: Dataset, cutoff: float) -> ResponseOf[Any]:
    """Return the whole table of a result as CSV, below lines of ``#`` that say how it was computed."""
    known = dataset.genes(result.matrix)
    if isinstance(result, Markers):
        header: tuple[str, ...] = (result.group_by, *RESULT_COLUMNS)
        rows = [
            (group.name, *msgspec.structs.astuple(row)[: len(RESULT_COLUMNS)])
            for group in result.groups
            for row in _marker_rows(group, known, cutoff)
        ]
        name = "markers"
    else:
        header = RESULT_COLUMNS
        order = _large(result, result.order(), cutoff)
        made = gene_rows(result, known, order, order)
        rows = [msgspec.structs.astuple(row)[: len(RESULT_COLUMNS)] for row in made]
        if result.design is not None:
            # a column for each sample
            header += tuple(f"{unit.sample} ({'ab'[unit.side]})" for unit in result.design.used)
            rows = [row + tuple(gene.of_samples or ()) for row, gene in zip(rows, made, strict=True)]
        name = "differential_expression"
    response: ResponseOf[Any] = ResponseOf(_comments(result) + csv_bytes(header, rows), mimetype=CSV)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _comments(result: Comparison | Markers) -> bytes:
    """Return how a result was computed, as lines that start with ``#``."""
    lines = methods_of(result)
    if isinstance(result, Comparison):
        lines.insert(1, f"cells: {result.n_a} against {result.n_b}")
        if result.design is not None:
            lines.insert(2, f"samples: {result.design.sample_column}; model: {', '.join(result.design.coefficients)}")
        lines += result.warnings
    return comment_lines(lines)


def methods_of(result: Comparison | Markers | ComparisonByCategory[ComparedCategory]) -> list[str]:
    """Return how a result was computed, in lines."""
    options, scale, change = result.options, result.scale, fold_change(result)
    is_normalized = options.test.normalization and scale.kind == "counts"
    if options.test.over_samples:
        tested = "genes with enough counts, by edgeR's filterByExpr; of logarithms, all that vary"
    else:
        tested = f"genes with a value above 0 in at least {options.fraction_on(scale):g} of the cells of one group"
    return [
        f"{options.test.name} on {result.matrix}",
        f"scale: {scale.kind}" + (f", base {scale.base:g}" if scale.kind == "log1p" else ""),
        *([f"normalisation: {options.test.normalization}"] if is_normalized else []),
        f"tested: {tested}",
        f"p-values adjusted by {options.correction} for the tested genes",
        "log2 fold change: "
        + (f"{change.name}, log2 of the ratio of {change.formula}" if change else "not defined")
        + (f", pseudo-count {change.pseudo_count:g}" if change else ""),
    ]


def comment_lines(lines: Iterable[str]) -> bytes:
    """Return lines that start with ``#``, to be followed by CSV."""
    # the name of a matrix or a category is the file's, and may have line ends
    return "".join(f"# {' '.join(line.split())}\n" for line in lines).encode()


def log_base(result: Comparison | Markers | ComparisonByCategory[ComparedCategory]) -> float | None:
    """Return the base of the logarithms of the matrix; None if it has none."""
    return result.scale.base if result.scale.kind == "log1p" else None


def fold_change(result: Comparison | Markers | ComparisonByCategory[ComparedCategory]) -> FoldChangeUsed | None:
    """Return the formula of the fold changes; None if there are none."""
    formula, kind = result.options.test.fitted_change or result.options.formula, result.scale.kind
    if kind not in formula.formulas or not result.options.test.has_fold_change:
        return None
    return FoldChangeUsed(
        id=formula.id, name=formula.name, formula=formula.formulas[kind], pseudo_count=formula.pseudo_count
    )


def _marker_rows(group: GroupMarkers, known: Genes, cutoff: float) -> list[DiffexpGene]:
    order = _large(group, np.arange(group.genes.size), cutoff)
    return gene_rows(group, known, order, group.genes[order])


def gene_rows(
    result: Comparison | GroupMarkers | ComparedCategory,
    known: Genes,
    order: NDArray[np.intp],
    genes: NDArray[np.intp],
) -> list[DiffexpGene]:
    """Return rows of a result; undefined and infinite numbers become None.

    Parameters
    ----------
    result
        The result.
    known
        The genes of the matrix.
    order
        The positions of the rows in the result, shape (rows,).
    genes
        The positions of their genes in the matrix, shape (rows,).
    """
    columns: list[list[str] | list[str | None] | list[float | None]] = [[known.names[i] for i in genes.tolist()]]
    columns.append([known.ids[i] if known.ids else None for i in genes.tolist()])
    for field in RESULT_COLUMNS[2:]:
        values = getattr(result, field)[order]
        finite = np.isfinite(values).tolist()
        columns.append([v if ok else None for v, ok in zip(values.tolist(), finite, strict=True)])
    made = [DiffexpGene(**dict(zip(RESULT_COLUMNS, row, strict=True))) for row in zip(*columns, strict=True)]
    if isinstance(result, Comparison) and result.of_samples is not None:
        for row, values in zip(made, result.of_samples[order].tolist(), strict=True):
            row.of_samples = [value if np.isfinite(value) else None for value in values]
    return made


def _large(result: Comparison | GroupMarkers, order: NDArray[np.intp], cutoff: float) -> NDArray[np.intp]:
    """Return the positions of the genes with a change of at least the cutoff, or with an undefined one."""
    return order if cutoff == 0 else order[~(np.abs(result.log2_fold_change[order]) < cutoff)]
