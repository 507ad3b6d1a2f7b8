"""Tables of sums by sample, or by sample and category, for programs such as edgeR and DESeq2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.pseudobulk.sample_columns import is_constant
from starcyte.compute.pseudobulk.samples import Samples, cell_sets
from starcyte.errors import BadRequest
from starcyte.store.dataset import Column, Dataset, Matrix, Tick, no_tick
from starcyte.store.index.sums import Groups, MergedSums
from starcyte.store.scale import Scale

# values of a table in memory at once
_VALUES_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False)
class SumsTable:
    """A table of genes by samples, or by pairs of a sample and a category.

    Parameters
    ----------
    matrix
        The name of the matrix.
    scale
        Its scale.
    sample_column, category_column
        The columns of obs, or annotations.
    samples, categories
        The sample and the category of each column; the category is None if there are none.
    n
        The cells of each column, shape (columns,).
    columns
        The obs columns that have one value in each sample, and their value in each column of the table: text or a
        number, None if it is missing.
    n_genes
        The number of genes.
    sums
        The sums.
    """

    matrix: str
    scale: Scale
    sample_column: str
    category_column: str | None
    samples: tuple[str, ...]
    categories: tuple[str | None, ...]
    n: NDArray[np.int64]
    columns: dict[str, tuple[str | float | None, ...]]
    n_genes: int
    sums: MergedSums

    @property
    def nbytes(self) -> int:
        """The bytes of memory that it takes."""
        return self.sums.nbytes

    @property
    def values(self) -> Literal["sum", "mean"]:
        """Counts are summed, other values averaged."""
        return "sum" if self.scale.kind == "counts" else "mean"

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each column: the sample, and the category if there are any."""
        pairs = zip(self.samples, self.categories, strict=True)
        return tuple(sample if category is None else f"{sample} | {category}" for sample, category in pairs)

    def runs(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield runs of genes with their values, shape (genes of the run, columns)."""
        step = max(_VALUES_AT_ONCE // max(len(self.samples), 1), 1)
        for first in range(0, self.n_genes, step):
            genes = slice(first, min(first + step, self.n_genes))
            totals = self.sums.totals(genes)
            yield genes, totals if self.values == "sum" else totals / self.n


def sums_table(
    dataset: Dataset,
    matrix: Matrix,
    scale: Scale,
    samples: Samples,
    column: Column | None,
    within: NDArray[np.bool_],
    read: Callable[[Groups, Tick], MergedSums],
    tick: Tick = no_tick,
) -> SumsTable:
    """Return the table of the sums by sample, or by sample and category.

    Parameters
    ----------
    dataset
        The dataset.
    matrix
        The matrix.
    scale
        Its scale: counts are summed, other values averaged.
    samples
        The samples; columns of fewer cells than ``min_cells`` are left out.
    column
        A column that has categories; None: samples alone.
    within
        The cells, bool, shape (n_obs,).
    read
        Returns sums of groups of cells.
    tick
        Called between blocks with the fraction done; raises to stop.

    Raises
    ------
    BadRequest
        If no sample has enough cells.
    """
    codes, names = (np.zeros(within.shape, np.int8), ("",)) if column is None else column.as_categories()
    sets = cell_sets(samples, np.where(within, 0, 2).astype(np.int8), codes, len(names))
    kept = np.flatnonzero((sets.sample >= 0) & (sets.n >= samples.min_cells))
    if not kept.size:
        raise BadRequest(
            f"No sample has {samples.min_cells:,} cells.", "Choose more cells, another column, or a lower min_cells."
        )
    # category by category, sample after sample
    kept = kept[np.lexsort((sets.sample[kept], sets.category[kept]))]
    number = np.full(sets.n.size + 1, kept.size)
    number[kept] = np.arange(kept.size)
    groups = Groups(number[sets.codes].astype(np.min_scalar_type(kept.size)), kept.size)
    sums = read(groups, tick)
    return SumsTable(
        matrix.name,
        scale,
        samples.column,
        None if column is None else column.info.name,
        tuple(sets.samples.names[k] for k in sets.sample[kept].tolist()),
        tuple(None if column is None else names[k] for k in sets.category[kept].tolist()),
        sets.n[kept],
        _constant_columns(dataset, samples, within, sets.first[kept]),
        matrix.shape[1],
        sums,
    )


def _constant_columns(
    dataset: Dataset, samples: Samples, within: NDArray[np.bool_], cells: NDArray[np.intp]
) -> dict[str, tuple[str | float | None, ...]]:
    """Return the values of the obs columns that are constant in each sample, in some cells."""
    of_samples = np.where(within, samples.codes, -1)
    found: dict[str, tuple[str | float | None, ...]] = {}
    for info in dataset.obs:
        if info.name == samples.column or not is_constant(dataset, info.name, of_samples):
            continue
        column = dataset.obs_column(info.name)
        try:
            codes, categories = column.as_codes()
        except ValueError:
            found[info.name] = _numbers(column.as_numbers()[cells].astype(np.float64).tolist())
        else:
            found[info.name] = tuple(categories[code] if code >= 0 else None for code in codes[cells].tolist())
    return found


def _numbers(values: Sequence[float]) -> tuple[float | None, ...]:
    return tuple(value if np.isfinite(value) else None for value in values)
