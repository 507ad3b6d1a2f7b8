"""Images of tissue in every form that a file may have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from files.case import save, small
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


def test_several_slides_are_named(tmp_path: Path) -> None:
    second = {where.replace("/s/", "/t/"): values for where, values in hires(BYTES).items()}
    _, found, warnings = read(tmp_path / "a.h5ad", hires(BYTES) | second)
    assert [i["name"] for i in found] == ["s/hires", "t/hires"]
    assert len(warnings) == 1
    assert "(s, t)" in warnings[0]


def test_an_image_in_another_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    save(small(), path)
    with h5py.File(path, "r+") as file:
        file["uns/spatial/s/images/hires"] = h5py.ExternalLink("elsewhere.h5", "/image")
    dataset = open_dataset(path, load({}))
    assert dataset.describe()["images"] == []
    assert any("'s/hires'" in line and "another file" in line for line in dataset.warnings)
    dataset.close()
