"""One comparison of cells within each category of a column: all cell types in one question, from one pass."""

from __future__ import annotations

import numpy as np

# methods and corrections import it in their functions; imported here, it delays a first request but no job
import scipy.stats  # noqa: F401
from numpy.typing import NDArray

from starcyte.compute.blocks import parallel_for
from starcyte.compute.by_category import ARRAYS, ComparedCategory, ComparisonByCategory, check_any
from starcyte.compute.diffexp import comparison_of, known_scale, unmeasured_warnings
from starcyte.compute.methods.method import Statistics
from starcyte.compute.options import Options
from starcyte.compute.pseudobulk.samples import sides_of
from starcyte.errors import BadRequest
from starcyte.store.cell_rows import measured
from starcyte.store.dataset import Column, Dataset, Matrix, Tick, no_tick
from starcyte.store.scale import Scale

# the share of the work that is the pass over the matrix
_READING = 0.9
_HINT = "Choose larger groups or another column"


def compare_cells_by_category(
    dataset: Dataset,
    matrix: Matrix,
    a: NDArray[np.bool_],
    b: NDArray[np.bool_],
    column: Column,
    options: Options = Options(),  # noqa: B008  it is frozen
    workers: int = 1,
    tick: Tick = no_tick,
) -> ComparisonByCategory[ComparedCategory]:
    """Compare two groups of cells gene by gene, within each category of a column.

    Each category is compared as ``compare`` does with its cells alone: with its own genes tested, and its own
    adjustment of p-values.

    Parameters
    ----------
    dataset
        The dataset.
    matrix
        The matrix.
    a, b
        The cells of each group, bool, shape (n_obs,); no cell in both.
    column
        A column that has categories.
    options
        The method, which compares cells, and what is reported.
    workers
        The number of threads to use.
    tick
        Called between blocks and between categories with the fraction done; raises to stop.

    Returns
    -------
    ComparisonByCategory
        Of the categories that have cells of a or b. One with too few cells in a or b for the method has the reason as
        ``problem``, and no genes.

    Raises
    ------
    BadRequest
        If the method compares samples, the column has no categories, the groups share cells, or no category can be
        compared.
    DatasetInvalid
        If the matrix contradicts itself.
    """
    test = options.test
    if test.run_within is None:
        raise BadRequest(f"{test.name} compares samples.", "Choose a method of cells.")
    codes, names = column.as_categories()
    if (a & b).any():
        raise BadRequest("The groups share cells.", "Remove them from one group, or compare with the rest.")
    n_all = int(a.sum()) + int(b.sum())
    a, b = measured(matrix, a), measured(matrix, b)
    warnings = unmeasured_warnings(matrix.name, n_all - int(a.sum()) - int(b.sum()))
    sides = sides_of(a, b)
    sides[codes < 0] = 2
    n_a, n_b = (np.bincount(codes[(sides == side)], minlength=len(names)) for side in (0, 1))
    occurring = np.flatnonzero(n_a + n_b).tolist()
    problems = {k: _too_few(int(n_a[k]), int(n_b[k]), options) for k in occurring}
    check_any(column, list(problems.values()), _HINT)
    compared = [k for k in occurring if not problems[k]]
    # the stratum of each category; those that are not compared have none
    strata = np.zeros(len(names), np.int32)
    strata[compared] = np.arange(len(compared))
    sides[~np.isin(codes, compared)] = 2
    scale = options.scale_of(known_scale(dataset, matrix))
    of_cells = np.where(codes >= 0, strata[codes], 0)
    found = test.run_within(matrix, sides, of_cells, len(compared), workers, lambda done: tick(_READING * done))
    parts = {k: _not_compared(names[k], int(n_a[k]), int(n_b[k]), problems[k]) for k in occurring}

    def work(number: int) -> None:
        k = compared[number]
        parts[k] = _compared(names[k], found[number], matrix, options, scale)

    parallel_for(len(compared), work, workers, lambda done: tick(_READING + (1 - _READING) * done))
    made = [parts[k] for k in occurring]
    check_any(column, [part.problem for part in made], _HINT)
    return ComparisonByCategory(options, matrix.name, column.info.name, None, (), scale, made, warnings)


def _too_few(n_a: int, n_b: int, options: Options) -> str:
    """Return why groups of some cells are not compared; empty if they are."""
    test = options.test
    if min(n_a, n_b) >= test.fewest_cells:
        return ""
    return f"{n_a:,} cells in group a and {n_b:,} in group b; {test.name} needs at least {test.fewest_cells} in each."


def _not_compared(name: str, n_a: int, n_b: int, problem: str) -> ComparedCategory:
    return ComparedCategory(name, n_a, n_b, problem, (), np.empty(0, np.intp), **dict.fromkeys(ARRAYS, np.empty(0)))


def _compared(name: str, found: Statistics, matrix: Matrix, options: Options, scale: Scale) -> ComparedCategory:
    """Return the comparison within one category."""
    comparison = comparison_of(found, matrix, options, scale)
    genes = comparison.order()
    if genes.size == 0:
        return _not_compared(name, comparison.n_a, comparison.n_b, "No gene is expressed in enough cells.")
    arrays = {array: getattr(comparison, array)[genes] for array in ARRAYS}
    return ComparedCategory(name, comparison.n_a, comparison.n_b, "", comparison.warnings, genes, **arrays)
