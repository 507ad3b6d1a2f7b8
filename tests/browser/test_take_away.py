"""What is taken away of the plot of cells: pictures, numbers, names, and the text for a legend."""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as ET
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from browser_page import read
from PIL import Image
from playwright.sync_api import expect

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def cells(pbmc):
    """Return the dataset as anndata reads it."""
    return read(pbmc)


def menu(viewer):
    return viewer.page.get_by_role("button", name=re.compile("^Save or copy"))


def test_the_plot_is_saved_with_vector_text_legend_and_axes(visit, pbmc, cells):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.keyboard.press("s")
    expect(viewer.page.get_by_role("region", name="Save or copy")).to_be_visible()
    drawing = ET.fromstring(viewer.saved("Save the figure as SVG"))
    texts = [text.text for text in drawing.iter(f"{SVG}text")]
    for name in cells.obs["bulk_labels"].cat.categories:
        assert name in texts
    assert {"bulk_labels", "UMAP 1", "UMAP 2"} <= set(texts)
    assert len(list(drawing.iter(f"{SVG}image"))) == 1
    assert not list(drawing.iter(f"{SVG}script")) and not list(drawing.iter(f"{SVG}foreignObject"))
    for part in ("Legend", "Names", "Axes"):
        viewer.page.get_by_role("checkbox", name=part).uncheck()
    assert not list(ET.fromstring(viewer.saved("Save the figure as SVG")).iter(f"{SVG}text"))


def test_the_picture_is_as_large_as_asked_and_transparent(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    menu(viewer).click()
    viewer.page.get_by_role("radio", name="1\N{MULTIPLICATION SIGN}").click()
    small = Image.open(BytesIO(viewer.saved("Save the figure as PNG")))
    viewer.page.get_by_role("radio", name="4\N{MULTIPLICATION SIGN}").click()
    viewer.page.get_by_role("checkbox", name="Transparent").check()
    large = Image.open(BytesIO(viewer.saved("Save the figure as PNG")))
    assert abs(np.array(large.size) - 4 * np.array(small.size)).max() <= 4
    pixels = np.asarray(large.convert("RGBA"))
    assert pixels[3, 3, 3] == 0 and (pixels[..., 3] == 255).sum() > 2000
    assert (np.asarray(small.convert("RGBA"))[..., 3] == 255).all()


def test_a_figure_has_the_width_of_a_journal_and_says_its_resolution(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    menu(viewer).click()
    viewer.page.get_by_label(re.compile("^Size of the figure")).click()
    viewer.page.get_by_role("option", name="174 mm wide").click()
    for dpi, pixels in ((300, 2055), (600, 4110)):
        viewer.page.get_by_role("radio", name=f"{dpi} dpi").click()
        picture = Image.open(BytesIO(viewer.saved("Save the figure as PNG")))
        assert picture.width == pytest.approx(pixels, abs=2)
        assert picture.info["dpi"] == pytest.approx((dpi, dpi), rel=1e-3)
    expect(viewer.page.get_by_text("7.0 points high")).to_be_visible()
    svg = ET.fromstring(viewer.saved("Save the figure as SVG"))
    assert svg.get("width") == "174mm"
    width, height = map(float, svg.get("viewBox").split()[2:])
    assert float(svg.get("height").removesuffix("mm")) == pytest.approx(174 * height / width)


def test_numbers_and_names_are_those_of_the_selected_cells(visit, pbmc, cells):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.get_by_role("group", name="Dendritic", exact=True).get_by_role("button").first.click()
    viewer.wait_selected(240)
    mine = cells[cells.obs["bulk_labels"] == "Dendritic"]
    assert viewer.saved("Names of selected cells", menu(viewer)).decode().split() == ["cell", *mine.obs_names]
    viewer.page.keyboard.press("Escape")
    viewer.search_gene("LYZ")
    viewer.colored_by("LYZ")
    rows = list(csv.DictReader(viewer.saved("Data as CSV", menu(viewer)).decode().splitlines()))
    assert [row["cell"] for row in rows] == list(mine.obs_names)
    expected = mine.raw[:, "LYZ"].X.toarray().ravel()
    np.testing.assert_allclose([float(row["LYZ"]) for row in rows], expected, rtol=1e-5)
    np.testing.assert_allclose([float(row["x"]) for row in rows], mine.obsm["X_umap"][:, 0], rtol=1e-5)
    said = viewer.page.get_by_role("textbox", name="Figure legend").input_value()
    assert "coloured by LYZ (values from raw/X)" in said
    assert "Of 700 cells 240 are selected, by bulk_labels (Dendritic)." in said


def test_the_text_is_copied(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    menu(viewer).click()
    viewer.page.get_by_role("button", name="Copy", exact=True).click()
    expect(viewer.page.get_by_role("button", name="Copied")).to_be_visible()
    said = viewer.page.get_by_role("textbox", name="Figure legend").input_value()
    assert viewer.page.evaluate("navigator.clipboard.readText()") == said


def test_the_means_of_all_genes_are_a_table_of_the_selected_cells(visit, pbmc, cells):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.get_by_role("group", name="Dendritic", exact=True).get_by_role("button").first.click()
    viewer.wait_selected(240)
    viewer.page.get_by_role("button", name="Export and import").click()
    with viewer.page.expect_download() as started:
        viewer.page.get_by_role("menuitem", name="CSV, long").click()
    table = pd.read_csv(started.value.path())
    dendritic = table[table["group"] == "Dendritic"].set_index("gene")
    mine = cells.raw[(cells.obs["bulk_labels"] == "Dendritic").to_numpy()]
    expected = np.asarray(mine.X.mean(axis=0)).ravel()
    np.testing.assert_allclose(dendritic["mean"].loc[list(cells.raw.var_names)], expected, rtol=1e-5)
    assert (dendritic["n_cells"] == 240).all()
    assert table[table["group"] != "Dendritic"]["mean"].isna().all()


def test_a_new_h5ad_has_the_selected_cells(visit, pbmc, cells, tmp_path):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.get_by_role("button", name="Export and import").click()
    expect(viewer.page.get_by_role("menuitem", name="New h5ad of the selected cells")).to_be_disabled()
    viewer.page.keyboard.press("Escape")
    viewer.page.get_by_role("group", name="Dendritic", exact=True).get_by_role("button").first.click()
    viewer.wait_selected(240)
    viewer.page.get_by_role("button", name="Export and import").click()
    viewer.page.get_by_role("menuitem", name="New h5ad of the selected cells").click()
    with viewer.page.expect_download() as started:
        viewer.page.get_by_role("link", name="Download").click()
    started.value.save_as(tmp_path / "new.h5ad")
    new = read(tmp_path / "new.h5ad")
    mine = (cells.obs["bulk_labels"] == "Dendritic").to_numpy()
    assert list(new.obs_names) == list(cells.obs_names[mine])
    np.testing.assert_array_equal(np.asarray(new.X), np.asarray(cells.X)[mine])
