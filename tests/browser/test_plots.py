"""The plots: their numbers against numpy, what a click does, and the files they become."""

from __future__ import annotations

import csv
import re
from io import BytesIO

import numpy as np
import pytest
from browser_page import NARROW, WIDE, eventually, read
from PIL import Image
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


def test_dot_plot_has_the_means_and_fractions_of_the_file(visit, pbmc, cells):
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
    # the plot is of the selected cells
    expect(drawer.locator("circle[data-tip]")).to_have_count(3)
    viewer.page.keyboard.press("x")
    expect(drawer.locator("circle[data-tip]")).to_have_count(30)
    drawer.get_by_role("combobox", name="Order of the categories: as given").click()
    viewer.page.get_by_role("option", name="by similarity").click()
    eventually(lambda: tips(drawer, "circle[data-tip]") != said, "another order")
    expect(drawer.locator("path.tree")).to_have_count(1)
    menu = drawer.get_by_role("button", name="Save or copy Dot plot")
    drawing = viewer.saved("Save the figure as SVG", menu).decode()
    assert ">NKG7</text>" in drawing and "var(" not in drawing and "<image" not in drawing
    table = list(csv.DictReader(viewer.saved("Data as CSV", menu).decode().splitlines()))
    assert len(table) == 30
    for row in table:
        column = cells.raw[:, row["gene"]].X.toarray().ravel()[(cells.obs["bulk_labels"] == row["category"]).to_numpy()]
        assert float(row["mean"]) == pytest.approx(column.mean(), rel=1e-5)
        assert int(row["cells"]) == column.size
    said = viewer.page.get_by_role("textbox", name="Figure legend").input_value()
    assert said.startswith("Mean expression of CD79A, LYZ and NKG7 (values of raw/X) in the categories of bulk_labels")
    assert "hierarchical clustering" in said and "10x_pbmc68k_reduced (700 cells, 765 genes)" in said


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
def test_the_drawer_fits_fills_the_page_and_closes(visit, pbmc, size):
    viewer = visit(pbmc, size).drawn()
    drawer = open_plots(viewer)
    expect(drawer.locator("circle[data-tip]").first).to_be_visible()
    assert not viewer.overflows()
    if size == WIDE:
        assert drawer.bounding_box()["width"] < 0.7 * size[0]
        drawer.get_by_role("button", name="Show in full size").click()
    eventually(lambda: drawer.bounding_box()["width"] == size[0], "a full page")
    menu = drawer.get_by_role("button", name="Save or copy Dot plot")
    sizes = {}
    for scale in (1, 4):
        if not viewer.page.get_by_role("region", name="Save or copy").count():
            menu.click()
        viewer.page.get_by_role("radio", name=f"{scale}\N{MULTIPLICATION SIGN}").click()
        sizes[scale] = np.array(Image.open(BytesIO(viewer.saved("Save the figure as PNG"))).size)
    assert abs(sizes[4] - 4 * sizes[1]).max() <= 4
    viewer.page.get_by_role("checkbox", name="Transparent").check()
    picture = Image.open(BytesIO(viewer.saved("Save the figure as PNG")))
    assert picture.convert("RGBA").getpixel((1, 1))[3] == 0
    viewer.page.keyboard.press("Escape")
    drawer.get_by_role("button", name="Close the plots").click()
    expect(drawer).to_have_count(0)


def test_bars_of_categories_are_made_up_of_the_colours(visit, pbmc, cells):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    row = viewer.page.get_by_role("group", name="Dendritic", exact=True)
    expect(row.locator(".on")).to_be_visible()
    expect(row.locator(".on .part")).to_have_count(0)
    viewer.page.get_by_role("button", name="Colour by louvain").click()
    viewer.colored_by("louvain")
    table = cells.obs.groupby(["bulk_labels", "louvain"], observed=True).size()["Dendritic"]
    table = table[table > 0]
    expect(row.locator(".on .part")).to_have_count(len(table))
    widths = [box.evaluate("(part) => part.getBoundingClientRect().width") for box in row.locator(".on .part").all()]
    assert np.array(widths) / sum(widths) == pytest.approx((table / table.sum()).to_numpy(), abs=0.02)


