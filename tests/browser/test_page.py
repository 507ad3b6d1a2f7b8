"""The page on the real dataset: what it shows first, colours, selections and the ways to make them."""

from __future__ import annotations

import re

import pytest
from browser_page import NARROW, WIDE, eventually, read
from playwright.sync_api import expect

TREG, MONOCYTE, DENDRITIC = "#1f77b4", "#8c564b", "#17becf"
"""Colours of three categories of bulk_labels in the file."""


@pytest.fixture(scope="module")
def cells(pbmc):
    """Return the dataset as anndata reads it."""
    return read(pbmc)


def row(viewer, name):
    """Return the row of a category in the Cells panel."""
    return viewer.page.get_by_role("group", name=name, exact=True)


def test_opens_with_the_cell_types_in_the_colours_of_the_file(visit, pbmc, cells):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    expect(viewer.page).to_have_title(re.compile("10x_pbmc68k_reduced.*starcyte"))
    expect(viewer.page.get_by_text("700 cells \N{MULTIPLICATION SIGN} 765 genes")).to_be_visible()
    for color in (TREG, MONOCYTE, DENDRITIC):
        eventually(lambda color=color: viewer.pixels(color) > 200, f"cells in {color}")
    for name, n in cells.obs["bulk_labels"].value_counts().items():
        expect(row(viewer, name)).to_contain_text(str(n))


def test_the_plot_comes_first_in_a_low_page(visit, pbmc):
    """As in a page of Galaxy, whose visualizations are 400 px high, with a bar above this page."""
    viewer = visit(pbmc, size=(760, 355)).drawn().colored_by("bulk_labels")
    plot = viewer.page.get_by_role("application", name="Plot of")
    assert plot.bounding_box()["height"] > 250
    expect(viewer.page.get_by_label("First steps")).to_have_count(0)
    viewer.page.get_by_role("tab", name="Cells").click()
    expect(row(viewer, "Dendritic")).to_be_visible()
    box = plot.bounding_box()
    assert box["height"] > 250
    assert box["width"] > 350
    assert viewer.page.evaluate("document.documentElement.scrollHeight") == 355


