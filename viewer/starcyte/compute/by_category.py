"""One comparison within each category of a column, all cell types in one question: results, and that over samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

# corrections and models import it in their functions; imported here, it delays a first request but no job
import scipy.stats  # noqa: F401
from numpy.typing import NDArray

from starcyte.compute.blocks import parallel_for
from starcyte.compute.diffexp import known_scale, unmeasured_warnings
from starcyte.compute.methods.method import ReadSums
from starcyte.compute.options import Options
from starcyte.compute.pseudobulk.design import Design
from starcyte.compute.pseudobulk.samples import CellSets, Samples, cell_sets, sides_of
from starcyte.compute.pseudobulk.sums import merged_sums
from starcyte.errors import BadRequest
from starcyte.store.cell_rows import measured
from starcyte.store.dataset import Column, Dataset, Matrix, Tick, no_tick
from starcyte.store.index.sums import Groups, MergedSums, Sums
from starcyte.store.scale import Scale

# the share of the work that is reading the sums
_READING = 0.9


@dataclass(frozen=True, eq=False)
class ComparedCategory:
    """The comparison within one category.

    Each array has the shape (tested genes,), by decreasing absolute score; there are none if it was not compared.

    Parameters
    ----------
    name
        The category.
    n_a, n_b
        Cells on each side; of a comparison over samples, those of the samples that are used.
    problem
        Why it was not compared, and what would be needed; empty if it was.
    warnings
        Warnings about few cells, or about the samples.
    genes
        Positions of the genes in the matrix; the other arrays are float64.
    """

    name: str
    n_a: int
    n_b: int
    problem: str
    warnings: Sequence[str]
    genes: NDArray[np.intp]
    log2_fold_change: NDArray[np.float64]
    score: NDArray[np.float64]
    p_value: NDArray[np.float64]
    p_adjusted: NDArray[np.float64]
    mean_a: NDArray[np.float64]
    mean_b: NDArray[np.float64]
    fraction_a: NDArray[np.float64]
    fraction_b: NDArray[np.float64]
    auc: NDArray[np.float64]

    def n_significant(self, sign: int, p_adjusted: float = 0.05) -> int:
        """Return the number of genes that are higher in a (sign 1) or in b (-1), at an adjusted p-value."""
        with np.errstate(invalid="ignore"):
            return int(((self.p_adjusted < p_adjusted) & (np.sign(self.log2_fold_change) == sign)).sum())


@dataclass(frozen=True, eq=False)
class CategoryComparison(ComparedCategory):
    """The comparison over samples within one category, with its design."""

    design: Design

    def n_samples(self, side: int) -> int:
        """Return the number of samples on a side that are used: 0 for a, 1 for b."""
        return sum(unit.side == side for unit in self.design.used)


Part = TypeVar("Part", bound=ComparedCategory, covariant=True)


@dataclass(frozen=True, eq=False)
class ComparisonByCategory(Generic[Part]):
    """The comparisons within all categories that have cells, in the order of the column.

    Parameters
    ----------
    options, matrix, column, scale
        What was compared, and how.
    sample_column
        The column of samples; None if cells were compared.
    covariates
        The columns that were adjusted for.
    categories
        The comparison within each category.
    """

    options: Options
    matrix: str
    column: str
    sample_column: str | None
    covariates: tuple[str, ...]
    scale: Scale
    categories: Sequence[Part]
    warnings: Sequence[str] = ()

    @property
    def nbytes(self) -> int:
        """The bytes of memory of the arrays."""
        return sum(c.genes.nbytes + len(ARRAYS) * c.p_value.nbytes for c in self.categories)


#: The arrays of a compared category
ARRAYS = (
    "log2_fold_change",
    "score",
    "p_value",
    "p_adjusted",
    "mean_a",
    "mean_b",
    "fraction_a",
    "fraction_b",
    "auc",
)


def compare_by_category(
    dataset: Dataset,
    matrix: Matrix,
    a: NDArray[np.bool_],
    b: NDArray[np.bool_],
    samples: Samples,
    column: Column,
    options: Options,
    workers: int = 1,
    tick: Tick = no_tick,
    sums: ReadSums | None = None,
) -> ComparisonByCategory[CategoryComparison]:
    """Compare two groups of cells over samples, within each category of a column, from one pass over the matrix.

    Each category has its own filter of genes, normalisation, model and adjustment of p-values.

    Parameters
    ----------
    dataset
        The dataset.
    matrix
        The matrix.
    a, b
        The cells of each group, bool, shape (n_obs,).
    samples
        The samples, and what to adjust for.
    column
        A column that has categories.
    options
        The method, which compares samples, and what is reported.
    workers
        The number of threads to use.
    tick
        Called between blocks and between categories with the fraction done; raises to stop.
    sums
        Returns sums of groups of cells; None: they are read from the matrix.

    Returns
    -------
    ComparisonByCategory
        A category whose samples allow no comparison has the reason as ``problem``, and no genes.

    Raises
    ------
    BadRequest
        If the column has no categories, the groups share cells, or no category can be compared.
    DatasetInvalid
        If the matrix contradicts itself.
    """
    codes, names = column.as_categories()
    if (a & b).any():
        raise BadRequest("The groups share cells.", "Remove them from one group, or compare with the rest.")
    n_all = int(a.sum()) + int(b.sum())
    a, b = measured(matrix, a), measured(matrix, b)
    warnings = unmeasured_warnings(matrix.name, n_all - int(a.sum()) - int(b.sum()))
    sets = cell_sets(samples, sides_of(a, b), codes, len(names))
    designs = {category: sets.design(category) for category in np.unique(sets.category).tolist()}
    check_any(column, [design.problem for design, _ in designs.values()])
    scale = options.scale_of(known_scale(dataset, matrix))
    read = sums or (lambda groups, tick: merged_sums(matrix, groups, workers, tick))
    of_sets = read(Groups(sets.codes, sets.n_known), lambda done: tick(_READING * done))
    found: dict[int, CategoryComparison] = {}

    def work(number: int) -> None:
        category = list(designs)[number]
        found[category] = _compare(names[category], *designs[category], of_sets, sets, scale, options)

    parallel_for(len(designs), work, workers, lambda done: tick(_READING + (1 - _READING) * done))
    compared = [found[category] for category in designs]
    check_any(column, [category.problem for category in compared])
    adjusted_for = tuple(covariate.name for covariate in samples.covariates)
    return ComparisonByCategory(
        options, matrix.name, column.info.name, samples.column, adjusted_for, scale, compared, warnings
    )


def check_any(column: Column, problems: Sequence[str], hint: str = "Choose other samples or covariates") -> None:
    """Raise BadRequest unless some category can be compared, which has no problem."""
    if all(problems):
        raise BadRequest(
            f"No category of {column.info.name!r} can be compared. {next(iter(problems), 'No cell has a category.')}",
            f"{hint}, or compare all cells together.",
        )


def _compare(
    name: str, design: Design, units: list[int], sums: Sums | MergedSums, sets: CellSets, scale: Scale, options: Options
) -> CategoryComparison:
    """Return the comparison within one category."""
    problem, fit = design.problem, options.test.fit
    if fit is None:
        raise BadRequest(f"{options.test.name} compares cells.", "Choose a method over samples.")
    sides = [[k for k in units if sets.side[k] == side] for side in (0, 1)]
    n_a, n_b = (int(sets.n[side].sum()) for side in sides)
    sides_of_units = [[number for number, k in enumerate(units) if sets.side[k] == side] for side in (0, 1)]
    arrays = dict.fromkeys(ARRAYS, np.empty(0))
    genes = np.empty(0, np.intp)
    if not problem:
        try:
            of_units = sums.of_unions(units).read()
            result = fit(of_units, scale, design)
        except BadRequest as error:
            problem = error.message
    if not problem and not result.tested.any():
        problem = "No gene has enough counts."
    if not problem:
        p_adjusted = options.adjusted(result.p_value, result.tested)
        order = np.argsort(-np.where(np.isnan(result.t), -1.0, np.abs(result.t)), kind="stable")
        genes = order[result.tested[order]]
        positive = of_units.merged(sides_of_units).positive[genes]
        arrays = {
            "log2_fold_change": result.log2_fold_change[genes],
            "score": result.t[genes],
            "p_value": result.p_value[genes],
            "p_adjusted": p_adjusted[genes],
            "mean_a": result.mean_a[genes],
            "mean_b": result.mean_b[genes],
            "fraction_a": positive[:, 0] / n_a,
            "fraction_b": positive[:, 1] / n_b,
            "auc": np.full(genes.size, np.nan),
        }
    return CategoryComparison(name, n_a, n_b, problem, design.warnings, genes, **arrays, design=design)
