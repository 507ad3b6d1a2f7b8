"""Columns of obs: order, scales, what bars are made up of, and every filter as a chip."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browser_page import eventually, read
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def cells(pbmc):
    """Return the dataset as anndata reads it."""
    return read(pbmc)


def names(viewer):
    return viewer.page.locator("aside .row .name").all_inner_texts()


def as_people_count(name):
    """Return a key by which CD4 comes before CD14."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name.casefold())]


def chips(viewer):
    return viewer.page.get_by_role("list", name="Filters and sets").get_by_role("listitem")


def test_categories_are_ordered_by_name_and_by_size(visit, pbmc, cells):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    counts = cells.obs["bulk_labels"].value_counts()
    expect(viewer.page.locator("aside .row")).to_have_count(10)
    assert names(viewer) == list(cells.obs["bulk_labels"].cat.categories)
    order = viewer.page.get_by_role("button", name=re.compile("^Sort bulk_labels"))
    order.click()
    eventually(lambda: names(viewer) == sorted(counts.index, key=as_people_count), "the order of names")
    order.click()
    eventually(lambda: [counts[name] for name in names(viewer)] == sorted(counts, reverse=True), "the order of sizes")
    order.click()
    eventually(lambda: names(viewer) == list(cells.obs["bulk_labels"].cat.categories), "the order of the file")


def test_bars_show_the_values_that_colour_the_cells(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.get_by_role("button", name="Colour by n_genes").click()
    viewer.colored_by("n_genes")
    parts = viewer.page.get_by_role("group", name="Dendritic", exact=True).locator(".on .part")
    eventually(lambda: parts.count() > 3, "the steps of the colours")


def test_every_filter_is_a_chip_that_is_removed(visit, pbmc, cells):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    expect(chips(viewer)).to_have_count(0)
    viewer.page.get_by_role("group", name="Dendritic", exact=True).get_by_role("button").first.click()
    viewer.page.get_by_role("slider", name="Lowest n_genes").press("PageUp")
    viewer.page.keyboard.press("l")
    viewer.lasso([(0.02, 0.1), (0.98, 0.1), (0.98, 0.9), (0.02, 0.9)])
    expect(chips(viewer)).to_have_count(3)
    expect(chips(viewer).first).to_contain_text("bulk_labels Dendritic")
    expect(chips(viewer).nth(1)).to_contain_text("n_genes")
    expect(chips(viewer).nth(2)).to_contain_text("Lasso")
    viewer.page.get_by_role("button", name="Remove the filter Lasso").click()
    viewer.page.get_by_role("button", name="Remove the filter n_genes").click()
    viewer.wait_selected(int((cells.obs["bulk_labels"] == "Dendritic").sum()))
    viewer.page.keyboard.press("a")
    expect(chips(viewer).last).to_contain_text("Set A Dendritic, 240")
    viewer.page.get_by_role("button", name="Remove the filter bulk_labels").click()
    viewer.wait_selected(None)
    chips(viewer).get_by_role("button", name="Remove set A").click()
    expect(chips(viewer)).to_have_count(0)
    viewer.page.keyboard.press("Control+z")
    expect(chips(viewer)).to_have_count(1)


def test_a_measurement_is_scaled_by_logarithm_and_percentile(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    card = viewer.page.locator("article").filter(has=viewer.page.get_by_role("slider", name="Lowest n_counts"))
    viewer.page.get_by_role("button", name="Colour by n_counts").click()
    viewer.colored_by("n_counts")
    path = card.locator("path.on").first
    before = eventually(lambda: path.get_attribute("d"), "the bars")
    viewer.page.get_by_role("button", name="Scale of n_counts").click()
    viewer.page.get_by_role("checkbox", name="Logarithmic").check()
    eventually(lambda: path.get_attribute("d") != before, "bars on a logarithmic scale")
    expect(viewer.page.get_by_label("Legend")).to_contain_text("logarithmic scale")
    viewer.page.get_by_role("spinbutton", name="Highest percentile").fill("90")
    viewer.page.get_by_role("spinbutton", name="Highest percentile").press("Enter")
    values = cells.obs["n_counts"].to_numpy()
    expect(card.get_by_role("textbox", name="At most")).to_have_value(re.compile("^≥ "))
    high = viewer.page.get_by_role("slider", name="Highest n_counts")
    eventually(
        lambda: abs(float(high.get_attribute("aria-valuenow")) / np.quantile(values, 0.9) - 1) < 0.02, "the percentile"
    )
    viewer.page.keyboard.press("Escape")
    # what reaches the end of the bars holds the values beyond as well
    low = viewer.page.get_by_role("slider", name="Lowest n_counts")
    low.press("PageUp")
    eventually(
        lambda: viewer.selected() == int((values >= float(low.get_attribute("aria-valuenow"))).sum()), "the cells above"
    )
    viewer.page.keyboard.press("Control+z")
    viewer.page.keyboard.press("Control+z")
    viewer.page.keyboard.press("Control+z")
    eventually(lambda: path.get_attribute("d") == before, "the usual bars")


def test_colours_are_reversed_and_made_safe(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    eventually(lambda: viewer.pixels("#17becf") > 200, "cells in the colours of the file")
    viewer.page.get_by_role("button", name="Display settings").click()
    viewer.page.get_by_role("radio", name="Colour-blind safe").check()
    eventually(lambda: viewer.pixels("#17becf", 6) == 0 and viewer.pixels("#0072b2") > 100, "the safe palette")
    viewer.page.keyboard.press("Escape")
    viewer.search_gene("CD79A")
    viewer.colored_by("CD79A")
    bar = viewer.page.get_by_label("Legend").locator(".bar")
    before = bar.get_attribute("style")
    viewer.page.get_by_role("button", name="Display settings").click()
    viewer.page.get_by_role("checkbox", name="Reverse colours").check()
    eventually(lambda: bar.get_attribute("style") != before, "the colours turned round")


def test_numbers_are_written_as_the_reader_does(browser, serve, pbmc):
    page = browser.new_page(locale="de-DE")
    page.goto(serve(pbmc))
    page.locator("[data-drawn=true]").wait_for()
    low = page.get_by_role("textbox", name="At least, percent_mito")
    expect(low).to_have_value(re.compile(r"^0,0\d+$"))
    low.fill("0,02")
    low.press("Enter")
    expect(low).to_have_value("0,02")
    most = page.get_by_role("textbox", name="At most, n_genes")
    most.fill("1.500")
    most.press("Enter")
    expect(most).to_have_value("1.500")
    page.close()


def test_the_name_of_a_column_colours_and_the_arrow_unfolds(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    arrow, name = (page.get_by_role("button", name=f"{what} louvain", exact=True) for what in ("Unfold", "Colour by"))
    expect(arrow).to_have_attribute("aria-expanded", "false")
    expect(name).to_have_attribute("aria-pressed", "false")
    before = viewer.plot.get_attribute("aria-label")
    arrow.click()
    expect(arrow).to_have_attribute("aria-expanded", "true")
    assert viewer.plot.get_attribute("aria-label") == before
    arrow.press("Enter")
    expect(arrow).to_have_attribute("aria-expanded", "false")
    name.press("Enter")
    viewer.colored_by("louvain")
    expect(name).to_have_attribute("aria-pressed", "true")
    expect(arrow).to_have_attribute("aria-expanded", "true")
    arrow.click()
    expect(arrow).to_have_attribute("aria-expanded", "false")
    expect(name).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+z")
    assert viewer.plot.get_attribute("aria-label") == before
