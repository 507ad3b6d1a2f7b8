"""Files through the page: what was made leaves as files, comes back, and is a column of a new h5ad."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from browser_page import NARROW, WIDE, eventually, read
from playwright.sync_api import expect
from test_annotations import UPPER, ask, kept, label_selected, row, saved, select


def choose(viewer, item: str, detail: str = ""):
    """Choose from the menu of exports and imports."""
    viewer.page.get_by_role("button", name="Export and import").click()
    items = viewer.page.get_by_role("menuitem", name=re.compile(f"^{re.escape(item)}"))
    return (items.filter(has_text=detail) if detail else items).first


def bring(viewer, item: str, name: str, text: str):
    """Give the page a file, and return the dialog that tells what came of it."""
    choose(viewer, item).click()
    dialog = viewer.page.get_by_role("dialog")
    payload = {"name": name, "mimeType": "text/plain", "buffer": text.encode()}
    dialog.locator("input[type=file]").set_input_files(payload)
    return dialog


def download(viewer, click, path):
    with viewer.page.expect_download() as waiting:
        click()
    waiting.value.save_as(path)
    return waiting.value.suggested_filename


def test_a_label_from_a_lasso_is_a_column_of_a_new_h5ad_that_a_second_starcyte_opens(visit, pbmc, tmp_path):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    n = select(viewer, UPPER)
    label_selected(viewer, "Upper", "Places")
    viewer.colored_by("Places")
    saved(viewer)
    # What a reload shows; the address is packed while the page goes on.
    shown = page.url
    page.keyboard.press("Control+z")
    eventually(lambda: kept(viewer) == {}, "no label")
    expect(page).not_to_have_url(shown)
    page.keyboard.press("Control+Shift+z")
    eventually(lambda: kept(viewer) == {"Places": {"Upper": n}}, "the label again")
    expect(page).to_have_url(shown)
    page.reload()
    viewer.drawn()
    expect(row(viewer, "Upper")).to_be_visible()
    choose(viewer, "New h5ad with annotations").click()
    card = page.get_by_role("region", name="New h5ad")
    expect(card.get_by_role("heading", name="The new h5ad is ready")).to_be_visible()
    file = tmp_path / "new.h5ad"
    name = download(viewer, card.get_by_role("link", name="Download").click, file)
    assert name == "10x_pbmc68k_reduced_annotated.h5ad"
    old, new = read(pbmc), read(file)
    assert np.array_equal(old.X, new.X)
    assert (new.obs["Places"] == "Upper").sum() == n
    upper = {
        line.split(",")[0] for line in ask(viewer, "annotations/Places", "text/csv").splitlines() if "Upper" in line
    }
    assert set(new.obs_names[new.obs["Places"] == "Upper"]) == upper
    second = visit(file).drawn()
    second.page.get_by_role("button", name="Colour by Places", exact=True).click()
    second.colored_by("Places")
    assert second.pixels(new.uns["Places_colors"][0]) > 100


def test_tables_leave_as_they_are_shown(visit, pbmc, tmp_path):
    viewer = visit(pbmc).drawn()
    n = select(viewer, UPPER)
    label_selected(viewer, "=1+1", "a, b")
    saved(viewer)
    for ending, separator in (("CSV", ","), ("TSV", "\t")):
        file = tmp_path / f"labels.{ending}"
        download(viewer, choose(viewer, "Annotations", ending).click, file)
        table = pd.read_csv(file, sep=separator, index_col=0)
        assert list(table.index) == list(read(pbmc).obs_names)
        assert (table["a, b"] == "'=1+1").sum() == n
    file = tmp_path / "session.json"
    download(viewer, choose(viewer, "Session").click, file)
    assert [label["name"] for label in json.loads(file.read_text())["annotations"]] == ["a, b"]


def test_labels_of_cellxgene_come_in_and_misses_are_told(visit, pbmc):
    viewer = visit(pbmc).drawn()
    cells = list(read(pbmc).obs_names)
    text = "# Annotations generated on 2026-01-01 using cellxgene version 1.3.0\n# Input data file was x.h5ad\n"
    text += "index,mine\n"
    text += "".join(f"{cell},{'unassigned' if i > 9 else 'T cell'}\n" for i, cell in enumerate(cells))
    dialog = bring(viewer, "Import annotations", "annotations.csv", text + "NOBODY-1,T cell\n")
    dialog.get_by_role("button", name="Import 1 column").click()
    expect(dialog).to_contain_text("“mine” was imported, for 700 cells.")
    expect(dialog).to_contain_text("1 cell of the file is not in this dataset, for example NOBODY-1.")
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    labels = viewer.page.get_by_role("region", name="My annotations")
    expect(labels.get_by_role("button", name="mine", exact=False).first).to_be_visible()
    assert kept(viewer) == {"mine": {"T cell": 10}}
    # the same name, and other cells: nothing is written over
    dialog = bring(viewer, "Import annotations", "again.csv", f"index,mine\n{cells[20]},B cell\n")
    dialog.get_by_role("button", name="Import 1 column").click()
    expect(dialog).to_contain_text("“mine (2)” was imported, for 1 cell.")
    assert kept(viewer) == {"mine": {"T cell": 10}, "mine (2)": {"B cell": 1}}


def test_a_table_is_shown_before_its_columns_are_imported(visit, pbmc):
    viewer = visit(pbmc).drawn()
    cells = list(read(pbmc).obs_names)
    table = pd.DataFrame(
        {
            "score": np.linspace(0, 1, len(cells)),
            "barcode": [f"sample:{cell.removesuffix('-1')}" for cell in cells],
            "type": np.where(np.arange(len(cells)) % 3, "T cell", "B cell"),
            "donor": "d1",
            "id": [f"x{k}" for k in range(len(cells))],
        }
    )
    table.loc[len(cells)] = [0.5, "NOBODY", "T cell", "d1", "y"]
    dialog = bring(viewer, "Import annotations", "meta.csv", table.to_csv(index=False))
    expect(dialog.get_by_role("combobox", name="Column with the names of the cells: barcode")).to_be_visible()
    rows = dialog.get_by_role("status", name="Rows")
    by_lane = sum(not cell.endswith("-1") for cell in cells)
    expect(rows).to_contain_text(f"{by_lane} of 701 rows found by barcode and lane")
    expect(rows).to_contain_text(f"{700 - by_lane} of 701 rows found by barcode alone")
    expect(rows).to_contain_text("1 row is of no cell")
    expect(dialog.locator("dl")).to_contain_text("NOBODY")
    expect(dialog.locator("dl")).to_contain_text(cells[0])
    assert kept(viewer) == {}
    expect(dialog.get_by_role("row", name="score")).to_contain_text("Left out: numbers, not labels")
    expect(dialog.get_by_role("checkbox", name="Import id")).not_to_be_checked()
    dialog.get_by_role("checkbox", name="Import donor").uncheck()
    dialog.get_by_role("combobox", name="Column with the names of the cells: barcode").click()
    viewer.page.get_by_role("option", name="id").click()
    expect(rows).to_contain_text("None of the 701 rows")
    expect(dialog.get_by_role("button", name=re.compile("^Import [0-9]"))).to_be_disabled()
    dialog.get_by_role("combobox", name="Column with the names of the cells: id").click()
    viewer.page.get_by_role("option", name="barcode").click()
    expect(rows).to_contain_text(f"{by_lane} of 701 rows")
    dialog.get_by_role("checkbox", name="Import donor").uncheck()
    dialog.get_by_role("button", name="Import 1 column").click()
    expect(dialog).to_contain_text("“type” was imported, for 700 cells. 700 were found by their barcodes.")
    assert kept(viewer) == {"type": {"B cell": 234, "T cell": 466}}


def test_gene_sets_and_sessions_come_in(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    text = "gene_set_name,gene_set_description,gene_symbol,gene_description\nB,of B,CD79A,\nB,of B,NOPE,\n"
    dialog = bring(viewer, "Import gene sets", "sets.csv", text)
    expect(dialog).to_contain_text("“B” was imported.")
    expect(dialog).to_contain_text("Genes of B that are not in this dataset: NOPE")
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    expect(page.get_by_role("article", name="Gene set B")).to_be_visible()
    dialog = bring(viewer, "Import a session", "session.json", '{"format": "something else"}')
    expect(dialog).to_contain_text("The file is not a session of starcyte.")
    viewer.forgive("400")
    session = json.loads(ask(viewer, "export/session.json"))
    session["genesets"][0]["name"] = "C"
    dialog.locator("input[type=file]").set_input_files(
        {"name": "s.json", "mimeType": "application/json", "buffer": json.dumps(session).encode()}
    )
    expect(dialog).to_contain_text("1 gene set imported.")


def test_save_and_finish_ends_the_viewer(visit, pbmc, tmp_path):
    options = ("--allow-finish", f"--outputs-dir={tmp_path / 'saved'}")
    viewer = visit(pbmc, options=options).drawn()
    page = viewer.page
    select(viewer, UPPER)
    label_selected(viewer, "Upper", "Places")
    page.get_by_role("button", name=re.compile("finish", re.IGNORECASE)).click()
    page.get_by_role("dialog").get_by_role("button", name="Save and finish").click()
    expect(page.get_by_role("heading", name=re.compile("finished|ended|saved", re.IGNORECASE))).to_be_visible()
    assert {p.name for p in (tmp_path / "saved").iterdir()} >= {"annotations.tabular", "session.json"}
    viewer.forgive("ERR_CONNECTION_REFUSED")


def test_a_viewer_that_is_not_used_says_that_it_will_end_and_can_be_kept_open(visit, pbmc):
    viewer = visit(pbmc, options=("--idle-timeout=40",)).drawn()
    bar = viewer.page.get_by_role("button", name=re.compile("keep", re.IGNORECASE))
    expect(bar).to_be_visible()
    bar.click()
    expect(bar).to_have_count(0)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_menu_of_files_fits(visit, pbmc, size):
    viewer = visit(pbmc, size).drawn()
    page = viewer.page
    page.get_by_role("button", name="Export and import").click()
    box = page.get_by_role("menu").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0]
    assert box["y"] + box["height"] <= size[1]
