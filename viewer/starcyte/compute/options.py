"""The options of a comparison, which Compare and Markers share, and the filter of genes before the test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.corrections import CORRECTIONS, DEFAULT_CORRECTION
from starcyte.compute.fold_change import DEFAULT_FOLD_CHANGE, FOLD_CHANGES, FoldChange
from starcyte.compute.methods import DEFAULT_METHOD, METHODS
from starcyte.compute.methods.method import Method
from starcyte.store.scale import Scale, ScaleKind

#: Genes that fewer cells of both groups express are not tested, by default
DEFAULT_MIN_FRACTION = 0.1
#: Groups of fewer cells get a warning
SMALL_GROUP = 50


@dataclass(frozen=True)
class Options:
    """The options of a comparison.

    Parameters
    ----------
    method
        A key of METHODS.
    correction
        A key of CORRECTIONS: the adjustment of p-values for the number of genes.
    fold_change
        A key of FOLD_CHANGES.
    min_fraction
        A gene is tested if at least this fraction of the cells of one group have a value above 0; of no effect on
        signed values, of which 0 is not the lowest.
    scale
        The kind of scale of the matrix; None: the one that is found from its values, or is given by the settings.
    """

    method: str = DEFAULT_METHOD
    correction: str = DEFAULT_CORRECTION
    fold_change: str = DEFAULT_FOLD_CHANGE
    min_fraction: float = DEFAULT_MIN_FRACTION
    scale: ScaleKind | None = None

    @property
    def test(self) -> Method:
        """The method."""
        return METHODS[self.method]

    @property
    def formula(self) -> FoldChange:
        """The formula of the fold change."""
        return FOLD_CHANGES[self.fold_change]

    def scale_of(self, found: Scale) -> Scale:
        """Return the scale in force for a matrix with this one."""
        return found if self.scale is None else Scale(self.scale, found.base)

    def fraction_on(self, scale: Scale) -> float:
        """Return the least fraction that is in force for a scale."""
        return 0.0 if scale.kind == "signed" else self.min_fraction

    def tested(
        self, fraction_a: NDArray[np.float64], fraction_b: NDArray[np.float64], scale: Scale
    ) -> NDArray[np.bool_]:
        """Return the mask of the genes that are tested, by the fractions of the groups that express them."""
        least = self.fraction_on(scale)
        mask: NDArray[np.bool_] = (fraction_a >= least) | (fraction_b >= least)
        return mask

    def adjusted(self, p_value: NDArray[np.float64], tested: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the p-values adjusted for the number of tested genes; NaN for the others."""
        result = np.full(p_value.shape, np.nan)
        result[tested] = CORRECTIONS[self.correction](p_value[tested])
        return result

    def warnings(self, n_a: int, n_b: int, a: str = "Group a", b: str = "Group b") -> list[str]:
        """Return warnings about the sizes of two groups."""
        small = [(name, n) for name, n in ((a, n_a), (b, n_b)) if n < SMALL_GROUP]
        if not small:
            return []
        sizes = " and ".join(f"{name} has {n} cells" for name, n in small)
        note = self.test.small_groups
        return [f"{sizes}: results of fewer than {SMALL_GROUP} cells vary much from sample to sample.", note]
