"""The volcano plot of a comparison, as SVG."""

from __future__ import annotations

import numpy as np

from starcyte.compute.by_category import CategoryComparison
from starcyte.report.answer import ALPHA
from starcyte.report.markup import label, number, picture, text, ticks
from starcyte.store.gene_lookup import Genes

_WIDTH, _HEIGHT = 460.0, 320.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 14.0, 24.0, 42.0
_NAMED = 14
_LINE = 12.0
# points nearer than this are drawn as one: a plot has no more points than places
_PLACE = 1.5
_CHARACTER = 6.6


def volcano(part: CategoryComparison, genes: Genes, name_a: str, name_b: str) -> str:
    """Return the plot of significance over fold change; genes that are higher in a are on the right.

    Parameters
    ----------
    part
        The comparison, with genes.
    genes
        The genes of the matrix.
    name_a, name_b
        The names of the sides.
    """
    change = part.log2_fold_change
    significant = part.p_adjusted < ALPHA
    with np.errstate(divide="ignore"):
        strength = -np.log10(part.p_value)
    finite = np.isfinite(strength)
    # p = 0 is drawn at the upper edge
    top = float(strength[finite].max(initial=1.0)) * 1.04
    strength = np.where(finite, strength, top)
    reach = float(np.abs(change).max(initial=0.5)) * 1.06
    x = _LEFT + (change / reach + 1) / 2 * (_WIDTH - _LEFT - _RIGHT)
    y = _HEIGHT - _BOTTOM - strength / top * (_HEIGHT - _TOP - _BOTTOM)
    marks = [_axes(reach, top, name_a, name_b)]
    places = np.round(np.stack([x, y], axis=1) / _PLACE).astype(np.int64)
    # the first of each place, significant genes before others
    order = np.lexsort((np.arange(x.size), ~significant))
    _, first = np.unique(places[order], axis=0, return_index=True)
    # drawn last, so above others
    for i in order[first][np.argsort(significant[order[first]], kind="stable")].tolist():
        kind = ("a" if change[i] > 0 else "b") if significant[i] else "none"
        title = f"{genes.names[part.genes[i]]}: log2 fold change {number(change[i])}, p {number(part.p_value[i])}"
        named = f"<title>{text(title)}</title>" if significant[i] else ""
        marks.append(f'<circle class="{kind}" cx="{x[i]:.1f}" cy="{y[i]:.1f}" r="2.6">{named}</circle>')
    marks += _names(
        x, y, [genes.names[gene] for gene in part.genes[significant][:_NAMED].tolist()], significant, change
    )
    about = f"Volcano plot of {part.genes.size} genes, {int(significant.sum())} of them significant"
    return picture(_WIDTH, _HEIGHT, about, "".join(marks))


def _axes(reach: float, top: float, name_a: str, name_b: str) -> str:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    centre = (_LEFT + right) / 2
    marks = [f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}M{centre:.1f} {_TOP}V{bottom}"/>']
    for value in ticks(-reach, reach):
        marks.append(label(centre + value / reach * (right - _LEFT) / 2, bottom + 15, number(value), "middle", "tick"))
    for value in ticks(0, top):
        marks.append(label(_LEFT - 6, bottom - value / top * (bottom - _TOP) + 4, number(value), "end", "tick"))
    marks.append(label(centre, _HEIGHT - 6, "log2 fold change", "middle", "title"))
    marks.append(label(8, 12, "\N{MINUS SIGN}log10 p", "start", "title"))
    marks.append(label(right, 12, f"higher in {name_a} →", "end", "title", 34))
    marks.append(label(_LEFT + 60, 12, f"← higher in {name_b}", "start", "title", 30))
    return "".join(marks)


def _names(x: np.ndarray, y: np.ndarray, names: list[str], significant: np.ndarray, change: np.ndarray) -> list[str]:
    """Return the names of the best genes beside their points, without those that would cover another."""
    marks: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for i, name in zip(np.flatnonzero(significant).tolist(), names, strict=False):
        width = min(len(name), 16) * _CHARACTER
        # towards the middle, where there is room
        inwards = change[i] > 0
        start = x[i] - 6 - width if inwards else x[i] + 6
        if any(abs(y[i] - other) < _LINE and start < end and begin < start + width for begin, end, other in taken):
            continue
        taken.append((start, start + width, float(y[i])))
        marks.append(label(x[i] + (-6 if inwards else 6), y[i] + 4, name, "end" if inwards else "start", "gene", 16))
    return marks
