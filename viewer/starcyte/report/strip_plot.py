"""The strip plot of a gene, as SVG: a dot for each sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.pseudobulk.design import Unit
from starcyte.report.markup import label, number, picture, text, ticks

_WIDTH, _HEIGHT = 150.0, 170.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 8.0, 34.0, 22.0
_RADIUS = 4.0
# steps to the side for samples of like values
_STEPS = (0, 1, -1, 2, -2, 3, -3)


def strip_plot(
    gene: str, p_adjusted: float, values: NDArray[np.float64], units: Sequence[Unit], name_a: str, name_b: str
) -> str:
    """Return the plot of one gene.

    Parameters
    ----------
    gene, p_adjusted
        The gene, and its adjusted p-value.
    values
        Its value in each unit, shape (units,).
    units
        The samples, of both sides.
    name_a, name_b
        The names of the sides.
    """
    low, high = float(values.min()), float(values.max())
    margin = (high - low) * 0.08 or 0.5
    low, high = low - margin, high + margin
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    lanes = _LEFT + (right - _LEFT) * 0.75, _LEFT + (right - _LEFT) * 0.25
    marks = [
        label(_WIDTH / 2, 13, gene, "middle", "gene", 18),
        label(_WIDTH / 2, 27, f"p adj. {number(p_adjusted)}", "middle", "tick"),
        f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>',
        label(lanes[1], _HEIGHT - 7, name_b, "middle", "tick", 9),
        label(lanes[0], _HEIGHT - 7, name_a, "middle", "tick", 9),
    ]

    def place(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - _TOP)

    for value in ticks(low, high, 4):
        marks.append(label(_LEFT - 4, place(value) + 4, number(value), "end", "tick"))
    taken: list[tuple[float, float]] = []
    for value, unit in sorted(zip(values.tolist(), units, strict=True), key=lambda pair: pair[0]):
        y = place(value)
        x = next(
            (
                x
                for step in _STEPS
                for x in [lanes[unit.side] + step * 2 * _RADIUS]
                if all((x - other) ** 2 + (y - of_other) ** 2 >= (2 * _RADIUS) ** 2 for other, of_other in taken)
            ),
            lanes[unit.side],
        )
        taken.append((x, y))
        title = f"{unit.sample}: {number(value)} ({unit.n_cells:,} cells)"
        kind = "b" if unit.side else "a"
        marks.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}"><title>{text(title)}</title></circle>'
        )
    return picture(_WIDTH, _HEIGHT, f"{gene} in each sample", "".join(marks))
