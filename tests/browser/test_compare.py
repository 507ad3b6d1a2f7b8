"""Differential expression from a selection to the table, against scipy."""

from __future__ import annotations

import csv
import json
import warnings

import numpy as np
import pytest
from browser_page import eventually, read
from playwright.sync_api import expect
from scipy.stats import false_discovery_control, ttest_ind


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


def compare_monocytes(viewer):
    """Keep the monocytes as set A, compare them with the rest and wait for the table."""
    viewer.page.get_by_role("group", name="CD14+ Monocyte", exact=True).get_by_role("button").click()
    viewer.wait_selected(129)
    viewer.page.keyboard.press("a")
    expect(viewer.page.get_by_role("group", name="Set A")).to_contain_text("129 cells")
    expect(viewer.page.get_by_role("group", name="Set B")).to_contain_text("571 cells not in A")
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
    compare_monocytes(viewer)
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
        rows = {row["gene"]: row for row in csv.DictReader(line for line in file if not line.startswith("#"))}
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
    viewer.page.get_by_role("searchbox", name="Find in the table").fill("LYZ")
    eventually(lambda: column(viewer, 0) == ["LYZ"], "the gene found")
    viewer.page.get_by_role("cell").get_by_role("button", name="LYZ").click()
    viewer.colored_by("LYZ")
    viewer.page.get_by_role("button", name="All columns").click()
    expect(viewer.page.get_by_role("dialog").get_by_role("columnheader", name="Mean A")).to_be_visible()


def test_a_running_comparison_shows_progress_and_is_cancelled(visit, pbmc):
    job = {"id": "1", "state": "running", "progress": 0.25, "message": "Reading raw/X"}
    cancelled = []

    def answer(route):
        if route.request.method == "DELETE":
            cancelled.append(route.request.url)
        route.fulfill(status=200, content_type="application/json", body=json.dumps({"job": job}))

    def stub(page):
        page.route("**/api/v1/diffexp", answer)
        page.route("**/api/v1/jobs/*", answer)

    viewer = visit(pbmc, before=stub).drawn()
    viewer.page.get_by_role("group", name="CD19+ B", exact=True).get_by_role("button").click()
    viewer.wait_selected(95)
    viewer.page.keyboard.press("a")
    expect(viewer.page.get_by_role("button", name="Empty set A")).to_be_visible()
    viewer.page.keyboard.press("c")
    bar = viewer.page.get_by_role("progressbar", name="Comparing")
    expect(bar).to_have_attribute("aria-valuenow", "25")
    expect(viewer.page.get_by_text("Reading raw/X")).to_be_visible()
    viewer.page.get_by_role("button", name="Cancel").click()
    expect(viewer.page.get_by_role("button", name="Compare expression")).to_be_enabled()
    eventually(lambda: cancelled, "the request to cancel")


def test_a_failed_comparison_says_why(visit, pbmc):
    error = {"code": "too_few_cells", "message": "Set B has no cells.", "hint": "Choose other cells."}

    def stub(page):
        failure = {"job": {"id": "1", "state": "failed", "progress": 1, "message": "", "error": error}}
        page.route("**/api/v1/diffexp", lambda route: route.fulfill(status=202, json=failure))

    viewer = visit(pbmc, before=stub).drawn()
    viewer.page.get_by_role("group", name="CD19+ B", exact=True).get_by_role("button").click()
    viewer.wait_selected(95)
    viewer.page.keyboard.press("a")
    expect(viewer.page.get_by_role("button", name="Empty set A")).to_be_visible()
    viewer.page.keyboard.press("c")
    expect(viewer.page.get_by_role("alert")).to_contain_text("Set B has no cells.")


def test_a_set_is_of_the_cells_selected_last_however_quickly_it_is_kept(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.evaluate("""() => {
        document.querySelector('[role=group][aria-label="CD19+ B"] button').click();
        window.dispatchEvent(new KeyboardEvent('keydown', { key: 'a' }));
    }""")
    expect(viewer.page.get_by_role("group", name="Set A")).to_contain_text("95 cells")
