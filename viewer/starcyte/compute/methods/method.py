"""The parts of a method of comparison: its description, the groups it is given, the statistics it returns.

Nothing here imports scipy: the list of methods is part of the schema, which the server sends soon after its start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import BadRequest

if TYPE_CHECKING:
    from starcyte.compute.pseudobulk.analysis import SampleStatistics
    from starcyte.compute.pseudobulk.design import Design
    from starcyte.store.dataset import Matrix, Tick
    from starcyte.store.index.sums import Groups, MergedSums, Sums
    from starcyte.store.moments import Moments
    from starcyte.store.scale import Scale

ReadSums: TypeAlias = "Callable[[Groups, Tick], Sums | MergedSums]"
"""Returns the sums of groups of cells; called with the tick of the pass over the matrix."""

#: Columns of the table of a comparison, in their order
RESULT_COLUMNS = (
    "gene",
    "gene_id",
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


@dataclass(frozen=True, eq=False)
class Contrasts:
    """Groups of cells of one matrix, and the pairs of groups that are compared.

    Parameters
    ----------
    matrix
        The matrix.
    codes
        The group of each cell, integers of shape (n_obs,); n_groups for cells in no group.
    n_groups
        The number of groups.
    against_rest
        True: each group is compared with all other grouped cells, so that there are n_groups contrasts.
        False: group 0 is compared with group 1, one contrast.
    cached_moments
        Returns the moments of the groups from those that are cached with the index, or None if that is not possible.
        Called with the number of threads and the tick.
    scale
        The scale of the matrix.
    design
        The design over samples, of a comparison that has one.
    sums
        Returns the sums of groups of cells, perhaps kept ones; None: they are read from the matrix.
    """

    matrix: Matrix
    codes: NDArray[np.integer[Any]]
    n_groups: int
    against_rest: bool
    cached_moments: Callable[[int, Tick], Moments | None]
    scale: Scale
    design: Design | None = None
    sums: ReadSums | None = None

    @property
    def n_contrasts(self) -> int:
        """The number of contrasts."""
        return self.n_groups if self.against_rest else 1

    def moments(self, workers: int, tick: Tick) -> Moments:
        """Return the moments of the groups: the cached ones, or those of a pass over the matrix."""
        from starcyte.compute.moments import group_moments

        cached = self.cached_moments(workers, tick)
        return cached or group_moments(self.matrix, self.codes, self.n_groups, workers, tick)


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a model of samples gives besides its test.

    Parameters
    ----------
    tested
        The genes that the method itself chose to test, bool, shape (genes,).
    log2_fold_change
        The coefficient of the model, float64, shape (genes,).
    of_samples
        The value of each gene in each unit of the design, float64, shape (genes, units).
    """

    tested: NDArray[np.bool_]
    log2_fold_change: NDArray[np.float64]
    of_samples: NDArray[np.float64]


@dataclass(frozen=True)
class FittedChange:
    """The formula of a fold change that is a coefficient of a model.

    Parameters
    ----------
    id
        Its name in results.
    name
        Its name in a sentence.
    formulas
        Whose ratio it is the log2 of, by the kind of scale.
    pseudo_count
        The number that is added to each count.
    """

    id: str
    name: str
    formulas: Mapping[str, str]
    pseudo_count: float


@dataclass(frozen=True, eq=False)
class Statistics:
    """The statistics of every gene.

    Parameters
    ----------
    n
        Cells in each group, int64, shape (groups,).
    mean
        Mean value, float64, shape (genes, groups).
    positive
        Cells with a value above 0, integers, shape (genes, groups).
    expm1
        Sum of base ** value - 1, see ``Moments``, float64, shape (genes, groups).
    score
        The test statistic, float64, shape (genes, contrasts); above 0 if group a is the higher one. NaN if undefined.
    p_value
        Two-sided, float64, shape (genes, contrasts). NaN if undefined.
    auc
        Area under the ROC curve, float64, shape (genes, contrasts); None from a method that has none.
    fitted
        What a method that fits a model adds; None from others.
    """

    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    positive: NDArray[np.integer[Any]]
    expm1: NDArray[np.float64]
    score: NDArray[np.float64]
    p_value: NDArray[np.float64]
    auc: NDArray[np.float64] | None = None
    fitted: Fitted | None = None

    def of_genes(self, genes: NDArray[np.intp]) -> Moments:
        """Return the moments of some genes, without sums of squared deviations."""
        from starcyte.store.moments import Moments

        mean = self.mean[genes]
        return Moments(self.n, mean, np.zeros_like(mean), self.positive[genes].astype(np.uint32), self.expm1[genes])


