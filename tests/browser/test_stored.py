"""Results of scanpy and scVelo that a file has: ranked genes, a dendrogram, PAGA and velocities."""

from __future__ import annotations

import json
import re
import warnings
from urllib.request import urlopen

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from browser_page import NARROW, eventually
from playwright.sync_api import expect
from scipy.sparse import csr_matrix

N = 400
NAMES = ["stem", "early", "left", "<i>right"]
PLACES = np.array([[0, 0], [4, 0], [8, 3], [8, -3]], float)
WEIGHTS = np.array([[0, 0.9, 0.02, 0], [0.9, 0, 0.6, 0.5], [0.02, 0.6, 0, 0.1], [0, 0.5, 0.1, 0]])


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """Write a dataset that was analysed, and return its path and itself."""
    rng = np.random.default_rng(2)
    codes = np.repeat(np.arange(4), N // 4)
    rates = 1 + 5.0 * (np.arange(20)[None] % 4 == codes[:, None])
    data = anndata.AnnData(
        csr_matrix(rng.poisson(rates).astype(np.float32)),
        obs=pd.DataFrame({"kind": pd.Categorical.from_codes(codes, NAMES)}, index=[f"c{k}" for k in range(N)]),
        var=pd.DataFrame(index=[f"GENE{g}" for g in range(20)]),
        obsm={"X_umap": (PLACES[codes] + rng.normal(0, 0.5, (N, 2))).astype(np.float32)},
    )
    data.obsm["velocity_umap"] = np.tile([[1.0, 0.0]], (N, 1)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.log1p(data)
        sc.tl.rank_genes_groups(data, "kind", method="wilcoxon")
        sc.tl.rank_genes_groups(data, "kind", method="t-test", reference="stem", key_added="against stem")
        sc.tl.dendrogram(data, "kind", use_rep="X_umap")
    data.uns["paga"] = {"connectivities": csr_matrix(WEIGHTS), "groups": "kind"}
    path = tmp_path_factory.mktemp("stored") / "analysed.h5ad"
    data.write_h5ad(path)
    return path, data


def overlay(viewer, name):
    """Return the layer of an overlay."""
    return viewer.page.locator(f"[data-overlay='{name}']")


def settings(viewer):
    """Open the choices of the overlays."""
    viewer.page.get_by_role("button", name="Overlays: PAGA").click()
    expect(viewer.page.get_by_role("checkbox", name="PAGA graph of kind")).to_be_visible()


def test_ranked_genes_are_shown_as_the_file_has_them(visit, analysed):
    path, data = analysed
    viewer = visit(path).drawn()
    viewer.page.get_by_role("tab", name="Markers").click()
    viewer.page.get_by_role("radio", name="From the file").click()
    panel = viewer.page.get_by_role("tabpanel")
    expect(panel).to_contain_text("wilcoxon of kind, each against all other cells, X")
    group = panel.get_by_role("article", name="Stored genes of left")
    group.get_by_role("button", name="left", exact=True).click()
    expected = sc.get.rank_genes_groups_df(data, "left")
    rows = group.get_by_role("row")
    expect(rows).to_have_count(21)
    shown = [text.split()[0] for text in rows.all_inner_texts()[1:]]
    assert shown == expected["names"].tolist()
    score, fold, _p = rows.nth(1).get_by_role("cell").all_inner_texts()[1:4]
    assert float(score) == pytest.approx(expected["scores"][0], abs=0.06)
    assert float(fold) == pytest.approx(expected["logfoldchanges"][0], abs=0.006)
    panel.get_by_role("button", name="The first genes of each group as a plot").click()
    best = [
        sc.get.rank_genes_groups_df(data, name)["names"][:3].tolist() for name in ["<i>right", "early", "left", "stem"]
    ]
    shown = viewer.page.get_by_role("region", name="Plots").get_by_role("button", name=re.compile("^Genes"))
    expect(shown).to_contain_text(str(len({gene for genes in best for gene in genes})))
    rows.nth(1).get_by_role("button").first.click()
    viewer.colored_by(expected["names"][0])
    viewer.page.get_by_role("combobox", name="Results of the file").click()
    viewer.page.get_by_role("option", name="against stem").click()
    expect(panel).to_contain_text("t-test of kind, each against stem")
    expect(panel.get_by_role("article", name="Stored genes of stem")).to_have_count(0)


def test_a_dendrogram_orders_the_categories_of_plots(visit, analysed):
    path, data = analysed
    viewer = visit(path).drawn()
    viewer.page.keyboard.press("p")
    viewer.page.get_by_role("button", name=re.compile("^Categories")).click()
    viewer.page.get_by_role("button", name="As in dendrogram_kind").click()
    items = viewer.page.get_by_role("list", name="Categories in their order").get_by_role("listitem")
    wanted = list(data.uns["dendrogram_kind"]["categories_ordered"])
    assert wanted != NAMES
    eventually(lambda: [text.strip() for text in items.all_inner_texts()] == wanted, "the order of the dendrogram")


def test_a_graph_over_the_cells_draws_no_cell_again(visit, analysed):
    path, _data = analysed
    viewer = visit(path).drawn()
    page = viewer.page
    viewer.search_gene("GENE1")
    viewer.colored_by("GENE1")
    page.keyboard.press("Escape")
    settings(viewer)
    graph = page.get_by_role("checkbox", name="PAGA graph of kind")
    graph.check()
    expect(overlay(viewer, "PAGA").locator("circle")).to_have_count(4)
    page.evaluate(
        """() => {
          window.draws = 0;
          const { drawElements } = WebGL2RenderingContext.prototype;
          WebGL2RenderingContext.prototype.drawElements = function (...of) {
            window.draws++;
            return drawElements.apply(this, of);
          };
        }"""
    )
    graph.uncheck()
    expect(page.locator("[data-overlay=PAGA]")).to_have_count(0)
    graph.check()
    expect(overlay(viewer, "PAGA").locator("circle")).to_have_count(4)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("window.draws") == 0


def test_the_graph_of_paga_lies_over_the_cells(visit, analysed):
    path, data = analysed
    viewer = visit(path).drawn()
    settings(viewer)
    viewer.page.get_by_role("checkbox", name="PAGA graph of kind").check()
    graph = overlay(viewer, "PAGA")
    expect(graph.locator("circle")).to_have_count(4)
    # each edge is a line and its halo; one of 0.02 is below the threshold
    expect(graph.locator("line")).to_have_count(2 * 4)
    x = [float(circle.get_attribute("cx")) for circle in graph.locator("circle").all()]
    middle = data.to_df().assign(x=data.obsm["X_umap"][:, 0]).groupby(data.obs["kind"], observed=True)["x"].median()
    ratio = (x[2] - x[0]) / (x[1] - x[0])
    assert ratio == pytest.approx((middle["left"] - middle["stem"]) / (middle["early"] - middle["stem"]), rel=1e-3)
    viewer.page.get_by_role("slider", name="Least connectivity").fill("0.55")
    expect(graph.locator("line")).to_have_count(2 * 2)
    widths = sorted(float(line.get_attribute("stroke-width")) for line in graph.locator("line").all())
    # a halo is wider than its line
    assert widths[0] / widths[2] == pytest.approx(0.6 / 0.9)
    viewer.page.keyboard.press("Escape")
    viewer.page.keyboard.press("Control+z")
    expect(graph.locator("line")).to_have_count(2 * 4)
    viewer.page.keyboard.press("Control+Shift+z")
    viewer.settled()
    viewer.page.reload()
    expect(overlay(viewer.drawn(), "PAGA").locator("line")).to_have_count(2 * 2)
    viewer.search_gene("GENE2")
    viewer.colored_by("GENE2")
    # without the names of the plot, the nodes have theirs
    expect(graph.locator("text")).to_have_text(NAMES)
    save = viewer.page.get_by_role("button", name="Save or copy")
    svg = viewer.saved("Save the figure as SVG", save).decode()
    assert svg.count("<circle") >= 4 and "&lt;i&gt;right" in svg


def test_velocities_are_arrows_on_a_grid(visit, serve, analysed):
    path, _ = analysed
    viewer = visit(path, NARROW).drawn()
    settings(viewer)
    viewer.page.get_by_role("checkbox", name="Velocities").check()
    layer = overlay(viewer, "velocity")
    expect(layer.locator("path")).to_have_count(4)
    with urlopen(serve(path) + "api/v1/velocity/X_umap?points=35") as answer:
        grid = json.load(answer)
    heads = layer.locator("path").last.get_attribute("d")
    # slow arrows would be dots, and are left out
    assert 0.3 * len(grid["x"]) < heads.count("M") <= len(grid["x"])
    tips = [[float(value) for value in re.findall(r"-?[\d.]+", head)] for head in heads.split("Z") if head]
    # all velocities point to the right: the tip of each arrow is right of its base
    assert all(x > x1 and x > x2 and abs(y - (y1 + y2) / 2) < 0.2 for x, y, x1, y1, x2, y2 in tips)
    viewer.page.keyboard.press("Escape")
    svg = viewer.saved("Save the figure as SVG", viewer.page.get_by_role("button", name="Save or copy")).decode()
    assert any(d.count("Z") == heads.count("Z") for d in re.findall(r' d="([^"]+)"', svg))
    assert not viewer.overflows()


def test_a_file_without_such_results_offers_none(visit, tmp_path):
    path = tmp_path / "plain.h5ad"
    data = anndata.AnnData(np.ones((9, 2), np.float32), obsm={"X_umap": np.random.default_rng(0).normal(size=(9, 2))})
    data.obs["kind"] = pd.Categorical(list("abc") * 3)
    data.write_h5ad(path)
    viewer = visit(path).drawn()
    viewer.page.get_by_role("tab", name="Markers").click()
    expect(viewer.page.get_by_role("button", name="Find markers", exact=True)).to_be_visible()
    expect(viewer.page.get_by_role("radio", name="From the file")).to_have_count(0)
    expect(viewer.page.get_by_role("button", name="Overlays")).to_have_count(0)
