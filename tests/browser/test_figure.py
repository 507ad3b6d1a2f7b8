"""A figure of several panels: what is on the paper is what is saved."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from io import BytesIO

import pytest
from browser_page import eventually
from PIL import Image
from playwright.sync_api import expect
from pypdf import PdfReader
from test_access import violations

SVG = "{http://www.w3.org/2000/svg}"


def add(viewer, name: str) -> None:
    """Add a panel from the menu of the editor."""
    rows = viewer.page.get_by_role("list", name="Panels").locator(":scope > li")
    before = rows.count()
    viewer.page.get_by_role("button", name="Add panel").click()
    viewer.page.get_by_role("menuitem", name=name).first.click()
    expect(rows).to_have_count(before + 1)


def open_editor(viewer) -> None:
    viewer.plot.focus()
    viewer.page.keyboard.press("'")
    expect(viewer.page.get_by_role("dialog", name="Figure")).to_be_visible()


def close(viewer) -> None:
    viewer.page.get_by_role("button", name="Close", exact=True).click()
    expect(viewer.page.get_by_role("dialog", name="Figure")).to_have_count(0)


def saved(viewer, kind: str) -> bytes:
    return viewer.saved(f"Save the figure of panels as {kind}")


def texts(viewer) -> list[str]:
    return [text.text for text in ET.fromstring(saved(viewer, "SVG")).iter(f"{SVG}text")]


def test_panels_are_arranged_and_saved_as_svg_png_and_pdf(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    page = viewer.page
    open_editor(viewer)
    add(viewer, "Plot of cells")
    close(viewer)
    viewer.search_gene("LYZ")
    viewer.colored_by("LYZ")
    page.keyboard.press("Escape")
    open_editor(viewer)
    add(viewer, "Plot of cells")
    add(viewer, "Composition")
    # The panel of the labels stays as it was.
    expect(page.get_by_role("textbox", name="Title of panel a")).to_have_value("bulk_labels")
    expect(page.get_by_role("textbox", name="Title of panel b")).to_have_value("LYZ")
    page.get_by_role("textbox", name="Title of panel b").fill("Lysozyme")
    page.get_by_role("textbox", name="Title of panel b").blur()
    page.get_by_role("button", name="Move down: panel a").click()
    expect(page.get_by_role("textbox", name="Title of panel a")).to_have_value("Lysozyme")
    page.get_by_role("combobox", name="Width").select_option("114")
    page.get_by_label("Size of text, points").fill("6")
    page.get_by_label("Size of text, points").blur()
    page.get_by_role("combobox", name="Letters").select_option("upper")
    expect(page.get_by_text("Give it more columns.")).to_be_visible()
    page.get_by_role("listitem").filter(has_text="Too wide").get_by_role("combobox", name="Columns").select_option("2")

    drawing = ET.fromstring(saved(viewer, "SVG"))
    assert drawing.get("width") == "114mm"
    assert (drawing.get("font-family") or "").startswith("Helvetica")
    words = {text.text for text in drawing.iter(f"{SVG}text")}
    assert {"A", "B", "C", "Lysozyme", "bulk_labels", "Composition", "UMAP 1", "CD56+ NK", "phase"} <= words
    assert len(list(drawing.iter(f"{SVG}image"))) == 2
    # Text of 12 pixels has 6 points in every panel.
    scales = [float(scale) for scale in re.findall(r"scale\(([\d.]+)\)", ET.tostring(drawing, encoding="unicode"))]
    assert scales == pytest.approx([0.5, 0.5, 0.5])

    picture = Image.open(BytesIO(saved(viewer, "PNG")))
    assert picture.width == round(114 / 25.4 * 300)
    assert picture.info["dpi"] == pytest.approx((300, 300), rel=1e-3)
    reader = PdfReader(BytesIO(saved(viewer, "PDF")), strict=True)
    assert float(reader.pages[0].mediabox.width) == pytest.approx(114 / 25.4 * 72, abs=0.01)
    assert "Lysozyme" in reader.pages[0].extract_text()
    legend = page.get_by_role("textbox", name="Legend of the figure of panels").input_value()
    assert legend.startswith("A, Cells in the coordinates of UMAP (X_umap), coloured by LYZ")
    assert legend.count("Dataset:") == 1

    page.get_by_role("button", name="Remove panel B").click()
    expect(page.get_by_role("list", name="Panels").locator(":scope > li")).to_have_count(2)
    page.get_by_role("button", name="Undo in the figure").click()
    expect(page.get_by_role("textbox", name="Title of panel B")).to_have_value("bulk_labels")


def test_legends_labels_of_axes_and_the_scale_of_genes_are_chosen(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    page = viewer.page
    for gene in ("LYZ", "CD79A"):
        viewer.search_gene(gene)
        viewer.colored_by(gene)
        page.keyboard.press("Escape")
        open_editor(viewer)
        add(viewer, "Plot of cells")
        close(viewer)
    open_editor(viewer)
    assert page.get_by_label("One colour scale for genes").is_enabled()
    ends = [text for text in texts(viewer) if re.fullmatch(r"(≥ )?\d+(\.\d+)?", text)]
    assert len(set(ends[1::2])) == 2
    page.get_by_label("One colour scale for genes").check()
    ends = [text for text in texts(viewer) if re.fullmatch(r"(≥ )?\d+(\.\d+)?", text)]
    assert len({end.removeprefix("≥ ") for end in ends[1::2]}) == 1
    for legend in page.get_by_role("combobox", name="Legend").all():
        legend.select_option("none")
    page.get_by_label("Labels of axes").uncheck()
    page.get_by_label("Titles").uncheck()
    assert texts(viewer) == ["a", "b"]


def test_every_plot_s_menu_adds_a_panel_and_the_editor_is_accessible(visit, pbmc):
    viewer = visit(pbmc, theme="dark").drawn().colored_by("bulk_labels")
    page = viewer.page
    page.keyboard.press("s")
    page.get_by_role("button", name="Add to figure").click()
    expect(page.get_by_role("button", name="Added")).to_be_visible()
    page.get_by_role("button", name="Open figure").click()
    expect(page.get_by_role("img", name="Figure of 1 panels")).to_be_visible()
    # Figures are drawn for paper, whatever the theme of the page.
    drawing = ET.fromstring(saved(viewer, "SVG"))
    assert drawing[0].tag == f"{SVG}rect" and drawing[0].get("fill") in ("#fff", "#ffffff")
    assert not violations(viewer)
    close(viewer)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_panels_survive_a_reload_as_they_were_drawn(visit, pbmc, theme):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    page = viewer.page
    if theme == "dark":
        page.keyboard.press("d")
    open_editor(viewer)
    add(viewer, "Plot of cells")
    add(viewer, "Composition")
    page.get_by_role("textbox", name="Title of panel a").fill("Cells & <types>")
    page.get_by_role("combobox", name="Width").select_option("114")
    expect(page.get_by_role("status").filter(has_text="Drawing")).to_have_count(0)
    shown = texts(viewer)
    assert "Cells & <types>" in shown
    close(viewer)
    kept = """() => new Promise((resolve) => {
      const request = indexedDB.open('starcyte', 1);
      request.onsuccess = () => {
        const all = request.result.transaction('figures').objectStore('figures').getAll();
        all.onsuccess = () => resolve(all.result.map((one) => [one.layout.width, one.panels.map((p) => p.title)]));
      };
    })"""
    eventually(lambda: page.evaluate(kept) == [[114, ["Cells & <types>", "Composition"]]], "the kept figure")
    page.reload()
    viewer.drawn()
    open_editor(viewer)
    expect(page.get_by_role("textbox", name="Title of panel a")).to_have_value("Cells & <types>")
    expect(page.get_by_role("img", name="Figure of 2 panels")).to_be_visible()
    assert texts(viewer) == shown
    expect(page.get_by_role("combobox", name="Legend").first).to_be_disabled()
    # another panel is added beside them, and is no less kept
    add(viewer, "Plot of cells")
    expect(page.get_by_role("img", name="Figure of 3 panels")).to_be_visible()
    for _ in range(3):
        page.get_by_role("button", name=re.compile("^Remove panel")).first.click()
    eventually(lambda: page.evaluate(kept) == [], "no kept figure")
    page.reload()
    viewer.drawn()
    open_editor(viewer)
    expect(page.get_by_text("No panels yet")).to_be_visible()
