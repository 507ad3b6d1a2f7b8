"""The scale of a matrix: whether its values are counts, logarithms or scaled, found from the values themselves."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import SettingInvalid

ScaleKind = Literal["log1p", "counts", "linear", "signed"]

#: The kinds of scale, in the order in which matrices are preferred for display
SCALE_KINDS: tuple[ScaleKind, ...] = ("log1p", "linear", "counts", "signed")

NATURAL = math.e

# the logarithm of a value of a cell stays below that of so many counts; fractional amounts (TPM) do not
_LARGEST_COUNT = 1e13


@dataclass(frozen=True)
class ValueRange:
    """The range of the finite values of a matrix.

    Parameters
    ----------
    lowest, highest
        The range, with 0 in it.
    whole
        Whether all are whole numbers.
    """

    lowest: float = 0.0
    highest: float = 0.0
    whole: bool = True

    @classmethod
    def of(cls, values: NDArray[Any]) -> ValueRange:
        """Return the range of some values; NaN and infinite ones are left out."""
        if values.dtype.kind == "f" and not (finite := np.isfinite(values)).all():
            values = values[finite]
        if not values.size:
            return cls()
        whole = values.dtype.kind != "f" or bool(np.all(values == np.trunc(values)))
        return cls(min(float(values.min()), 0.0), max(float(values.max()), 0.0), whole)

    @classmethod
    def union(cls, ranges: Iterable[ValueRange]) -> ValueRange:
        """Return the range of the values of several ranges."""
        found = [cls(), *ranges]
        return cls(min(r.lowest for r in found), max(r.highest for r in found), all(r.whole for r in found))


@dataclass(frozen=True)
class Scale:
    """The scale of a matrix.

    Parameters
    ----------
    kind
        ``log1p`` for logarithms of 1 + the amount, ``counts`` for whole numbers, ``linear`` for other amounts,
        ``signed`` for values of either sign, such as z-scores.
    base
        The base of the logarithm; of no effect for other kinds.
    """

    kind: ScaleKind
    base: float = NATURAL


def find_scale(values: ValueRange, base: float = NATURAL) -> Scale:
    """Return the scale of a matrix from the range of its values.

    Parameters
    ----------
    values
        The range.
    base
        The base of the logarithm, if the values are logarithms.

    Returns
    -------
    Scale
        ``signed`` if any value is negative, else ``counts`` if all are whole; else ``linear`` if one is too large for
        a logarithm of counts, else ``log1p``.
    """
    kind: ScaleKind = "log1p"
    if values.lowest < 0:
        kind = "signed"
    elif values.whole:
        kind = "counts"
    elif values.highest > math.log1p(_LARGEST_COUNT) / math.log(base):
        kind = "linear"
    return Scale(kind, base)


def expm1(values: NDArray[np.float64], base: float) -> NDArray[np.float64]:
    """Return base ** value - 1, the amount whose log1p in this base is the value; infinite if it is too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        result: NDArray[np.float64] = np.expm1(values if base == NATURAL else values * math.log(base))
    return result


def check_choices(choices: Iterable[str]) -> None:
    """Raise SettingInvalid if the setting ``scale`` names a kind that does not exist."""
    for choice in choices:
        if choice.rpartition("=")[2] not in SCALE_KINDS:
            raise SettingInvalid(f"Setting 'scale' is {choice!r}.", f"Give one of {', '.join(SCALE_KINDS)}.")


def chosen_kind(choices: Iterable[str], matrix: str) -> ScaleKind | None:
    """Return the kind that the setting ``scale`` gives a matrix; None if it gives none.

    Parameters
    ----------
    choices
        The setting: kinds, each for all matrices or, as ``MATRIX=KIND``, for one, which wins.
    matrix
        The name of the matrix.
    """
    found: ScaleKind | None = None
    for choice in sorted(choices, key=lambda text: "=" in text):
        name, _, kind = choice.rpartition("=")
        if name in {"", matrix}:
            found = next((known for known in SCALE_KINDS if known == kind), found)
    return found
