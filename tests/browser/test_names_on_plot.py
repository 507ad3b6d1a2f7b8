"""Names of categories on the plot, which the user may move."""

from __future__ import annotations

import pytest


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
