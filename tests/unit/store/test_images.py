"""Images of tissue in every form that a file may have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from files.case import UMAP, save, small
from starcyte.settings import load
from starcyte.store.open import open_dataset

RAMP = np.stack([np.tile(np.linspace(0, 1, 16), (8, 1)), np.zeros((8, 16)), np.full((8, 16), 0.6)], axis=2)
BYTES = np.round(RAMP * 255).astype(np.uint8)


def read(path: Path, images: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]]:
    """Write arrays at places in uns, and return the pixels, the descriptions and the warnings."""
    save(small(), path)
    with h5py.File(path, "r+") as file:
        for where, values in images.items():
            file["uns"].create_dataset(where, data=values)
    dataset = open_dataset(path, load({}))
    try:
        found = dataset.describe()
        return {i["name"]: dataset.image(i["name"]) for i in found["images"]}, found["images"], found["warnings"]
    finally:
        dataset.close()


def hires(values: Any, scale: float = 0.5) -> dict[str, Any]:
    return {"spatial/s/images/hires": values, "spatial/s/scalefactors/tissue_hires_scalef": scale}


def overshot() -> Any:
    values = RAMP.astype(np.float32)
    values[0, -1, 0], values[0, 0, 1], values[1, 0, 1] = 1.4, -0.2, np.nan
    return values


@pytest.mark.parametrize(
    "values",
    [
        BYTES,
        RAMP.astype(np.float32),
        RAMP,
        overshot(),
        (RAMP * 255).astype(np.float32),
        np.round(RAMP * 65535).astype(np.uint16),
        np.round(RAMP * 4095).astype(np.uint16),
        BYTES.astype(np.uint16),
        BYTES.astype(np.int16),
        BYTES.astype(np.int64),
        np.round(RAMP * 65535).astype(np.int32),
        np.moveaxis(BYTES, 2, 0),
    ],
    ids=lambda v: f"{v.dtype}, {'x'.join(map(str, v.shape))}, to {np.nanmax(v):.4g}",
)
def test_numbers_become_the_same_colours(values: Any, tmp_path: Path) -> None:
    pixels, _, warnings = read(tmp_path / "a.h5ad", hires(values))
    assert warnings == []
    assert pixels["s/hires"].dtype == np.uint8
    np.testing.assert_allclose(pixels["s/hires"].astype(int), BYTES.astype(int), atol=1)


@pytest.mark.parametrize("shape", [(8, 16), (8, 16, 1), (1, 8, 16)])
def test_grey_is_shown_as_grey(shape: tuple[int, ...], tmp_path: Path) -> None:
    pixels, _, warnings = read(tmp_path / "a.h5ad", hires(BYTES[..., 0].reshape(shape)))
    assert warnings == []
    np.testing.assert_array_equal(pixels["s/hires"], np.repeat(BYTES[..., :1], 3, axis=2))


def test_truth_values_are_black_and_white(tmp_path: Path) -> None:
    pixels, _, _ = read(tmp_path / "a.h5ad", hires(BYTES[..., 0] > 100))
    assert set(np.unique(pixels["s/hires"])) == {0, 255}


@pytest.mark.parametrize(
    ("images", "name", "scale"),
    [
        (
            {
                "spatial/s/images/hires_image": BYTES,
                "spatial/s/images/lowres_image": BYTES[::2, ::2],
                "spatial/s/scalefactors/tissue_hires_image_scalef": 0.5,
                "spatial/s/scalefactors/tissue_lowres_image_scalef": 0.25,
            },
            "s/hires_image",
            0.5,
        ),
        (
            {"spatial/s/images/hires_image": BYTES, "spatial/s/scalefactors/tissue_hires_scalef": 0.5},
            "s/hires_image",
            0.5,
        ),
        (
            {"spatial/s/images/DAPI": BYTES, "spatial/s/scalefactors/tissue_DAPI_scalef": np.array([2.0])},
            "s/DAPI",
            2.0,
        ),
        ({"spatial/s/images/fullres": BYTES}, "s/fullres", 1.0),
        ({"spatial/images/hires": BYTES, "spatial/scalefactors/tissue_hires_scalef": 0.5}, "spatial/hires", 0.5),
        ({"images/hires": BYTES, "scalefactors/tissue_hires_scalef": 0.5}, "spatial/hires", 0.5),
        (
            {"spatial/a/b/images/hires": BYTES, "spatial/a/b/scalefactors/tissue_hires_scalef": 0.5},
            "a/b/hires",
            0.5,
        ),
    ],
    ids=["suffixed keys", "suffixed key alone", "other key", "full resolution", "unnamed", "old", "slash"],
)
def test_places_of_images(images: dict[str, Any], name: str, scale: float, tmp_path: Path) -> None:
    pixels, found, warnings = read(tmp_path / "a.h5ad", images)
    assert warnings == []
    assert (found[0]["name"], found[0]["scale"]) == (name, scale)
    np.testing.assert_array_equal(pixels[name], BYTES)


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        (lambda images: images.pop("spatial/s/scalefactors/tissue_hires_scalef"), "scale factor"),
        (lambda images: images.update({"spatial/s/scalefactors/tissue_hires_scalef": np.nan}), "scale factor"),
        (lambda images: images.update({"spatial/s/images/hires": np.zeros((8, 16, 2))}), "shape"),
        (lambda images: images.update({"spatial/s/images/hires": np.zeros((8, 16), complex)}), "complex"),
        (lambda images: images.update({"spatial/s/images/hires": "image.png"}), "values"),
        (lambda images: images.update({"spatial/s/images/hires": np.zeros((0, 16, 3))}), "size"),
    ],
    ids=["no scale", "scale is NaN", "two channels", "complex", "a path", "empty"],
)
def test_images_that_cannot_be_shown_are_named(
    change: Callable[[dict[str, Any]], object], texts: str, tmp_path: Path
) -> None:
    images = hires(BYTES)
    change(images)
    _, found, warnings = read(tmp_path / "a.h5ad", images)
    assert found == []
    assert len(warnings) == 1
    assert "'s/hires'" in warnings[0]
    assert texts in warnings[0]


def test_large_images_are_made_smaller(tmp_path: Path) -> None:
    wide = np.zeros((4, 20_000, 3), np.uint8)
    wide[:, 9000:] = 90
    pixels, found, warnings = read(tmp_path / "a.h5ad", hires(wide, 0.6))
    assert warnings == []
    assert (found[0]["width"], found[0]["height"]) == (6666, 1)
    assert found[0]["scale"] == pytest.approx(0.2)
    np.testing.assert_array_equal(pixels["s/hires"][0, :, 0], np.where(np.arange(6666) < 3000, 0, 90))


def two_slides(path: Path, **obs: Any) -> dict[str, Any]:
    """Write a dataset with two slides and columns of obs, and return its description, coordinates and problems."""
    dataset = small(obsm={"X_umap": UMAP, "spatial": SPOTS})
    for name, values in obs.items():
        dataset.obs[name] = values
    spatial = {
        library: {"images": {"hires": BYTES}, "scalefactors": {"tissue_hires_scalef": 0.5}} for library in ("s", "t")
    }
    dataset.uns["spatial"] = spatial
    save(dataset, path)
    opened = open_dataset(path, load({}))
    found = opened.describe()
    found["coordinates"] = {e["name"]: opened.embedding(e["name"], [0, 1]) for e in found["embeddings"]}
    found["checked"] = opened.check()
    opened.close()
    return found


SPOTS = np.arange(12, dtype=np.float32).reshape(6, 2)
SLIDES = pd.Categorical(["s", "t", "s", "s", "t", None])


@pytest.mark.parametrize(
    "obs",
    [
        {"library_id": SLIDES},
        {"library_id": SLIDES.add_categories(["of no image"])},
        {"library_id": np.array([*SLIDES[:5], "u"], object)},
        {"other": pd.Categorical(list("tststs")), "library_id": SLIDES},
        {"my slides": SLIDES},
    ],
    ids=["library_id", "another category", "texts", "beside another", "of another name"],
)
def test_each_slide_has_its_cells(tmp_path: Path, obs: dict[str, Any]) -> None:
    found = two_slides(tmp_path / "a.h5ad", **obs)
    assert found["warnings"] == []
    assert found["checked"] == []
    assert [(i["name"], i["library"]) for i in found["images"]] == [("s/hires", "s"), ("t/hires", "t")]
    sections = {e["name"]: e["library"] for e in found["embeddings"]}
    assert sections == {"X_umap": None, "spatial/s": "s", "spatial/t": "t", "spatial": None}
    # as squidpy has it: the rows of the slide's cells in obsm['spatial']
    on = pd.Series(obs.get("library_id", obs.get("my slides")))
    for library in ("s", "t"):
        expected = np.where((on == library).to_numpy()[:, None], SPOTS, np.nan)
        np.testing.assert_array_equal(found["coordinates"][f"spatial/{library}"], expected.T)
    np.testing.assert_array_equal(found["coordinates"]["spatial"], SPOTS.T)


@pytest.mark.parametrize(
    "obs", [{}, {"library_id": pd.Categorical(["s"] * 6)}, {"library_id": np.arange(6)}], ids=["none", "one", "numbers"]
)
def test_slides_of_no_known_cells_are_named(tmp_path: Path, obs: dict[str, Any]) -> None:
    found = two_slides(tmp_path / "a.h5ad", **obs)
    assert [e["name"] for e in found["embeddings"]] == ["X_umap", "spatial"]
    (warning,) = found["warnings"]
    assert "(s, t)" in warning
    assert "none is drawn" in warning
    assert "library_id" in warning


def test_an_image_in_another_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    save(small(), path)
    with h5py.File(path, "r+") as file:
        file["uns/spatial/s/images/hires"] = h5py.ExternalLink("elsewhere.h5", "/image")
    dataset = open_dataset(path, load({}))
    assert dataset.describe()["images"] == []
    assert any("'s/hires'" in line and "another file" in line for line in dataset.warnings)
    dataset.close()
