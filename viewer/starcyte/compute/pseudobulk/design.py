"""The design of a comparison over samples: its units, its matrix, and what it does not allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import BadRequest

#: A sample with fewer cells on a side is left out: its sums are mostly noise
MIN_CELLS = 10
_FEW = 2
_LISTED = 5
_SIDES = ("A", "B")


@dataclass(frozen=True, eq=False)
class Covariate:
    """A column of obs to adjust for.

    Parameters
    ----------
    name
        Its name.
    values
        Shape (n_obs,): codes, -1 for missing, of categories; else float64 with NaN for missing.
    categories
        The text of each code; None if it is numeric.
    """

    name: str
    values: NDArray[np.generic]
    categories: tuple[str, ...] | None


@dataclass(frozen=True)
class Unit:
    """The cells of one sample on one side of the comparison.

    Parameters
    ----------
    sample
        The name of the sample.
    side
        0 for a, 1 for b.
    n_cells
        Its cells.
    covariates
        The value of each covariate: a text, a number, or None if it is missing.
    left_out
        Why it is left out; empty if it is used.
    """

    sample: str
    side: int
    n_cells: int
    covariates: tuple[str | float | None, ...]
    left_out: str = ""


@dataclass(frozen=True, eq=False)
class Design:
    """The design of a comparison over samples.

    Parameters
    ----------
    units
        All pairs of a sample and a side that have cells, used or left out.
    matrix
        Shape (used units, coefficients): intercept, side, then blocks and covariates. The coefficient of the side is
        column 1: a minus b.
    coefficients
        The name of each column.
    is_paired
        Whether samples are on both sides and the design has a coefficient for each.
    warnings
        What to know of it, in sentences.
    problem
        Why it allows no comparison, and what would be needed; empty if it allows one.
    codes
        The used unit of each cell, shape (n_obs,); the number of used units for cells in none.
    sample_column
        The name of the column of samples.
    """

    units: tuple[Unit, ...]
    matrix: NDArray[np.float64]
    coefficients: tuple[str, ...]
    is_paired: bool
    warnings: tuple[str, ...]
    problem: str
    codes: NDArray[np.integer]
    sample_column: str

    @property
    def used(self) -> tuple[Unit, ...]:
        """The units that are used, in the order of the matrix."""
        return tuple(unit for unit in self.units if not unit.left_out)

    def check(self) -> None:
        """Raise if the design allows no comparison.

        Raises
        ------
        BadRequest
            With the reason.
        """
        if self.problem:
            raise BadRequest(f"The samples allow no comparison. {self.problem}", "Choose other samples or covariates.")


@dataclass
class _Builder:
    units: list[Unit]
    matrix: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    names: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    is_paired: bool = False


class _NotAllowed(Exception):
    """The design allows no comparison."""


def build_design(
    samples: NDArray[np.integer],
    sample_names: Sequence[str],
    sides: NDArray[np.integer],
    covariates: Sequence[Covariate] = (),
    sample_column: str = "sample",
    min_cells: int = MIN_CELLS,
    n_cells: NDArray[np.integer] | None = None,
) -> Design:
    """Return the design of a comparison of two sides over samples.

    Parameters
    ----------
    samples
        The sample of each cell, or of each set of equal cells, shape (n_obs,); -1 for a cell of unknown sample.
    sample_names
        The name of each sample.
    sides
        0 for cells of a, 1 for cells of b, 2 for neither; shape (n_obs,).
    covariates
        Columns to adjust for, constant within each sample on a side.
    sample_column
        The name of the column of samples, for messages.
    min_cells
        The fewest cells of a unit.
    n_cells
        The number of cells of each set of equal cells; None: single cells.
    """
    k = len(sample_names)
    known = (samples >= 0) & (sides < 2)
    pairs = np.where(known, samples.astype(np.int64) * 2 + sides, 2 * k)
    counts = np.bincount(pairs, n_cells, minlength=2 * k + 1)[: 2 * k]
    present = np.flatnonzero(counts)
    problem = ""
    values: list[list[str | float | None]] = []
    for covariate in covariates:
        found, varying = _of_units(covariate, pairs, present)
        values.append(found)
        if varying is not None and not problem:
            sample = sample_names[present[varying] // 2]
            problem = f"{covariate.name!r} is not constant within {sample_column} {sample!r}."
    units = [
        Unit(
            sample_names[pair // 2],
            int(pair % 2),
            int(counts[pair]),
            tuple(column[i] for column in values),
            f"fewer than {min_cells} cells" if counts[pair] < min_cells else "",
        )
        for i, pair in enumerate(present.tolist())
    ]
    unknown = (samples < 0) & (sides < 2)
    lost = int(unknown.sum() if n_cells is None else n_cells[unknown].sum())
    # what varies has no value, but is not missing
    builder = _Builder(units if problem else _without_missing(units, covariates))
    if lost:
        builder.warnings.append(f"{lost:,} cells have no {sample_column!r} and are left out.")
    try:
        if problem:
            raise _NotAllowed(problem)
        _add_sides(builder)
        _add_covariates(builder, covariates)
        _check_replicates(builder)
    except _NotAllowed as reason:
        problem = str(reason)
    left = [unit for unit in builder.units if unit.left_out]
    if left:
        builder.warnings.append(f"Left out: {_listed(f'{u.sample} ({u.left_out})' for u in left)}.")
    number = np.full(2 * k + 1, len(builder.units) - len(left), np.min_scalar_type(len(builder.units)))
    used = [pair for pair, unit in zip(present.tolist(), builder.units, strict=True) if not unit.left_out]
    number[used] = np.arange(len(used))
    return Design(
        tuple(builder.units),
        builder.matrix,
        tuple(builder.names),
        builder.is_paired,
        tuple(builder.warnings),
        problem,
        number[pairs].astype(np.min_scalar_type(len(used)), copy=False),
        sample_column,
    )


def _of_units(
    covariate: Covariate, pairs: NDArray[np.int64], present: NDArray[np.intp]
) -> tuple[list[str | float | None], int | None]:
    """Return the value of a covariate in each unit, None where it varies, and the first unit in which it does."""
    found: list[str | float | None] = []
    varying = None
    order = np.argsort(pairs, kind="stable")
    starts = np.searchsorted(pairs[order], present)
    ends = np.searchsorted(pairs[order], present, "right")
    for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        values = covariate.values[order[start:end]]
        first = values[0]
        same = values == first
        if covariate.categories is None:
            same |= np.isnan(values.astype(np.float64)) & np.isnan(np.float64(first))
        if not same.all():
            varying = i if varying is None else varying
            found.append(None)
        elif covariate.categories is not None:
            found.append(covariate.categories[int(first)] if int(first) >= 0 else None)
        else:
            found.append(None if np.isnan(np.float64(first)) else float(first))
    return found, varying


def _without_missing(units: list[Unit], covariates: Sequence[Covariate]) -> list[Unit]:
    """Mark units whose covariates are missing as left out."""
    marked = []
    for unit in units:
        missing = [c.name for c, value in zip(covariates, unit.covariates, strict=True) if value is None]
        reason = unit.left_out or (f"no {missing[0]!r}" if missing else "")
        marked.append(Unit(unit.sample, unit.side, unit.n_cells, unit.covariates, reason))
    return marked


def _add_sides(builder: _Builder) -> None:
    """Begin the matrix with intercept, side and, for pairs, samples."""
    on = [{unit.sample for unit in builder.units if not unit.left_out and unit.side == side} for side in (0, 1)]
    both, either = on[0] & on[1], on[0] | on[1]
    if both and len(both) < len(either):
        if len(both) < _FEW or 2 * len(both) < len(either):
            raise _NotAllowed(
                f"{_listed(sorted(both))} {'is' if len(both) == 1 else 'are'} on both sides, and"
                f" {len(either) - len(both)} other samples on one."
            )
        # a sample on one side says nothing of a difference within samples
        builder.units = [
            Unit(u.sample, u.side, u.n_cells, u.covariates, u.left_out or ("" if u.sample in both else "on one side"))
            for u in builder.units
        ]
        on = [both, both]
    for side, samples in enumerate(on):
        if len(samples) < _FEW:
            raise _NotAllowed(
                f"Side {_SIDES[side]} has {len(samples)} sample{'' if len(samples) == 1 else 's'}; differences between"
                f" samples need at least {_FEW} on each side."
            )
    used = [unit for unit in builder.units if not unit.left_out]
    builder.matrix = np.column_stack([np.ones(len(used)), [1.0 if unit.side == 0 else 0.0 for unit in used]])
    builder.names = ["intercept", "side"]
    if both:
        builder.is_paired = True
        for sample in sorted(both)[1:]:
            builder.matrix = np.column_stack([builder.matrix, [float(unit.sample == sample) for unit in used]])
            builder.names.append(f"sample {sample}")
    if min(map(len, on)) == _FEW:
        of = "pairs" if both else f"samples against {max(map(len, on))}"
        builder.warnings.append(f"{_FEW} {of}: only large differences can be found.")


def _add_covariates(builder: _Builder, covariates: Sequence[Covariate]) -> None:
    """Add the columns of the covariates, and refuse what cannot be told apart."""
    used = [unit for unit in builder.units if not unit.left_out]
    for number, covariate in enumerate(covariates):
        values = [unit.covariates[number] for unit in used]
        columns, names = _columns_of(covariate, values)
        if not columns:
            builder.warnings.append(f"{covariate.name!r} is the same in all samples: there is nothing to adjust for.")
            continue
        wider = np.column_stack([builder.matrix, *columns])
        if _rank(wider) == wider.shape[1]:
            builder.matrix, builder.names = wider, [*builder.names, *names]
            continue
        without = np.delete(wider, 1, axis=1)
        if _rank(without) == _rank(wider):
            raise _NotAllowed(f"{covariate.name!r} is confounded with the sides: it cannot be told apart from them.")
        if builder.is_paired and _rank(wider) == builder.matrix.shape[1]:
            builder.warnings.append(f"Pairs of samples adjust for {covariate.name!r} already.")
            continue
        before = [c.name for c in covariates[:number]]
        others = f" by {_listed(before)}" if before else ""
        raise _NotAllowed(f"{covariate.name!r} is determined{others or ' by the samples'}: leave one of them out.")


def _columns_of(
    covariate: Covariate, values: Sequence[str | float | None]
) -> tuple[list[NDArray[np.float64]], list[str]]:
    if covariate.categories is None:
        numbers = np.array(values, np.float64)
        if np.ptp(numbers) == 0:
            return [], []
        return [(numbers - numbers.mean()) / numbers.std()], [covariate.name]
    present = [c for c in covariate.categories if c in values]
    return (
        [np.array([float(value == category) for value in values]) for category in present[1:]],
        [f"{covariate.name} {category}" for category in present[1:]],
    )


def _check_replicates(builder: _Builder) -> None:
    n, p = builder.matrix.shape
    if n - p < 1:
        raise _NotAllowed(f"{n} samples cannot estimate {p} coefficients and their spread: adjust for less.")


def _rank(matrix: NDArray[np.float64]) -> int:
    return int(np.linalg.matrix_rank(matrix))


def _listed(names: object) -> str:
    texts = list(names)  # type: ignore[call-overload]
    more = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more
