"""The overview of all categories, as SVG: the number of genes that are higher on each side, or why there is none."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from starcyte.compute.by_category import CategoryComparison
from starcyte.report.answer import ALPHA
from starcyte.report.markup import label, picture

_NAMES, _BAR, _NUMBERS, _ROW, _TOP = 190.0, 170.0, 44.0, 22.0, 26.0


def overview(parts: Sequence[CategoryComparison], linked: Collection[int], name_a: str, name_b: str) -> str:
    """Return the plot of the numbers of significant genes.

    Parameters
    ----------
    parts
        The comparisons within each category.
    linked
        The positions of those to whose section of the report the name leads.
    name_a, name_b
        The names of the sides.
    """
    counts = [[part.n_significant(sign, ALPHA) for part in parts] for sign in (1, -1)]
    most = max(1, *counts[0], *counts[1])
    centre = _NAMES + _NUMBERS + _BAR
    width, height = centre + _BAR + _NUMBERS, _TOP + _ROW * len(parts) + 6
    marks = [
        label(centre + 8, 14, f"higher in {name_a}", "start", "title", 26),
        label(centre - 8, 14, f"higher in {name_b}", "end", "title", 26),
        f'<path class="axis" d="M{centre} {_TOP - 4}V{height - 4}"/>',
    ]
    for row, part in enumerate(parts):
        y = _TOP + _ROW * row
        name = label(_NAMES - 10, y + 14, part.name, "end", "name")
        marks.append(f'<a href="#part-{row}">{name}</a>' if row in linked else name)
        if part.problem:
            marks.append(label(centre + 8, y + 14, "not compared", "start", "refused"))
            continue
        for sign, kind, numbers in ((1, "a", counts[0]), (-1, "b", counts[1])):
            length = _BAR * numbers[row] / most
            left = centre if sign > 0 else centre - length
            marks.append(f'<rect class="{kind}" x="{left:.1f}" y="{y + 3:.1f}" width="{length:.1f}" height="15"/>')
            at, anchor = centre + sign * (length + 6), "start" if sign > 0 else "end"
            marks.append(label(at, y + 14, f"{numbers[row]:,}", anchor, "tick"))
    return picture(width, height, f"Significant genes in {len(parts)} categories", "".join(marks))
