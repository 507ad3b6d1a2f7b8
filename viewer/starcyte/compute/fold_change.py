"""The log2 fold change of two groups of cells: its formulas, and FOLD_CHANGES, their registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.store.scale import Scale, expm1


@dataclass(frozen=True, eq=False)
class Expression:
    """The expression of genes in one group of cells; each array is float64 of shape (genes,).

    Parameters
    ----------
    n
        Cells of the group.
    mean
        Mean of the values.
    expm1
        Sum of base ** value - 1, the amounts if the values are logarithms.
    """

    n: int
    mean: NDArray[np.float64]
    expm1: NDArray[np.float64]


@dataclass(frozen=True)
class FoldChange:
    """A formula of the log2 fold change.

    Parameters
    ----------
    id
        Its name in requests and results.
    label
        Its name on a button.
    name
        Its name in a sentence.
    formulas
        The formula by the kind of scale, for one group: the fold change is the log2 of the ratio of two of these.
    pseudo_count
        The number that the formula adds.
    level
        Returns the value of the formula for a group.
    """

    id: str
    label: str
    name: str
    formulas: Mapping[str, str]
    pseudo_count: float
    level: Callable[[Expression, Scale, float], NDArray[np.float64]]

    def log2(self, a: Expression, b: Expression, scale: Scale) -> NDArray[np.float64]:
        """Return the log2 fold change of a against b, shape (genes,).

        NaN for signed values, and for a gene whose mean is negative, infinite or NaN in one of the groups.
        """
        if scale.kind == "signed":
            return np.full(a.mean.shape, np.nan)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            change = np.log2(self.level(a, scale, self.pseudo_count)) - np.log2(self.level(b, scale, self.pseudo_count))
            defined = (a.mean >= 0) & (b.mean >= 0) & np.isfinite(change)
        result: NDArray[np.float64] = np.where(defined, change, np.nan)
        return result

    def as_dict(self) -> dict[str, Any]:
        """Return the description that the schema of a dataset holds."""
        return {"id": self.id, "label": self.label, "name": self.name, "pseudo_count": self.pseudo_count}


def _mean_expression(group: Expression, scale: Scale, pseudo_count: float) -> NDArray[np.float64]:
    total = group.expm1 if scale.kind == "log1p" else group.mean * group.n
    return (total + pseudo_count) / max(group.n, 1)


def _scanpys(group: Expression, scale: Scale, pseudo_count: float) -> NDArray[np.float64]:
    return (expm1(group.mean, scale.base) if scale.kind == "log1p" else group.mean) + pseudo_count


#: The formulas by id, in the order in which the page shows them; the first is the default
FOLD_CHANGES: Mapping[str, FoldChange] = {
    formula.id: formula
    for formula in (
        FoldChange(
            id="mean-expression",
            label="Mean expression",
            name="the ratio of mean expression, as in Seurat 5",
            formulas={
                "log1p": "(sum(base^x - 1) + 1) / n",
                "counts": "(sum(x) + 1) / n",
                "linear": "(sum(x) + 1) / n",
            },
            pseudo_count=1.0,
            level=_mean_expression,
        ),
        FoldChange(
            id="scanpy",
            label="scanpy’s",
            name="scanpy’s formula, from means of the values",
            formulas={
                "log1p": "base^mean(x) - 1 + 1e-9",
                "counts": "mean(x) + 1e-9",
                "linear": "mean(x) + 1e-9",
            },
            pseudo_count=1e-9,
            level=_scanpys,
        ),
    )
}
DEFAULT_FOLD_CHANGE = next(iter(FOLD_CHANGES))
