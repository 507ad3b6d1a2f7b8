"""Figures as PDF: text that can be searched, lines, pictures, and a size on paper."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from pypdf import PdfReader

POINTS_PER_MM = 72 / 25.4


def read(data: bytes) -> PdfReader:
    reader = PdfReader(BytesIO(data), strict=True)
    assert len(reader.pages) == 1
    return reader


def test_a_plot_of_cells_is_saved_as_pdf_with_its_text_and_its_picture(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.page.keyboard.press("s")
    viewer.page.get_by_label(re.compile("^Size of the figure")).click()
    viewer.page.get_by_role("option", name="114 mm wide").click()
    page = read(viewer.saved("Save the figure as PDF")).pages[0]
    assert float(page.mediabox.width) == pytest.approx(114 * POINTS_PER_MM, abs=0.01)
    text = page.extract_text()
    for name in ("CD14+ Monocyte", "CD4+/CD45RA+/CD25- Naive T", "bulk_labels", "UMAP 1", "UMAP 2"):
        assert name in text
    (picture,) = page.images
    assert picture.image is not None and picture.image.width > 900
    fonts = {font.get_object()["/BaseFont"] for font in page["/Resources"]["/Font"].values()}
    assert fonts == {"/Helvetica", "/Helvetica-Bold"}


def test_plots_of_the_drawer_are_saved_as_pdf(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.search_gene("LYZ")
    viewer.page.keyboard.press("Escape")
    viewer.page.get_by_role("button", name=re.compile("^Plots")).first.click()
    drawer = viewer.page.get_by_role("region", name="Plots")
    for kind in ("Dot plot", "Heat map", "Violins", "Composition"):
        drawer.get_by_role("radio", name=kind).click()
        drawer.get_by_text("Dendritic").first.wait_for()
        text = (
            read(viewer.saved("Save the figure as PDF", drawer.get_by_role("button", name=re.compile("^Save or copy"))))
            .pages[0]
            .extract_text()
        )
        assert "Dendritic" in text, kind
        viewer.page.keyboard.press("Escape")
