"""MuData on the page: one search for genes and proteins, cells that a modality lacks, markers of each modality."""

from __future__ import annotations

import pytest
from mudata_files import cite_seq, pulled, write
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def cite(tmp_path_factory):
    return write(pulled(cite_seq(), False), tmp_path_factory.mktemp("cite") / "cite.h5mu")


def search(viewer, text):
    viewer.page.get_by_role("tab", name="Genes").click()
    viewer.page.get_by_role("combobox", name="Search a gene").fill(text)
    return viewer.page.get_by_role("option")


def test_one_search_finds_genes_and_proteins(visit, cite):
    viewer = visit(cite).drawn()
    expect(viewer.page.get_by_text("8 features")).to_be_visible()
    found = search(viewer, "cd4")
    expect(found).to_have_text(["rna:CD4 rna", "prot:CD4 prot"])
    found.nth(1).click()
    viewer.page.get_by_role("application", name="coloured by prot:CD4").wait_for()
    # a protein that was not measured is no zero
    expect(viewer.page.get_by_text("missing in 48")).to_be_visible()
    expect(viewer.page.get_by_text("values from prot/X")).to_be_visible()
    # a gene of the matrix that is shown
    search(viewer, "cd3d").first.click()
    viewer.page.get_by_role("application", name="coloured by CD3D").wait_for()
    expect(viewer.page.get_by_text("values from rna/X")).to_be_visible()
    expect(viewer.page.get_by_text("missing in 30")).to_be_visible()


def test_markers_of_proteins_say_which_cells_are_left_out(visit, cite):
    viewer = visit(cite).drawn()
    page = viewer.page
    page.get_by_role("tab", name="Genes").click()
    page.get_by_role("combobox", name="Matrix").click()
    page.get_by_role("option", name="prot/X").click()
    expect(page.get_by_text("prot was measured in 192 of 240 cells")).to_be_visible()
    page.get_by_role("tab", name="Markers").click()
    page.get_by_role("button", name="Find markers").last.click()
    result = page.get_by_role("region", name="Markers of celltype")
    expect(result).to_contain_text("48 cells are not measured in prot/X, and left out.")
    expect(result.get_by_role("button", name="prot:CD4").first).to_be_visible()
