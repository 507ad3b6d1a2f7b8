"""The frame of the page: widths of panels, the way past them by keys, shortcuts that are off, lists that scroll."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest
from browser_page import eventually
from playwright.sync_api import expect


def test_panels_are_widened_by_mouse_and_keys_and_stay_so(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    left, right = page.get_by_role("complementary", name="Cells"), page.get_by_role("complementary", name="Genes")
    edge = page.get_by_role("separator", name="Width of the cells panel")
    box = edge.bounding_box()
    before = left.bounding_box()["width"]
    page.mouse.move(box["x"] + 4, 400)
    page.mouse.down()
    page.mouse.move(box["x"] + 124, 400, steps=3)
    page.mouse.up()
    assert left.bounding_box()["width"] == pytest.approx(before + 120, abs=2)
    page.get_by_role("separator", name="Width of the genes panel").focus()
    usual = right.bounding_box()["width"]
    page.keyboard.press("ArrowLeft")
    assert right.bounding_box()["width"] == pytest.approx(usual + 16, abs=1)
    page.reload()
    viewer.drawn()
    assert left.bounding_box()["width"] == pytest.approx(before + 120, abs=2)
    page.get_by_role("separator", name="Width of the genes panel").focus()
    page.keyboard.press("Home")
    assert right.bounding_box()["width"] == pytest.approx(usual, abs=1)


def test_the_first_key_leads_to_the_plot(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    page.keyboard.press("Tab")
    skip = page.get_by_role("button", name="Skip to the plot")
    expect(skip).to_be_focused()
    assert skip.bounding_box()["width"] > 50
    page.keyboard.press("Enter")
    expect(viewer.plot).to_be_focused()


def test_shortcuts_of_a_single_key_can_be_off(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    page.keyboard.press("?")
    page.get_by_label("Shortcuts of a single key").uncheck()
    page.keyboard.press("Escape")
    viewer.plot.focus()
    page.keyboard.press("l")
    page.keyboard.press("d")
    expect(page.get_by_role("button", name="Select with a lasso", exact=True)).to_have_attribute(
        "aria-pressed", "false"
    )
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.reload()
    viewer.drawn()
    viewer.plot.focus()
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Select with a lasso", exact=True)).to_have_attribute(
        "aria-pressed", "false"
    )


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Write cells of 180 clusters beside a measurement."""
    n = 1800
    random = np.random.default_rng(0)
    clusters = pd.Categorical([f"cluster {k % 180}" for k in range(n)])
    obs = pd.DataFrame({"cluster": clusters, "depth": random.random(n)}, index=[f"cell {k}" for k in range(n)])
    data = anndata.AnnData(np.ones((n, 2), np.float32), obs=obs, obsm={"X_umap": random.normal(size=(n, 2))})
    path = tmp_path_factory.mktemp("many") / "many.h5ad"
    data.write_h5ad(path)
    return path


def test_the_panel_scrolls_and_no_list_within_it(visit, many):
    viewer = visit(many).drawn()
    page = viewer.page
    nested = """() => [...document.querySelectorAll('aside.start .panel *')].filter((one) =>
        /auto|scroll/.test(getComputedStyle(one).overflowY) && one.scrollHeight > one.clientHeight + 1).length"""
    assert page.evaluate(nested) == 0
    rows = page.get_by_role("complementary", name="Cells").get_by_role("group", name="cluster", exact=False)
    if not rows.count():
        page.get_by_role("button", name="Unfold cluster").click()
    expect(rows.first).to_be_visible()
    shown = rows.count()
    assert 10 < shown < 180
    first = rows.first.get_attribute("aria-label")
    page.locator("aside.start .panel").evaluate("(panel) => panel.scrollTo(0, 3000)")
    eventually(lambda: rows.first.get_attribute("aria-label") != first, "rows further down")
    page.locator("aside.start .panel").evaluate("(panel) => panel.scrollTo(0, panel.scrollHeight)")
    expect(page.get_by_role("button", name="Unfold depth")).to_be_in_viewport()
    # A legend that scrolls fades where there is more of it.
    fades = "(list) => getComputedStyle(list).maskImage !== 'none'"
    page.get_by_role("button", name="Colour by cluster").click()
    viewer.colored_by("cluster")
    legend = page.get_by_role("region", name="Legend")
    if not legend.locator(".list").count():
        legend.get_by_role("button", name="cluster").first.click()
    assert legend.locator(".list").evaluate(fades)
