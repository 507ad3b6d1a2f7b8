"""Differential expression from a selection to the table, against scipy."""

from __future__ import annotations

import csv
import json
import re
import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
from browser_page import NARROW, WIDE, eventually, read
from playwright.sync_api import expect
from scipy.stats import false_discovery_control, mannwhitneyu, ttest_ind


@pytest.fixture(scope="module")
def cells(pbmc):
    """Return the dataset as anndata reads it."""
    return read(pbmc)


@pytest.fixture(scope="module")
def expected(cells):
    """Return t and p of every gene of raw/X, CD14+ monocytes against all other cells."""
    matrix = cells.raw.X.toarray().astype(np.float64)
    chosen = (cells.obs["bulk_labels"] == "CD14+ Monocyte").to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ttest_ind(matrix[chosen], matrix[~chosen], equal_var=False)


def compare_monocytes(viewer, least=None):
    """Keep the monocytes as set A, compare them with the rest and wait for the table.

    ``least`` is the least percentage of cells of the genes that are tested, by default the page's.
    """
    viewer.page.get_by_role("group", name="CD14+ Monocyte", exact=True).get_by_role("button").first.click()
    viewer.wait_selected(129)
    viewer.page.keyboard.press("a")
    expect(viewer.page.get_by_role("group", name="Set A")).to_contain_text("129 cells")
    expect(viewer.page.get_by_role("group", name="Set B")).to_contain_text("571 cells not in A")
    if least is not None:
        viewer.page.get_by_role("spinbutton", name="Tested genes: minimum percentage of cells").fill(str(least))
    viewer.page.get_by_role("button", name="Compare expression").click()
    expect(viewer.page.get_by_role("cell").first).to_be_visible()


def column(viewer, k):
    """Return the texts of one column of the rows in sight."""
    rows = viewer.page.get_by_role("row").filter(has=viewer.page.get_by_role("cell")).all()
    return [row.get_by_role("cell").nth(k).inner_text().strip() for row in rows]


def number(text):
    return float(text.replace("\N{MINUS SIGN}", "-"))


def test_table_and_csv_are_those_of_scipy(visit, pbmc, cells, expected, tmp_path):
    viewer = visit(pbmc).drawn()
    compare_monocytes(viewer, least=0)
    t = dict(zip(cells.raw.var_names, expected.statistic, strict=True))
    genes, scores = column(viewer, 0), [number(text) for text in column(viewer, 3)]
    assert len(genes) >= 10
    assert scores == pytest.approx([t[gene] for gene in genes], abs=0.051)
    assert [abs(score) for score in scores] == sorted([abs(score) for score in scores], reverse=True)

    with viewer.page.expect_download() as download:
        viewer.page.get_by_role("button", name="Download the whole table as CSV").click()
    path = tmp_path / "table.csv"
    download.value.save_as(path)
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(file)
    rows = {row["gene"]: row for row in csv.DictReader(line for line in lines if not line.startswith("#"))}
    head = "".join(line for line in lines if line.startswith("#"))
    assert "t-test" in head and "(sum(base^x - 1) + 1) / n" in head and "scale: log1p" in head
    assert len(rows) == cells.raw.shape[1]
    p = dict(zip(cells.raw.var_names, expected.pvalue, strict=True))
    known = [gene for gene in rows if np.isfinite(p[gene])]
    assert [float(rows[gene]["p_value"]) for gene in known] == pytest.approx([p[gene] for gene in known], rel=1e-3)
    adjusted = false_discovery_control(np.nan_to_num(expected.pvalue, nan=1.0))
    q = dict(zip(cells.raw.var_names, adjusted, strict=True))
    assert [float(rows[gene]["p_adjusted"]) for gene in known] == pytest.approx([q[gene] for gene in known], rel=1e-3)


def test_table_is_sorted_searched_and_colours_the_cells(visit, pbmc):
    viewer = visit(pbmc).drawn()
    compare_monocytes(viewer)
    viewer.page.get_by_role("columnheader", name="log₂ FC").get_by_role("button").click()
    falling = [number(text) for text in column(viewer, 1)]
    assert falling == sorted(falling, reverse=True)
    viewer.page.get_by_role("columnheader", name="log₂ FC").get_by_role("button").click()
    eventually(lambda: number(column(viewer, 1)[0]) < 0, "the other order")
    viewer.page.get_by_role("searchbox", name="Search the table").fill("LYZ")
    eventually(lambda: column(viewer, 0) == ["LYZ"], "the gene found")
    viewer.page.get_by_role("cell").get_by_role("button", name="LYZ", exact=True).click()
    viewer.colored_by("LYZ")
    viewer.page.get_by_role("button", name="Show all columns").click()
    expect(viewer.page.get_by_role("dialog").get_by_role("columnheader", name="Mean A")).to_be_visible()


