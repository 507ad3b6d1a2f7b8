"""Differential expression between two groups of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# methods and corrections import it in their functions; imported here, it delays a first request but no job
import scipy.stats  # noqa: F401
from numpy.typing import NDArray

from starcyte.compute.cached_moments import nearest_grouping
from starcyte.compute.fold_change import Expression
from starcyte.compute.methods import METHODS
from starcyte.compute.methods.method import Contrasts, Method, ReadSums, Statistics
from starcyte.compute.options import Options
from starcyte.compute.pseudobulk.design import Design
from starcyte.compute.pseudobulk.samples import sides_of
from starcyte.errors import BadRequest
from starcyte.store.cell_rows import measured
from starcyte.store.dataset import Dataset, Matrix, Tick, no_tick
from starcyte.store.moments import Moments
from starcyte.store.scale import Scale, find_scale


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result for all genes, in the matrix's order; each array is float64 of shape (genes,), or (genes, samples).

    NaN if a value is undefined: a fold change of signed data, a p-value of a gene without variance, the AUC of a
    method that has none, the test of a gene that too few cells express.
    """

    options: Options
    matrix: str
    n_a: int
    n_b: int
    scale: Scale
    tested: NDArray[np.bool_]
    log2_fold_change: NDArray[np.float64]
    score: NDArray[np.float64]
    p_value: NDArray[np.float64]
    p_adjusted: NDArray[np.float64]
    mean_a: NDArray[np.float64]
    mean_b: NDArray[np.float64]
    fraction_a: NDArray[np.float64]
    fraction_b: NDArray[np.float64]
    auc: NDArray[np.float64]
    design: Design | None = None
    of_samples: NDArray[np.float64] | None = None
    n_unmeasured: int = 0
    "Cells of the groups that the matrix lacks, which are left out."

    @property
    def nbytes(self) -> int:
        """The bytes of memory of the arrays."""
        arrays = [value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray)]
        return sum(arrays) + (0 if self.design is None else self.design.codes.nbytes)

    @property
    def warnings(self) -> list[str]:
        """Warnings about the sizes of the groups, or about the samples."""
        unmeasured = unmeasured_warnings(self.matrix, self.n_unmeasured)
        if self.design is not None:
            return [*unmeasured, *self.design.warnings]
        return [*unmeasured, *self.options.warnings(self.n_a, self.n_b)]

    def order(self) -> NDArray[np.intp]:
        """Return the positions of the tested genes by decreasing absolute score, undefined scores last."""
        strength = np.where(np.isnan(self.score), -1.0, np.abs(self.score))
        order = np.argsort(-strength, kind="stable")
        return order[self.tested[order]]


def compare(
    dataset: Dataset,
    matrix: Matrix,
    a: NDArray[np.bool_],
    b: NDArray[np.bool_],
    options: Options = Options(),  # noqa: B008  it is frozen
    workers: int = 1,
    tick: Tick = no_tick,
    design: Design | None = None,
    sums: ReadSums | None = None,
) -> Comparison:
    """Compare two groups of cells gene by gene.

    Parameters
    ----------
    dataset
        The dataset.
    matrix
        The matrix to compare in.
    a, b
        The cells of each group, bool, shape (n_obs,); no cell in both.
    options
        The method, and what is reported.
    workers
        The number of threads to use.
    tick
        Called between blocks with the fraction done; raises to stop.
    design
        The design over samples, of a method that needs one.
    sums
        Returns sums of groups of cells; None: they are read from the matrix.

    Raises
    ------
    BadRequest
        If the design allows no comparison, a group has too few cells for the method, or the groups share cells.
    DatasetInvalid
        If the matrix contradicts itself.
    """
    chosen, n_all = options.test, int(a.sum()) + int(b.sum())
    a, b = measured(matrix, a), measured(matrix, b)
    n_unmeasured = n_all - int(a.sum()) - int(b.sum())
    codes = _codes(a, b, chosen)

    def cached(workers: int, tick: Tick) -> Moments | None:
        grouping = nearest_grouping(dataset, matrix, [a, b])
        return None if grouping is None else grouping.moments(workers, tick)

    scale = options.scale_of(known_scale(dataset, matrix))
    contrasts = Contrasts(
        matrix, codes, 2, against_rest=False, cached_moments=cached, scale=scale, design=design, sums=sums
    )
    return comparison_of(chosen.run(contrasts, workers, tick), matrix, options, scale, design, n_unmeasured)


