"""Gene sets in a comparison: from a GMT file to the table, the running sum, and a gene set of one's own."""

from __future__ import annotations

import csv

import pytest
from browser_page import NARROW, WIDE
from playwright.sync_api import expect
from scipy.stats import hypergeom

SETS = {
    "MONOCYTE": ["S100A8", "S100A9", "LYZ", "CST3", "FCN1", "CD14", "TYROBP", "AIF1", "LST1", "FTL", "FTH1", "S100A6"],
    "T CELL": ["CD3D", "CD3E", "IL7R", "LTB", "CD8A", "CD8B", "TRAC", "GZMK", "CCL5", "IL32", "CD2", "CD7"],
    "<b>SMALL</b>": ["LYZ", "CST3"],
}


def rows_of(download, tmp_path):
    path = tmp_path / "table.csv"
    download.value.save_as(path)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_from_a_comparison_to_a_gene_set(visit, pbmc, tmp_path, size):
    viewer = visit(pbmc, size).drawn()
    page = viewer.page
    page.get_by_role("group", name="CD14+ Monocyte", exact=True).get_by_role("button").first.click()
    viewer.wait_selected(129)
    page.keyboard.press("a")
    page.get_by_role("button", name="Compare expression").click()
    expect(page.get_by_role("cell").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the whole table as CSV").click()
    tested = rows_of(download, tmp_path)

    page.get_by_role("button", name="Enrichment").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("You have no gene sets")).to_be_visible()
    expect(dialog.get_by_role("button", name="Test the sets")).to_be_disabled()
    gmt = "".join("\t".join([name, "of a test", *genes]) + "\n" for name, genes in SETS.items())
    dialog.get_by_label("GMT file").set_input_files(
        {"name": "cells.gmt", "mimeType": "text/plain", "buffer": gmt.encode()}
    )
    dialog.get_by_role("spinbutton", name="Smallest set").fill("3")
    dialog.get_by_role("button", name="Test the sets").click()
    expect(dialog.get_by_text("Left out for their size: 1.")).to_be_visible()

    up = {
        r["gene"]
        for r in tested
        if float(r["p_adjusted"]) <= 0.05 and float(r["score"]) > 0 and abs(float(r["log2_fold_change"])) >= 0.5
    }
    known = {r["gene"] for r in tested}
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download the table of all sets as CSV").click()
    for row in rows_of(download, tmp_path):
        genes = set(SETS[row["set"]]) & known
        assert int(row["size"]) == len(genes)
        assert set(row["genes"].split()) == genes & up
        p = hypergeom.sf(len(genes & up) - 1, len(known), len(up), len(genes))
        assert float(row["p_value"]) == pytest.approx(p, rel=1e-9)

    dialog.get_by_role("radio", name="All genes, ranked").click()
    dialog.get_by_role("button", name="Test the sets").click()
    figure = dialog.get_by_role("img", name="Running sum of MONOCYTE")
    expect(figure).to_be_visible()
    dialog.get_by_role("button", name="T CELL").click()
    expect(dialog.get_by_role("img", name="Running sum of T CELL")).to_be_visible()
    dialog.get_by_role("button", name="MONOCYTE").click()
    dialog.get_by_role("button", name="Make it a gene set").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Remove LST1 from MONOCYTE")).to_be_visible()
    # the sets of the user are tested as well, and the answer of before is still there
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="Enrichment").click()
    expect(dialog.get_by_role("img", name="Running sum of MONOCYTE")).to_be_visible()
