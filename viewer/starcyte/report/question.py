"""The question of ``starcyte compare``: which cells are compared over which samples, from the names of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.diffexp import known_scale
from starcyte.compute.pseudobulk.design import Covariate
from starcyte.compute.pseudobulk.sample_columns import sample_columns
from starcyte.compute.pseudobulk.samples import Samples
from starcyte.errors import BadRequest, LimitExceeded, NotFound
from starcyte.settings import Settings
from starcyte.store.cell_rows import measured
from starcyte.store.dataset import Column, Dataset, Kind, Matrix
from starcyte.store.scale import Scale

_LISTED = 12
# sums of counts are what limma-voom models; logarithms are the next best
_PREFERRED = ("counts", "log1p", "linear")


@dataclass(frozen=True, eq=False)
class Question:
    """A comparison over samples.

    Parameters
    ----------
    dataset, matrix, scale
        The matrix that is compared, and its scale.
    condition
        The column of the two sides.
    name_a, name_b
        The names of the sides.
    a, b
        The cells of each side, bool, shape (n_obs,).
    samples
        The samples, and what is adjusted for.
    each
        The column within each category of which the sides are compared; None: all cells together.
    """

    dataset: Dataset
    matrix: Matrix
    scale: Scale
    condition: str
    name_a: str
    name_b: str
    a: NDArray[np.bool_]
    b: NDArray[np.bool_]
    samples: Samples
    each: Column | None


def ask(
    dataset: Dataset,
    settings: Settings,
    condition: str,
    sample: str | None = None,
    a: str | None = None,
    b: str | None = None,
    covariates: Sequence[str] = (),
    each: str | None = None,
    matrix: str | None = None,
) -> Question:
    """Return the question that names of columns and categories ask.

    Parameters
    ----------
    dataset
        The dataset.
    settings
        ``max_samples`` is used.
    condition
        The column of obs with the sides.
    sample
        The column of samples; None: the one that looks most like samples.
    a, b
        The categories to compare. None: of two categories the other one, or the second against the first; of more, b is
        all cells of other categories.
    covariates
        Columns to adjust for.
    each
        The column within each category of which to compare.
    matrix
        The matrix; None: the first of counts, or else of logarithms.

    Raises
    ------
    BadRequest
        If a column is given twice, has no categories or not those that are named, or no column looks like samples.
    NotFound
        If a column or the matrix does not exist.
    LimitExceeded
        If there are more samples than the setting ``max_samples``.
    """
    sample = sample or _likeliest_sample(dataset, {condition, each})
    names = [condition, sample, *covariates, *([each] if each else [])]
    for name in names:
        if names.count(name) > 1:
            raise BadRequest(f"Column {name!r} is given twice.", "Give each column once.")
    sides = _column(dataset, condition)
    codes, categories = sides.as_categories()
    name_a, name_b, code_a, code_b = _sides(condition, categories, codes, a, b)
    mask_a = codes == code_a
    mask_b = (codes >= 0) & ~mask_a if code_b is None else codes == code_b
    chosen, scale = _matrix(dataset, matrix)
    mask_a, mask_b = measured(chosen, mask_a), measured(chosen, mask_b)
    known, sample_names = _column(dataset, sample).as_categories()
    n = sum(np.unique(known[mask & (known >= 0)]).size for mask in (mask_a, mask_b))
    if n > settings.max_samples:
        raise LimitExceeded(
            f"Column {sample!r} has {n:,} samples in the groups. The limit is {settings.max_samples:,} (max_samples).",
            "Choose a column of donors or samples.",
        )
    adjusted = tuple(_covariate(dataset, name) for name in covariates)
    return Question(
        dataset,
        chosen,
        scale,
        condition,
        name_a,
        name_b,
        mask_a,
        mask_b,
        Samples(sample, known, tuple(sample_names), adjusted),
        _column(dataset, each) if each else None,
    )


def _column(dataset: Dataset, name: str) -> Column:
    try:
        return dataset.obs_column(name)
    except NotFound:
        raise NotFound(
            f"No such column in obs: {name!r}.", f"It has {_listed([column.name for column in dataset.obs])}."
        ) from None


def _likeliest_sample(dataset: Dataset, others: set[str | None]) -> str:
    found = [column.name for column in sample_columns(dataset) if column.name not in others]
    if not found:
        raise BadRequest("No column of obs looks like samples.", "Name the column of samples with --sample.")
    return found[0]


def _sides(
    column: str, categories: Sequence[str], codes: NDArray[np.signedinteger], a: str | None, b: str | None
) -> tuple[str, str, int, int | None]:
    """Return the names and the codes of the sides; the code of b is None for all other categories."""
    present = [categories[code] for code in np.unique(codes[codes >= 0]).tolist()]
    for name in (a, b):
        if name is not None and name not in present:
            raise BadRequest(f"Column {column!r} has no category {name!r}.", f"It has {_listed(present)}.")
    if a is not None and a == b:
        raise BadRequest(f"Both sides are {a!r}.", "Choose two categories.")
    if len(present) < 2:
        raise BadRequest(f"Column {column!r} has {len(present)} category.", "Choose a column of two conditions.")
    if a is None:
        others = [name for name in present if name != b]
        if len(others) > 1 and len(present) > 2:
            raise BadRequest(
                f"Column {column!r} has {len(present)} categories.", f"Name one with --a: {_listed(others)}."
            )
        a = others[-1]
    if b is None and len(present) == 2:
        (b,) = (name for name in present if name != a)
    position = list(categories).index
    return a, "the rest" if b is None else b, position(a), None if b is None else position(b)


def _covariate(dataset: Dataset, name: str) -> Covariate:
    column = _column(dataset, name)
    if column.info.kind is Kind.CONTINUOUS:
        return Covariate(name, column.as_numbers().astype(np.float64), None)
    codes, categories = column.as_categories()
    return Covariate(name, codes, tuple(categories))


def _matrix(dataset: Dataset, name: str | None) -> tuple[Matrix, Scale]:
    """Return the matrix to compare in, and its scale."""
    if name is not None:
        matrix = dataset.matrix(name)
        return matrix, known_scale(dataset, matrix)
    scales = [(matrix, known_scale(dataset, matrix)) for matrix in dataset.matrices]
    if dataset.modalities and dataset.default_matrix is not None:
        # of several modalities, the one that is shown first
        modality = dataset.default_matrix.partition("/")[0]
        scales.sort(key=lambda one: one[0].name.partition("/")[0] != modality)
    for kind in _PREFERRED:
        for matrix, scale in scales:
            if scale.kind == kind:
                return matrix, scale
    raise BadRequest(
        "No matrix holds counts or logarithms: values of either sign cannot be summed over cells.",
        "Give a dataset with counts in X, raw/X or a layer.",
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(map(repr, names[:_LISTED])) + more
