"""Comparisons within each category of a column, as structs and as CSV."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from starcyte.compute.by_category import CategoryComparison, ComparedCategory, ComparisonByCategory
from starcyte.compute.methods.method import RESULT_COLUMNS
from starcyte.store.dataset import Dataset
from starcyte.store.gene_lookup import Genes
from starcyte.web.contract.by_category import SIGNIFICANT, ByCategoryResult, CategoryResult, TopGenes
from starcyte.web.encoding.media import CSV
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.encoding.results import comment_lines, fold_change, gene_rows, log_base, methods_of
from starcyte.web.encoding.wire import csv_bytes

# of one category, and of all together, beside each other
_TOP_EACH, _TOP = 5, 60


def by_category_result(
    result: ComparisonByCategory[ComparedCategory], dataset: Dataset, job_id: str, cutoff: float, limit: int
) -> ByCategoryResult:
    """Return a comparison within each category as it is sent.

    Parameters
    ----------
    result
        The comparison.
    dataset
        Its dataset.
    job_id
        Its job.
    cutoff
        Genes with a smaller absolute log2 fold change are omitted.
    limit
        The number of genes of each category.
    """
    known = dataset.genes(result.matrix)
    return ByCategoryResult(
        method=result.options.method,
        matrix=result.matrix,
        correction=result.options.correction,
        scale=result.scale.kind,
        log_base=log_base(result),
        fold_change=fold_change(result),
        min_fraction=None if result.sample_column else result.options.fraction_on(result.scale),
        fingerprint=dataset.fingerprint,
        each=result.column,
        sample=result.sample_column,
        covariates=list(result.covariates),
        warnings=list(result.warnings),
        categories=[_category(category, known, cutoff, limit) for category in result.categories],
        top=_top_genes(result, known),
        job_id=job_id,
    )


def by_category_csv(result: ComparisonByCategory[ComparedCategory], dataset: Dataset, cutoff: float) -> ResponseOf[Any]:
    """Return the whole tables of all categories as one CSV, below lines of ``#`` that say how they were computed."""
    known = dataset.genes(result.matrix)
    lines = methods_of(result)
    own = "filter, normalisation and model" if result.sample_column else "genes tested and p-values adjusted"
    lines[1:1] = [
        f"within each category of {result.column}, with its own {own}",
        *([f"samples: {result.sample_column}"] if result.sample_column else []),
    ]
    lines += result.warnings
    for category in result.categories:
        lines += [f"{category.name}: {line}" for line in (_outcome(category), *category.warnings)]

    def rows() -> Any:
        for category in result.categories:
            order = _large(category, cutoff)
            for row in gene_rows(category, known, order, category.genes[order]):
                yield (category.name, *msgspec.structs.astuple(row)[: len(RESULT_COLUMNS)])

    header = (result.column, *RESULT_COLUMNS)
    response: ResponseOf[Any] = ResponseOf(comment_lines(lines) + csv_bytes(header, rows()), mimetype=CSV)
    response.headers["Content-Disposition"] = 'attachment; filename="differential_expression_by_category.csv"'
    return response


def _outcome(category: ComparedCategory) -> str:
    if category.problem:
        return f"not compared. {category.problem}"
    if not isinstance(category, CategoryComparison):
        return f"{category.n_a} cells against {category.n_b}"
    model = ", ".join(category.design.coefficients)
    return f"{category.n_samples(0)} samples against {category.n_samples(1)}; model: {model}"


def _category(category: ComparedCategory, known: Genes, cutoff: float, limit: int) -> CategoryResult:
    order = _large(category, cutoff)[:limit]
    over = category if isinstance(category, CategoryComparison) else None
    return CategoryResult(
        name=category.name,
        n_a=category.n_a,
        n_b=category.n_b,
        n_samples_a=None if over is None else over.n_samples(0),
        n_samples_b=None if over is None else over.n_samples(1),
        is_paired=over is not None and over.design.is_paired,
        coefficients=[] if over is None else list(over.design.coefficients),
        problem=category.problem or None,
        warnings=list(category.warnings),
        n_tested=int(category.genes.size),
        n_up=category.n_significant(1, SIGNIFICANT),
        n_down=category.n_significant(-1, SIGNIFICANT),
        genes=gene_rows(category, known, order, category.genes[order]),
    )


def _top_genes(result: ComparisonByCategory[ComparedCategory], known: Genes) -> TopGenes:
    """Return the fold changes of the significant genes that are the best of some category, at most 60."""
    best: dict[int, None] = {}
    # the first of each category before the second of any
    for place in range(_TOP_EACH):
        for category in result.categories:
            if place < category.genes.size and category.p_adjusted[place] < SIGNIFICANT:
                best.setdefault(int(category.genes[place]))
    genes = np.array(list(best)[:_TOP], np.intp)
    return TopGenes(
        genes=[known.names[gene] for gene in genes.tolist()],
        log2_fold_change=[_of_genes(c, c.log2_fold_change, genes) for c in result.categories],
        p_adjusted=[_of_genes(c, c.p_adjusted, genes) for c in result.categories],
    )


def _of_genes(category: ComparedCategory, values: NDArray[np.float64], genes: NDArray[np.intp]) -> list[float | None]:
    of = dict(zip(category.genes.tolist(), values.tolist(), strict=True))
    found = (of.get(gene, np.nan) for gene in genes.tolist())
    return [value if np.isfinite(value) else None for value in found]


def _large(category: ComparedCategory, cutoff: float) -> NDArray[np.intp]:
    """Return the places of the genes with a change of at least the cutoff."""
    return np.flatnonzero(~(np.abs(category.log2_fold_change) < cutoff))