class Run(Protocol):
    """The function that computes a method."""

    def __call__(self, contrasts: Contrasts, workers: int, tick: Tick) -> Statistics:
        """Return the statistics of every gene of the matrix.

        Parameters
        ----------
        contrasts
            The groups of cells.
        workers
            The number of threads to use.
        tick
            Called with the fraction done; raises to stop.
        """


class RunWithin(Protocol):
    """The function that computes a method within strata of cells, from one pass over the matrix."""

    def __call__(
        self, matrix: Matrix, sides: NDArray[Any], strata: NDArray[Any], n_strata: int, workers: int, tick: Tick
    ) -> Sequence[Statistics]:
        """Return the statistics of every gene of the matrix within each stratum, of one contrast.

        Parameters
        ----------
        matrix
            The matrix.
        sides
            The group of each cell, integers of shape (n_obs,): 0 is compared with 1; 2 for cells in neither.
        strata
            The stratum of each grouped cell, integers of shape (n_obs,); each has cells of both groups.
        n_strata
            The number of strata.
        workers
            The number of threads to use.
        tick
            Called with the fraction done; raises to stop.
        """


class Fit(Protocol):
    """The function that fits the model of a method over samples."""

    def __call__(self, sums: Sums, scale: Scale, design: Design) -> SampleStatistics:
        """Return the statistics of every gene.

        Parameters
        ----------
        sums
            The sums over the cells of each unit of the design that is used.
        scale
            The scale of the matrix.
        design
            The design; it allows a comparison.
        """


@dataclass(frozen=True)
class Method:
    """A method of comparison, with all that the interface and the page need to know of it.

    Parameters
    ----------
    id
        Its name in requests and results.
    label
        Its name on a button.
    name
        Its name in a sentence and in a figure legend: "... by Welch’s t-test".
    description
        When to choose it, in one line.
    fewest_cells
        The smallest number of cells of a group.
    needs_index
        Whether it reads gene by gene, so that a job waits for the column index of a matrix stored by cell.
    uses_moments
        Whether moments are all that it needs, so that cached ones answer without reading the matrix.
    has_auc
        Whether its results have an AUC.
    suits_selections
        Whether the page chooses it by default for cells that were selected by hand.
    small_groups
        What it does for groups of fewer than 50 cells, a sentence for results.
    run
        The computation.
    run_within
        The same of two groups within each of several strata; None if it compares samples.
    has_fold_change
        Whether its results have a log2 fold change of the means.
    fitted_change
        The formula of its fold change, if that is a coefficient of its model.
    fit
        The model, if it compares samples instead of cells, and needs their design.
    is_slow
        Whether it takes seconds even if nothing has to be read.
    normalization
        How samples are made comparable, in a few words.
    requires
        The package that it needs, which is an extra of the same name as its id; empty if it needs none.
    """

    id: str
    label: str
    name: str
    description: str
    fewest_cells: int
    needs_index: bool
    uses_moments: bool
    has_auc: bool
    suits_selections: bool
    small_groups: str
    run: Run
    run_within: RunWithin | None = None
    has_fold_change: bool = True
    fitted_change: FittedChange | None = None
    fit: Fit | None = None
    is_slow: bool = False
    normalization: str = ""
    requires: str = ""

    @property
    def is_available(self) -> bool:
        """Whether the package that it needs is installed."""
        return not self.requires or find_spec(self.requires) is not None

    def check(self) -> None:
        """Raise BadRequest if the package that it needs is not installed."""
        if not self.is_available:
            raise BadRequest(
                f"{self.name} is not available: {self.requires} is not installed.",
                f"Install it where the server runs: pip install 'starcyte[{self.id}]'.",
            )

    @property
    def over_samples(self) -> bool:
        """Whether it compares samples instead of cells."""
        return self.fit is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its results: those of RESULT_COLUMNS that it defines."""
        undefined = {"auc": not self.has_auc, "log2_fold_change": not self.has_fold_change}
        return tuple(column for column in RESULT_COLUMNS if not undefined.get(column))

    def as_dict(self) -> dict[str, Any]:
        """Return the description that the schema of a dataset holds."""
        return {
            "id": self.id,
            "label": self.label,
            "name": self.name,
            "description": self.description,
            "fewest_cells": self.fewest_cells,
            "needs_index": self.needs_index,
            "has_auc": self.has_auc,
            "has_fold_change": self.has_fold_change,
            "over_samples": self.over_samples,
            "suits_selections": self.suits_selections,
            "columns": list(self.columns),
        }
