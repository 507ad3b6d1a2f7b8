"""Several plots side by side, shapes to select with, and going on with the selected cells alone."""

from __future__ import annotations

import re
from io import BytesIO

import numpy as np
from browser_page import NARROW, eventually
from PIL import Image
from playwright.sync_api import expect

HALF = [(0.02, 0.1), (0.5, 0.1), (0.5, 0.94), (0.02, 0.94)]


def row(viewer, name):
    """Return the row of a category in the Cells panel."""
    return viewer.page.get_by_role("group", name=name, exact=True)


def pane(viewer, number):
    """Return one of several plots."""
    return viewer.page.get_by_role("region", name=f"Plot {number}")


def place(viewer, x, y):
    """Return the pixel at shares of the plot's width and height."""
    box = viewer.plot.first.bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def colors(viewer, number):
    """Return how many cells' pixels a plot has: those that are neither grey nor its background."""
    png = pane(viewer, number).locator("canvas").screenshot()
    pixels = np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)
    return int((pixels.max(axis=2) - pixels.min(axis=2) > 40).sum())


def test_four_plots_have_one_selection_and_one_camera(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.keyboard.press(",")
    viewer.page.keyboard.press(",")
    expect(viewer.plot).to_have_count(4)
    for number, title in enumerate(("bulk_labels", "phase", "louvain", "n_genes"), 1):
        expect(pane(viewer, number).get_by_label("Legend")).to_contain_text(title)
        eventually(lambda number=number: colors(viewer, number) > 500, f"cells in plot {number}")
    before = [colors(viewer, number) for number in (1, 3)]
    row(viewer, "Dendritic").get_by_role("button").first.click()
    viewer.wait_selected(240)
    eventually(lambda: all(colors(viewer, k) < b for k, b in zip((1, 3), before, strict=True)), "faded cells in both")
    viewer.page.keyboard.press("x")
    viewer.wait_selected(None)
    pane(viewer, 3).get_by_role("application").focus()
    for _ in range(4):
        viewer.page.keyboard.press("+")
    eventually(lambda: colors(viewer, 1) != before[0] and colors(viewer, 3) != before[1], "a nearer view in both")
    viewer.page.get_by_role("button", name="Colour by n_counts").click()
    expect(pane(viewer, 3).get_by_label("Legend")).to_contain_text("n_counts")
    expect(pane(viewer, 1).get_by_label("Legend")).to_contain_text("bulk_labels")
    url = viewer.settled()
    assert len(url) < 900
    viewer.settled()
    viewer.page.reload()
    expect(viewer.plot).to_have_count(4)
    expect(pane(viewer, 3).get_by_label("Legend")).to_contain_text("n_counts")
    viewer.page.keyboard.press(",")
    expect(viewer.plot).to_have_count(1)
    viewer.colored_by("n_counts")
    viewer.page.keyboard.press("Control+z")
    expect(viewer.plot).to_have_count(4)


def test_plots_side_by_side_fit_a_narrow_frame(visit, pbmc):
    viewer = visit(pbmc, NARROW, "dark").drawn()
    viewer.page.get_by_role("button", name="Plots side by side").click()
    viewer.page.get_by_role("button", name="Two plots side by side").click()
    expect(viewer.plot).to_have_count(2)
    assert not viewer.overflows()
    boxes = [viewer.plot.nth(k).bounding_box() for k in (0, 1)]
    assert all(box["width"] > 300 and box["height"] > 100 for box in boxes)


def test_selects_with_a_rectangle_that_adds_takes_away_and_meets(visit, pbmc):
    viewer = visit(pbmc).drawn()
    mouse, keyboard = viewer.page.mouse, viewer.page.keyboard

    def rectangle(x0, y0, x1, y1, *keys):
        mouse.move(*place(viewer, x0, y0))
        for key in keys:
            keyboard.down(key)
        mouse.down()
        mouse.move(*place(viewer, x1, y1), steps=4)
        mouse.up()
        for key in keys:
            keyboard.up(key)

    keyboard.press("r")
    rectangle(0.01, 0.12, 0.5, 0.99)
    left = eventually(viewer.selected, "a selection")
    rectangle(0.5, 0.12, 0.99, 0.99, "Shift")
    viewer.wait_selected(700)
    rectangle(0.5, 0.12, 0.99, 0.99, "Alt")
    viewer.wait_selected(left)
    rectangle(0.01, 0.12, 0.99, 0.5, "Shift", "Alt")
    both = eventually(lambda: viewer.selected() if viewer.selected() != left else None, "what both have")
    rectangle(0.01, 0.12, 0.99, 0.5)
    upper = eventually(lambda: viewer.selected() if viewer.selected() != both else None, "the upper half")
    rectangle(0.01, 0.12, 0.5, 0.99, "Shift")
    viewer.wait_selected(upper + left - both)
    viewer.page.get_by_role("combobox", name="Selection mode").click()
    viewer.page.get_by_role("option", name="Subtract").click()
    rectangle(0.01, 0.12, 0.5, 0.99)
    viewer.wait_selected(upper - both)


def test_selects_with_a_polygon_by_clicks(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.keyboard.press("l")
    viewer.lasso(HALF)
    n = eventually(viewer.selected, "a selection")
    viewer.page.keyboard.press("x")
    viewer.page.keyboard.press("o")
    for x, y in [*HALF, (0.7, 0.5)]:
        viewer.page.mouse.click(*place(viewer, x, y))
    viewer.page.keyboard.press("Backspace")
    viewer.page.keyboard.press("Enter")
    viewer.wait_selected(n)
    viewer.page.mouse.click(*place(viewer, 0.2, 0.2))
    viewer.page.keyboard.press("Escape")
    viewer.page.mouse.move(*place(viewer, 0.4, 0.5))
    expect(viewer.page.locator(".drawing polygon")).to_have_count(0)
    viewer.wait_selected(n)


def test_selects_what_is_in_sight_by_the_keyboard(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.plot.focus()
    for _ in range(3):
        viewer.page.keyboard.press("+")
    viewer.settled()
    viewer.page.keyboard.press("f")
    assert 0 < eventually(viewer.selected, "a selection") < 700


def test_goes_on_with_the_selected_cells_alone_and_back(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.keyboard.press("l")
    viewer.lasso(HALF)
    n = eventually(viewer.selected, "a selection")
    inside = int(row(viewer, "CD14+ Monocyte").locator(".count").inner_text())
    assert 0 < inside < 129
    viewer.page.get_by_role("button", name="Subset to selection").click()
    viewer.wait_selected(None)
    expect(viewer.page.get_by_text(f"{n} cells")).to_be_visible()
    expect(row(viewer, "CD14+ Monocyte").locator(".count")).to_have_text(str(inside))
    row(viewer, "CD14+ Monocyte").get_by_role("button").first.click()
    viewer.wait_selected(inside)
    expect(viewer.page.get_by_text(f"of {n} cells selected")).to_be_visible()
    viewer.page.get_by_role("button", name="Invert selection").click()
    viewer.wait_selected(n - inside)
    viewer.settled()
    viewer.page.reload()
    viewer.drawn()
    viewer.wait_selected(n - inside)
    viewer.page.get_by_role("button", name="Show all cells").click()
    viewer.page.keyboard.press("x")
    viewer.wait_selected(None)
    expect(row(viewer, "CD14+ Monocyte").locator(".count")).to_have_text("129")


def test_a_gallery_has_a_picture_of_each_category_and_of_each_gene(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.keyboard.press("q")
    gallery = viewer.page.get_by_role("region", name="Gallery")
    expect(gallery).to_have_attribute("data-pictures", "10")
    contexts = viewer.page.evaluate(
        "[...document.querySelectorAll('canvas')].filter((c) => c.getContext('webgl2')).length"
    )
    assert contexts == 1, "one renderer draws all pictures"

    def blue(name):
        png = gallery.get_by_role("button", name=f"Select {name}").locator("canvas").screenshot()
        pixels = np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)
        return int((abs(pixels - [0x17, 0xBE, 0xCF]).max(axis=2) < 30).sum())

    assert blue("Dendritic") > 100
    assert blue("CD34+") == 0
    gallery.get_by_role("button", name="Select Dendritic").click()
    viewer.wait_selected(240)
    expect(gallery).to_have_count(0)
    viewer.page.keyboard.press("Control+z")
    expect(gallery).to_be_visible()
    gallery.get_by_role("button", name="Close the gallery").click()
    viewer.drawn()
    viewer.search_gene("CD79A")
    viewer.colored_by("CD79A")
    viewer.search_gene("CST3")
    viewer.colored_by("CST3")
    viewer.plot.focus()
    viewer.page.keyboard.press("q")
    expect(gallery).to_have_attribute("data-pictures", "2")
    gallery.get_by_role("button", name="Colour by CD79A").click()
    viewer.colored_by("CD79A")


def test_a_gallery_splits_the_colours_of_the_plot_and_is_saved_as_one_figure(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.search_gene("LYZ")
    viewer.colored_by("LYZ")
    viewer.plot.focus()
    viewer.page.keyboard.press("q")
    gallery = viewer.page.get_by_role("region", name="Gallery")
    gallery.get_by_role("radio", name="Categories").click()
    gallery.get_by_role("combobox", name=re.compile("Categories of")).click()
    viewer.page.get_by_role("option", name=re.compile("^bulk_labels")).click()
    expect(gallery).to_have_attribute("data-pictures", "10")

    def inked(name):
        """Return how many pixels are neither the ground nor grey, and how many are not the ground."""
        png = gallery.get_by_role("button", name=f"Select {name}").locator("canvas").screenshot()
        pixels = np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)
        return int((np.ptp(pixels, axis=2) > 40).sum()), int((pixels.min(axis=2) < 245).sum())

    gallery.get_by_role("checkbox", name="By LYZ").check()
    expect(gallery).to_have_attribute("data-drawn", "true")
    # dendritic cells have LYZ, and other cells are grey behind the few of a small category
    eventually(lambda: inked("Dendritic")[0] > 500 > inked("CD34+")[0], "colours of the category's own cells")
    before = inked("CD34+")[1]
    assert before > 1000
    gallery.get_by_role("checkbox", name="Other cells").uncheck()
    eventually(lambda: inked("CD34+")[1] < before / 4, "no other cells")
    menu = gallery.get_by_role("button", name=re.compile("^Save or copy gallery"))
    drawing = viewer.saved("Save the figure as SVG", menu).decode()
    assert drawing.count("<image") == 10 and ">Dendritic</text>" in drawing and ">240</text>" in drawing
    assert drawing.count(">LYZ</text>") == 1, "one scale"
    assert viewer.saved("Save the figure as PNG", menu).startswith(b"\x89PNG")
    said = viewer.page.get_by_role("textbox", name="Figure legend").input_value()
    assert "coloured by LYZ" in said and "one category of bulk_labels" in said
