"""The answer to a question: a comparison of all cells, or one for each category, with the values of its best genes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.by_category import CategoryComparison, compare_by_category
from starcyte.compute.composition import Composition, compare_composition
from starcyte.compute.diffexp import compare
from starcyte.compute.options import Options
from starcyte.compute.pseudobulk.proportions import Transform
from starcyte.compute.pseudobulk.samples import cell_sets, sides_of
from starcyte.compute.pseudobulk.sums import group_sums
from starcyte.errors import BadRequest
from starcyte.report.question import Question
from starcyte.store.dataset import Column, Tick, no_tick
from starcyte.store.index.sums import Groups, Sums

#: Adjusted p-values below this are called significant
ALPHA = 0.05
METHOD = "pseudobulk"


@dataclass(frozen=True, eq=False)
class Answer:
    """A comparison over samples.

    Parameters
    ----------
    question
        The question.
    options
        How it was answered.
    parts
        The comparison of all cells, whose name is empty, or those within each category.
    best
        For each part, the values of its first genes in the samples, shape (genes, used units); log2 counts per million,
        or means of logarithms to base 2.
    of_samples
        The values of all genes of a comparison of all cells, in the order of its genes; None for categories.
    composition
        The comparison of the proportions of the categories; None for all cells, or if the samples do not allow it.
    """

    question: Question
    options: Options
    parts: Sequence[CategoryComparison]
    best: Sequence[NDArray[np.float64]]
    of_samples: NDArray[np.float64] | None
    composition: Composition | None = None


def n_significant(part: CategoryComparison) -> int:
    """Return the number of significant genes of a part."""
    return part.n_significant(1, ALPHA) + part.n_significant(-1, ALPHA)


def answer(question: Question, n_best: int, workers: int = 1, tick: Tick = no_tick) -> Answer:
    """Answer a question.

    Parameters
    ----------
    question
        The question.
    n_best
        The number of genes of each part whose values in samples are returned.
    workers
        The number of threads to use.
    tick
        Called with the progress.

    Raises
    ------
    BadRequest
        If the design allows no comparison, or the matrix cannot be summed over cells.
    DatasetInvalid
        If the matrix contradicts itself.
    """
    q, options = question, Options(METHOD)
    if q.each is not None:
        kept: list[Sums] = []

        def read(groups: Groups, tick: Tick) -> Sums:
            # kept, as the values of the best genes are computed from them as well
            kept.append(group_sums(q.matrix, groups, workers, tick))
            return kept[0]

        parts = compare_by_category(
            q.dataset, q.matrix, q.a, q.b, q.samples, q.each, options, workers, tick, read
        ).categories
        best = _values_of(q, options, parts, n_best, kept[0])
        return Answer(q, options, parts, best, None, _composition(q, q.each))
    found = compare(q.dataset, q.matrix, q.a, q.b, options, workers, tick, q.samples.design(q.a, q.b))
    assert found.design is not None
    assert found.of_samples is not None
    order = found.order()
    part = CategoryComparison(
        name="",
        n_a=found.n_a,
        n_b=found.n_b,
        design=found.design,
        problem="",
        warnings=found.warnings,
        genes=order,
        log2_fold_change=found.log2_fold_change[order],
        score=found.score[order],
        p_value=found.p_value[order],
        p_adjusted=found.p_adjusted[order],
        mean_a=found.mean_a[order],
        mean_b=found.mean_b[order],
        fraction_a=found.fraction_a[order],
        fraction_b=found.fraction_b[order],
        auc=found.auc[order],
    )
    values = found.of_samples[order]
    return Answer(q, options, [part], [values[:n_best]], values)


def _composition(q: Question, each: Column) -> Composition | None:
    try:
        return compare_composition(q.a, q.b, q.samples, each, Transform.LOGIT)
    except BadRequest:
        # categories can be compared where all cells cannot: a covariate may be constant within the samples of one
        return None


def _values_of(
    q: Question, options: Options, parts: Sequence[CategoryComparison], n_best: int, sums: Sums
) -> list[NDArray[np.float64]]:
    """Return the values of the best genes of each category in its samples."""
    assert q.each is not None
    fit = options.test.fit
    assert fit is not None
    codes, names = q.each.as_categories()
    sets = cell_sets(q.samples, sides_of(q.a, q.b), codes, len(names))
    found = []
    for part in parts:
        if part.problem:
            found.append(np.empty((0, 0)))
            continue
        design, units = sets.design(list(names).index(part.name))
        values = fit(sums.merged([[k] for k in units]), q.scale, design).values
        found.append(values[part.genes[:n_best]])
    return found
