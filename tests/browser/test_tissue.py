"""Slides of spatial datasets: image, orientation, spots, scale bar, sections side by side, regions to compare."""

from __future__ import annotations

import json
import re
from io import BytesIO
from urllib.request import urlopen

import anndata
import numpy as np
import pandas as pd
import pytest
from browser_page import NARROW, eventually
from PIL import Image
from playwright.sync_api import expect

RED, BLUE = (200, 90, 90), (90, 90, 200)
# micrometres between spots, pixels of the full resolution for each of them, and pixels of the image for each of those
STEP, PIXELS, SCALE = 100.0, 1 / 0.5, 0.05
N = 12


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    """Write two Visium slides of 12 x 12 spots each: of a red and of a blue tissue, dark at the top."""
    rng = np.random.default_rng(1)
    column, row = (a.ravel() for a in np.meshgrid(np.arange(N), np.arange(N)))
    spots = (np.c_[column, row] + 1) * STEP * PIXELS
    side = round((N + 1) * STEP * PIXELS * SCALE)
    uns = {}
    for name, color in (("red", RED), ("blue", BLUE)):
        image = np.full((side, side, 3), color, np.uint8)
        image[: side // 8] = (20, 20, 20)
        factors = {
            "tissue_hires_scalef": SCALE,
            "spot_diameter_fullres": 65 * PIXELS,
            "fiducial_diameter_fullres": 105 * PIXELS,
        }
        uns[name] = {"images": {"hires": image}, "scalefactors": factors}
    left = np.tile(column < N // 2, 2)
    counts = rng.poisson(np.where(left, 9, 1)[:, None] * [1, 0] + 2, (2 * N * N, 2))
    obs = pd.DataFrame({"library_id": np.repeat(["red", "blue"], N * N)}, index=[f"spot {k}" for k in range(2 * N * N)])
    data = anndata.AnnData(
        np.log1p(counts).astype(np.float32),
        obs=obs.astype("category"),
        var=pd.DataFrame(index=["LEFT", "EVEN"]),
        obsm={"spatial": np.r_[spots, spots]},
        uns={"spatial": uns},
    )
    path = tmp_path_factory.mktemp("slides") / "slides.h5ad"
    data.write_h5ad(path)
    return path


def show(viewer, name):
    """Show the section of a slide."""
    viewer.page.get_by_role("combobox", name="Embedding").click()
    viewer.page.get_by_role("option", name=f"Spatial: {name}").click()


def settings(viewer):
    """Open the choices of the tissue."""
    viewer.page.get_by_role("button", name="Tissue: image").click()
    expect(viewer.page.get_by_role("checkbox", name="Image of the tissue")).to_be_visible()


def near(picture, color):
    """Return the pixels of a colour."""
    return np.abs(picture - color).max(axis=2) < 12


def middle(mask):
    """Return the middle of some pixels, x and y."""
    rows, columns = mask.nonzero()
    return float(columns.mean()), float(rows.mean())


def bar(viewer):
    """Return the length of the scale bar in pixels and in micrometres."""
    layer = viewer.page.locator("[data-overlay='scale bar']")
    expect(layer.locator("text")).to_have_text(re.compile("µm|mm"))
    value, unit = layer.locator("text").text_content().split()
    length = float(re.search(r"h([\d.]+)m", layer.locator("path").get_attribute("d"))[1])
    return length, float(value) * (1000 if unit == "mm" else 1)


def test_a_scale_bar_and_spots_are_as_large_as_the_tissue(visit, slides):
    viewer = visit(slides).drawn()
    show(viewer, "red")
    pixels, microns = bar(viewer)
    viewer.page.keyboard.press("t")
    image = eventually(lambda: [m] if (m := near(viewer.picture(), (20, 20, 20))).any() else None, "the dark edge")[0]
    width = np.ptp(image.nonzero()[1]) + 1
    assert width == pytest.approx((N + 1) * STEP * pixels / microns, rel=0.02)
    # by its file, a spot is 65 um wide
    wanted = N * N * np.pi / 4 * (65 * pixels / microns) ** 2
    assert spots_area(viewer) == pytest.approx(wanted, rel=0.15)
    settings(viewer)
    viewer.page.get_by_role("checkbox", name="Spots in their true size").uncheck()
    eventually(lambda: abs(spots_area(viewer) / wanted - 1) > 0.3, "spots of another size")


def spots_area(viewer):
    """Return the pixels within the image that are neither of the tissue nor its dark edge."""
    picture = viewer.picture()
    tissue = near(picture, RED) | near(picture, (20, 20, 20))
    rows, columns = tissue.any(axis=1).nonzero()[0], tissue.any(axis=0).nonzero()[0]
    return (~tissue[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]).sum()


def test_the_image_is_faded_brightened_and_left_out_and_the_link_says_so(visit, slides):
    viewer = visit(slides).drawn()
    show(viewer, "red")
    eventually(lambda: near(viewer.picture(), RED).sum() > 20_000, "the image")
    settings(viewer)
    viewer.page.get_by_role("slider", name="Opacity").fill("0.5")
    half = tuple((255 + c) // 2 for c in RED)
    eventually(lambda: near(viewer.picture(), half).sum() > 20_000, "a faded image")
    viewer.page.get_by_role("slider", name="Opacity").fill("1")
    viewer.page.get_by_role("slider", name="Brightness").fill("0.5")
    dark = tuple(c // 2 for c in RED)
    eventually(lambda: near(viewer.picture(), dark).sum() > 20_000, "a darker image")
    viewer.settled()
    viewer.page.reload()
    viewer.drawn()
    eventually(lambda: near(viewer.picture(), dark).sum() > 20_000, "the same after a reload")
    viewer.page.keyboard.press("h")
    eventually(lambda: near(viewer.picture(), dark).sum() < 500, "no image")
    viewer.page.keyboard.press("Control+z")
    eventually(lambda: near(viewer.picture(), dark).sum() > 20_000, "the image again")


def test_a_turned_tissue_has_its_cells_and_regions_where_they_are(visit, slides):
    viewer = visit(slides).drawn()
    show(viewer, "red")
    viewer.search_gene("LEFT")
    eventually(lambda: near(viewer.picture(), (20, 20, 20)).any(), "the image")
    top = middle(near(viewer.picture(), (20, 20, 20)))
    centre = middle(near(viewer.picture(), RED))
    assert top[1] < centre[1] - 50
    settings(viewer)
    viewer.page.get_by_role("button", name="Turn right").click()

    def on_the_right():
        picture = viewer.picture()
        edge = middle(near(picture, (20, 20, 20)))
        return edge[0] > middle(near(picture, RED))[0] + 50

    eventually(on_the_right, "the top of the slide on the right")
    viewer.page.keyboard.press("Escape")
    # the left half of the slide is now at the top
    viewer.page.keyboard.press("r")
    picture = viewer.picture()
    tissue = near(picture, RED) | near(picture, (20, 20, 20))
    rows, columns = tissue.any(axis=1).nonzero()[0], tissue.any(axis=0).nonzero()[0]
    box = viewer.plot.bounding_box()
    viewer.page.mouse.move(box["x"] + float(columns[0]) + 3, box["y"] + float(rows[0]) + 3)
    viewer.page.mouse.down()
    viewer.page.mouse.move(box["x"] + float(columns[-1]) - 2, box["y"] + float(rows[0] + rows[-1]) / 2, steps=5)
    viewer.page.mouse.up()
    viewer.wait_selected(N * N // 2)
    viewer.settled()
    viewer.page.reload()
    viewer.drawn()
    viewer.wait_selected(N * N // 2)
    viewer.page.keyboard.press("a")
    expect(viewer.page.get_by_role("group", name="Set A")).to_contain_text(f"{N * N // 2} cells")
    viewer.page.get_by_role("button", name="Compare expression").click()
    expect(viewer.page.get_by_role("row").nth(1)).to_contain_text("LEFT")


def test_sections_stand_side_by_side_each_with_its_picture(visit, slides):
    viewer = visit(slides, NARROW).drawn()
    viewer.page.keyboard.press("q")
    gallery = viewer.page.get_by_role("region", name="Gallery")
    gallery.get_by_text("Sections", exact=True).click()
    expect(gallery).to_have_attribute("data-pictures", "2")
    for name, color in (("red", RED), ("blue", BLUE)):
        tile = gallery.get_by_role("button", name=f"Show section {name}")
        expect(tile).to_contain_text(re.compile("µm|mm"))
        png = tile.locator("canvas").screenshot()
        assert near(np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int), color).sum() > 1000
    assert not viewer.overflows()
    svg = viewer.saved("Save the figure as SVG", gallery.get_by_role("button", name="Save or copy")).decode()
    assert svg.count("<image") == 2 and len(re.findall(r">[\d.]+ (?:µm|mm)<", svg)) == 2
    viewer.page.keyboard.press("Escape")
    viewer.settled()
    viewer.page.reload()
    expect(gallery).to_have_attribute("data-pictures", "2")
    gallery.get_by_role("button", name="Show section blue").click()
    eventually(lambda: near(viewer.picture(), BLUE).sum() > 2000, "the blue slide")


@pytest.fixture(scope="module")
def unequal(tmp_path_factory):
    """Write a slide of 6 x 6 spots and one of 12 x 12, whose image has half as many pixels for a micrometre."""
    places, libraries, uns = [], [], {}
    for name, side, pixels in (("small", 6, 2.0), ("large", 12, 1.0)):
        column, row = (a.ravel() for a in np.meshgrid(np.arange(side), np.arange(side)))
        places.append((np.c_[column, row] + 1) * STEP * pixels)
        libraries += [name] * side**2
        factors = {
            "tissue_hires_scalef": SCALE,
            "spot_diameter_fullres": 65 * pixels,
            "fiducial_diameter_fullres": 105 * pixels,
        }
        uns[name] = {"images": {"hires": np.full((40, 40, 3), RED, np.uint8)}, "scalefactors": factors}
    data = anndata.AnnData(
        np.ones((len(libraries), 2), np.float32),
        obs=pd.DataFrame({"library_id": libraries}, index=[f"spot {k}" for k in range(len(libraries))]),
        obsm={"spatial": np.concatenate(places)},
        uns={"spatial": uns},
    )
    path = tmp_path_factory.mktemp("unequal") / "slides.h5ad"
    data.write_h5ad(path)
    return path


def test_sections_are_to_one_scale(visit, unequal):
    viewer = visit(unequal).drawn()
    viewer.page.keyboard.press("q")
    gallery = viewer.page.get_by_role("region", name="Gallery")
    gallery.get_by_text("Sections", exact=True).click()

    def micrometre(name):
        """Return the length of a micrometre in a picture."""
        length = gallery.get_by_role("button", name=f"Show section {name}").locator(".length")
        value, unit = length.inner_text().split()
        width = float(re.search(r"([\d.]+)cqw", length.get_attribute("style"))[1])
        return width / (float(value) * (1000 if unit == "mm" else 1))

    expect(gallery).to_have_attribute("data-drawn", "true")
    assert micrometre("small") == pytest.approx(micrometre("large"), rel=1e-3)
    one = micrometre("large")
    gallery.get_by_role("checkbox", name="To one scale").uncheck()
    eventually(lambda: micrometre("small") > 1.8 * one, "the small section fills its picture")
    assert micrometre("large") == pytest.approx(one, rel=1e-3)
    viewer.page.reload()
    expect(gallery.get_by_role("checkbox", name="To one scale")).not_to_be_checked()


def test_a_figure_has_the_image_the_scale_bar_and_the_orientation(visit, slides):
    viewer = visit(slides).drawn()
    show(viewer, "blue")
    settings(viewer)
    viewer.page.get_by_role("button", name="Turn left").click()
    viewer.page.keyboard.press("Escape")
    eventually(lambda: near(viewer.picture(), BLUE).sum() > 20_000, "the image")
    save = viewer.page.get_by_role("button", name="Save or copy")
    svg = viewer.saved("Save the figure as SVG", save).decode()
    assert re.search(r">[\d.]+ (?:µm|mm)<", svg)
    assert "Spatial 1" not in svg
    png = np.asarray(Image.open(BytesIO(viewer.saved("Save the figure as PNG", save))).convert("RGB")).astype(int)
    tissue, edge = near(png, BLUE), near(png, (20, 20, 20))
    assert tissue.sum() > 20_000
    assert middle(edge)[0] < middle(tissue)[0] - 50
    viewer.page.keyboard.press("Escape")
    viewer.plot.focus()
    for key in ("+", "+", "+", *["ArrowLeft"] * 12):
        viewer.page.keyboard.press(key)
    viewer.settled()
    svg = viewer.saved("Save the figure as SVG", save).decode()
    # the name of the only slide is out of sight, which is no lack of room
    assert "Without room" not in svg and svg.count(">blue<") == 1


def test_the_schema_has_the_scale_of_the_slides(serve, slides):
    with urlopen(serve(slides) + "api/v1/schema") as answer:
        found = json.load(answer)["slides"]
    assert [s["library"] for s in found] == ["blue", "red"]
    assert all(s["spot_diameter"] == 65 * PIXELS and s["microns"] == pytest.approx(1 / PIXELS) for s in found)
