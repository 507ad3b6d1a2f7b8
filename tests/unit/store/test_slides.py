"""The size of spots and the scale of slides, from the scale factors of Space Ranger and other writers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import pytest
from files.case import save, small
from starcyte.settings import load
from starcyte.store.open import open_dataset


def read(path: Path, factors: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Write scale factors by library, and return the slides and the warnings."""
    save(small(), path)
    with h5py.File(path, "r+") as file:
        for where, value in factors.items():
            file["uns"][where] = value
    dataset = open_dataset(path, load({}))
    try:
        found = dataset.describe()
        return found["slides"], found["warnings"]
    finally:
        dataset.close()


#: Of the adult mouse brain, as 10x Genomics documents them, with 65 / 89.43834961 = 0.7267575965 um a pixel
SPACE_RANGER = {"spot_diameter_fullres": 89.43834961021503, "fiducial_diameter_fullres": 144.4773339857}


def of(library: str, **values: Any) -> dict[str, Any]:
    return {f"spatial/{library}/scalefactors/{name}": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("factors", "spot", "microns"),
    [
        pytest.param(SPACE_RANGER, 89.43834961021503, 0.7267575965, id="Visium"),
        pytest.param(
            {"spot_diameter_fullres": 29.22, "microns_per_pixel": 0.2738, "bin_size_um": 8.0}, 29.22, 0.2738, id="HD"
        ),
        pytest.param({"spot_diameter_fullres": 15.0}, 15.0, None, id="another instrument"),
        pytest.param({"spot_diameter_fullres": 15.0, "fiducial_diameter_fullres": 15.0}, 15.0, None, id="made up"),
        pytest.param({"tissue_hires_scalef": 0.1}, None, None, id="without spots"),
    ],
)
def test_the_scale_is_that_of_the_writer(
    factors: dict[str, float], spot: float | None, microns: float | None, tmp_path: Path
) -> None:
    slides, warnings = read(tmp_path / "a.h5ad", of("s", **factors))
    assert warnings == []
    expected = microns if microns is None else pytest.approx(microns, rel=1e-8)
    assert slides == [{"library": "s", "spot_diameter": spot, "microns": expected}]


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_lengths_are_left_out_by_name(value: float, tmp_path: Path) -> None:
    slides, warnings = read(tmp_path / "a.h5ad", of("s", **SPACE_RANGER | {"spot_diameter_fullres": value}))
    assert slides == [{"library": "s", "spot_diameter": None, "microns": None}]
    (warning,) = warnings
    assert "spot_diameter_fullres of 's'" in warning


def test_other_types_are_no_lengths(tmp_path: Path) -> None:
    slides, _ = read(tmp_path / "a.h5ad", of("s", spot_diameter_fullres="<b>", microns_per_pixel=[1.0, 2.0]))
    assert slides == [{"library": "s", "spot_diameter": None, "microns": None}]
