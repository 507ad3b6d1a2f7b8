"""Comparisons: those that are refused, fold changes and their scale, adjusted p-values, and the order of genes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from starcyte.compute.corrections import benjamini_hochberg
from starcyte.errors import BadRequest, Cancelled
from starcyte.web.encoding.results import gene_rows

N = 12
VALUES = np.random.default_rng(3).poisson(3, (N, 5)).astype(np.float32)


def mask(*cells):
    chosen = np.zeros(N, bool)
    chosen[list(cells)] = True
    return chosen


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        pytest.param(mask(), mask(1, 2), "Group a has 0 cells", id="a empty"),
        pytest.param(mask(1), mask(2, 3), "Group a has 1 cell;", id="a of one"),
        pytest.param(mask(1, 2), mask(), "Group b has 0 cells", id="b empty"),
        pytest.param(mask(1, 2), mask(3), "Group b has 1 cell;", id="b of one"),
        pytest.param(mask(*range(N)), ~mask(*range(N)), "Group b has 0 cells", id="no rest"),
        pytest.param(mask(1, 2, 3), mask(3, 4, 5), "share 1 cell", id="one cell in both"),
        pytest.param(mask(1, 2, 3), mask(1, 2, 3), "share 3 cells", id="the same group twice"),
    ],
)
def test_groups_that_cannot_be_compared_are_refused(compared, a, b, message):
    with pytest.raises(BadRequest, match=message) as raised:
        compared(VALUES, a, b)
    assert raised.value.hint


def test_a_comparison_can_be_cancelled(compared):
    def stop(done):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        compared(VALUES, mask(0, 1), mask(2, 3), block_bytes=32, tick=stop)


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_progress_grows_to_one(compared, layout):
    ticks = []
    compared(VALUES, mask(0, 1), mask(2, 3), layout, block_bytes=32, tick=ticks.append)
    assert len(ticks) > 3
    assert ticks == sorted(ticks)
    assert ticks[-1] == 1


P_VALUES = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.05, 1.0])), min_size=1, max_size=40)


@given(P_VALUES)
def test_adjusted_p_values_are_scipys(p):
    np.testing.assert_allclose(benjamini_hochberg(np.array(p)), false_discovery_control(p), rtol=1e-12)


@given(P_VALUES, st.integers(1, 5))
def test_undefined_p_values_count_as_one_and_stay_undefined(p, n_undefined):
    adjusted = benjamini_hochberg(np.array(p + [np.nan] * n_undefined))
    np.testing.assert_allclose(adjusted[: len(p)], false_discovery_control(p + [1.0] * n_undefined)[: len(p)])
    assert np.isnan(adjusted[len(p) :]).all()


def test_without_genes_there_are_no_p_values():
    assert benjamini_hochberg(np.zeros(0)).size == 0


LOGS = np.log1p(VALUES)


@pytest.mark.parametrize(
    ("values", "scale", "fold_change"),
    [
        pytest.param(LOGS, "log1p", lambda a, b: (np.expm1(a) + 1e-9) / (np.expm1(b) + 1e-9), id="logarithms"),
        pytest.param(VALUES.astype(np.int32), "linear", lambda a, b: (a + 1e-9) / (b + 1e-9), id="whole numbers"),
        pytest.param(VALUES > 2, "linear", lambda a, b: (a + 1e-9) / (b + 1e-9), id="truth values"),
        pytest.param(VALUES * 1000, "linear", lambda a, b: (a + 1e-9) / (b + 1e-9), id="large amounts"),
        pytest.param(LOGS - 3, "signed", lambda a, b: np.full(5, np.nan), id="scaled"),
    ],
)
def test_a_fold_change_is_of_the_scale_that_is_named(compared, values, scale, fold_change):
    a, b = mask(*range(6)), mask(*range(6, 12))
    result = compared(values, a, b)
    numbers = values.astype(np.float64)
    assert result.scale == scale
    expected = np.log2(fold_change(numbers[a].mean(axis=0), numbers[b].mean(axis=0)))
    np.testing.assert_allclose(result.log2_fold_change, expected, rtol=1e-9)


def test_a_gene_absent_from_one_group_has_a_finite_fold_change(compared):
    values = np.array([[2.0, 0], [3, 0], [0, 0], [0, 0]])
    a = np.array([True, True, False, False])
    change = compared(values, a, ~a).log2_fold_change
    assert 25 < change[0] < 40
    assert change[1] == 0


def test_the_best_genes_come_first_in_either_direction(compared):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(N, 6)) + np.outer(np.arange(N) < 6, [0, 2, -9, 5, 0, 0])
    values[:, 5] = 4  # undefined
    result = compared(values, mask(*range(6)), mask(*range(6, 12)), "dense")
    order = result.order().tolist()
    strength = np.abs(result.score)[order[:5]]
    assert order[0] == 2
    assert order[5] == 5, "undefined comes last"
    assert strength.tolist() == sorted(strength, reverse=True)


def test_undefined_and_infinite_values_are_none_in_rows(compared):
    values = np.array([[1.0, 5], [1, 5], [1, 6], [1, 6]])
    a = np.array([True, True, False, False])
    result = compared(values, a, ~a, "dense")
    order = result.order()
    rows = gene_rows(result, ["same", "<apart>"], order, order)
    assert [row.gene for row in rows] == ["<apart>", "same"]
    assert rows[0].score is None, "infinite"
    assert rows[0].p_value == 0
    assert (rows[1].score, rows[1].p_value, rows[1].p_adjusted) == (None, None, None)
    assert rows[1].mean_a == 1
    assert gene_rows(result, ["same", "<apart>"], order[1:], order[1:]) == rows[1:]
