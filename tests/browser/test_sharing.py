"""The view in the page's address: it survives a reload, opens for a colleague, and is what the browser goes back to."""

from __future__ import annotations

import re

import pytest
from browser_page import at, eventually
from playwright.sync_api import expect

LEFT = [(0.0, 0.1), (0.5, 0.1), (0.5, 0.94), (0.0, 0.94)]
RIGHT = [(0.5, 0.1), (1.0, 0.1), (1.0, 0.94), (0.5, 0.94)]


def row(viewer, name):
    """Return the row of a category in the Cells panel."""
    return viewer.page.get_by_role("group", name=name, exact=True)


def address(viewer):
    """Return the address once it says the view."""
    return eventually(lambda: "#v=" in (now := viewer.address) and now, "a view in the address")


def set_a(viewer):
    """Return what the Compare panel says of set A."""
    return viewer.page.get_by_role("group", name="Set A")


def test_a_view_survives_a_reload_and_opens_for_a_colleague(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    row(viewer, "Dendritic").get_by_role("checkbox").click()
    viewer.page.keyboard.press("l")
    every = viewer.selected()
    viewer.lasso(LEFT)
    first = eventually(lambda: (n := viewer.selected()) != every and n, "a selection")
    viewer.lasso([(0.6, 0.1), (0.9, 0.1), (0.9, 0.9), (0.6, 0.9)], "Shift")
    eventually(lambda: viewer.selected() > first, "a larger selection")
    viewer.page.keyboard.press("a")
    n = viewer.selected()
    expect(set_a(viewer)).to_contain_text(f"{n}")
    viewer.search_gene("CD79A")
    viewer.colored_by("CD79A")
    viewer.plot.focus()
    viewer.page.keyboard.press("+")
    viewer.plot.blur()
    link = viewer.settled()
    assert len(link) < 1800
    picture = viewer.picture()
    viewer.page.reload()
    viewer.drawn().colored_by("CD79A")
    viewer.wait_selected(n)
    viewer.page.get_by_role("tab", name="Compare").click()
    expect(set_a(viewer)).to_contain_text(f"{n}")
    eventually(lambda: (abs(viewer.picture() - picture) > 40).any(axis=2).mean() < 0.001, "the same picture")
    other = visit(pbmc, before=at(link))
    other.drawn().colored_by("CD79A")
    other.wait_selected(n)


def test_the_browser_goes_back_and_forward(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    address(viewer)
    viewer.page.get_by_role("button", name="Colour by louvain").click()
    viewer.colored_by("louvain")
    viewer.page.keyboard.press("l")
    viewer.lasso(LEFT)
    n = eventually(viewer.selected, "a selection")
    viewer.settled()
    viewer.page.go_back()
    viewer.wait_selected(None)
    viewer.colored_by("louvain")
    viewer.page.go_back()
    viewer.colored_by("bulk_labels")
    viewer.page.go_forward()
    viewer.colored_by("louvain")
    viewer.page.go_forward()
    viewer.wait_selected(n)
    viewer.page.reload()
    viewer.drawn()
    viewer.wait_selected(n)
    viewer.page.go_back()
    viewer.wait_selected(None)
    viewer.colored_by("louvain")


def test_the_link_is_copied(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    viewer.page.get_by_role("button", name="Share: copy a link to this view").click()
    expect(viewer.page.get_by_role("status").filter(has_text="Link copied")).to_be_visible()
    assert viewer.page.evaluate("navigator.clipboard.readText()") == viewer.address


def test_the_link_has_a_plot_that_was_opened_just_before(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    viewer.page.get_by_role("button", name="Plots: dot plot").click()
    viewer.page.get_by_role("radio", name="Composition").click()
    viewer.page.get_by_role("button", name="Share: copy a link").click()
    expect(viewer.page.get_by_text("Link copied.")).to_be_visible()
    other = visit(pbmc, before=at(viewer.page.evaluate("navigator.clipboard.readText()")))
    expect(other.page.get_by_role("radio", name="Composition")).to_be_checked()


def test_a_link_may_be_written_by_hand(visit, pbmc):
    viewer = visit(pbmc, before=at("gene=CD79A&embedding=pca"))
    viewer.drawn().colored_by("CD79A")
    expect(viewer.page.get_by_role("combobox", name="Embedding: PCA")).to_be_visible()


@pytest.mark.parametrize(
    "evil",
    [
        "v=" + "A" * 4000,
        "v=!!!",
        "v=q1YqSy0qzszPU7JSMNRRUMpJLC7OB7KrlQrycyrTweLRSolKsbVAybTMnBKgapBQNZCTmpMCVpmfBBJSskmyU6qtja0FAA",
        "gene=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
        "color=%00&embedding=../../etc&matrix=__proto__",
    ],
)
def test_what_a_link_should_not_hold_is_left_out_with_a_note(visit, pbmc, evil):
    viewer = visit(pbmc, before=at(evil))
    viewer.drawn()
    note = viewer.page.get_by_role("status").filter(has_text="Parts of the link do not fit this dataset")
    expect(note).to_be_visible()
    assert re.search(r"Left out: .", note.inner_text())
    assert viewer.page.locator("img").count() == 0
    assert viewer.selected() is None
