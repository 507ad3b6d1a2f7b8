"""What of the page survives a reload, and a selection the way into a subset and back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


def test_the_drawer_with_its_plot_and_size_survives_a_reload(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    page = viewer.page
    viewer.search_gene("LYZ")
    viewer.colored_by("LYZ")
    page.keyboard.press("Escape")
    viewer.plot.focus()
    page.keyboard.press("p")
    drawer = page.get_by_role("region", name="Plots")
    drawer.get_by_role("radio", name="Violins").click()
    page.get_by_role("separator", name="Height of the plots").focus()
    page.keyboard.press("PageUp")
    page.get_by_role("tab", name="Compare").click()
    height = drawer.bounding_box()["height"]
    expect(drawer.get_by_role("group", name="Violins of LYZ")).to_be_visible()
    page.wait_for_timeout(1000)
    page.reload()
    viewer.drawn().colored_by("LYZ")
    expect(drawer.get_by_role("group", name="Violins of LYZ")).to_be_visible()
    expect(page.get_by_role("tab", name="Compare")).to_have_attribute("aria-selected", "true")
    assert drawer.bounding_box()["height"] == pytest.approx(height, abs=1)
    drawer.get_by_role("button", name="Close the plots").click()
    page.wait_for_timeout(1000)
    page.reload()
    viewer.drawn()
    expect(drawer).to_have_count(0)


def test_a_selection_survives_the_way_into_a_subset_and_back(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    page = viewer.page
    page.get_by_role("button", name="Dendritic", exact=True).click()
    viewer.wait_selected(240)
    viewer.plot.focus()
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Show all cells").first).to_be_visible()
    page.keyboard.press("u")
    viewer.wait_selected(240)
    # A selection within the subset is the same cells afterwards.
    page.keyboard.press("z")
    page.get_by_role("button", name=re.compile("^Unfold phase")).click()
    page.get_by_role("button", name="S", exact=True).click()
    expect(page.get_by_text("cells selected").first).to_be_visible()
    n = viewer.selected()
    assert 0 < n < 240
    viewer.plot.focus()
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Show all cells")).to_have_count(0)
    viewer.wait_selected(n)
