"""The walk from a comparison of cells to samples, to all cell types, and back; and what is refused."""

from __future__ import annotations

import csv
import re
from urllib.parse import quote

import anndata
import numpy as np
import pandas as pd
import pytest
from browser_page import NARROW, WIDE, eventually
from playwright.sync_api import expect
from scipy import stats
from scipy.sparse import csr_array

DONORS, CELLS, GENES = 8, 60, 80


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Write counts of eight donors, four of each condition; gene 0 differs by condition in one of two cell types."""
    rng = np.random.default_rng(1)
    donor = np.repeat(np.arange(DONORS), CELLS)
    kind = rng.integers(0, 3, donor.size)
    # plasma cells in one donor alone
    kind[(kind == 2) & (donor != 0)] = 1
    mean = np.exp(rng.normal(1.5, 0.7, GENES)) * np.exp(rng.normal(0, 0.2, (3, DONORS, GENES)))
    mean[1, ::2, 0] *= 8
    obs = pd.DataFrame(
        {
            "donor": pd.Categorical.from_codes(donor, [f"d{k}" for k in range(DONORS)]),
            "condition": pd.Categorical.from_codes(donor % 2, ["sick", "well"]),
            "batch": pd.Categorical.from_codes(donor % 2, ["run 1", "run 2"]),
            "sex": pd.Categorical.from_codes(donor // 2 % 2, ["f", "m"]),
            "kind": pd.Categorical.from_codes(kind, ["B cell", "T cell", "plasma cell"]),
        },
        index=[f"c{k}" for k in range(donor.size)],
    )
    counts = rng.poisson(mean[kind, donor]).astype(np.float32)
    data = anndata.AnnData(csr_array(counts), obs, pd.DataFrame(index=[f"g{k}" for k in range(GENES)]))
    data.obsm["X_umap"] = rng.normal(size=(donor.size, 2)).astype(np.float32)
    path = tmp_path_factory.mktemp("study") / "study.h5ad"
    data.write_h5ad(path)
    return path


def set_of(page, which, column, category):
    """Take the cells of a category as a set."""
    page.get_by_role("button", name=f"or a category as set {which}").click()
    box = page.get_by_role("region", name=f"Set {which} from a category")
    box.locator("[aria-label^='Column: ']").click()
    page.get_by_role("option", name=column, exact=True).click()
    box.get_by_role("button", name=category).click()
    expect(page.get_by_role("group", name=f"Set {which}")).to_contain_text(category)


def downloaded(page, button, path):
    """Return the rows of a table that a button downloads, and the lines above it."""
    with page.expect_download() as download:
        button.click()
    download.value.save_as(path)
    lines = path.read_text().splitlines()
    return list(csv.DictReader(line for line in lines if line[0] != "#")), [line for line in lines if line[0] == "#"]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_from_cells_to_samples_to_all_cell_types_and_back(visit, study, tmp_path, size):
    page = visit(study, size=size).drawn().page
    page.get_by_role("tab", name="Compare").click()
    set_of(page, "A", "condition", "sick")
    expect(page.get_by_text("Samples (donor): 4 against 4.")).to_be_visible()
    page.get_by_role("button", name="Compare over samples").click()
    expect(page.get_by_text("4 against 4 samples")).to_be_visible()
    page.get_by_role("button", name="Compare expression").click()
    expect(page.get_by_text("limma-voom over samples, 4 against 4 (donor)")).to_be_visible()
    # a gene's dots, large
    row = page.get_by_role("row").filter(has_text="g0").first
    row.hover()
    page.get_by_role("button", name="Samples of g0", exact=True).click()
    strip = page.get_by_role("dialog", name="g0 in each sample")
    expect(strip.locator("circle")).to_have_count(DONORS)
    expect(strip.get_by_text("log₂ counts per million")).to_be_visible()
    strip.get_by_role("button", name="Save or copy").click()
    expect(page.get_by_label("Figure legend")).to_have_value(re.compile("^g0 in each sample, log₂ counts.*limma-voom"))
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(strip).to_be_hidden()
    # all cell types in one question
    page.locator("[aria-label^='In: ']").click()
    page.get_by_role("option", name="each kind").click()
    page.get_by_role("button", name="Compare expression").click()
    table = page.get_by_role("table", name="Categories compared")
    expect(table.get_by_role("row", name="plasma cell")).to_contain_text("Not compared. Side A has 1 sample")
    expect(table.get_by_role("row", name="T cell")).to_contain_text("g0")
    expect(table.get_by_role("row", name="B cell")).to_contain_text("none")
    page.get_by_role("radio", name="Heat map").click()
    expect(page.get_by_role("img", name="Log₂ fold changes")).to_be_visible()
    page.get_by_role("button", name="Save or copy heat map").click()
    rows, _ = downloaded(page, page.get_by_role("button", name="Data as CSV"), tmp_path / "heat.csv")
    assert [(row["kind"], row["gene"]) for row in rows] == [("B cell", "g0"), ("T cell", "g0")]
    page.keyboard.press("Escape")
    page.get_by_role("radio", name="Composition").click()
    expect(page.get_by_role("table", name="Composition over samples").get_by_role("row")).to_have_count(4)
    page.get_by_role("radio", name="Genes").click()
    # into a type, and back
    table.get_by_role("button", name="T cell").click()
    expect(page.get_by_role("region", name="Result")).to_contain_text("T cell: sick vs the rest")
    expect(page.get_by_role("row").filter(has_text="g0").first).to_be_visible()
    page.get_by_role("button", name="All of kind").click()
    expect(table).to_be_visible()
    # everything as tables
    page.mouse.move(5, 5)
    rows, lines = downloaded(page, page.get_by_role("button", name="Download the tables of all"), tmp_path / "all.csv")
    assert {row["kind"] for row in rows} == {"B cell", "T cell"}
    assert "# plasma cell: not compared. Side A has 1 sample" in "\n".join(lines)
    page.mouse.move(5, 5)
    rows, _ = downloaded(page, page.get_by_role("button", name="Sums by sample and category"), tmp_path / "sums.csv")
    data = anndata.read_h5ad(study)
    some = ((data.obs["donor"] == "d2") & (data.obs["kind"] == "T cell")).to_numpy()
    expected = np.asarray(data.X[some].sum(axis=0)).ravel()
    assert [int(row["d2 | T cell"]) for row in rows] == expected.astype(int).tolist()


def test_a_test_of_cells_in_each_cell_type(visit, study, tmp_path):
    page = visit(study).drawn().page
    page.get_by_role("tab", name="Compare").click()
    set_of(page, "A", "condition", "sick")
    page.locator("[aria-label^='In: ']").click()
    page.get_by_role("option", name="each kind").click()
    page.get_by_role("button", name="Compare expression").click()
    table = page.get_by_role("table", name="Categories compared")
    expect(table.get_by_role("row", name="T cell")).to_contain_text("g0")
    data = anndata.read_h5ad(study)
    n = int((data.obs["kind"] == "plasma cell").sum())
    expect(table.get_by_role("row", name="plasma cell")).to_contain_text(
        f"Not compared. {n} cells in group a and 0 in group b; Welch’s t-test needs at least 3 in each."
    )
    expect(page.get_by_role("radio", name="Composition")).to_have_count(0)
    expect(page.get_by_role("button", name="Sums by sample")).to_have_count(0)
    rows, lines = downloaded(page, page.get_by_role("button", name="Download the tables of all"), tmp_path / "all.csv")
    assert {row["kind"] for row in rows} == {"B cell", "T cell"}
    assert f"# plasma cell: not compared. {n} cells in group a" in "\n".join(lines)
    of = data[data.obs["kind"] == "T cell"]
    sick = (of.obs["condition"] == "sick").to_numpy()
    values = of.X.toarray().astype(float)
    expected = stats.ttest_ind(values[sick], values[~sick], equal_var=False).pvalue
    found = {row["gene"]: float(row["p_value"]) for row in rows if row["kind"] == "T cell"}
    assert len(found) == GENES
    assert list(found.values()) == pytest.approx([expected[int(gene[1:])] for gene in found], rel=1e-6)
    page.mouse.move(5, 5)
    # into a type, and back
    table.get_by_role("button", name="T cell").click()
    expect(page.get_by_role("region", name="Result")).to_contain_text("T cell: sick vs the rest, t-test")
    page.get_by_role("button", name="All of kind").click()
    expect(table).to_be_visible()
    # the other test is another result
    page.get_by_role("radio", name="Wilcoxon").click()
    page.get_by_role("button", name="Compare expression").click()
    expect(page.get_by_role("region", name="Result by category")).to_contain_text("Wilcoxon rank sums (cells)")
    page.locator("[aria-label^='Comparison: ']").click()
    expect(
        page.get_by_role("option", name=re.compile("sick vs the rest in each kind, (t-test|wilcoxon)"))
    ).to_have_count(2)


def test_a_comparison_of_all_cell_types_survives_a_reload(visit, study, tmp_path):
    page = visit(study).drawn().page
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("radio", name="Samples").click()
    set_of(page, "A", "condition", "sick")
    page.locator("[aria-label^='In: ']").click()
    page.get_by_role("option", name="each kind").click()
    page.get_by_role("button", name="Compare expression").click()
    table = page.get_by_role("table", name="Categories compared")
    expect(table).to_be_visible()
    shown = table.inner_text()
    title = "sick vs the rest in each kind"
    origin = page.evaluate("location.origin")

    def saved():
        return page.request.get(f"{origin}/api/v1/results").json()["results"]

    eventually(lambda: [one["name"] for one in saved()] == [title], "the saved comparison")
    body = page.request.get(f"{origin}/api/v1/results/{quote(title)}").json()
    # every tested gene, not only those of the overview
    assert [len(c["genes"]) for c in body["result"]["categories"]] == [
        c["n_tested"] for c in body["result"]["categories"]
    ]
    page.reload()
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name=title, exact=True).click()
    expect(table).to_be_visible()
    assert table.inner_text() == shown
    rows, lines = downloaded(page, page.get_by_role("button", name="Download the tables of all"), tmp_path / "all.csv")
    assert len(rows) == sum(len(c["genes"]) for c in body["result"]["categories"])
    assert "# plasma cell: not compared. Side A has 1 sample" in "\n".join(lines)
    page.mouse.move(5, 5)
    page.get_by_role("radio", name="Composition").click()
    expect(page.get_by_role("table", name="Composition over samples").get_by_role("row")).to_have_count(4)
    page.get_by_role("radio", name="Genes").click()
    table.get_by_role("button", name="T cell").click()
    expect(page.get_by_role("region", name="Result")).to_contain_text("T cell: sick vs the rest")
    page.get_by_role("button", name="All of kind").click()
    page.get_by_role("button", name="Remove this comparison").click()
    eventually(lambda: title not in [one["name"] for one in saved()], "no comparison")


def test_what_samples_do_not_allow_is_said(visit, study):
    page = visit(study).drawn().page
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("radio", name="Samples").click()
    set_of(page, "A", "donor", "d3")
    expect(page.get_by_role("alert").filter(has_text="Side A has 1 sample")).to_be_visible()
    expect(page.get_by_role("button", name="Compare expression")).to_be_disabled()
    set_of(page, "A", "condition", "sick")
    expect(page.get_by_role("button", name="Compare expression")).to_be_enabled()
    expect(page.get_by_role("checkbox", name="Adjust for condition")).to_be_disabled()
    page.get_by_role("checkbox", name="Adjust for batch").click()
    expect(page.get_by_role("alert").filter(has_text="'batch' is confounded with the sides")).to_be_visible()
    expect(page.get_by_role("button", name="Compare expression")).to_be_disabled()
    page.get_by_role("checkbox", name="Adjust for batch").click()
    page.get_by_label("Adjust for another column").click()
    page.get_by_role("option", name="kind", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="'kind' is not constant within donor 'd0'")).to_be_visible()
    expect(page.get_by_role("button", name="Compare expression")).to_be_disabled()
    page.get_by_role("checkbox", name="Adjust for kind").click()
    expect(page.get_by_role("button", name="Compare expression")).to_be_enabled()


def test_the_composition_of_samples_is_drawn_with_its_test(visit, study):
    page = visit(study).drawn().page
    page.keyboard.press("p")
    drawer = page.get_by_role("region", name="Plots")
    drawer.get_by_role("radio", name="Composition").click()
    drawer.get_by_role("radio", name="Samples").click()
    for label, column in (("Categories", "kind"), ("Parts", "condition")):
        drawer.get_by_role("combobox", name=re.compile(label)).click()
        page.get_by_role("option", name=column, exact=True).click()
    figure = drawer.get_by_role("group", name="kind in each donor, by condition")
    expect(figure.locator("circle.dot")).to_have_count(3 * DONORS)
    obs = anndata.read_h5ad(study).obs
    shares = pd.crosstab(obs["donor"], obs["kind"], normalize="index")
    sick = obs.groupby("donor", observed=True)["condition"].first() == "sick"
    for kind in ("B cell", "T cell"):
        ratio = np.log2(shares.loc[sick, kind].mean() / shares.loc[~sick, kind].mean())
        expect(figure).to_contain_text(f"{ratio:.2f}".replace("-", "\N{MINUS SIGN}"))
    # the donors themselves have no donors
    drawer.get_by_role("combobox", name=re.compile("Parts")).click()
    page.get_by_role("option", name="donor", exact=True).click()
    expect(drawer.get_by_text("Samples are compared between the two categories")).to_be_visible()