def test_the_best_genes_become_a_gene_set(visit, pbmc, cells, expected):
    viewer = visit(pbmc).drawn()
    compare_monocytes(viewer)
    viewer.page.get_by_role("button", name="Gene set", exact=True).click()
    viewer.page.get_by_role("menuitem", name="Top 50 genes higher in A").click()
    card = viewer.page.get_by_role("article", name="Gene set Higher in")
    expect(card).to_be_visible()
    genes = viewer.page.evaluate(
        """async () => {
          const { genesets } = await (await fetch('api/v1/genesets')).json();
          return (await (await fetch('api/v1/genesets/' + encodeURIComponent(genesets[0].name))).json()).genes;
        }"""
    )
    ranked = list(cells.raw.var_names[np.argsort(-expected.statistic)])
    assert len(genes) == 50 and genes[:5] == ranked[:5]
    assert genes == [gene for gene in ranked if gene in set(genes)], "in the order of scipy's t"
    viewer.page.keyboard.press("Control+z")
    expect(card).to_have_count(0)


def test_a_running_comparison_shows_progress_and_is_cancelled(visit, pbmc):
    job = {"id": "1", "state": "running", "progress": 0.25}
    cancelled = []

    def answer(route):
        if route.request.method == "DELETE":
            cancelled.append(route.request.url)
        route.fulfill(status=200, content_type="application/json", body=json.dumps({"job": job}))

    def stub(page):
        page.route("**/api/v1/diffexp", answer)
        page.route("**/api/v1/jobs/*", answer)

    viewer = visit(pbmc, before=stub).drawn()
    viewer.page.get_by_role("group", name="CD19+ B", exact=True).get_by_role("button").first.click()
    viewer.wait_selected(95)
    viewer.page.keyboard.press("a")
    expect(viewer.page.get_by_role("button", name="Clear set A")).to_be_visible()
    viewer.page.keyboard.press("c")
    bar = viewer.page.get_by_role("progressbar", name="Comparing")
    expect(bar).to_have_attribute("aria-valuenow", "25")
    viewer.page.get_by_role("button", name="Cancel").click()
    expect(viewer.page.get_by_role("button", name="Compare expression")).to_be_enabled()
    eventually(lambda: cancelled, "the request to cancel")


def test_a_failed_comparison_says_why(visit, pbmc):
    error = {"code": "too_few_cells", "message": "Set B has no cells.", "hint": "Choose other cells."}

    def stub(page):
        failure = {"job": {"id": "1", "state": "failed", "progress": 1, "message": "", "error": error}}
        page.route("**/api/v1/diffexp", lambda route: route.fulfill(status=202, json=failure))

    viewer = visit(pbmc, before=stub).drawn()
    viewer.page.get_by_role("group", name="CD19+ B", exact=True).get_by_role("button").first.click()
    viewer.wait_selected(95)
    viewer.page.keyboard.press("a")
    expect(viewer.page.get_by_role("button", name="Clear set A")).to_be_visible()
    viewer.page.keyboard.press("c")
    expect(viewer.page.get_by_role("alert")).to_contain_text("Set B has no cells.")


