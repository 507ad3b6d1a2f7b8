"""The tools of the page within a subset: each plot, the markers and a comparison are those of a file of its cells."""

from __future__ import annotations

import csv
import re

import pytest
from browser_page import eventually, read
from playwright.sync_api import expect

KEPT = ["CD14+ Monocyte", "Dendritic"]


@pytest.fixture(scope="module")
def cells(pbmc):
    """Return the dataset as anndata reads it."""
    return read(pbmc)


@pytest.fixture(scope="module")
def part(cells, tmp_path_factory):
    """Return a file that holds the cells of two types alone."""
    path = tmp_path_factory.mktemp("part") / "part.h5ad"
    cells[cells.obs["bulk_labels"].isin(KEPT)].copy().write_h5ad(path)
    return path


def select(viewer, cells) -> int:
    """Select the cells of two types, and return their number."""
    rows = viewer.page.get_by_role("group", name=re.compile("^(CD14. Monocyte|Dendritic)$"))
    expect(rows).to_have_count(2)
    rows.last.get_by_role("button", name="Dendritic", exact=True).first.click()
    rows.first.get_by_role("checkbox").first.click()
    n = int(cells.obs["bulk_labels"].isin(KEPT).sum())
    viewer.wait_selected(n)
    return n


def subset(viewer, cells) -> int:
    """Show the cells of two types alone, and return their number."""
    n = select(viewer, cells)
    viewer.page.get_by_role("button", name="Subset to selection").first.click()
    expect(viewer.page.get_by_role("button", name="Show all cells").first).to_be_visible()
    return n


def drawer_of(viewer):
    """Open the plots of three genes by cluster."""
    viewer.page.keyboard.press("p")
    drawer = viewer.page.get_by_role("region", name="Plots")
    drawer.get_by_role("button", name=re.compile("^Genes")).click()
    viewer.page.get_by_role("textbox", name="Genes, by name or id").fill("CD79A LYZ NKG7")
    viewer.page.get_by_role("button", name="Plot these genes").click()
    viewer.page.keyboard.press("Escape")
    drawer.get_by_role("combobox", name=re.compile("^Categories")).click()
    viewer.page.get_by_role("option", name="louvain").click()
    return drawer


def table_of(viewer, drawer, kind: str):
    """Return the numbers of a plot, without groups that have no cell and without numbers of cells in the file."""
    drawer.get_by_role("radio", name=kind, exact=True).click()
    menu = drawer.get_by_role("button", name=f"Save or copy {kind}")
    expect(menu).to_be_enabled()
    viewer.page.wait_for_timeout(700)
    rows = list(csv.DictReader(viewer.saved("Data as CSV", menu).decode().splitlines()))
    viewer.page.keyboard.press("Escape")
    kept = []
    for row in rows:
        name = row.pop("cell", None)
        del name
        if row.get("cells") != "0":
            kept.append({key: round(float(v), 4) if re.fullmatch(r"-?[\d.e-]+", v) else v for key, v in row.items()})
    return kept


def test_every_plot_within_a_subset_is_that_of_a_file_of_its_cells(visit, pbmc, part, cells):
    whole, alone = visit(pbmc).drawn(), visit(part).drawn()
    n = subset(whole, cells)
    drawers = [drawer_of(viewer) for viewer in (whole, alone)]
    kinds = drawers[0].get_by_role("radiogroup", name="Kind of plot").get_by_role("radio").all_inner_texts()
    assert len(kinds) >= 6
    for kind in kinds:
        found, wanted = (table_of(viewer, drawer, kind) for viewer, drawer in zip((whole, alone), drawers, strict=True))
        assert wanted, kind
        assert len(found) == len(wanted), kind
        for one, other in zip(found, wanted, strict=True):
            assert set(one) == set(other), kind
            for key, value in other.items():
                same = pytest.approx(value, rel=2e-3, abs=2e-3) if isinstance(value, float) else value
                assert one[key] == same, (kind, key, one, other)
    text = whole.page.evaluate("document.body.innerText")
    assert f"{n} of 700" in text or f"of {n} selected cells" in text


