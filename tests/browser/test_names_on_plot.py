"""Names of categories on the plot, which the user may move."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from browser_page import NARROW, WIDE
from playwright.sync_api import expect

SVG = "{http://www.w3.org/2000/svg}"


def centre(page, name):
    box = page.locator(".names span", has_text=name).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_name_is_dragged_and_stays_with_its_place(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    page = viewer.page
    x, y = centre(page, "CD34+")
    other = centre(page, "Dendritic")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 80, steps=4)
    page.mouse.up()
    assert centre(page, "CD34+") == pytest.approx((x + 60, y - 80), abs=2)
    assert centre(page, "Dendritic") == pytest.approx(other, abs=2)
    # anywhere else the drag moves the plot, and the name with it
    empty = (x + 60, y - 160)
    page.mouse.move(*empty)
    page.mouse.down()
    page.mouse.move(empty[0] - 40, empty[1] - 30, steps=4)
    page.mouse.up()
    assert centre(page, "CD34+") == pytest.approx((x + 20, y - 110), abs=2)
    page.keyboard.press("0")
    page.keyboard.press("t")
    page.keyboard.press("t")
    viewer.settled()
    assert centre(page, "CD34+") == pytest.approx((x, y), abs=3)


@pytest.mark.parametrize("size", [WIDE, (1100, 700), NARROW], ids=str)
def test_names_without_room_in_a_small_plot_are_listed(visit, pbmc, size):
    viewer = visit(pbmc, size).drawn().colored_by("bulk_labels")
    page = viewer.page
    page.keyboard.press("Control+k")
    page.get_by_placeholder("A gene, a barcode, a category, a command, or a list of them").fill("four plots")
    page.keyboard.press("Enter")
    plot = page.locator(".names").first
    expect(page.locator(".names")).to_have_count(4)
    page.wait_for_timeout(500)
    drawn = plot.locator("span").all_inner_texts()
    note = page.get_by_text("Without room for a name:").first
    listed = note.get_attribute("title").split(", ") if note.count() else []
    assert len(drawn) + len(listed) == 10
    assert not set(drawn) & set(listed)
    boxes = [span.bounding_box() for span in plot.locator("span").all()]
    frame = plot.bounding_box()
    for box in boxes:
        assert box["x"] >= frame["x"] - 1
        assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1


def test_names_of_a_column_stay_when_a_gene_colours_the_cells(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    page = viewer.page
    page.get_by_role("button", name="Display settings").click()
    page.get_by_label(re.compile("^Names on the plot:")).click()
    page.get_by_role("option", name="bulk_labels").click()
    page.keyboard.press("Escape")
    viewer.search_gene("LYZ")
    viewer.colored_by("LYZ")
    page.keyboard.press("Escape")
    expect(page.locator(".names span", has_text="Dendritic")).to_be_visible()
    # A name that is moved has a line to its cells, on the page and in the figure.
    x, y = centre(page, "CD34+")
    lines = page.locator(".names line").count()
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y - 90, steps=4)
    page.mouse.up()
    expect(page.locator(".names line")).to_have_count(lines + 1)
    viewer.plot.focus()
    page.keyboard.press("s")
    drawing = ET.fromstring(viewer.saved("Save the figure as SVG"))
    assert {"Dendritic", "CD34+", "LYZ"} <= {text.text for text in drawing.iter(f"{SVG}text")}
    assert len(list(drawing.iter(f"{SVG}line"))) >= 1
    page.keyboard.press("Escape")
    # The choice is a part of the link.
    page.wait_for_timeout(600)
    page.reload()
    viewer.drawn().colored_by("LYZ")
    expect(page.locator(".names span", has_text="Dendritic")).to_be_visible()