def test_colours_by_another_column_and_by_a_gene(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.get_by_role("button", name="Colour by louvain").click()
    viewer.colored_by("louvain")
    viewer.page.get_by_role("button", name="Colour by n_genes").click()
    viewer.colored_by("n_genes")
    assert viewer.pixels(DENDRITIC, 8) == 0
    viewer.search_gene("CD79A")
    viewer.colored_by("CD79A")
    expect(viewer.page.get_by_label("Legend")).to_contain_text("values from raw/X")
    picture = viewer.picture()
    yellow = (picture[..., 0] > 180) & (picture[..., 1] > 180) & (picture[..., 2] < 110)
    assert yellow.sum() > 20
    viewer.page.keyboard.press("Escape")
    viewer.page.get_by_role("button", name="Undo").click()
    viewer.colored_by("n_genes")


def test_hides_and_shows_categories(visit, pbmc, cells):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    before = eventually(lambda: viewer.pixels(DENDRITIC), "the cells")
    n = int((cells.obs["bulk_labels"] == "Dendritic").sum())
    row(viewer, "Dendritic").get_by_role("checkbox").click()
    viewer.wait_selected(700 - n)
    eventually(lambda: viewer.pixels(DENDRITIC) < before / 10, "faded cells")
    every = viewer.page.get_by_role("checkbox", name="All categories of bulk_labels")
    assert every.evaluate("(box) => box.indeterminate")
    row(viewer, "CD19+ B").get_by_role("button").first.click()
    viewer.wait_selected(int((cells.obs["bulk_labels"] == "CD19+ B").sum()))
    viewer.page.keyboard.press("Control+z")
    viewer.wait_selected(700 - n)
    viewer.page.keyboard.press("Control+z")
    viewer.wait_selected(None)
    viewer.page.keyboard.press("Control+Shift+z")
    viewer.wait_selected(700 - n)
    viewer.page.keyboard.press("x")
    viewer.wait_selected(None)


def test_a_category_under_the_pointer_stands_out(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    before = eventually(lambda: viewer.pixels(MONOCYTE), "the cells")
    row(viewer, "Dendritic").hover()
    eventually(lambda: viewer.pixels(MONOCYTE) < before / 10, "the others fade")
    assert viewer.pixels(DENDRITIC) > 200
    viewer.page.mouse.move(700, 20)
    eventually(lambda: viewer.pixels(MONOCYTE) > before / 2, "all are back")


def test_lasso_adds_subtracts_and_meets_the_other_filters(visit, pbmc):
    viewer = visit(pbmc).drawn()
    left = [(0.0, 0.1), (0.5, 0.1), (0.5, 0.94), (0.0, 0.94)]
    right = [(0.5, 0.1), (1.0, 0.1), (1.0, 0.94), (0.5, 0.94)]
    viewer.page.keyboard.press("l")
    viewer.lasso(left)
    n_left = eventually(viewer.selected, "a selection")
    assert 0 < n_left < 700
    viewer.lasso(right)
    eventually(lambda: viewer.selected() != n_left, "another selection")
    n_right = viewer.selected()
    assert n_left + n_right == 700
    viewer.page.get_by_role("button", name="Invert selection").click()
    viewer.wait_selected(n_left)
    viewer.lasso(right, "Shift")
    viewer.wait_selected(700)
    viewer.lasso(left, "Alt")
    viewer.wait_selected(n_right)
    dendritic = row(viewer, "Dendritic")
    n_dendritic = int(dendritic.locator(".count").inner_text())
    dendritic.get_by_role("button").first.click()
    viewer.wait_selected(n_dendritic)


def test_brushes_a_histogram_by_pointer_and_keyboard(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    values = cells.obs["n_genes"].to_numpy()
    low = viewer.page.get_by_role("slider", name="Lowest n_genes")
    high = viewer.page.get_by_role("slider", name="Highest n_genes")
    brush = viewer.page.locator("article").filter(has=low).locator(".brush")
    box = eventually(brush.bounding_box, "the histogram")
    y = box["y"] + box["height"] / 2
    viewer.page.mouse.move(box["x"] + 0.2 * box["width"], y)
    viewer.page.mouse.down()
    viewer.page.mouse.move(box["x"] + 0.6 * box["width"], y, steps=6)
    viewer.page.mouse.up()

    def chosen():
        ends = [float(slider.get_attribute("aria-valuenow") or "nan") for slider in (low, high)]
        return int(((values >= ends[0]) & (values <= ends[1])).sum())

    eventually(lambda: viewer.selected() == chosen() and 0 < chosen() < 700, "the cells in the range")
    before = chosen()
    low.focus()
    for _ in range(4):
        viewer.page.keyboard.press("ArrowLeft")
    eventually(lambda: viewer.selected() == chosen() and chosen() > before, "more cells")
    total = sum(int(text) for text in viewer.page.locator(".row .count").all_inner_texts())
    assert total == viewer.selected()
    viewer.page.mouse.click(box["x"] + 0.9 * box["width"], y)
    viewer.wait_selected(None)


def test_shows_a_cell_under_the_pointer(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    picture = viewer.picture()
    box = viewer.plot.bounding_box()
    monocytes = (abs(picture - [0x8C, 0x56, 0x4B]).max(axis=2) < 10).nonzero()
    at = len(monocytes[0]) // 2
    viewer.page.mouse.move(box["x"] + float(monocytes[1][at]), box["y"] + float(monocytes[0][at]))
    card = viewer.page.locator(".card")
    expect(card).to_contain_text("bulk_labels")
    expect(card).to_contain_text("CD14+ Monocyte")


def test_chooses_another_embedding_and_another_matrix(visit, pbmc):
    viewer = visit(pbmc).drawn()
    before = viewer.picture()
    viewer.page.get_by_role("combobox", name="Embedding: UMAP").click()
    viewer.page.get_by_role("option", name="PCA").click()
    eventually(lambda: (viewer.picture() != before).any(axis=2).sum() > 2000, "another picture")
    viewer.search_gene("CD3D")
    viewer.colored_by("CD3D")
    viewer.page.get_by_role("combobox", name="Matrix: raw/X").click()
    viewer.page.get_by_role("option", name=re.compile("^X")).click()
    expect(viewer.page.get_by_label("Legend")).to_contain_text("values from X")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1400x900", "680x828"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_fits_its_window_in_both_themes(visit, pbmc, size, theme):
    viewer = visit(pbmc, size, theme).drawn()
    assert not viewer.overflows()
    background = viewer.picture()[2, 2]
    assert (background > 200).all() if theme == "light" else (background < 60).all()
    box = viewer.plot.bounding_box()
    assert box["width"] >= 0.5 * size[0] and box["height"] >= 0.45 * size[1]
    for tab in ("Genes", "Compare"):
        viewer.page.get_by_role("tab", name=tab).click()
        assert not viewer.overflows()
    if size == NARROW:
        viewer.page.get_by_role("button", name="Close the panel").click()
        eventually(lambda: viewer.plot.bounding_box()["height"] > 0.8 * size[1], "a plot of the whole frame")


def test_remembers_the_theme_chosen(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.keyboard.press("d")
    eventually(lambda: (viewer.picture()[2, 2] < 60).all(), "a dark plot")
    keys = viewer.page.evaluate("Object.keys(localStorage)")
    assert keys and all(key.startswith("starcyte.") for key in keys)
    viewer.page.reload()
    viewer.drawn()
    assert viewer.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_is_used_by_the_keyboard_alone(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    keyboard = viewer.page.keyboard
    keyboard.press("?")
    expect(viewer.page.get_by_role("dialog")).to_contain_text("Select with a lasso")
    keyboard.press("Escape")
    expect(viewer.page.get_by_role("dialog")).to_have_count(0)
    keyboard.press("Control+k")
    keyboard.type("louvain")
    expect(viewer.page.get_by_role("option", name="Colour by louvain")).to_be_visible()
    keyboard.press("Enter")
    expect(viewer.page.get_by_role("dialog")).to_have_count(0)
    viewer.colored_by("louvain")
    for _ in range(60):
        keyboard.press("Tab")
        name = viewer.page.evaluate("document.activeElement?.getAttribute('aria-label') ?? ''")
        if name == "All categories of louvain":
            break
    else:
        raise AssertionError("Tab never came to the categories")
    outline = viewer.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    keyboard.press("Space")
    viewer.wait_selected(0)
    keyboard.press("Space")
    viewer.wait_selected(None)
    viewer.plot.focus()
    before = viewer.picture()
    keyboard.press("+")
    eventually(lambda: (viewer.picture() != before).any(), "a nearer view")
