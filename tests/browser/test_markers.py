"""Markers of every category, against scanpy."""

from __future__ import annotations

import csv
import warnings

import pytest
from browser_page import NARROW, read
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def expected(pbmc):
    """Return scanpy's table of one gene order per category of louvain, on raw/X, by Wilcoxon's test."""
    import scanpy

    cells = read(pbmc)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scanpy.tl.rank_genes_groups(cells, "louvain", method="wilcoxon", use_raw=True, tie_correct=True)
        return scanpy.get.rank_genes_groups_df(cells, group=None)


def groups(viewer):
    """Return the categories that markers were found of."""
    return viewer.page.get_by_role("article", name="Markers of")


def test_markers_of_a_column_are_those_of_scanpy(visit, pbmc, expected, tmp_path):
    viewer = visit(pbmc).drawn()
    viewer.page.get_by_role("button", name="Colour by louvain").click()
    viewer.colored_by("louvain")
    viewer.page.get_by_role("tab", name="Markers").click()
    viewer.page.get_by_role("radio", name="Wilcoxon").click()
    viewer.page.get_by_role("button", name="Find markers of louvain").click()
    expect(viewer.page.get_by_text("Wilcoxon rank sums, each category against all other cells")).to_be_visible()
    names = expected["group"].cat.categories
    expect(groups(viewer)).to_have_count(len(names))
    for name in names[:3]:
        group = viewer.page.get_by_role("article", name=f"Markers of {name}", exact=True)
        best = expected[expected["group"] == name]["names"].tolist()[:12]
        for gene in group.locator(".names .gene").all_inner_texts():
            assert gene in best
    best = groups(viewer).first.locator(".names .gene").first.inner_text()
    viewer.page.get_by_role("button", name="Dot plot", exact=True).click()
    expect(viewer.page.get_by_role("radio", name="Dot plot")).to_be_checked()
    expect(viewer.page.get_by_role("region", name="Plots")).to_contain_text(best)
    viewer.page.get_by_role("button", name="Close the plots").click()
    with viewer.page.expect_download() as download:
        viewer.page.get_by_role("button", name="Download the markers as CSV").click()
    download.value.save_as(tmp_path / "markers.csv")
    with (tmp_path / "markers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    scores = expected.set_index(["group", "names"])["scores"]
    assert {row["louvain"] for row in rows} == set(names)
    wanted = [scores[row["louvain"], row["gene"]] for row in rows]
    assert [float(row["score"]) for row in rows] == pytest.approx(wanted, rel=1e-3, abs=1e-3)


def test_a_marker_colours_the_cells(visit, pbmc):
    viewer = visit(pbmc, NARROW).drawn()
    viewer.page.get_by_role("button", name="Find markers of bulk_labels").click()
    group = viewer.page.get_by_role("article", name="Markers of Dendritic")
    gene = group.locator(".names .gene").first
    name = gene.inner_text()
    gene.click()
    viewer.colored_by(name)
    group.get_by_role("button", name="Dendritic 240").click()
    expect(group.get_by_role("row").nth(1)).to_contain_text(name)
    assert not viewer.overflows()
