"""Dot plot, violins and composition: their numbers against numpy, what a click does, and the files they become."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browser_page import NARROW, WIDE, eventually, read
from playwright.sync_api import expect

GENES = ["CD79A", "LYZ", "NKG7"]


@pytest.fixture(scope="module")
def cells(pbmc):
    """Return the dataset as anndata reads it."""
    return read(pbmc)


def open_plots(viewer, genes="cd79a, LYZ nkg7"):
    """Open the drawer on a pasted list of genes."""
    viewer.page.keyboard.press("p")
    drawer = viewer.page.get_by_role("region", name="Plots")
    drawer.get_by_role("button", name=re.compile("^Genes")).click()
    viewer.page.get_by_role("textbox", name="Genes, by name or id").fill(genes)
    viewer.page.get_by_role("button", name="Plot these genes").click()
    return drawer


def tips(drawer, marks):
    """Return what the marks of a plot say of themselves."""
    return [mark.get_attribute("data-tip").split("\n") for mark in drawer.locator(marks).all()]


def test_dot_plot_has_the_means_and_fractions_of_the_file(visit, pbmc, cells, tmp_path):
    viewer = visit(pbmc).drawn()
    drawer = open_plots(viewer, "cd79a, LYZ nkg7 NOTAGENE")
    expect(viewer.page.get_by_text("Not in raw/X: NOTAGENE")).to_be_visible()
    viewer.page.keyboard.press("Escape")
    plot = drawer.get_by_role("group", name="Dot plot of 3 genes in 10 categories")
    expect(plot).to_be_visible()
    said = tips(drawer, "circle[data-tip]")
    assert len(said) == 30
    kinds = cells.obs["bulk_labels"].cat.categories
    for k, (what, mean, fraction) in enumerate(said):
        gene, kind = GENES[k // 10], kinds[k % 10]
        assert what == f"{gene} in {kind}"
        column = cells.raw[:, gene].X.toarray().ravel()[(cells.obs["bulk_labels"] == kind).to_numpy()]
        assert float(mean.removeprefix("mean ").replace(",", "")) == pytest.approx(column.mean(), rel=0.01)
        share = 100 * (column > 0).mean()
        assert fraction.startswith("< 1 %" if 0 < share < 1 else f"{round(share)} %") or abs(share % 1 - 0.5) < 1e-9
    drawer.get_by_role("button", name=re.compile("^LYZ")).click()
    viewer.colored_by("LYZ")
    drawer.get_by_role("button", name=re.compile("^Dendritic")).press("Enter")
    viewer.wait_selected(int((cells.obs["bulk_labels"] == "Dendritic").sum()))
    drawer.get_by_role("combobox", name="Order: as given").click()
    viewer.page.get_by_role("option", name="by likeness").click()
    eventually(lambda: tips(drawer, "circle[data-tip]") != said, "another order")
    with viewer.page.expect_download() as download:
        drawer.get_by_role("button", name="Save the figure as SVG").click()
    download.value.save_as(tmp_path / "dots.svg")
    drawing = (tmp_path / "dots.svg").read_text(encoding="utf-8")
    assert ">NKG7</text>" in drawing and "var(" not in drawing and "<image" not in drawing


def test_violins_have_the_quartiles_of_the_file(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    drawer = open_plots(viewer)
    drawer.get_by_role("radio", name="Violins").click()
    expect(drawer.locator("g[data-tip] circle")).to_have_count(30)
    drawer.get_by_role("combobox", name="Values: genes").click()
    viewer.page.get_by_role("option", name="n_genes", exact=True).click()
    expect(drawer.locator("g[data-tip] path")).to_have_count(10)
    for what, quartiles, rest in tips(drawer, "g[data-tip]:has(path)"):
        kind = what.removeprefix("n_genes in ")
        values = cells.obs["n_genes"][cells.obs["bulk_labels"] == kind]
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        numbers = [float(text.replace(",", "")) for text in re.findall(r"[\d,.]*\d", quartiles)]
        assert numbers == pytest.approx([middle, low, high], rel=0.005)
        assert rest.endswith(f" {len(values)} cells")


def test_composition_is_that_of_the_selected_cells(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    viewer.page.keyboard.press("p")
    drawer = viewer.page.get_by_role("region", name="Plots")
    drawer.get_by_role("radio", name="Composition").click()
    drawer.get_by_role("combobox", name=re.compile("Parts")).click()
    viewer.page.get_by_role("option", name="louvain").click()
    table = cells.obs.groupby(["bulk_labels", "louvain"], observed=True).size()
    expect(drawer.locator("rect[data-tip]")).to_have_count(int((table > 0).sum()))
    for what, share in tips(drawer, "rect[data-tip]"):
        part, kind = what.split(" in ")
        assert f" {table[kind, part]} of " in share
    drawer.get_by_role("button", name=re.compile("^Dendritic")).click()
    expect(drawer.locator("rect[data-tip]")).to_have_count(int((table["Dendritic"] > 0).sum()))


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_drawer_fits_fills_the_page_and_closes(visit, pbmc, size, tmp_path):
    viewer = visit(pbmc, size).drawn()
    drawer = open_plots(viewer)
    expect(drawer.locator("circle[data-tip]").first).to_be_visible()
    assert not viewer.overflows()
    if size == WIDE:
        assert drawer.bounding_box()["width"] < 0.7 * size[0]
        drawer.get_by_role("button", name="Fill the page").click()
    eventually(lambda: drawer.bounding_box()["width"] == size[0], "a full page")
    with viewer.page.expect_download() as download:
        drawer.get_by_role("button", name="Save the figure as PNG").click()
    download.value.save_as(tmp_path / "dots.png")
    assert (tmp_path / "dots.png").read_bytes().startswith(b"\x89PNG")
    drawer.get_by_role("button", name="Close the plots").click()
    expect(drawer).to_have_count(0)


def test_bars_of_categories_are_made_up_of_the_colours(visit, pbmc, cells):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    row = viewer.page.get_by_role("group", name="Dendritic", exact=True)
    expect(row.locator(".on")).to_be_visible()
    expect(row.locator(".on i")).to_have_count(0)
    viewer.page.get_by_role("button", name="Colour by louvain").click()
    viewer.colored_by("louvain")
    table = cells.obs.groupby(["bulk_labels", "louvain"], observed=True).size()["Dendritic"]
    table = table[table > 0]
    expect(row.locator(".on i")).to_have_count(len(table))
    widths = [box.evaluate("(part) => part.getBoundingClientRect().width") for box in row.locator(".on i").all()]
    assert np.array(widths) / sum(widths) == pytest.approx((table / table.sum()).to_numpy(), abs=0.02)
