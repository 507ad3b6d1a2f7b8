"""The samples of a comparison, from the names of columns in a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from starcyte.compute.pseudobulk.design import MIN_CELLS, Covariate
from starcyte.compute.pseudobulk.samples import Samples
from starcyte.errors import BadRequest, LimitExceeded
from starcyte.store.dataset import Kind
from starcyte.web.context import context
from starcyte.web.grouping import grouping

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from starcyte.compute.methods.method import Method, ReadSums
    from starcyte.store.dataset import Matrix, Tick
    from starcyte.store.index.sums import Groups, MergedSums
    from starcyte.web.context import Context


def requested_samples(
    method: Method,
    a: NDArray[np.bool_],
    b: NDArray[np.bool_],
    sample: str | None,
    covariates: Sequence[str] | None,
    min_cells: int | None,
) -> Samples | None:
    """Return the samples that a method needs; None for a method of cells.

    Raises
    ------
    BadRequest
        If the method is not installed, needs a column of samples and there is none, or there is one and the method
        compares cells.
    """
    method.check()
    if method.over_samples:
        if sample is None:
            raise BadRequest(f"{method.name} needs a column of samples.", "Give its name as sample.")
        return samples_of(a, b, sample, covariates or (), MIN_CELLS if min_cells is None else min_cells)
    for name, value in (("sample", sample), ("covariates", covariates), ("min_cells", min_cells)):
        if value is not None:
            raise BadRequest(f"{method.name} compares cells: {name} is of no effect.", "Choose a method over samples.")
    return None


def samples_of(
    a: NDArray[np.bool_], b: NDArray[np.bool_], sample: str, covariates: Sequence[str], min_cells: int
) -> Samples:
    """Return the samples of a comparison of two groups of cells.

    Parameters
    ----------
    a, b
        The groups, bool, shape (n_obs,).
    sample
        The column of samples.
    covariates
        Columns to adjust for.
    min_cells
        Samples with fewer cells on a side are left out.

    Raises
    ------
    BadRequest
        If the groups share cells, a column is given twice, or the samples are no categories.
    NotFound
        If a column does not exist.
    LimitExceeded
        If there are more samples than the setting ``max_samples``.
    """
    names = [sample, *covariates]
    if len(set(names)) < len(names):
        raise BadRequest("A column is given twice.", "Give the sample and each covariate once.")
    if (a & b).any():
        raise BadRequest("The groups share cells.", "Remove them from one group, or compare with the rest.")
    codes, categories = grouping(sample).column.as_categories()
    # sums and model grow with the samples: a column of barcodes is none of samples
    n, limit = sum(np.unique(codes[mask & (codes >= 0)]).size for mask in (a, b)), context().settings.max_samples
    if n > limit:
        raise LimitExceeded(
            f"Column {sample!r} has {n:,} samples in the groups. The limit is {limit:,} (max_samples).",
            "Choose a column of donors or samples.",
        )
    return Samples(sample, codes, tuple(categories), tuple(map(_covariate, covariates)), min_cells)


def kept_sums(
    ctx: Context,
    matrix: Matrix,
    samples: Samples,
    sides: NDArray[np.integer],
    categories: NDArray[np.signedinteger] | None = None,
) -> ReadSums:
    """Return a function that returns sums of groups of cells, which are kept for the next comparison of the samples.

    Parameters
    ----------
    ctx
        The context of the dataset.
    matrix
        The matrix.
    samples
        The samples.
    sides
        0 for cells of a, 1 for cells of b, 2 for neither; shape (n_obs,).
    categories
        The category of each cell, shape (n_obs,); -1 for none.
    """

    def read(groups: Groups, tick: Tick) -> MergedSums:
        return ctx.sums().merged(matrix.name, groups, lambda: samples.parts(sides, categories), tick)

    return read


def _covariate(name: str) -> Covariate:
    column = grouping(name).column
    if column.info.kind is Kind.CONTINUOUS:
        return Covariate(name, column.as_numbers().astype(np.float64), None)
    codes, categories = column.as_categories()
    return Covariate(name, codes, tuple(categories))