def test_plots_follow_the_selection(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    drawer = drawer_of(viewer)
    drawer.get_by_role("radio", name="Dot plot").click()
    expect(drawer.locator("circle[data-tip]")).to_have_count(3 * 11)
    n = select(viewer, cells)
    expect(drawer.get_by_text(f"of {n} selected cells")).to_be_visible()
    groups = cells.obs.loc[cells.obs["bulk_labels"].isin(KEPT), "louvain"].nunique()
    expect(drawer.locator("circle[data-tip]")).to_have_count(3 * groups)


def test_markers_and_comparisons_are_of_the_subset(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    n = subset(viewer, cells)
    page.get_by_role("tab", name="Markers").click()
    page.get_by_role("button", name="Find markers", exact=True).click()
    expect(page.get_by_text(re.compile(f"each category against the others of {n} selected cells"))).to_be_visible()
    expect(page.get_by_role("article", name="Markers of")).to_have_count(10)
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="or a category as set A").click()
    page.get_by_role("combobox", name="Column").click()
    page.get_by_role("option", name="louvain").click()
    inside = cells.obs[cells.obs["bulk_labels"].isin(KEPT)]
    cluster, size = inside["louvain"].value_counts().index[0], int(inside["louvain"].value_counts().iloc[0])
    page.get_by_role("button", name=re.compile(rf"^{cluster}\s*{size}$")).click()
    expect(page.get_by_role("group", name="Set A")).to_contain_text(f"{size} cells")
    expect(page.get_by_role("group", name="Set B")).to_contain_text(f"{n - size} cells of the subset not in A")
    page.get_by_role("button", name="Compare expression").click()
    expect(page.get_by_text(f"{size} against {n - size} cells")).to_be_visible()


def test_an_annotation_groups_cells_in_plots_gallery_and_comparisons(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    page.get_by_role("button", name="New annotation").click()
    dialog = page.get_by_role("dialog", name="New annotation")
    dialog.get_by_role("combobox", name=re.compile("Start from")).click()
    page.get_by_role("option", name="louvain").click()
    dialog.get_by_role("textbox", name="Name").fill("Mine")
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    drawer = drawer_of(viewer)
    tables = {}
    for column in ("louvain", "Mine"):
        drawer.get_by_role("combobox", name=re.compile("^Categories")).click()
        page.get_by_role("option", name=column, exact=True).click()
        for kind in ("Dot plot", "Violins", "Heat map"):
            tables[column, kind] = table_of(viewer, drawer, kind)
    for kind in ("Dot plot", "Violins", "Heat map"):
        assert tables["louvain", kind] == tables["Mine", kind] != []
    drawer.get_by_role("radio", name="Dot plot").click()
    first = cells.obs["louvain"].cat.categories[0]
    page.get_by_role("region", name="My annotations").get_by_role("group", name=first, exact=True).hover()
    page.get_by_role("button", name=f"Edit {first}", exact=True).click()
    page.get_by_role("dialog").get_by_role("combobox", name="Name of the label").fill("First")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(drawer.get_by_role("button", name=re.compile("^First"))).to_be_visible()
    page.keyboard.press("p")
    page.keyboard.press("q")
    gallery = page.get_by_role("region", name="Gallery")
    gallery.get_by_role("radio", name="Categories").click()
    gallery.get_by_role("combobox", name=re.compile("Categories of")).click()
    page.get_by_role("option", name="Mine", exact=True).click()
    expect(gallery.get_by_role("button", name=re.compile("^Select First"))).to_be_visible()
    expect(gallery).to_have_attribute("data-drawn", "true")
    page.get_by_role("button", name="Close the gallery").click()
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="or a category as set A").click()
    page.get_by_role("combobox", name="Column").click()
    page.get_by_role("option", name="Mine", exact=True).click()
    page.get_by_role("button", name=re.compile("^First")).last.click()
    n = int((cells.obs["louvain"] == first).sum())
    expect(page.get_by_role("group", name="Set A")).to_contain_text(f"{n} cells")
    eventually(lambda: page.get_by_role("group", name="Set A").inner_text().count("First") > 0, "the name of the set")
