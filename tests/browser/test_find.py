"""“Find anything”: cells, lists, categories, plots and commands by the words that users have."""

from __future__ import annotations

import pytest
from browser_page import read
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def cells(pbmc):
    """Return the dataset as anndata reads it."""
    return read(pbmc)


def find(viewer, text):
    viewer.page.keyboard.press("Control+k")
    box = viewer.page.get_by_placeholder("A gene, a barcode, a category, a command, or a list of them")
    box.fill(text)
    return viewer.page.get_by_role("option")


def test_a_barcode_leads_to_the_cell_and_all_its_columns(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    name = cells.obs_names[31]
    find(viewer, name.lower()[:14]).filter(has_text=name).click()
    card = viewer.page.get_by_role("region", name="Focused cell")
    expect(card).to_contain_text(name)
    expect(card.locator("dt")).to_have_text("bulk_labels")
    expect(card.locator("dd")).to_have_text(str(cells.obs["bulk_labels"].iloc[31]))
    card.get_by_role("button", name="All 8 columns").click()
    values = dict(zip(card.locator("dt").all_inner_texts(), card.locator("dd").all_inner_texts(), strict=True))
    assert list(values) == list(cells.obs.columns)
    for column in ("bulk_labels", "louvain", "phase"):
        assert values[column] == str(cells.obs[column].iloc[31])
    assert float(values["percent_mito"]) == pytest.approx(cells.obs["percent_mito"].iloc[31], rel=5e-3)


def test_a_pasted_list_of_barcodes_is_a_selection(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    barcodes = [f"sample_{name.split('-')[0]}-1" for name in cells.obs_names[[3, 99, 500]]]
    found = find(viewer, ", ".join([*barcodes, "nonsense"]))
    expect(found.filter(has_text="Select the 3 cells of this list")).to_contain_text("1 not found")
    found.filter(has_text="Select the 3 cells").click()
    expect(viewer.page.get_by_text("3 of 700 cells selected")).to_be_visible()


def test_a_category_is_selected(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    find(viewer, "dendritic").filter(has_text="Select Dendritic").click()
    n = int((cells.obs["bulk_labels"] == "Dendritic").sum())
    expect(viewer.page.get_by_text(f"{n} of 700 cells selected")).to_be_visible()


WORDS = {
    "heatmap": "Plots: dot plot, heat map",
    "heat map": "Show heat map",
    "dot plot": "Show dot plot",
    "png": "Figure of the cells",
    "h5ad": "New h5ad with annotations",
    "export": "JSON",
    "share": "Share: copy a link",
    "differential": "Find markers",
    "dark": "Switch theme",
}


def test_actions_are_found_by_the_words_of_users(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.get_by_role("button", name="New annotation").click()
    viewer.page.get_by_role("textbox", name="Name").fill("mine")
    viewer.page.get_by_role("button", name="Create", exact=True).click()
    for words, entry in WORDS.items():
        expect(find(viewer, words).filter(has_text=entry)).to_be_visible()
        viewer.page.keyboard.press("Escape")


def test_a_list_of_genes_is_plotted(visit, pbmc):
    viewer = visit(pbmc).drawn()
    find(viewer, "CD79A MS4A1 CD79B").filter(has_text="Plot the 3 genes of this list").click()
    expect(viewer.page.get_by_role("region", name="Plots")).to_be_visible()
