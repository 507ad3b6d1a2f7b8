"""What the operator switches off is gone from the page."""

from __future__ import annotations

import pytest
from browser_page import NARROW, WIDE
from playwright.sync_api import expect

OFF = ["--disable-diffexp", "--disable-annotations", "--about=https://example.org/blood", "--title=Blood of somebody"]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_comparisons_and_annotations_are_gone(visit, pbmc, size):
    viewer = visit(pbmc, size, options=OFF).drawn()
    page = viewer.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Blood of somebody")
    for name in ("Compare", "Markers"):
        expect(page.get_by_role("tab", name=name)).to_have_count(0)
    expect(page.get_by_role("tab", name="Genes")).to_have_count(1)
    for name in ("Set A", "Set B", "New annotation", "New gene set", "Label the selected cells", "Views"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    # figures and tables of cells alone
    page.get_by_role("button", name="Export and import").click()
    items = [text.splitlines()[0] for text in page.get_by_role("menuitem").all_inner_texts()]
    assert items[:2] == ["Figure of the cells…", "Figure of several panels…"]
    assert items[2:] == ["Names of all cells", "Table of all cells"]
    page.keyboard.press("Escape")
    for key in "abcmn.":
        page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("region", name="Views")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_role("heading", name="Compare")).to_have_count(0)
    link = page.get_by_role("dialog").get_by_role("link", name="About this dataset")
    expect(link).to_have_attribute("href", "https://example.org/blood")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    page.keyboard.press("Escape")
    assert not viewer.overflows()
