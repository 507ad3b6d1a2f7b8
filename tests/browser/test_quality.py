"""Quality control: thresholds drawn, typed and moved by keys; the cells that are kept, as names, table and file."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from browser_page import read
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def cells(pbmc):
    """Return the dataset as anndata reads it."""
    return read(pbmc)


def at_least(page, name: str, text: str) -> None:
    box = page.get_by_role("textbox", name=f"At least, {name}")
    box.fill(text)
    box.press("Enter")


def export(page, label: str, opens=None):
    """Choose an item of the export menu and return the download."""
    page.get_by_role("button", name="Export and import").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=re.compile(f"^{label}")).click()
        if opens:
            opens()
    return download.value


def test_thresholds_are_typed_and_moved_to_round_numbers(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    page, n_genes = viewer.page, cells.obs["n_genes"]
    at_least(page, "n_genes", "1,200")
    viewer.wait_selected(int((n_genes >= 1200).sum()))
    most = page.get_by_role("textbox", name="At most, n_genes")
    most.fill("1500")
    most.press("Tab")
    viewer.wait_selected(int(n_genes.between(1200, 1500).sum()))
    low = page.get_by_role("slider", name="Lowest n_genes")
    low.press("ArrowRight")
    viewer.wait_selected(int(n_genes.between(1210, 1500).sum()))
    low.press("PageDown")
    viewer.wait_selected(int(n_genes.between(1110, 1500).sum()))
    # what is no number changes nothing, Escape neither; an empty field is the end of the values
    at_least(page, "n_genes", "many")
    expect(page.get_by_role("textbox", name="At least, n_genes")).to_have_value("1,110")
    box = page.get_by_role("textbox", name="At least, n_genes")
    box.fill("1300")
    box.press("Escape")
    viewer.wait_selected(int(n_genes.between(1110, 1500).sum()))
    at_least(page, "n_genes", "")
    viewer.wait_selected(int((n_genes <= 1500).sum()))
    at_least(page, "percent_mito", "0.01")
    viewer.wait_selected(int(((n_genes <= 1500) & (cells.obs["percent_mito"] >= 0.01)).sum()))


def test_a_range_is_drawn_from_outside_the_histogram(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    page, n_genes = viewer.page, cells.obs["n_genes"]
    bars = page.locator("article").filter(has=page.get_by_role("slider", name="Lowest n_genes")).locator(".area")
    box = bars.bounding_box()
    page.mouse.move(box["x"] + box["width"] + 8, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 20, steps=4)
    page.mouse.up()
    low = float(page.get_by_role("slider", name="Lowest n_genes").get_attribute("aria-valuenow"))
    assert n_genes.min() < low < n_genes.max()
    viewer.wait_selected(int((n_genes >= low).sum()))


def test_the_kept_cells_are_exported_as_names_table_and_files(visit, pbmc, cells, tmp_path):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    at_least(page, "n_genes", "1200")
    kept = cells.obs["n_genes"] >= 1200
    viewer.wait_selected(int(kept.sum()))
    names = export(page, f"Names of the {kept.sum()} selected cells")
    assert names.suggested_filename.endswith("selected cells.txt")
    assert names.path().read_text().splitlines() == list(cells.obs_names[kept])
    table = pd.read_csv(export(page, f"Table of the {kept.sum()} selected cells").path(), index_col="cell")
    wanted = cells.obs[kept]
    assert list(table.index) == list(wanted.index)
    assert table["bulk_labels"].tolist() == wanted["bulk_labels"].tolist()
    assert table["n_genes"].tolist() == wanted["n_genes"].tolist()
    pd.testing.assert_series_equal(table["S_score"], wanted["S_score"].astype(float), rtol=1e-6, check_names=False)
    # a column in a new file
    get = page.get_by_role("link", name=re.compile("Download|h5ad"))
    export(page, "New h5ad with a column of kept cells", lambda: get.click()).save_as(tmp_path / "column.h5ad")
    column = read(tmp_path / "column.h5ad").obs["quality"]
    assert (column == "kept").tolist() == kept.tolist()
    assert set(column[~kept]) == {"removed"}
    viewer.colored_by("quality")


def test_sets_are_unions_and_parts_of_categories(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    page, obs = viewer.page, cells.obs
    page.get_by_role("tab", name="Compare").click()
    set_a = page.get_by_role("group", name="Set A", exact=True)

    def choose(*names: str, join: str | None = None, column: str | None = None) -> None:
        page.get_by_role("button", name="or a category as set A").click()
        box = page.get_by_role("dialog").or_(page.locator("[data-popover-content]")).last
        if column:
            box.get_by_role("combobox", name=re.compile("Column")).click()
            page.get_by_role("option", name=column, exact=True).click()
        if join:
            box.get_by_role("radio", name=join).click()
        for name in names:
            box.get_by_role("checkbox", name=name, exact=True).click()
        box.get_by_role("button", name=re.compile("^Use th")).click()

    def is_set(n: int) -> None:
        expect(set_a.get_by_text(f"{n} cells", exact=True)).to_be_visible()

    choose("Dendritic", "CD34+")
    union = obs["bulk_labels"].isin(["Dendritic", "CD34+"])
    is_set(int(union.sum()))
    expect(set_a).to_contain_text("CD34+, Dendritic")
    choose("G1", join="Intersect", column="phase")
    is_set(int((union & (obs["phase"] == "G1")).sum()))
    choose("CD34+", join="Subtract", column="bulk_labels")
    left = (obs["bulk_labels"] == "Dendritic") & (obs["phase"] == "G1")
    is_set(int(left.sum()))
    choose("CD19+ B", join="Add")
    is_set(int((left | (obs["bulk_labels"] == "CD19+ B")).sum()))
    # a link finds the same cells again
    viewer.settled()
    page.reload()
    viewer.drawn()
    page.get_by_role("tab", name="Compare").click()
    is_set(int((left | (obs["bulk_labels"] == "CD19+ B")).sum()))
