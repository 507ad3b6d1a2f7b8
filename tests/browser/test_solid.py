"""Embeddings of three columns, which the page turns."""

from __future__ import annotations

import re

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from browser_page import at
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def solid(tmp_path_factory):
    """Three clouds behind each other: from the front they are one."""
    rng = np.random.default_rng(1)
    group = np.repeat([0, 1, 2], 200)
    places = rng.normal(0, 0.5, (600, 3)) + np.c_[0 * group, 0 * group, 8.0 * group]
    obs = pd.DataFrame({"cloud": pd.Categorical.from_codes(group, ["near", "middle", "far"])})
    obs.index = [f"cell{i}" for i in range(600)]
    adata = ad.AnnData(np.ones((600, 3), np.float32), obs=obs, obsm={"X_umap3d": places.astype(np.float32)})
    path = tmp_path_factory.mktemp("solid") / "solid.h5ad"
    adata.write_h5ad(path)
    return path


def spread(viewer):
    """Return how wide the names of the clouds lie apart, in pixels."""
    boxes = [viewer.page.locator(".names span", has_text=name).bounding_box() for name in ("near", "far")]
    assert None not in boxes
    return abs(boxes[0]["x"] - boxes[1]["x"])


def test_a_drag_turns_what_has_three_columns(visit, solid):
    viewer = visit(solid).drawn()
    page = viewer.page
    expect(page.get_by_role("application", name="coloured by cloud. Arrows rotate")).to_be_visible()
    at_first = spread(viewer)
    box = page.get_by_role("application").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 120, y, steps=4)
    page.mouse.up()
    viewer.settled()
    aside = spread(viewer)
    assert aside > at_first * 1.3
    # the link holds the turn
    again = visit(solid, before=at(viewer.settled())).drawn()
    again.page.wait_for_function("document.querySelectorAll('.names span').length === 3")
    assert spread(again) == pytest.approx(aside, abs=3)
    page.keyboard.press("0")
    viewer.settled()
    assert spread(viewer) == pytest.approx(at_first, abs=3)


def test_a_lasso_takes_what_it_shows(visit, solid):
    viewer = visit(solid).drawn()
    page = viewer.page
    label = page.locator(".names span", has_text="far").bounding_box()
    x, y = label["x"] + label["width"] / 2, label["y"] + label["height"] / 2
    page.keyboard.press("l")
    page.mouse.move(x - 110, y - 110)
    page.mouse.down()
    for dx, dy in ((110, -110), (110, 110), (-110, 110), (-110, -100)):
        page.mouse.move(x + dx, y + dy, steps=3)
    page.mouse.up()
    expect(page.get_by_text(re.compile(r"^\s*[2-5]\d\d of 600 cells selected"))).to_be_visible()
    taken = page.get_by_text("of 600 cells selected").inner_text()
    again = visit(solid, before=at(viewer.settled())).drawn()
    expect(again.page.get_by_text("of 600 cells selected")).to_have_text(taken)