def test_matrix_plot_is_standardised_gene_by_gene(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    drawer = open_plots(viewer)
    drawer.get_by_role("radio", name="Matrix").click()
    expect(drawer.get_by_role("group", name="Matrix plot of 3 genes in 10 categories")).to_be_visible()
    plain = [box.get_attribute("fill") for box in drawer.locator("rect[data-tip]").all()]
    drawer.get_by_role("combobox", name="Values: unchanged").click()
    viewer.page.get_by_role("option", name="0 to 1 for each gene").click()
    expect(drawer.get_by_text("Mean, scaled 0 to 1")).to_be_visible()
    shades = [box.get_attribute("fill") for box in drawer.locator("rect[data-tip]").all()]
    assert len(shades) == 30 and shades != plain
    means = {
        gene: cells.raw[:, gene].to_adata().to_df()[gene].groupby(cells.obs["bulk_labels"], observed=True).mean()
        for gene in GENES
    }
    # the highest mean of each gene has the darkest colour of all
    for k, gene in enumerate(GENES):
        assert shades[10 * k + int(means[gene].to_numpy().argmax())] == "#0b1f66"


def test_heat_map_has_the_values_of_cells_of_every_category(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    drawer = open_plots(viewer)
    drawer.get_by_role("radio", name="Heat map").click()
    expect(drawer.get_by_role("group", name="Heat map of 3 genes in 700 cells")).to_be_visible()
    menu = drawer.get_by_role("button", name="Save or copy Heat map")
    table = list(csv.DictReader(viewer.saved("Data as CSV", menu).decode().splitlines()))
    assert len(table) == 700
    matrix = {gene: cells.raw[:, gene].X.toarray().ravel() for gene in GENES}
    for row in table:
        assert row["category"] == cells.obs["bulk_labels"].iloc[int(row["cell"])]
        assert [float(row[gene]) for gene in GENES] == pytest.approx([matrix[gene][int(row["cell"])] for gene in GENES])
    drawing = viewer.saved("Save the figure as SVG").decode()
    assert "<image" in drawing and ">LYZ</text>" in drawing
    viewer.page.keyboard.press("Escape")
    drawer.locator("rect[data-group='Dendritic']").first.click()
    viewer.wait_selected(int((cells.obs["bulk_labels"] == "Dendritic").sum()))
    expect(drawer.get_by_role("group", name="Heat map of 3 genes in 240 cells")).to_be_visible()


def test_violins_are_split_by_a_second_column(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    drawer = open_plots(viewer, "LYZ CD79A")
    drawer.get_by_role("radio", name="Violins").click()
    drawer.get_by_role("combobox", name="Split by: nothing").click()
    viewer.page.get_by_role("option", name="phase").click()
    expect(drawer.locator("g[data-tip^='CD79A in Dendritic, S']")).to_be_attached()
    said = {tuple(lines[:2]) for lines in tips(drawer, "g[data-tip]:has(circle)")}
    values = cells.raw[:, "LYZ"].X.toarray().ravel()
    mine = values[((cells.obs["bulk_labels"] == "Dendritic") & (cells.obs["phase"] == "S")).to_numpy()]
    (quartiles,) = [line for what, line in said if what == "LYZ in Dendritic, S"]
    numbers = [float(text) for text in re.findall(r"[\d.]*\d", quartiles)]
    low, middle, high = np.quantile(mine, [0.25, 0.5, 0.75])
    assert numbers == pytest.approx([middle, low, high], rel=0.006)


def test_no_gene_is_left_out_unsaid(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    names = list(cells.raw.var_names[:130])
    drawer = open_plots(viewer, " ".join(names[:40]))
    drawer.get_by_role("radio", name="Violins").click()
    expect(drawer.locator("g[data-tip]:has(path), g[data-tip]:has(circle)").nth(300)).to_be_attached()
    wanted = set(names[:40])
    eventually(lambda: {what.split(" in ")[0] for what, *_ in tips(drawer, "g[data-group]")} == wanted, "every gene")
    drawer.get_by_role("button", name=re.compile("^Genes")).click()
    viewer.page.get_by_role("textbox", name="Genes, by name or id").fill("\n".join(names))
    viewer.page.get_by_role("button", name="Plot these genes").click()
    expect(drawer.get_by_text("Only the first 100 genes are plotted; 30 more are left out.")).to_be_visible()


def test_genes_are_drawn_on_the_embedding_side_by_side(visit, pbmc):
    viewer = visit(pbmc).drawn()
    drawer = open_plots(viewer)
    drawer.get_by_role("radio", name="Embeddings").click()
    expect(drawer.get_by_role("group", name="3 genes on the embedding")).to_be_visible()
    canvas = drawer.locator("canvas")
    colours = (
        "(c) => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
    )
    eventually(lambda: canvas.evaluate(colours) > 40, "cells in the colours of their values")
    drawer.get_by_role("button", name=re.compile("^NKG7")).click()
    viewer.colored_by("NKG7")


def test_the_drawer_is_resized_by_pointer_and_keyboard_and_shows_its_numbers(visit, pbmc):
    viewer = visit(pbmc).drawn()
    drawer = open_plots(viewer)
    expect(drawer.locator("circle[data-tip]").first).to_be_visible()
    edge = drawer.get_by_role("separator", name="Height of the plots")
    before = drawer.bounding_box()["height"]
    edge.press("ArrowDown")
    eventually(lambda: abs(drawer.bounding_box()["height"] - before + 24) <= 2, "a lower drawer")
    box = edge.bounding_box()
    viewer.page.mouse.move(box["x"] + 80, box["y"] + 4)
    viewer.page.mouse.down()
    viewer.page.mouse.move(box["x"] + 80, box["y"] - 96, steps=4)
    viewer.page.mouse.up()
    eventually(lambda: abs(drawer.bounding_box()["height"] - before - 76) <= 3, "a higher drawer")
    drawer.get_by_role("button", name="Show the data").click()
    table = drawer.get_by_role("table", name="Data of the Dot plot")
    expect(table).to_have_attribute("aria-rowcount", "31")
    expect(table.get_by_role("cell", name="CD79A").first).to_be_visible()


def test_a_click_on_any_mark_selects_its_cells(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    drawer = open_plots(viewer)
    table = cells.obs.groupby(["bulk_labels", "louvain"], observed=True).size()
    totals = table.groupby("bulk_labels", observed=True).sum()

    def back():
        viewer.page.get_by_role("button", name="Undo").click()
        viewer.wait_selected(None)

    drawer.locator("circle[data-tip^='LYZ in CD14+ Monocyte']").click()
    viewer.wait_selected(int(totals["CD14+ Monocyte"]))
    back()
    drawer.get_by_role("radio", name="Matrix").click()
    drawer.locator("rect[data-tip^='NKG7 in CD56+ NK']").click()
    viewer.wait_selected(int(totals["CD56+ NK"]))
    back()
    drawer.get_by_role("radio", name="Heat map").click()
    drawer.locator("rect[data-group='CD19+ B']").first.click()
    viewer.wait_selected(int(totals["CD19+ B"]))
    back()
    drawer.get_by_role("radio", name="Violins").click()
    drawer.locator("g[data-tip^='LYZ in Dendritic']").click()
    viewer.wait_selected(int(totals["Dendritic"]))
    back()
    drawer.get_by_role("radio", name="Composition").click()
    drawer.get_by_role("combobox", name=re.compile("Parts")).click()
    viewer.page.get_by_role("option", name="louvain").click()
    part = table["Dendritic"].idxmax()
    drawer.locator(f"rect[data-group='Dendritic'][data-part='{part}']").click()
    viewer.wait_selected(int(table["Dendritic", part]))


def shown_genes(drawer):
    """Return the genes of a dot plot in the order drawn, and its categories."""
    said = [what[0].split(" in ", 1) for what in tips(drawer, "circle[data-tip]")]
    return list(dict.fromkeys(gene for gene, _ in said)), list(dict.fromkeys(kind for _, kind in said))


def test_categories_are_hidden_and_moved_and_axes_exchanged_in_plot_figure_and_table(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    drawer = open_plots(viewer)
    page = viewer.page
    expect(drawer.locator("circle[data-tip]")).to_have_count(30)
    kinds = list(cells.obs["bulk_labels"].cat.categories)
    drawer.get_by_role("button", name="Categories 10").click()
    box = page.get_by_role("region", name="Categories of the plot")
    box.get_by_role("checkbox", name="Dendritic").uncheck()
    box.get_by_role("button", name="Move down: CD14+ Monocyte").press("Enter")
    # the button that moved it keeps the focus, and Alt with an arrow does the same
    expect(box.get_by_role("button", name="Move down: CD14+ Monocyte")).to_be_focused()
    page.keyboard.press("Alt+ArrowDown")
    left = [kind for kind in kinds if kind not in ("Dendritic", "CD14+ Monocyte")]
    at = kinds.index("CD14+ Monocyte") + 2
    wanted = [*left[:at], "CD14+ Monocyte", *left[at:]]
    eventually(lambda: shown_genes(drawer) == (GENES, wanted), "the order of the categories")
    items = box.get_by_role("listitem")
    items.filter(has_text="CD14+ Monocyte").drag_to(items.first, source_position={"x": 60, "y": 14})
    wanted = ["CD14+ Monocyte", *left]
    eventually(lambda: shown_genes(drawer)[1] == wanted, "the order by dragging")
    page.keyboard.press("Escape")
    drawer.get_by_role("button", name=re.compile("^Genes 3")).click()
    page.get_by_text("Order of the genes").click()
    page.get_by_role("button", name="Move up: LYZ").click()
    eventually(lambda: shown_genes(drawer)[0] == ["LYZ", "CD79A", "NKG7"], "the order of the genes")
    page.keyboard.press("Escape")
    wide = drawer.locator("circle[data-tip]").first.bounding_box()
    drawer.get_by_role("combobox", name="Axes: Genes as columns").click()
    page.get_by_role("option", name="Genes as rows").click()
    boxes = [mark.bounding_box() for mark in drawer.locator("circle[data-tip]").all()[:9]]
    middles = [one["y"] + one["height"] / 2 for one in boxes]
    assert max(middles) - min(middles) < 1 and wide is not None
    menu = drawer.get_by_role("button", name="Save or copy Dot plot")
    table = list(csv.DictReader(viewer.saved("Data as CSV", menu).decode().splitlines()))
    assert [row["category"] for row in table[:9]] == wanted and len(table) == 27
    for row in table:
        column = cells.raw[:, row["gene"]].X.toarray().ravel()[(cells.obs["bulk_labels"] == row["category"]).to_numpy()]
        assert float(row["mean"]) == pytest.approx(column.mean(), rel=1e-5)
    drawing = viewer.saved("Save the figure as SVG", menu).decode()
    assert drawing.index(">CD14+ Monocyte<") < drawing.index(f">{left[0]}<"[:8]) and ">Dendritic<" not in drawing
    said = page.get_by_role("textbox", name="Figure legend").input_value()
    assert "Not shown: Dendritic." in said
    page.keyboard.press("Escape")
    # the heat map has the same categories, and values of the cells in its table
    drawer.get_by_role("radio", name="Heat map").click()
    drawer.get_by_role("group", name="Heat map of 3 genes in 460 cells").wait_for()
    menu = drawer.get_by_role("button", name="Save or copy Heat map")
    table = list(csv.DictReader(viewer.saved("Data as CSV", menu).decode().splitlines()))
    assert list(dict.fromkeys(row["category"] for row in table)) == wanted
    for row in table[::50]:
        assert cells.obs["bulk_labels"].iloc[int(row["cell"])] == row["category"]
        assert float(row["LYZ"]) == pytest.approx(cells.raw[:, "LYZ"].X[int(row["cell"])].toarray()[0, 0], rel=1e-5)


def test_genes_from_markers_have_brackets_of_their_categories(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    page.get_by_role("tab", name="Markers").click()
    page.get_by_role("button", name="Find markers of bulk_labels").click()
    expect(page.get_by_role("region", name=re.compile("^Markers of"))).to_be_visible()
    page.keyboard.press("p")
    drawer = page.get_by_role("region", name="Plots")
    drawer.get_by_role("button", name=re.compile("^Genes")).click()
    page.get_by_role("button", name=re.compile("^Markers of")).click()
    drawer.get_by_role("radio", name="Dot plot").click()
    expect(drawer.locator("path.bracket").first).to_be_visible()
    assert drawer.locator("path.bracket").count() >= 8
    for kind in ("Matrix", "Heat map"):
        drawer.get_by_role("radio", name=kind).click()
        expect(drawer.locator("path.bracket").first).to_be_visible()
    drawer.get_by_role("combobox", name="Order of the genes: as given").click()
    page.get_by_role("option", name="by name").click()
    expect(drawer.locator("path.bracket")).to_have_count(0)
