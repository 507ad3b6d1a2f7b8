"""The catalog as a user sees it: search, filters, a dataset and back, what changes, and its operator's page."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from browser_page import AXE, NARROW, RULES, WIDE, eventually
from h5ad_file import Categorical, write_h5ad
from playwright.sync_api import expect

HOSTILE = "<img src=x onerror=alert(1)>"


def cells(path, n, organism, tissue, seed=1):
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_h5ad(
        path,
        rng.poisson(1.0, (n, 20)).astype(np.float32),
        obs={
            "cell_type": Categorical((np.arange(n) % 3).astype(np.int8), ["B", "T", "NK"]),
            "organism": Categorical(np.zeros(n, np.int8), [organism]),
            "tissue": Categorical(np.zeros(n, np.int8), [tissue]),
        },
        genes=[f"G{i}" for i in range(20)],
        obsm={"X_umap": (rng.normal(size=(n, 2)) + 5 * (np.arange(n) % 3)[:, None]).astype(np.float32)},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("catalog")
    cells(root / "blood.h5ad", 600, "Homo sapiens", "blood")
    cells(root / "mouse" / "lung.h5ad", 1500, "Mus musculus", "lung", 2)
    cells(root / "mouse" / "heart.h5ad", 800, "Mus musculus", HOSTILE, 3)
    (root / "broken.h5ad").write_bytes((root / "blood.h5ad").read_bytes()[:4000])
    (root / "blood.md").write_text(f"A **donor** and {HOSTILE}\n\n[paper](https://example.org)")
    (root / "catalog.yml").write_text(
        json.dumps({"title": "Atlas", "datasets": [{"path": "mouse/heart.h5ad", "title": f"Heart {HOSTILE}"}]})
    )
    return root


@pytest.fixture(scope="module")
def address(folder, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("serving")
    ready = scratch / "ready.json"
    command = [sys.executable, "-m", "starcyte", "serve", folder, "--port=0", f"--ready-file={ready}", "--rescan=2"]
    command += [f"--data-dir={scratch / 'data'}", f"--cache-dir={scratch / 'cache'}"]
    with (scratch / "log").open("wb") as log:
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
    eventually(lambda: process.poll() is not None or ready.exists(), "the ready file")
    yield json.loads(ready.read_text())["url"]
    process.terminate()
    assert process.wait(60) == 0, (scratch / "log").read_text()


@pytest.fixture
def come(browser, address):
    """Return a function that opens a page of the catalog; no page may complain."""
    opened = []

    def open_page(path="", size=WIDE, theme="light"):
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", lambda m: complaints.append(f"console: {m.text}") if m.type == "error" else None)
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        opened.append((page, complaints))
        page.goto(address + path)
        if not path:
            expect(page.get_by_role("status").first).to_contain_text(re.compile(r"\d+ dataset"))
            expect(page.get_by_text("Not opened yet")).to_have_count(0)
        return page

    yield open_page
    for page, _ in opened:
        page.close()
    found = [text for _, complaints in opened for text in complaints]
    # Chromium complains of what the page itself tells: a file that was changed, a dataset that is gone
    assert [text for text in found if not re.search(r"status of (409|404) ", text)] == []


def shows(page, *titles):
    """Wait until these datasets are listed, in this order."""
    expect(page.get_by_role("article").get_by_role("heading", level=2)).to_have_text(list(titles))


HEART = f"Heart {HOSTILE}"
ALL = ("blood", "broken", HEART, "lung")


def wrong(page):
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "(values) => axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] })", RULES
    )
    return [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]


def test_from_the_catalog_to_a_dataset_and_back(come):
    page = come()
    shows(page, *ALL)
    expect(page.get_by_role("article").filter(has_text="lung").first).to_contain_text("1,500 cells")
    eventually(
        lambda: page.evaluate("[...document.images].length === 3 && [...document.images].every((i) => i.naturalWidth)"),
        "the pictures",
    )
    page.get_by_role("searchbox").fill("mus")
    page.get_by_role("link", name="lung").click()
    page.locator("[data-drawn=true]").wait_for()
    expect(page).to_have_title(re.compile("^lung .*starcyte"))
    page.get_by_role("link", name="All datasets of Atlas").click()
    shows(page, *ALL)
    page.go_back()
    page.locator("[data-drawn=true]").wait_for()
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("mus")
    shows(page, HEART, "lung")


def test_search_and_filters_narrow_each_other(come):
    page = come()
    filters = page.get_by_role("complementary", name="Filters")
    expect(filters.get_by_label("Mus musculus 2")).to_be_visible()
    filters.get_by_label("Mus musculus").check()
    shows(page, HEART, "lung")
    expect(filters.get_by_label("Homo sapiens 1")).to_be_visible()
    filters.get_by_label("1,000 to 10,000 1").first.check()
    shows(page, "lung")
    page.keyboard.press("/")
    page.keyboard.type("donor")
    expect(page.get_by_role("heading", name="No matches")).to_be_visible()
    page.get_by_role("button", name="Show all datasets").click()
    shows(page, *ALL)
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("DONOR")
    shows(page, "blood")
    page.keyboard.press("Escape")
    page.get_by_role("combobox", name="Order").select_option("Most cells")
    shows(page, "lung", HEART, "blood", "broken")


def test_a_broken_dataset_says_why(come):
    page = come()
    card = page.get_by_role("article").filter(has=page.get_by_role("heading", name="broken"))
    expect(card).to_contain_text("Cannot be shown")
    expect(card).to_contain_text("truncated")
    card.get_by_role("link").click()
    expect(page.get_by_role("alert")).to_contain_text("truncated")
    page.get_by_role("link", name="All datasets").click()
    shows(page, *ALL)


def test_texts_are_texts_and_links_lead_out_alone(come):
    page = come()
    page.get_by_text("About blood").click()
    card = page.get_by_role("article").filter(has_text="donor")
    expect(card).to_contain_text(HOSTILE)
    link = card.get_by_role("link", name="paper")
    assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert page.locator("img[src=x]").count() == 0


def test_the_main_way_by_keys_alone(come):
    page = come()
    page.keyboard.press("/")
    page.keyboard.type("lung")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "lung":
            break
    outline = "getComputedStyle(document.activeElement.closest('article')).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Enter")
    page.locator("[data-drawn=true]").wait_for()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1400x900", "680x828"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_follows_the_rules_and_fits(come, size, theme):
    page = come("", size, theme)
    page.get_by_text("About blood").click()
    if size == NARROW:
        page.get_by_role("button", name="Filters").click()
    page.wait_for_timeout(300)
    assert wrong(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page = come("status", size, theme)
    expect(page.get_by_role("heading", name="Memory")).to_be_visible()
    page.wait_for_timeout(300)
    assert wrong(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_page_whose_file_was_replaced_says_so(come, folder):
    path = cells(folder / "changing.h5ad", 300, "Homo sapiens", "skin", 5)
    page = come()
    expect(page.get_by_role("link", name="changing")).to_be_visible()
    page.get_by_role("link", name="changing").click()
    page.locator("[data-drawn=true]").wait_for()
    cells(folder / "part", 400, "Homo sapiens", "skin", 6).replace(path)
    page.get_by_role("button", name="Colour by tissue").click()
    expect(page.get_by_role("heading", name="This dataset has changed")).to_be_visible()
    page.get_by_role("button", name="Reload the page").click()
    expect(page.get_by_text("400 cells \N{MULTIPLICATION SIGN} 20 genes")).to_be_visible()
    path.unlink()
    page.reload()
    expect(page.get_by_role("heading", name="Dataset not found")).to_be_visible()
    page.get_by_role("link", name="All datasets").click()
    expect(page.get_by_role("article").first).to_be_visible()


def test_an_empty_folder_says_what_to_do(browser, tmp_path):
    ready = tmp_path / "ready.json"
    (tmp_path / "empty").mkdir()
    command = [sys.executable, "-m", "starcyte", "serve", str(tmp_path / "empty"), "--port=0", f"--ready-file={ready}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    eventually(lambda: process.poll() is not None or ready.exists(), "the ready file")
    page = browser.new_page()
    page.goto(json.loads(ready.read_text())["url"])
    expect(page.get_by_role("heading", name="No datasets yet")).to_be_visible()
    page.close()
    process.terminate()
    assert process.wait(60) == 0
