"""Two fields at once, a focused cell, pictures under the cells, lines of equal density."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest
from browser_page import eventually
from playwright.sync_api import expect

GREEN = (40, 160, 60)


@pytest.fixture(scope="module")
def tissue(tmp_path_factory):
    """Write spots in a corner of a green tissue, in pixels of a picture ten times as large."""
    x, y = np.meshgrid(np.arange(20), np.arange(15))
    spots = np.c_[x.ravel(), y.ravel()] * 100.0 + 50
    pixels = np.full((300, 400, 3), GREEN, np.uint8)
    names = [f"spot {k}" for k in range(300)]
    data = anndata.AnnData(
        X=np.ones((300, 2), np.float32),
        obs=pd.DataFrame({"layer": pd.Categorical(["a", "b", "c"] * 100)}, index=names),
        obsm={"spatial": spots},
        uns={"spatial": {"s": {"images": {"hires": pixels}, "scalefactors": {"tissue_hires_scalef": 0.1}}}},
    )
    path = tmp_path_factory.mktemp("tissue") / "tissue.h5ad"
    data.write_h5ad(path)
    return path


def two(viewer, first, second):
    """Choose two fields in the dialog."""
    viewer.page.keyboard.press("Escape")
    viewer.plot.focus()
    viewer.page.keyboard.press("g")
    for label, name in (("First", first), ("Second", second)):
        viewer.page.get_by_role("combobox", name=label).click()
        viewer.page.get_by_role("option", name=name, exact=False).first.click()


def test_colours_by_two_genes_and_plots_one_against_the_other(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.search_gene("CD79A")
    viewer.colored_by("CD79A")
    viewer.search_gene("CST3")
    viewer.colored_by("CST3")
    two(viewer, "CD79A", "CST3")
    viewer.page.get_by_role("button", name="Colour by both").click()
    viewer.colored_by("CD79A and CST3")

    def hues():
        picture = viewer.picture()
        red, blue = picture[..., 0], picture[..., 2]
        return int((blue > red + 60).sum()), int((red > blue + 60).sum())

    eventually(lambda: min(hues()) > 100, "cells in blue and in orange")
    two(viewer, "n_genes", "n_counts")
    viewer.page.get_by_role("button", name="Plot one against the other").click()
    expect(viewer.page.get_by_role("combobox", name="Embedding: n_counts against n_genes")).to_be_visible()
    expect(viewer.page.locator(".axes .title")).to_have_text(["n_genes", "n_counts"])
    viewer.page.keyboard.press("r")
    box = viewer.plot.bounding_box()
    viewer.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 60)
    viewer.page.mouse.down()
    viewer.page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2, steps=4)
    viewer.page.mouse.up()
    n = eventually(viewer.selected, "a selection of cells with many genes")
    assert 0 < n < 200
    viewer.settled()
    viewer.page.reload()
    viewer.drawn().colored_by("CD79A and CST3")
    viewer.wait_selected(n)
    viewer.page.keyboard.press("e")
    expect(viewer.page.locator(".axes")).to_have_count(0)


def test_a_focused_cell_colours_the_others_by_what_it_is_to_them(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.keyboard.press("j")
    card = viewer.page.get_by_role("region", name="Focused cell")
    expect(card).to_be_visible()
    card.get_by_role("button", name="distances").click()
    title = eventually(
        lambda: (t := viewer.page.get_by_label("Legend").inner_text()) and "distances of cell" in t and t, "the legend"
    )
    expect(viewer.page.get_by_label("Legend")).to_contain_text("0 in 691 cells")
    box = viewer.plot.bounding_box()
    picture = viewer.picture()
    orphan = (abs(picture - [0xDC, 0xDF, 0xE3]).max(axis=2) < 6).nonzero()
    viewer.page.mouse.click(box["x"] + float(orphan[1][9]), box["y"] + float(orphan[0][9]))
    eventually(lambda: viewer.page.get_by_label("Legend").inner_text() != title, "colours by another cell")
    card.get_by_role("button", name="Clear focus").click()
    expect(card).to_have_count(0)
    viewer.page.keyboard.press("Control+z")
    expect(card).to_be_visible()


def test_the_tissue_lies_under_the_cells(visit, tissue):
    viewer = visit(tissue).drawn()
    share = eventually(lambda: green(viewer) > 0.2 and green(viewer), "the tissue")
    picture = viewer.picture()
    columns = (abs(picture - GREEN).max(axis=2) < 12).any(axis=0).nonzero()[0]
    rows = (abs(picture - GREEN).max(axis=2) < 12).any(axis=1).nonzero()[0]
    cells = (abs(picture - GREEN).max(axis=2) > 60) & (abs(picture - 255).max(axis=2) > 60)
    # the spots fill the upper left half of each side
    right, below = cells.any(axis=0).nonzero()[0].max(), cells.any(axis=1).nonzero()[0].max()
    assert columns.max() - right > 0.3 * (columns.max() - columns.min()) or columns.max() == picture.shape[1] - 1
    assert rows.max() >= below
    viewer.page.keyboard.press("h")
    eventually(lambda: green(viewer) < share / 20, "no tissue")


def green(viewer):
    """Return the share of the plot's pixels that are of the tissue."""
    return float((abs(viewer.picture() - GREEN).max(axis=2) < 12).mean())


def test_lines_of_equal_density(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.keyboard.press(";")
    lines = viewer.page.locator(".contours path")
    expect(lines).to_have_count(5)
    eventually(
        lambda: all(len(path) > 100 for path in lines.evaluate_all("(all) => all.map((p) => p.getAttribute('d'))")),
        "lines",
    )
    viewer.page.keyboard.press(";")
    expect(lines).to_have_count(0)
