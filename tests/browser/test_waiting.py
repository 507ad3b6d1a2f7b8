"""What the page says of a server at work: an index being made, a slow gene, too many questions, a page left."""

from __future__ import annotations

import json
import threading

import numpy as np
from browser_page import eventually, read
from h5ad_file import write_h5ad
from playwright.sync_api import expect


def answer_json(route, body, status=200, **headers):
    route.fulfill(status=status, content_type="application/json", headers=headers, body=json.dumps(body))


def test_the_making_of_an_index_is_followed_and_its_problems_told(visit, pbmc):
    looks = []

    def health(route):
        body = json.loads(route.fetch().text())
        if body["state"] == "ready":
            looks.append(body)
            if len(looks) in (2, 3):
                body["indexing"] = {"matrix": "raw/X", "progress": 0.45}
            elif len(looks) > 3:
                body["problems"] = ["The cache folder is full."]
        answer_json(route, body)

    viewer = visit(pbmc, before=lambda page: page.route("**/api/v1/health", health)).drawn()
    bar = viewer.page.get_by_role("progressbar", name="Indexing raw/X")
    expect(bar).to_have_attribute("aria-valuenow", "45")
    expect(viewer.page.get_by_text("Indexing raw/X 45 %: genes will be instant")).to_be_visible()
    expect(bar).to_have_count(0)
    viewer.page.get_by_role("button", name="1 warning").click()
    expect(viewer.page.get_by_text("The cache folder is full.")).to_be_visible()
    asked = len(looks)
    viewer.page.wait_for_timeout(3000)
    assert len(looks) == asked


def test_a_dataset_that_still_comes_is_shown_and_its_genes_are_waited_for(visit, pbmc):
    downloaded = [0.374]
    missing = {"error": {"code": "dataset_loading", "message": "raw/X is still being downloaded.", "hint": ""}}

    def health(route):
        body = json.loads(route.fetch().text())
        if body["state"] == "ready" and downloaded:
            body["downloaded"] = downloaded[0]
        answer_json(route, body)

    def expression(route):
        if downloaded:
            answer_json(route, missing, 503)
        else:
            route.continue_()

    def before(page):
        page.route("**/api/v1/health", health)
        page.route("**/api/v1/expression*", expression)

    viewer = visit(pbmc, before=before).drawn()
    viewer.forgive("503")
    bar = viewer.page.get_by_role("progressbar", name="Downloading the dataset")
    expect(bar).to_have_attribute("aria-valuenow", "37")
    expect(viewer.page.get_by_text("Downloading 37 %: genes follow")).to_be_visible()
    viewer.search_gene("CD79A")
    expect(viewer.page.get_by_text("Waiting for the download")).to_be_visible()
    downloaded.clear()
    viewer.colored_by("CD79A")
    expect(bar).to_have_count(0)


def test_a_gene_that_takes_long_is_said_to_be_read_and_can_be_given_up(visit, pbmc):
    held = []
    viewer = visit(
        pbmc, before=lambda page: page.route("**/api/v1/expression*", lambda route: held.append(route))
    ).drawn()
    viewer.search_gene("CD79A")
    expect(viewer.page.get_by_text("Reading from raw/X")).to_be_visible()
    viewer.page.keyboard.press("Escape")
    viewer.page.get_by_role("button", name="Cancel").click()
    expect(viewer.page.get_by_text("No recent genes")).to_be_visible()
    expect(viewer.page.get_by_role("alert")).to_have_count(0)
    eventually(lambda: held, "the request")
    viewer.page.unroute("**/api/v1/expression*")
    viewer.search_gene("CD79A")
    viewer.colored_by("CD79A")


def test_a_busy_server_is_asked_again_with_the_name_of_the_page(visit, pbmc):
    names, busy = [], {"error": {"code": "too_many", "message": "Three questions are at work.", "hint": ""}}
    waited = threading.Event()

    def answer(route):
        names.append(route.request.headers.get("x-starcyte-client"))
        if waited.is_set():
            route.continue_()
        else:
            answer_json(route, busy, 429, **{"Retry-After": "1"})

    viewer = visit(pbmc, before=lambda page: page.route("**/api/v1/expression*", answer)).drawn()
    # Chromium itself tells the console of every answer of 400 and more
    viewer.forgive("429")
    viewer.search_gene("CD79A")
    expect(viewer.page.get_by_role("status").filter(has_text="Three questions are at work.")).to_be_visible()
    waited.set()
    viewer.colored_by("CD79A")
    assert len(names) > 1 and len(set(names)) == 1 and len(names[0]) == 32


