"""Genes: lists that are pasted, sets with mean and score, pins, and the way from a row into sets and plots."""

from __future__ import annotations

import json
import re
from urllib.request import urlopen

import numpy as np
import pytest
from browser_page import eventually, read
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def cells(pbmc):
    """Return the dataset as anndata reads it."""
    return read(pbmc)


def paste_genes(viewer, text):
    """Paste a list into the search field and return the set that comes of it."""
    viewer.page.keyboard.press("/")
    expect(viewer.page.get_by_role("combobox", name="Search a gene")).to_be_focused()
    viewer.paste(text)
    viewer.page.keyboard.press("Escape")
    return viewer.page.get_by_role("article", name=re.compile("^Gene set"))


def test_a_pasted_list_is_a_set_and_misses_are_told(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    found = paste_genes(viewer, "cd79a, MS4A1\nNOPE; CD79B  cd79a")
    expect(found).to_have_attribute("aria-label", "Gene set Pasted genes")
    expect(viewer.page.get_by_role("status").filter(has_text="Not in raw/X:")).to_contain_text("NOPE")
    assert found.locator(".gene").all_inner_texts() == ["CD79A", "MS4A1", "CD79B"]
    found.get_by_role("button", name="Mean", exact=True).click()
    viewer.colored_by("Pasted genes")
    expect(viewer.page.get_by_label("Legend")).to_contain_text("mean of 3 genes from raw/X")
    # the mean is a field like a gene: its histogram filters
    mean = cells.raw[:, ["CD79A", "MS4A1", "CD79B"]].X.toarray().mean(axis=1)
    low = viewer.page.get_by_role("slider", name="Lowest Pasted genes")
    expect(low).to_be_visible()
    low.press("PageUp")
    bound = float(low.get_attribute("aria-valuenow"))
    eventually(lambda: viewer.selected() == int((mean >= bound).sum()), "the cells above")
    expect(viewer.page.get_by_role("list", name="Filters and sets")).to_contain_text("Pasted genes")
    found.get_by_role("button", name="Score", exact=True).click()
    expect(viewer.page.get_by_label("Legend")).to_contain_text("score of 3 genes")


def test_sets_are_renamed_and_remembered(visit, pbmc):
    viewer = visit(pbmc).drawn()
    found = paste_genes(viewer, "CD79A MS4A1")
    found.get_by_role("button", name="Rename Pasted genes").click()
    box = viewer.page.get_by_role("textbox", name="Name of the gene set")
    box.fill("<b>B</b> cells")
    box.press("Enter")
    expect(found).to_have_attribute("aria-label", "Gene set <b>B</b> cells")
    found.get_by_role("button", name="Remove MS4A1 from <b>B</b> cells").click()
    viewer.page.reload()
    viewer.drawn()
    expect(found).to_have_attribute("aria-label", "Gene set <b>B</b> cells")
    found.get_by_role("button", name="<b>B</b> cells 1").click()
    assert found.locator(".gene").all_inner_texts() == ["CD79A"]
    found.get_by_role("button", name="Remove the gene set <b>B</b> cells").click()
    expect(found).to_have_count(0)


def test_a_set_goes_into_the_plots_and_into_the_list(visit, pbmc):
    viewer = visit(pbmc).drawn()
    found = paste_genes(viewer, "CD79A MS4A1 LYZ")
    found.get_by_role("button", name="List", exact=True).click()
    expect(viewer.page.get_by_role("slider", name="Lowest LYZ")).to_be_visible()
    found.get_by_role("button", name="Plot", exact=True).click()
    expect(viewer.page.get_by_role("group", name="Dot plot of 3 genes in 10 categories")).to_be_visible()


def test_a_pinned_gene_stays_at_the_top(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    viewer.search_gene("LYZ")
    viewer.colored_by("LYZ")
    viewer.page.keyboard.press("Escape")
    viewer.page.get_by_role("button", name="Pin LYZ", exact=True).click()
    viewer.search_gene("CD79A")
    viewer.colored_by("CD79A")
    expect(viewer.page.locator(".genes article").first).to_contain_text("LYZ")
    others = [name for name in cells.raw.var_names if name not in {"LYZ", "CD79A"}][:24]
    paste_genes(viewer, " ".join(others)).get_by_role("button", name="List", exact=True).click()
    listed = viewer.page.locator(".genes > article .name, .genes > article button.name")
    eventually(lambda: listed.count() == 20, "as many genes as the list holds")
    assert listed.first.inner_text() == "LYZ" and "CD79A" not in listed.all_inner_texts()


def test_from_a_row_a_gene_goes_into_a_set_and_into_violins(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.get_by_role("tab", name="Compare").click()
    viewer.page.get_by_role("button", name="or a category as set A").click()
    box = viewer.page.get_by_role("region", name="Set A from a category")
    box.get_by_role("button", name="CD14+ Monocyte 129").click()
    expect(viewer.page.get_by_role("group", name="Set A", exact=True)).to_contain_text("129")
    viewer.page.get_by_role("button", name="Compare expression").click()
    row = viewer.page.get_by_role("row").filter(has=viewer.page.get_by_role("cell")).first
    gene = row.get_by_role("cell").first.inner_text().strip()
    row.hover()
    row.get_by_role("button", name=f"Add {gene} to a gene set").click()
    viewer.page.get_by_role("textbox", name="Name of a new gene set").fill("Mono")
    viewer.page.get_by_role("button", name="Create", exact=True).click()
    row.hover()
    row.get_by_role("button", name=f"Violins of {gene}").click()
    expect(viewer.page.get_by_role("group", name=f"Violins of {gene}")).to_be_visible()
    viewer.page.get_by_role("tab", name="Genes").click()
    expect(viewer.page.get_by_role("article", name="Gene set Mono")).to_contain_text(gene)


def test_the_search_says_what_alias_it_found(visit, tmp_path):
    from h5ad_file import write_h5ad

    rng = np.random.default_rng(5)
    var = {"synonyms": ["CD20|Leu-16", "", "T3D"]}
    obsm = {"X_umap": rng.normal(size=(30, 2))}
    path = write_h5ad(
        tmp_path / "aliases.h5ad", np.ones((30, 3), np.float32), genes=["MS4A1", "LYZ", "CD3D"], var=var, obsm=obsm
    )
    viewer = visit(path).drawn()
    viewer.page.keyboard.press("/")
    viewer.page.get_by_role("combobox", name="Search a gene").fill("cd20")
    expect(viewer.page.get_by_role("option")).to_have_count(1)
    expect(viewer.page.get_by_role("option")).to_contain_text("also CD20")
    viewer.page.keyboard.press("Enter")
    viewer.colored_by("MS4A1")


def test_a_brush_on_a_genes_histogram_selects_its_cells(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    viewer.search_gene("LYZ")
    viewer.colored_by("LYZ")
    values = cells.raw[:, "LYZ"].X.toarray().ravel()
    low, high = (viewer.page.get_by_role("slider", name=f"{end} LYZ") for end in ("Lowest", "Highest"))
    box = eventually(viewer.page.locator("article").filter(has=low).locator(".brush").bounding_box, "the histogram")
    y = box["y"] + box["height"] / 2
    viewer.page.mouse.move(box["x"] + 0.3 * box["width"], y)
    viewer.page.mouse.down()
    viewer.page.mouse.move(box["x"] + 0.8 * box["width"], y, steps=6)
    viewer.page.mouse.up()

    def chosen():
        ends = [float(slider.get_attribute("aria-valuenow") or "nan") for slider in (low, high)]
        return int(((values >= ends[0]) & (values <= ends[1])).sum())

    eventually(lambda: viewer.selected() == chosen() and 0 < chosen() < 700, "the cells in the range")
    chip = viewer.page.get_by_role("list", name="Filters and sets").get_by_role("listitem").filter(has_text="LYZ")
    chip.get_by_role("button", name="Remove").click()
    viewer.wait_selected(None)


def test_undo_in_one_tab_keeps_the_change_of_another(visit, pbmc):
    one, other = visit(pbmc).drawn(), visit(pbmc).drawn()

    def genes():
        with urlopen(f"{one.page.url.partition('#')[0]}api/v1/genesets") as answer:
            return {entry["name"]: entry["genes"] for entry in json.load(answer)["genesets"]}

    def look(viewer):
        viewer.page.evaluate("window.dispatchEvent(new Event('focus'))")

    first = paste_genes(one, "CD79A MS4A1 CD79B")
    eventually(lambda: genes() == {"Pasted genes": ["CD79A", "MS4A1", "CD79B"]}, "the set")
    look(other)
    second = other.page.get_by_role("article", name="Gene set Pasted genes")
    second.locator("[aria-expanded=false]").first.click()
    first.get_by_role("button", name="Remove CD79A from Pasted genes").click()
    eventually(lambda: genes() == {"Pasted genes": ["MS4A1", "CD79B"]}, "without the first")
    # the other tab does not know of it
    second.get_by_role("button", name="Remove CD79B from Pasted genes").click()
    eventually(lambda: genes() == {"Pasted genes": ["MS4A1"]}, "both changes")
    expect(second.locator(".gene")).to_have_text(["MS4A1"])
    other.page.keyboard.press("Control+z")
    eventually(lambda: genes() == {"Pasted genes": ["MS4A1", "CD79B"]}, "the other tab's own change is undone")
    look(one)
    expect(first.locator(".gene")).to_have_text(["MS4A1", "CD79B"])
    one.page.keyboard.press("Control+z")
    eventually(lambda: sorted(genes()["Pasted genes"]) == ["CD79A", "CD79B", "MS4A1"], "all genes")
    one.page.keyboard.press("Control+Shift+z")
    eventually(lambda: genes() == {"Pasted genes": ["MS4A1", "CD79B"]}, "redone")
