"""Genes by their previous and alias symbols, in another case, and by an Ensembl id with a version."""

from __future__ import annotations

import re

import anndata
import numpy as np
import pandas as pd
import pytest
from browser_page import Viewer
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return a file of three genes with ids, and a table of their synonyms."""
    folder = tmp_path_factory.mktemp("synonyms")
    table = folder / "hgnc.txt"
    table.write_text("symbol\talias_symbol\tprev_symbol\nPTPRC\tLCA\tCD45\nMS4A1\tCD20\t\n")
    ids = ["ENSG00000081237", "ENSG00000156738", "ENSG00000105369"]
    data = anndata.AnnData(
        np.arange(60, dtype=np.float32).reshape(20, 3) % 7,
        pd.DataFrame({"type": pd.Categorical(["a", "b"] * 10)}, index=[f"c{i}" for i in range(20)]),
        pd.DataFrame({"gene_ids": ids}, index=["PTPRC", "MS4A1", "CD79A"]),
        obsm={"X_umap": np.random.default_rng(1).random((20, 2))},
    )
    data.write_h5ad(folder / "study.h5ad")
    return folder / "study.h5ad", table


@pytest.mark.parametrize(
    ("text", "found", "note"),
    [("CD45", "PTPRC", "also CD45"), ("lca", "PTPRC", "also LCA"), ("ENSG00000156738.18", "MS4A1", "ENSG00000156738")],
)
def test_a_gene_is_found_by_another_name(visit, study, text, found, note):
    path, table = study
    viewer: Viewer = visit(path, options=("--gene-synonyms", str(table))).drawn()
    page = viewer.page
    page.get_by_role("combobox", name="Search a gene").fill(text)
    option = page.get_by_role("option").first
    expect(option).to_contain_text(found)
    expect(option).to_contain_text(note)
    page.keyboard.press("Enter")
    viewer.colored_by(found)


def test_a_pasted_list_says_what_was_found_by_another_name(visit, study):
    path, table = study
    viewer: Viewer = visit(path, options=("--gene-synonyms", str(table))).drawn()
    page = viewer.page
    page.keyboard.press("p")
    drawer = page.get_by_role("region", name="Plots")
    drawer.get_by_role("button", name=re.compile("^Genes")).click()
    page.get_by_role("textbox", name="Genes, by name or id").fill("cd45 CD20 cd79a NOPE")
    page.get_by_role("button", name="Plot these genes").click()
    expect(page.get_by_text("By another name: CD45 → PTPRC, CD20 → MS4A1")).to_be_visible()
    expect(page.get_by_text("Not in X: NOPE")).to_be_visible()
