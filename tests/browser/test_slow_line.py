"""A line of 2 Mbit/s to an address of the same machine, as behind ``ssh -L``."""

from __future__ import annotations

import csv

import anndata
import numpy as np
import pandas as pd
import pytest
from browser_page import eventually
from playwright.sync_api import expect

BYTES_PER_SECOND = 2e6 / 8


def throttle(page):
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    speed = {"downloadThroughput": BYTES_PER_SECOND, "uploadThroughput": BYTES_PER_SECOND}
    session.send("Network.emulateNetworkConditions", {"offline": False, "latency": 20, **speed})


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Write 60,000 cells, with a measurement that has a histogram."""
    random = np.random.default_rng(0)
    n = 60_000
    obs = pd.DataFrame({"kind": pd.Categorical(random.choice(["x", "y"], n)), "depth": random.random(n)})
    obs.index = [f"cell {k}" for k in range(n)]
    data = anndata.AnnData(np.ones((n, 1), np.float32), obs=obs, obsm={"X_umap": random.normal(size=(n, 2))})
    path = tmp_path_factory.mktemp("slow") / "cells.h5ad"
    data.write_h5ad(path)
    return path


@pytest.mark.slow
def test_cells_come_first_compressed_and_with_their_progress(visit, cells):
    asked: list[tuple[str, str | None]] = []

    def slowly(page):
        throttle(page)
        page.on("request", lambda request: asked.append((request.url, request.headers.get("save-data"))))

    viewer = visit(cells, before=slowly, ready=False)
    page = viewer.page
    expect(page.get_by_role("progressbar", name="Loading the cells")).to_be_visible()
    expect(page.get_by_text("of 0.5 MB")).to_be_visible()
    viewer.drawn()
    embeddings = [(url, header) for url, header in asked if "/embeddings/" in url]
    assert embeddings[0][0].endswith("precision=coarse")
    assert embeddings[0][1] == "on"
    urls = [url for url, _ in asked]
    expect(page.get_by_role("slider", name="depth").or_(page.get_by_text("depth")).first).to_be_visible()
    assert not any("/obs/depth" in url for url in urls[: urls.index(embeddings[0][0]) + 1])
    # The exact coordinates follow, and the view stays.
    page.wait_for_event("request", lambda request: request.url.endswith("/embeddings/X_umap"), timeout=60_000)


@pytest.mark.slow
def test_what_is_selected_and_saved_is_exact(visit, cells):
    """Rounded coordinates are for the first picture alone: a selection does not wait for them to be replaced."""
    viewer = visit(cells, before=throttle, ready=False).drawn()
    page = viewer.page
    page.keyboard.press("l")
    viewer.lasso([(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)])
    n = eventually(lambda: (n := viewer.selected()) not in {None, 0, 60_000} and n, "a selection")
    page.get_by_role("button", name="Save or copy").first.click()
    rows = list(csv.DictReader(viewer.saved("Data as CSV").decode().splitlines()))
    assert len(rows) == n
    umap = dict(zip(*(lambda d: (d.obs_names, d.obsm["X_umap"][:, 0]))(anndata.read_h5ad(cells)), strict=True))
    expected = [umap[row["cell"]] for row in rows]
    np.testing.assert_allclose([float(row["x"]) for row in rows], expected, rtol=1e-6)
