"""The section of a report about proportions: how many of the cells of each sample are in each category."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from starcyte.compute.composition import Composition
from starcyte.report.markup import number, row, table, text
from starcyte.report.strip_plot import strip_plot


def proportion_lines(composition: Composition, name_a: str, name_b: str) -> Iterator[str]:
    """Yield the result of each category in a line, the most significant first."""
    found = composition.statistics
    for i in _order(composition).tolist():
        yield (
            f"proportion of {composition.categories[i]}: {found.mean_a[i]:.4f} in {name_a}, {found.mean_b[i]:.4f} in"
            f" {name_b}, p {found.p_value[i]:.3g}, adjusted {found.p_adjusted[i]:.3g}"
        )


def proportions(composition: Composition, n_best: int, name_a: str, name_b: str) -> str:
    """Return the section: a table of all categories, and a dot for each sample of the most significant ones.

    Parameters
    ----------
    composition
        The comparison.
    n_best
        The number of categories with a plot, at most.
    name_a, name_b
        The names of the sides.
    """
    found, order = composition.statistics, _order(composition)
    names = [composition.column, f"mean {name_a}", f"mean {name_b}", "log2 ratio", "p", "p adjusted"]
    rows = [
        row(
            "td",
            [
                composition.categories[i],
                f"{100 * found.mean_a[i]:.2f} %",
                f"{100 * found.mean_b[i]:.2f} %",
                *(number(column[i]) for column in (found.log2_fold_change, found.p_value, found.p_adjusted)),
            ],
            numbers=range(1, 6),
        )
        for i in order.tolist()
    ]
    strips = "".join(
        strip_plot(
            composition.categories[i],
            found.p_adjusted[i],
            100 * found.values[i],
            composition.design.used,
            name_a,
            name_b,
        )
        for i in order[:n_best].tolist()
    )
    return (
        f"<h2>Proportions of each <bdi>{text(composition.column)}</bdi></h2>"
        f'<p class="quiet">A dot is a sample: percent of its cells.</p><div class="strips">{strips}</div>'
        f"{table(row('th', names, numbers=range(1, 6)), rows)}"
    )


def _order(composition: Composition) -> NDArray[np.intp]:
    return np.argsort(composition.statistics.p_value, kind="stable")
