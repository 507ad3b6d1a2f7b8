"""Two genes at once: the counts of the quadrants against numpy, their thresholds, and a quadrant as a selection."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browser_page import read
from playwright.sync_api import expect

SIGNS = "\N{MINUS SIGN}+"


@pytest.fixture(scope="module")
def values(pbmc):
    """Return the values of both genes of raw/X, and the names of the cell types."""
    cells = read(pbmc)
    a, b = (cells.raw[:, gene].X.toarray().ravel() for gene in ("CD3D", "NKG7"))
    return a, b, cells.obs["bulk_labels"].to_numpy()


def expected(a, b, thresholds, which):
    """Return the label of each quadrant: counts and rounded percentages of some cells."""
    labels = []
    for up in (True, False):
        for right in (False, True):
            inside = ((a > thresholds[0]) == right) & ((b > thresholds[1]) == up) & which
            labels.append((f"CD3D{SIGNS[right]} NKG7{SIGNS[up]}", int(inside.sum())))
    return labels


def shown(legend):
    """Return the same as the page says it."""
    said = [button.get_attribute("aria-label") for button in legend.get_by_role("button", name="Select CD3D").all()]
    found = [re.match(r"Select (.*): (\d+) cells", text).groups() for text in said]
    return [(name, int(n)) for name, n in found]


@pytest.mark.parametrize("how", ["Colour by both", "Plot one against the other"])
def test_quadrants_are_counted_moved_and_selected(visit, pbmc, values, how):
    a, b, kinds = values
    viewer = visit(pbmc).drawn()
    page = viewer.page
    viewer.search_gene("CD3D")
    viewer.colored_by("CD3D")
    viewer.search_gene("NKG7")
    viewer.colored_by("NKG7")
    page.keyboard.press("ControlOrMeta+k")
    page.get_by_role("combobox", name=re.compile("Find|Search")).last.fill("Combine two genes")
    page.get_by_role("option", name=re.compile("Combine two genes")).click()
    box = page.get_by_role("dialog", name="Combine two genes or measurements")
    if "CD3D" not in box.get_by_role("combobox").first.inner_text():
        box.get_by_role("button", name="Swap the two").click()
    box.get_by_role("button", name=how).click()
    legend = page.get_by_role("region", name="Legend")
    expect(legend.get_by_role("button", name="Select CD3D")).to_have_count(4)
    everything = np.ones(a.size, dtype=bool)
    assert shown(legend) == expected(a, b, (0, 0), everything)
    legend.get_by_role("spinbutton", name="Threshold of CD3D").fill("1.5")
    legend.get_by_role("spinbutton", name="Threshold of CD3D").press("Enter")
    legend.get_by_role("slider", name="Threshold of NKG7").focus()
    page.keyboard.press("ArrowRight")
    moved = float(legend.get_by_role("spinbutton", name="Threshold of NKG7").input_value())
    assert 0 < moved < 0.2
    assert shown(legend) == expected(a, b, (1.5, moved), everything)
    # on axes of the two genes, a line for each divides as many cells as are counted
    lines = page.locator("[data-overlay=thresholds] line")
    expect(lines).to_have_count(2 if how.startswith("Plot") else 0)
    if how.startswith("Plot"):
        left, top = (float(lines.nth(k).get_attribute(side)) for k, side in enumerate(("x1", "y1")))
        low, high = (float(lines.nth(1).get_attribute(end)) for end in ("x1", "x2"))
        assert (left - low) / (high - low) == pytest.approx((1.5 - a.min()) / (a.max() - a.min()), abs=1e-3)
        low, high = (float(lines.nth(0).get_attribute(end)) for end in ("y1", "y2"))
        assert (top - low) / (high - low) == pytest.approx((moved - b.min()) / (b.max() - b.min()), abs=1e-3)
    both = (a > 1.5) & (b > moved)
    legend.get_by_role("button", name="Select CD3D+ NKG7+").click()
    viewer.wait_selected(int(both.sum()))
    # the cells of a subset alone are counted, and beside them the selected ones
    page.keyboard.press("x")
    page.get_by_role("group", name="Dendritic", exact=True).get_by_role("button").first.click()
    which = kinds == "Dendritic"
    viewer.wait_selected(int(which.sum()))
    n = int(((a <= 1.5) & (b <= moved) & which).sum())
    button = legend.get_by_role("button", name="Select CD3D\N{MINUS SIGN} NKG7\N{MINUS SIGN}")
    expect(button).to_have_attribute("aria-label", re.compile(f"; {n} of the selected"))
    page.get_by_role("button", name=re.compile("^Subset")).first.click()
    expect(button).to_have_attribute("aria-label", re.compile(f": {n} cells, "))
    assert shown(legend) == expected(a, b, (1.5, moved), which)
