"""Names of categories on the plot, which the user may move."""

from __future__ import annotations

import pytest
from browser_page import NARROW, WIDE
from playwright.sync_api import expect


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
