"""Files that are not as a page would like them: hostile names, no embedding, no matrix, many categories; no server."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from browser_page import NARROW, eventually
from h5ad_file import Categorical, write_h5ad
from playwright.sync_api import expect

IMAGE = '<img src=x onerror="window.hit=1">'
CATEGORIES = [IMAGE, "<b>bold</b>", '"><script>window.hit=1</script>', "a" * 300, "עברית", " ", "${1}", "O'Neil & sons"]
N = 400


def columns(rng):
    """Return obs columns with names and values that are markup."""
    codes = rng.integers(-1, len(CATEGORIES), N)
    return {
        "cell <i>type</i>": Categorical(codes, CATEGORIES),
        f"score {IMAGE}": rng.normal(size=N),
        "constant": np.full(N, 2.5),
        "nothing": np.full(N, np.nan),
        "clone": Categorical(np.arange(N) % 350, [f"clone {k:04d}" for k in range(350)]),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("odd")


@pytest.fixture(scope="module")
def hostile(folder):
    """Write a file whose every name is markup."""
    rng = np.random.default_rng(1)
    umap = rng.normal(size=(N, 2))
    umap[:30] = np.nan
    genes = [IMAGE, "<script>window.hit=1</script>", "HLA/DRA", "a gene & more", *(f"G{k}" for k in range(30))]
    matrix = rng.poisson(0.7, (N, len(genes))).astype(np.float32)
    return write_h5ad(folder / "hostile.h5ad", matrix, obs=columns(rng), genes=genes, obsm={"X_umap": umap})


def unharmed(viewer):
    assert viewer.page.evaluate("window.hit") is None
    assert viewer.page.evaluate("document.querySelectorAll('#app img, #app b, #app i, #app script').length") == 0


def test_names_are_never_markup(visit, hostile):
    viewer = visit(hostile).drawn().colored_by("cell <i>type</i>")
    for name in CATEGORIES[:3]:
        expect(viewer.page.get_by_role("group", name=name, exact=True)).to_contain_text(name)
    expect(viewer.page.get_by_role("group", name="(blank)")).to_be_visible()
    expect(viewer.page.get_by_role("group", name="Missing")).to_be_visible()
    assert not viewer.overflows()
    viewer.search_gene(IMAGE)
    viewer.colored_by(IMAGE)
    viewer.search_gene("HLA/DRA")
    viewer.colored_by("HLA/DRA")
    viewer.page.get_by_role("button", name=f"Colour by score {IMAGE}").click()
    viewer.colored_by(f"score {IMAGE}")
    viewer.page.get_by_role("group", name="<b>bold</b>", exact=True).get_by_role("button").first.click()
    eventually(viewer.selected, "a selection")
    viewer.page.keyboard.press("a")
    expect(viewer.page.get_by_role("button", name="Clear set A")).to_be_visible()
    viewer.page.keyboard.press("c")
    # at random, no gene differs
    viewer.page.get_by_role("button", name="Show all genes").click()
    expect(viewer.page.get_by_role("cell").first).to_be_visible()
    viewer.page.get_by_role("button", name="Volcano plot", exact=True).click()
    expect(viewer.page.locator("[data-figure] text.name").first).to_be_visible()
    unharmed(viewer)


def test_says_how_many_cells_are_not_drawn(visit, hostile):
    viewer = visit(hostile).drawn()
    expect(viewer.page.get_by_text("30 not drawn")).to_be_visible()
    expect(viewer.page.get_by_text("2.5 in all cells")).to_be_visible()
    expect(viewer.page.get_by_text("No values")).to_be_visible()


def test_lists_many_categories_without_a_row_for_each(visit, hostile):
    viewer = visit(hostile).drawn()
    viewer.page.get_by_role("button", name="Unfold clone").click()
    expect(viewer.page.get_by_role("group", name="clone 0000")).to_be_visible()
    assert viewer.page.locator(".row").count() < 80
    viewer.page.get_by_role("searchbox", name="Find in clone").fill("0349")
    viewer.page.get_by_role("group", name="clone 0349").get_by_role("button").first.click()
    viewer.wait_selected(1)


def test_without_an_embedding_the_column_is_drawn_as_counts(visit, folder):
    rng = np.random.default_rng(2)
    matrix = rng.poisson(0.7, (N, 5)).astype(np.float32)
    path = write_h5ad(folder / "flat.h5ad", matrix, obs=columns(rng), genes=[f"G{k}" for k in range(5)])
    viewer = visit(path)
    expect(viewer.page.get_by_text("This dataset has no embedding.")).to_be_visible()
    main = viewer.page.get_by_role("main")
    expect(main.get_by_role("heading")).to_have_text("cell <i>type</i>")
    viewer.page.get_by_role("button", name=f"Colour by score {IMAGE}").click()
    expect(main.get_by_role("slider")).to_have_count(2)
    viewer.search_gene("G3")
    expect(main.get_by_role("heading")).to_have_text("G3")
    unharmed(viewer)


def test_without_a_matrix_genes_and_comparison_are_absent(visit, folder):
    rng = np.random.default_rng(3)
    path = write_h5ad(folder / "meta.h5ad", obs=columns(rng), cells=N, obsm={"X_umap": rng.normal(size=(N, 2))})
    viewer = visit(path, NARROW).drawn()
    for tab in ("Genes", "Compare"):
        viewer.page.get_by_role("tab", name=tab).click()
        expect(viewer.page.get_by_text("This dataset has no expression matrix")).to_be_visible()
    expect(viewer.page.get_by_role("combobox", name="Search a gene")).to_have_count(0)


def test_a_dataset_that_loads_shows_progress_and_one_that_fails_shows_what_to_do(visit, hostile):
    health = {"app": "starcyte", "version": "1", "state": "loading", "progress": 0.4, "message": "Reading obs"}
    health["title"] = "A big one"

    def stub(page):
        page.route("**/api/v1/health", lambda route: route.fulfill(json=health))

    viewer = visit(hostile, before=stub, ready=False)
    expect(viewer.page.get_by_role("heading", name="A big one")).to_be_visible()
    expect(viewer.page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "40")
    expect(viewer.page.get_by_text("Reading obs")).to_be_visible()
    health["state"] = "error"
    health["error"] = {"code": "not_anndata", "message": f"{IMAGE} has no obs.", "hint": "Write it with anndata."}
    expect(viewer.page.get_by_role("alert")).to_contain_text(f"{IMAGE} has no obs.")
    expect(viewer.page.get_by_role("alert")).to_contain_text("Write it with anndata.")
    unharmed(viewer)


def test_an_answer_of_something_else_is_not_taken_for_a_dataset(visit, hostile):
    asked = []

    def proxy_page(route):
        asked.append(route)
        if len(asked) < 3:
            route.fulfill(status=200, content_type="text/html", body="Proxy target missing")
        else:
            route.continue_()

    viewer = visit(hostile, before=lambda page: page.route("**/api/v1/health", proxy_page), ready=False)
    viewer.drawn()
    assert len(asked) >= 3


def test_clusters_that_are_texts_are_groups_once_they_are_listed(visit, folder):
    """Programs other than anndata write clusters as texts; identifiers of 64 bits are texts as well."""
    rng = np.random.default_rng(2)
    clusters, large = np.arange(N) % 3, 2**53 + 1 + np.arange(N) % 2
    obs = {"leiden": np.array([f"{k}" for k in clusters], object), "id": large, "each": 2**60 + np.arange(N)}
    matrix = rng.poisson(1 + 4 * (clusters[:, None] == np.arange(6)), (N, 6)).astype(np.float32)
    path = write_h5ad(folder / "texts.h5ad", matrix, obs=obs, obsm={"X_umap": rng.normal(size=(N, 2))})
    viewer = visit(path).drawn()
    page = viewer.page
    page.get_by_role("button", name="Unfold leiden").click()
    page.get_by_role("button", name="Find markers of leiden").click()
    expect(page.get_by_role("article", name="Markers of 2", exact=True)).to_contain_text("g2")
    page.get_by_role("button", name="Unfold id").click()
    # every digit, and as many cells as have them
    expect(page.get_by_role("group", name=f"{2**53 + 1}", exact=True)).to_contain_text(f"{N // 2}")
    expect(page.get_by_role("group", name=f"{2**53 + 2}", exact=True)).to_be_visible()
    page.get_by_role("group", name=f"{2**53 + 2}", exact=True).get_by_role("checkbox").click()
    viewer.wait_selected(N // 2)
    page.get_by_role("button", name="Unfold each").click()
    expect(page.get_by_text("There are too many different texts to list.")).to_be_visible()
    box = viewer.plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for step in range(60):
        page.mouse.move(box["x"] + box["width"] * (0.3 + step / 150), box["y"] + box["height"] / 2)
        if page.get_by_text("11529215046068").count():
            break
    expect(page.get_by_text("11529215046068").first).to_be_visible()


def test_slides_are_shown_one_at_a_time(visit, folder):
    rng = np.random.default_rng(3)
    path = folder / "slides.h5ad"
    codes = np.arange(N) % 2
    write_h5ad(
        path,
        rng.poisson(1, (N, 3)).astype(np.float32),
        obs={"library_id": Categorical(codes, ["red", "blue"])},
        obsm={"spatial": rng.uniform(20, 180, (N, 2))},
    )
    with h5py.File(path, "r+") as file:
        for name, color in (("red", (255, 120, 120)), ("blue", (120, 120, 255))):
            slide = file.create_group(f"uns/spatial/{name}")
            slide["images/hires"] = np.full((100, 100, 3), color, np.uint8)
            slide["scalefactors/tissue_hires_scalef"] = 0.5
    viewer = visit(path).drawn()
    for name, color in (("red", "#ff7878"), ("blue", "#7878ff")):
        viewer.page.get_by_role("combobox", name="Embedding").click()
        viewer.page.get_by_role("option", name=f"Spatial: {name}").click()
        eventually(lambda color=color: viewer.pixels(color) > 20_000, f"the {name} slide")
        expect(viewer.page.get_by_text(f"{N // 2} not drawn")).to_be_visible()
    viewer.page.get_by_role("combobox", name="Embedding").click()
    viewer.page.get_by_role("option", name="Spatial: all slides").click()
    eventually(lambda: viewer.pixels("#7878ff") < 2000, "no slide below the cells of all")