def test_a_set_is_of_the_cells_selected_last_however_quickly_it_is_kept(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.evaluate("""() => {
        document.querySelector('[role=group][aria-label="CD19+ B"] button').click();
        window.dispatchEvent(new KeyboardEvent('keydown', { key: 'a' }));
    }""")
    expect(viewer.page.get_by_role("group", name="Set A")).to_contain_text("95 cells")


def adjusted(p):
    """Return p-values adjusted for the number of genes."""
    return false_discovery_control(np.nan_to_num(p, nan=1.0))


def test_limits_leave_the_genes_that_scipy_finds(visit, pbmc, cells, expected):
    viewer = visit(pbmc).drawn()
    compare_monocytes(viewer, least=0)
    viewer.page.get_by_role("button", name="Limits of the table").click()
    box = viewer.page.get_by_role("region", name="Limits of the table")
    box.get_by_role("spinbutton", name="Minimum log2 fold change").fill("0")
    box.get_by_role("spinbutton", name="Maximum adjusted p-value").fill("0.001")
    sure = adjusted(expected.pvalue) <= 0.001
    shown = viewer.page.locator(".find .n")
    total = cells.raw.shape[1]
    expect(shown).to_have_text(f"{sure.sum()} of {total}")
    box.get_by_role("radio", name="Up in A").click()
    chosen = (cells.obs["bulk_labels"] == "CD14+ Monocyte").to_numpy()
    # by the fold change, whose sign can be another than that of t, a difference of means of logarithms
    amounts = np.expm1(cells.raw.X.toarray().astype(np.float64))
    up = (amounts[chosen].sum(axis=0) + 1) / chosen.sum() > (amounts[~chosen].sum(axis=0) + 1) / (~chosen).sum()
    expect(shown).to_have_text(f"{(sure & up).sum()} of {total}")
    values = cells.raw.X.toarray() > 0
    share = np.maximum(values[chosen].mean(axis=0), values[~chosen].mean(axis=0))
    box.get_by_role("spinbutton", name="Minimum percentage of cells").fill("40")
    expect(shown).to_have_text(f"{(sure & up & (share >= 0.4)).sum()} of {total}")
    box.get_by_role("button", name="Show all genes").click()
    expect(shown).to_have_text(f"{total} of {total}")


def test_wilcoxon_is_that_of_scipy_and_results_are_kept(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    compare_monocytes(viewer)
    viewer.page.get_by_role("radio", name="Wilcoxon").click()
    viewer.page.get_by_role("button", name="Compare expression").click()
    expect(viewer.page.get_by_text("Wilcoxon rank sums, 129 against 571 cells, raw/X")).to_be_visible()
    matrix = cells.raw.X.toarray().astype(np.float64)
    chosen = (cells.obs["bulk_labels"] == "CD14+ Monocyte").to_numpy()
    viewer.page.get_by_role("button", name="Show all columns").click()
    dialog = viewer.page.get_by_role("dialog")
    expect(dialog.get_by_role("columnheader", name="AUC")).to_be_visible()
    for row in dialog.get_by_role("row").filter(has=dialog.get_by_role("cell")).all()[:5]:
        texts = [cell.inner_text().strip() for cell in row.get_by_role("cell").all()]
        values = matrix[:, cells.raw.var_names.get_loc(texts[0])]
        u = mannwhitneyu(values[chosen], values[~chosen]).statistic
        assert number(texts[4]) == pytest.approx(u / (129 * 571), abs=0.0006)
    viewer.page.keyboard.press("Escape")
    kept = viewer.page.get_by_role("combobox", name="Comparison: CD14+ Monocyte vs the rest, Wilcoxon")
    kept.click()
    viewer.page.get_by_role("option", name="CD14+ Monocyte vs the rest, t-test").click()
    expect(viewer.page.get_by_text("t-test, 129 against 571 cells, raw/X")).to_be_visible()
    viewer.page.get_by_role("button", name="Remove this comparison").click()
    expect(kept).to_be_visible()


def test_volcano_names_hovers_and_colours(visit, pbmc):
    viewer = visit(pbmc).drawn()
    compare_monocytes(viewer)
    best = column(viewer, 0)[:3]
    viewer.page.get_by_role("button", name="Volcano plot", exact=True).click()
    figure = viewer.page.locator("[data-figure]")
    for gene in best:
        expect(figure.locator("text.name").filter(has_text=gene).first).to_be_visible()
    boxes = [text.bounding_box() for text in figure.locator("text.name").all()]
    for k, one in enumerate(boxes):
        for other in boxes[k + 1 :]:
            apart_x = abs(one["x"] - other["x"]) >= min(one["width"], other["width"]) * 0.5
            assert apart_x or abs(one["y"] - other["y"]) >= 10
    surface = viewer.page.get_by_role("button", name="Volcano plot of")
    surface.focus()
    viewer.page.keyboard.press("ArrowRight")
    expect(figure.locator(".tip")).to_contain_text(best[0])
    at = figure.locator("circle.pointed")
    x, y = (float(at.get_attribute(name)) for name in ("cx", "cy"))
    box = surface.bounding_box()
    viewer.page.mouse.move(5, 5)
    viewer.page.mouse.move(box["x"] + x, box["y"] + y)
    tip = figure.locator(".tip p").first
    expect(tip).to_be_visible()
    gene = tip.inner_text()
    viewer.page.mouse.click(box["x"] + x, box["y"] + y)
    viewer.colored_by(gene)
    menu = viewer.page.get_by_role("button", name=re.compile("^Save or copy volcano"))
    drawing = viewer.saved("Save the figure as SVG", menu).decode()
    assert f">{best[0]}</text>" in drawing and "<image" in drawing and "var(" not in drawing
    assert viewer.saved("Save the figure as PNG", menu).startswith(b"\x89PNG")
    said = viewer.page.get_by_role("textbox", name="Figure legend").input_value()
    assert "CD14+ Monocyte (129 cells) against the rest (571 cells) by Welch" in said
    assert "Benjamini and Hochberg" in said and "log2 fold change of at least 0.5" in said


def test_volcano_keeps_the_names_of_chosen_genes(visit, pbmc, cells, expected):
    viewer = visit(pbmc).drawn()
    compare_monocytes(viewer)
    page = viewer.page
    page.get_by_role("button", name="Show all columns").click()
    box = page.get_by_role("dialog")
    figure = box.locator("[data-figure]")
    rows = [box.locator(f"[aria-rowindex='{k}']") for k in (7, 9)]
    first, second = (row.locator(".gene").inner_text().strip() for row in rows)
    rows[0].get_by_role("cell").nth(1).click()
    rows[1].hover()
    box.get_by_role("button", name=f"Name {second} in the volcano plot").click()
    expect(box.get_by_text("2 named by you")).to_be_visible()
    expect(figure.locator("text.own")).to_have_text([first, second])
    box.get_by_role("checkbox", name="Only these").check()
    expect(figure.locator("text.name")).to_have_count(2)
    # genes that pass by the usual limits, of those in 10 % of a group
    chosen = (cells.obs["bulk_labels"] == "CD14+ Monocyte").to_numpy()
    values = cells.raw.X.toarray().astype(np.float64)
    share = np.maximum((values > 0)[chosen].mean(axis=0), (values > 0)[~chosen].mean(axis=0))
    amounts = np.expm1(values[:, share >= 0.1])
    of_a, of_b = ((amounts[which].sum(axis=0) + 1) / which.sum() for which in (chosen, ~chosen))
    fold = np.log2(of_a / of_b)
    sure = adjusted(expected.pvalue[share >= 0.1]) <= 0.05
    key = [f"{(sure & (fold <= -0.5)).sum()} down", f"{(sure & (fold >= 0.5)).sum()} up"]
    expect(figure.locator("text.key")).to_have_text(key)
    menu = box.get_by_role("button", name=re.compile("^Save or copy volcano"))
    drawing = viewer.saved("Save the figure as SVG", menu).decode()
    assert drawing.count('font-weight="700"') >= 2 and f">{first}</text>" in drawing and f">{second}</text>" in drawing
    assert "named by you" not in drawing
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Save or copy")).to_have_count(0)
    surface = box.get_by_role("button", name="Volcano plot of")
    surface.focus()
    page.keyboard.press("ArrowRight")
    best = figure.locator(".tip p").first.inner_text()
    page.keyboard.press("Space")
    expect(figure.locator("text.own").filter(has_text=best)).to_have_count(1)
    box.get_by_role("button", name="Clear names").click()
    expect(figure.locator("text.own")).to_have_count(0)


def test_scaled_values_have_no_fold_change_and_it_is_said_why(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.get_by_role("tab", name="Compare").click()
    viewer.page.get_by_role("combobox", name="Matrix: raw/X").click()
    viewer.page.get_by_role("option", name=re.compile("^X")).click()
    compare_monocytes(viewer)
    expect(viewer.page.get_by_text("there is no fold change")).to_be_visible()
    expect(viewer.page.get_by_role("columnheader", name="log₂ FC")).to_have_count(0)
    viewer.page.get_by_role("button", name="Volcano plot", exact=True).click()
    expect(viewer.page.get_by_text("Mean of A \N{MINUS SIGN} mean of B")).to_be_visible()


def test_genes_of_few_cells_are_not_tested_unless_the_limit_is_moved(visit, pbmc, cells):
    chosen = (cells.obs["bulk_labels"] == "CD14+ Monocyte").to_numpy()
    values = cells.raw.X.toarray() > 0
    share = np.maximum(values[chosen].mean(axis=0), values[~chosen].mean(axis=0))
    viewer = visit(pbmc).drawn()
    compare_monocytes(viewer)
    n = int((share >= 0.1).sum())
    expect(viewer.page.get_by_text(f"{n} genes tested, those in ≥ 10 % of a group")).to_be_visible()
    viewer.page.get_by_role("spinbutton", name="Tested genes: minimum percentage of cells").fill("50")
    viewer.page.get_by_role("button", name="Compare expression").click()
    n = int((share >= 0.5).sum())
    expect(viewer.page.get_by_text(f"{n} genes tested, those in ≥ 50 % of a group")).to_be_visible()


def test_the_scale_is_shown_and_overruled(visit, pbmc):
    viewer = visit(pbmc).drawn()
    compare_monocytes(viewer)
    expect(viewer.page.get_by_text("raw/X (logarithms)")).to_be_visible()
    expect(viewer.page.get_by_text("raw/X is shown first")).to_be_visible()
    viewer.page.get_by_role("combobox", name="Scale: Logarithms").click()
    viewer.page.get_by_role("option", name="Counts").click()
    viewer.page.get_by_role("button", name="Compare expression").click()
    expect(viewer.page.get_by_text("raw/X (counts)")).to_be_visible()


def test_cells_selected_on_the_plot_are_compared_by_ranks_and_few_are_warned_of(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.get_by_role("tab", name="Compare").click()
    expect(viewer.page.get_by_role("radio", name="t-test")).to_be_checked()
    viewer.page.get_by_role("button", name="or a category as set A").click()
    box = viewer.page.get_by_role("region", name="Set A from a category")
    box.get_by_role("button", name="CD34+ 13").click()
    expect(viewer.page.get_by_role("radio", name="t-test")).to_be_checked()
    viewer.page.get_by_role("button", name="Compare expression").click()
    expect(viewer.page.get_by_text("Group a has 13 cells")).to_be_visible()
    expect(viewer.page.get_by_text("t-test_overestim_var")).to_be_visible()
    viewer.page.keyboard.press("l")
    viewer.lasso([(0.35, 0.1), (0.65, 0.1), (0.65, 0.5), (0.35, 0.5)])
    expect(viewer.page.get_by_text("cells selected")).to_be_visible()
    viewer.page.get_by_role("group", name="Set A").get_by_role("button", name="Use selected cells").click()
    expect(viewer.page.get_by_role("group", name="Set A")).to_contain_text("Lasso")
    expect(viewer.page.get_by_role("radio", name="Wilcoxon")).to_be_checked()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A dataset of eight donors, four of each condition, in which the gene ``changed`` differs by condition."""
    rng = np.random.default_rng(1)
    donor = np.repeat(np.arange(8), 60)
    mean = np.exp(rng.normal(1.5, 0.7, 80)) * np.exp(rng.normal(0, 0.2, (8, 80)))
    mean[::2, 0] *= 6
    obs = pd.DataFrame(
        {
            "condition": pd.Categorical.from_codes(donor % 2, ["sick", "well"]),
            "donor": pd.Categorical.from_codes(donor, [f"d{k}" for k in range(8)]),
            "sex": pd.Categorical.from_codes(donor // 2 % 2, ["f", "m"]),
            "lab": pd.Categorical.from_codes(donor % 2, ["x", "y"]),
        },
        index=[f"c{k}" for k in range(donor.size)],
    )
    counts = rng.poisson(mean[donor]).astype(np.float32)
    data = anndata.AnnData(counts, obs, pd.DataFrame(index=["changed", *(f"g{k}" for k in range(1, 80))]))
    data.obsm["X_umap"] = rng.normal(size=(donor.size, 2)) + donor[:, None] % 2 * 4
    path = tmp_path_factory.mktemp("study") / "study.h5ad"
    data.write_h5ad(path)
    return path


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_over_samples(visit, study, size):
    viewer = visit(study, size=size).drawn()
    page = viewer.page
    page.get_by_role("group", name="sick", exact=True).get_by_role("button").first.click()
    viewer.wait_selected(240)
    page.get_by_role("button", name="Set A", exact=True).click()
    tab = page.get_by_role("tab", name="Compare")
    if tab.get_attribute("aria-selected") != "true":
        tab.click()
    expect(page.get_by_text("Samples (donor): 4 against 4. Cells are taken for replicates")).to_be_visible()
    page.get_by_role("button", name="Compare over samples").click()
    samples = page.get_by_role("table", name="Samples of the comparison")
    expect(samples.get_by_role("row")).to_have_count(9)
    expect(samples).to_contain_text("d0")

    page.get_by_role("checkbox", name="Adjust for lab").check()
    expect(page.get_by_role("alert")).to_contain_text("'lab' is confounded with the sides")
    expect(page.get_by_role("button", name="Compare expression")).to_be_disabled()
    page.get_by_role("checkbox", name="Adjust for lab").uncheck()
    page.get_by_role("checkbox", name="Adjust for sex").check()
    expect(samples).to_contain_text("sex")

    page.get_by_role("button", name="Compare expression").click()
    result = page.get_by_role("region", name="Result")
    expect(result).to_contain_text("limma-voom over samples, 4 against 4 (donor), X (counts)")
    first = result.get_by_role("row").filter(has=page.get_by_role("cell")).first
    expect(first).to_contain_text("changed")
    expect(first.get_by_role("img").locator("circle")).to_have_count(8)
    expect(first.get_by_role("img")).to_have_accessible_name(re.compile(r"d0 \(A\): [0-9.]+"))
