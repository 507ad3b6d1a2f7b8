"""What is kept beside labels: gene sets, views, results and figures; and how a session ends."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from browser_page import NARROW, WIDE, eventually
from playwright.sync_api import expect

HOSTILE = "<b>x</b> & 'y' \"z\" ../..%2F"


def ask(viewer, path: str):
    """Return what the server has, past the page."""
    with urllib.request.urlopen(viewer.page.evaluate("location.origin") + "/api/v1/" + path) as answer:
        return json.load(answer)


def names(viewer, kind: str) -> list[str]:
    """Return the names of what is kept."""
    return [thing["name"] for thing in ask(viewer, kind)[kind]]


def test_a_gene_set_is_made_described_edited_undone_and_kept(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    page.get_by_role("button", name="New gene set").click()
    page.get_by_role("menuitem", name="Empty set…").click()
    dialog = page.get_by_role("dialog", name="New gene set")
    dialog.get_by_role("textbox", name="Name").fill(HOSTILE)
    dialog.get_by_role("textbox", name="Genes").fill("CD79A, LYZ NOTAGENE")
    dialog.get_by_role("textbox", name="Description").fill("From a textbook")
    dialog.get_by_role("button", name="Create").click()
    eventually(lambda: names(viewer, "genesets") == [HOSTILE], "the set")
    kept = ask(viewer, "genesets")["genesets"][0]
    assert (kept["genes"], kept["description"]) == (["CD79A", "LYZ", "NOTAGENE"], "From a textbook")
    assert kept["missing"] == ["NOTAGENE"]
    card = page.get_by_role("article", name=f"Gene set {HOSTILE}")
    card.get_by_role("button", name=re.compile("3$")).first.click()
    expect(card).to_contain_text("1 of 3 are not in this dataset.")
    card.get_by_role("button", name="Mean", exact=True).click()
    viewer.colored_by(HOSTILE)
    card.get_by_role("button", name="Remove LYZ from").click()
    eventually(lambda: ask(viewer, "genesets")["genesets"][0]["genes"] == ["CD79A", "NOTAGENE"], "a gene less")
    page.keyboard.press("Control+z")
    eventually(lambda: len(ask(viewer, "genesets")["genesets"][0]["genes"]) == 3, "the gene again")
    page.reload()
    viewer.drawn()
    expect(card).to_be_visible()


def test_a_set_is_made_of_a_comparison_and_the_comparison_survives_a_reload(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    page.get_by_role("group", name="Dendritic", exact=True).get_by_role("button", name="Dendritic", exact=True).click()
    viewer.wait_selected(240)
    page.keyboard.press("a")
    page.keyboard.press("c")
    expect(page.get_by_role("region", name="Result")).to_be_visible()
    title = "Dendritic vs the rest, t-test"
    eventually(lambda: names(viewer, "results") == [title], "the result")
    page.get_by_role("tab", name="Genes").click()
    page.get_by_role("button", name="New gene set").click()
    page.get_by_role("menuitem", name=re.compile("^Higher in Dendritic")).click()
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    eventually(lambda: names(viewer, "genesets") == ["Higher in Dendritic"], "the set")
    body = ask(viewer, "results/" + title.replace(" ", "%20"))
    best = max(body["result"]["genes"], key=lambda gene: gene["score"])
    assert ask(viewer, "genesets")["genesets"][0]["genes"][0] == best["gene"]
    page.reload()
    viewer.drawn()
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name=title, exact=True).click()
    result = page.get_by_role("region", name="Result")
    expect(result).to_contain_text("240 against 460 cells")
    result.get_by_role("button", name="Remove this comparison").click()
    eventually(lambda: names(viewer, "results") == [], "no result")


def test_a_view_is_kept_opened_renamed_deleted_and_brought_back(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    page = viewer.page
    viewer.search_gene("CD79A")
    viewer.colored_by("CD79A")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(".")
    strip = page.get_by_role("region", name="Views")
    strip.get_by_role("button", name="Save this view").click()
    strip.get_by_role("textbox", name="Name of the view").fill(HOSTILE)
    strip.get_by_role("button", name="Save", exact=True).click()
    eventually(lambda: names(viewer, "views") == [HOSTILE], "the view")
    image = strip.get_by_role("button", name=f"Open the view {HOSTILE}").locator("img")
    eventually(lambda: image.evaluate("(image) => image.naturalWidth") > 100, "a thumbnail")
    page.get_by_role("button", name="Colour by louvain").click()
    viewer.colored_by("louvain")
    strip.get_by_role("button", name=f"Open the view {HOSTILE}").click()
    viewer.colored_by("CD79A")
    strip.get_by_role("button", name=f"Rename {HOSTILE}").click(force=True)
    strip.get_by_role("textbox", name=f"New name of {HOSTILE}").fill("B cells")
    strip.get_by_role("button", name="Rename", exact=True).click()
    eventually(lambda: names(viewer, "views") == ["B cells"], "the new name")
    strip.get_by_role("button", name="Delete B cells").click(force=True)
    eventually(lambda: names(viewer, "views") == [], "no view")
    strip.get_by_role("button", name="Restore").click()
    eventually(lambda: names(viewer, "views") == ["B cells"], "the view again")


def test_a_figure_is_kept_with_the_dataset(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    page = viewer.page
    page.keyboard.press("s")
    page.get_by_role("button", name="Save the figure with the dataset").click()
    eventually(lambda: names(viewer, "figures") == ["bulk_labels"], "the figure")
    page.keyboard.press("Escape")
    page.keyboard.press(".")
    image = page.get_by_role("link", name="Download the figure bulk_labels").locator("img")
    eventually(lambda: image.evaluate("(image) => image.naturalWidth") > 100, "a picture")
    page.get_by_role("button", name="Delete the figure bulk_labels").click(force=True)
    eventually(lambda: names(viewer, "figures") == [], "no figure")


def test_where_nothing_can_be_made_nothing_to_make_is_shown(visit, pbmc):
    viewer = visit(pbmc, options=["--read-only"]).drawn()
    page = viewer.page
    expect(page.get_by_text("This viewer is read-only")).to_be_visible()
    for name in ("New annotation", "New gene set", "Save this view"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.keyboard.press("l")
    viewer.lasso([(0.05, 0.45), (0.95, 0.45), (0.95, 0.92), (0.05, 0.92)])
    expect(page.get_by_text("cells selected")).to_be_visible()
    expect(page.get_by_role("button", name="Label the selected cells")).to_have_count(0)
    page.keyboard.press("n")
    expect(page.get_by_role("combobox", name="Label", exact=True)).to_have_count(0)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_views_fit(visit, pbmc, size):
    viewer = visit(pbmc, size).drawn()
    viewer.page.keyboard.press(".")
    expect(viewer.page.get_by_role("region", name="Views")).to_be_visible()
    assert not viewer.overflows()