def test_a_page_that_is_left_cancels_its_comparison(visit, pbmc):
    job = {"id": "77", "state": "running", "progress": 0.1, "message": ""}

    def stub(page):
        page.route("**/api/v1/diffexp", lambda route: answer_json(route, {"job": job}))
        page.route("**/api/v1/jobs/*", lambda route: answer_json(route, {"job": job}))

    viewer = visit(pbmc, before=stub).drawn()
    viewer.page.get_by_role("group", name="CD19+ B", exact=True).get_by_role("button").first.click()
    viewer.wait_selected(95)
    viewer.page.keyboard.press("a")
    expect(viewer.page.get_by_role("button", name="Clear set A")).to_be_visible()
    viewer.page.keyboard.press("c")
    expect(viewer.page.get_by_role("progressbar", name="Comparing")).to_have_attribute("aria-valuenow", "10")
    # nothing hears the requests of a page that is truly gone
    with viewer.page.expect_request(lambda request: request.method == "DELETE" and request.url.endswith("/jobs/77")):
        viewer.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")


def test_the_card_of_a_cell_has_its_name(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    picture = viewer.picture()
    box = viewer.plot.bounding_box()
    rows, columns = (abs(picture - [0x8C, 0x56, 0x4B]).max(axis=2) < 10).nonzero()
    viewer.page.mouse.move(box["x"] + float(columns[len(rows) // 2]), box["y"] + float(rows[len(rows) // 2]))
    name = viewer.page.locator(".card .name")
    expect(name).to_be_visible()
    number = viewer.page.locator(".card .cell").inner_text().removeprefix("Cell ").replace(",", "")
    assert name.inner_text() == read(pbmc).obs_names[int(number)]


def test_a_spatial_embedding_is_drawn_downwards(visit, tmp_path):
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 100, 600), rng.uniform(0, 100, 600)
    corner = (x < 30) & (y < 30)
    places = {"spatial": np.column_stack([x, y]).astype(np.float32)}
    obs = {"corner": corner}
    path = write_h5ad(tmp_path / "tissue.h5ad", np.ones((600, 2), np.float32), obs=obs, obsm=places)
    viewer = visit(path).drawn()
    viewer.page.get_by_role("button", name="Colour by corner").click()
    viewer.colored_by("corner")
    viewer.page.get_by_role("group", name="True", exact=True).get_by_role("button").first.click()
    viewer.wait_selected(int(corner.sum()))
    color = viewer.page.evaluate(
        "getComputedStyle(document.querySelector('[role=group][aria-label=True] .chip')).backgroundColor"
    )
    wanted = np.array([int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(",")])

    def above():
        rows = (np.abs(viewer.picture() - wanted).max(axis=2) < 24).nonzero()[0]
        return rows.size > 50 and rows.mean() < viewer.plot.bounding_box()["height"] * 0.45

    eventually(above, "the corner of small y at the top")


def test_a_double_click_keeps_the_selection(visit, pbmc):
    viewer = visit(pbmc).drawn()
    viewer.page.keyboard.press("l")
    viewer.lasso([(0.0, 0.1), (0.5, 0.1), (0.5, 0.94), (0.0, 0.94)])
    n = eventually(viewer.selected, "a selection")
    box = viewer.plot.bounding_box()
    viewer.page.mouse.dblclick(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    # a hand that trembles draws a lasso of a few pixels around nothing
    viewer.lasso([(0.02, 0.93), (0.03, 0.93), (0.03, 0.94)])
    viewer.page.wait_for_timeout(300)
    viewer.wait_selected(n)
    viewer.page.keyboard.press("x")
    viewer.page.get_by_role("group", name="CD19+ B", exact=True).get_by_role("button").first.dblclick()
    viewer.wait_selected(95)
