"""Coordinates that are rounded for a first picture."""

from __future__ import annotations

import numpy as np
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from starcyte.web.encoding.coarse import coarse


@example(np.array([[0, 1e-36], [0, 0]], np.float32))
@given(hnp.arrays(np.float32, (2, 20), elements=st.floats(-1000, 1000, width=32) | st.just(float("nan"))))
def test_coordinates_are_within_a_step_of_the_extent(axes):
    made = coarse(axes)
    known = np.isfinite(axes)
    assert made.dtype == np.float32
    assert (np.isfinite(made) == known).all()
    if known.any():
        extent = axes[known].max().astype(float) - axes[known].min().astype(float)
        assert np.abs(made[known].astype(float) - axes[known]).max() <= extent / 4_096 + 1e-30


def test_coarse_coordinates_compress_to_half():
    axes = np.random.default_rng(0).normal(size=(2, 50_000)).astype(np.float32)
    exact, rounded = (len(zstandard.compress(values.tobytes(), 1)) for values in (axes, coarse(axes)))
    assert rounded < 0.6 * exact


@pytest.mark.parametrize("value", [0.0, 3.0, float("nan"), float("inf")])
def test_cells_at_one_place_stay_there(value):
    axes = np.full((2, 5), value, np.float32)
    np.testing.assert_array_equal(coarse(axes), axes)