def comparison_of(
    found: Statistics,
    matrix: Matrix,
    options: Options,
    scale: Scale,
    design: Design | None = None,
    n_unmeasured: int = 0,
) -> Comparison:
    """Return the comparison that statistics of two groups make: with fold changes, the genes tested, adjusted p-values.

    Parameters
    ----------
    found
        The statistics, of one contrast.
    matrix
        The matrix.
    options
        The method, and what is reported.
    scale
        The scale of the matrix.
    design
        The design over samples, of a method that has one.
    n_unmeasured
        The cells of the groups that the matrix lacks.
    """
    chosen = options.test
    # without the cells of samples that are left out
    n_a, n_b = found.n.tolist()
    undefined = np.full(found.mean.shape[0], np.nan)
    in_a, in_b = (Expression(n, found.mean[:, g], found.expm1[:, g]) for g, n in enumerate((n_a, n_b)))
    fraction_a, fraction_b = (found.positive[:, side] / n for side, n in enumerate((n_a, n_b)))
    tested = options.tested(fraction_a, fraction_b, scale) if found.fitted is None else found.fitted.tested
    change = options.formula.log2(in_a, in_b, scale) if found.fitted is None else found.fitted.log2_fold_change
    score, p_value, auc = (
        undefined if values is None else np.where(tested, values[:, 0], np.nan)
        for values in (found.score, found.p_value, found.auc)
    )
    return Comparison(
        options=options,
        matrix=matrix.name,
        n_a=n_a,
        n_b=n_b,
        scale=scale,
        tested=tested,
        log2_fold_change=change if chosen.has_fold_change else undefined,
        score=score,
        p_value=p_value,
        p_adjusted=options.adjusted(p_value, tested),
        mean_a=found.mean[:, 0],
        mean_b=found.mean[:, 1],
        fraction_a=fraction_a,
        fraction_b=fraction_b,
        auc=auc,
        design=design,
        of_samples=None if found.fitted is None else found.fitted.of_samples,
        n_unmeasured=n_unmeasured,
    )


def unmeasured_warnings(matrix: str, n: int) -> list[str]:
    """Return the warning that cells are left out because a matrix lacks them; none if it lacks none of them."""
    cells = "1 cell is" if n == 1 else f"{n:,} cells are"
    return [f"{cells} not measured in {matrix}, and left out."] if n else []


def known_scale(dataset: Dataset, matrix: Matrix) -> Scale:
    """Return the scale of a matrix."""
    return dataset.scale(matrix.name) or find_scale(matrix.value_range(), matrix.log_base)


def is_quick(dataset: Dataset, matrix: Matrix, a: NDArray[np.bool_], b: NDArray[np.bool_], method: str) -> bool:
    """Return whether cached moments answer a comparison within a fraction of a second."""
    if not METHODS[method].uses_moments:
        return False
    grouping = nearest_grouping(dataset, matrix, [measured(matrix, a), measured(matrix, b)])
    return grouping is not None and grouping.is_quick


def _codes(a: NDArray[np.bool_], b: NDArray[np.bool_], method: Method) -> NDArray[np.int8]:
    """Return the group of each cell: 0 in a, 1 in b, 2 in neither."""
    for name, mask in (("a", a), ("b", b)):
        n = int(mask.sum())
        if n < method.fewest_cells:
            raise BadRequest(
                f"Group {name} has {n} cell{'s' if n != 1 else ''}; {method.name} needs at least"
                f" {method.fewest_cells} in each group.",
                "Select more cells.",
            )
    shared = int((a & b).sum())
    if shared:
        raise BadRequest(
            f"The groups share {shared} cell{'s' if shared != 1 else ''}.",
            "Remove them from one group, or compare with the rest.",
        )
    return sides_of(a, b)
