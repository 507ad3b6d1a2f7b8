"""Comparisons: those that are refused, fold changes and their scale, adjusted p-values, and the order of genes."""

from __future__ import annotations

from types import SimpleNamespace

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
        pytest.param(mask(1), mask(2, 3, 4), "Group a has 1 cell;", id="a of one"),
        pytest.param(mask(1, 5), mask(2, 3, 4), "Group a has 2 cells;", id="a of two"),
        pytest.param(mask(1, 2, 4), mask(), "Group b has 0 cells", id="b empty"),
        pytest.param(mask(1, 2, 4), mask(3), "Group b has 1 cell;", id="b of one"),
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
        compared(VALUES, mask(0, 1, 4), mask(2, 3, 5), block_bytes=32, tick=stop)


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_progress_grows_to_one(compared, layout):
    ticks = []
    compared(VALUES, mask(0, 1, 4), mask(2, 3, 5), layout, block_bytes=32, tick=ticks.append)
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
HALVES = mask(*range(6)), mask(*range(6, 12))


def seurats(total_a, n_a, total_b, n_b):
    """Return the log2 fold change of Seurat 5, from the sums of the amounts in each group."""
    return np.log2((total_a + 1) / n_a) - np.log2((total_b + 1) / n_b)


@pytest.mark.parametrize(
    ("values", "kind", "amounts"),
    [
        pytest.param(LOGS, "log1p", VALUES, id="logarithms"),
        pytest.param(VALUES.astype(np.int32), "counts", VALUES, id="whole numbers"),
        pytest.param(VALUES, "counts", VALUES, id="whole numbers as floats"),
        pytest.param(VALUES > 2, "counts", VALUES > 2, id="truth values"),
        pytest.param(VALUES * 1000.5, "linear", VALUES * 1000.5, id="large amounts"),
    ],
)
def test_the_fold_change_is_the_ratio_of_mean_expression(compared, values, kind, amounts):
    a, b = mask(*range(4)), mask(*range(4, 12))
    result = compared(values, a, b)
    assert result.scale.kind == kind
    total_a, total_b = (np.asarray(amounts, np.float64)[group].sum(axis=0) for group in (a, b))
    np.testing.assert_allclose(result.log2_fold_change, seurats(total_a, 4, total_b, 8), rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "fold_change"),
    [
        pytest.param(LOGS, lambda a, b: (np.expm1(a) + 1e-9) / (np.expm1(b) + 1e-9), id="logarithms"),
        pytest.param(VALUES, lambda a, b: (a + 1e-9) / (b + 1e-9), id="counts"),
    ],
)
def test_scanpys_fold_change_is_from_means_of_the_values(compared, values, fold_change):
    result = compared(values, *HALVES, fold_change="scanpy")
    numbers = values.astype(np.float64)
    expected = np.log2(fold_change(*(numbers[group].mean(axis=0) for group in HALVES)))
    np.testing.assert_allclose(result.log2_fold_change, expected, rtol=1e-9)


@pytest.mark.parametrize("formula", ["mean-expression", "scanpy"])
def test_scaled_values_have_no_fold_change(compared, formula):
    result = compared(LOGS - 3, *HALVES, fold_change=formula)
    assert result.scale.kind == "signed"
    assert np.isnan(result.log2_fold_change).all()


@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
@pytest.mark.parametrize("formula", ["mean-expression", "scanpy"])
@pytest.mark.parametrize("odd", [np.nan, -50.0, np.inf])
def test_a_gene_without_means_has_no_fold_change_and_others_keep_theirs(compared, odd, formula, method):
    values = LOGS.copy()
    values[0, 2] = odd
    # one negative value among logarithms makes a matrix signed, which a user can overrule
    result = compared(values, *HALVES, fold_change=formula, scale="log1p", method=method)
    plain = compared(LOGS, *HALVES, fold_change=formula, scale="log1p", method=method)
    others = np.arange(5) != 2
    assert np.isnan(result.log2_fold_change[2])
    np.testing.assert_allclose(result.log2_fold_change[others], plain.log2_fold_change[others], rtol=1e-9)
    assert np.isfinite(plain.log2_fold_change).all()


def test_the_scale_of_a_request_wins(compared):
    counts, logs = (compared(VALUES, *HALVES, scale=kind) for kind in ("counts", "log1p"))
    assert (counts.scale.kind, logs.scale.kind) == ("counts", "log1p")
    assert np.abs(logs.log2_fold_change).max() > np.abs(counts.log2_fold_change).max()


@pytest.mark.parametrize("formula", ["mean-expression", "scanpy"])
def test_a_gene_absent_from_one_group_has_a_finite_fold_change(compared, formula):
    values = np.array([[2.0, 0], [3, 0], [1, 0], [0, 0], [0, 0], [0, 0]])
    a = np.arange(6) < 3
    change = compared(values, a, ~a, fold_change=formula).log2_fold_change
    assert change[0] > 2
    assert change[1] == 0


def test_genes_that_few_cells_express_are_not_tested(compared):
    values = np.zeros((40, 4), np.float32)
    values[:1, 0] = values[20:21, 0] = 3  # a twentieth of each group
    values[:2, 1] = 3  # a tenth of a
    values[20:30, 2], values[:, 3] = 3, np.arange(40)
    a = np.arange(40) < 20
    p_value = compared(values, a, ~a).p_value
    result = compared(values, a, ~a, min_fraction=0.1)
    assert result.tested.tolist() == [False, True, True, True]
    assert sorted(result.order().tolist()) == [1, 2, 3]
    np.testing.assert_array_equal(np.isnan(result.p_value), [True, False, False, False])
    np.testing.assert_allclose(result.p_adjusted[1:], false_discovery_control(p_value[1:]))
    assert compared(values, a, ~a, min_fraction=0.5).tested.tolist() == [False, False, True, True]
    assert compared(values - 1, a, ~a, min_fraction=0.5).tested.all(), "0 is not the lowest of signed values"


@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_small_groups_are_warned_of(compared, method):
    values = np.random.default_rng(0).poisson(3, (120, 4))
    cells = np.arange(120)
    warnings = compared(values, cells < 20, cells >= 60, method=method).warnings
    assert "Group a has 20 cells" in warnings[0]
    assert len(warnings) == 2
    assert ("t-test_overestim_var" in warnings[1]) == (method == "t-test")
    assert compared(values, cells < 50, cells >= 50, method=method).warnings == []


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
    values = np.array([[1.0, 5]] * 3 + [[1, 6]] * 3)
    a = np.arange(6) < 3
    result = compared(values, a, ~a, "dense")
    order = result.order()
    known = SimpleNamespace(names=["same", "<apart>"], ids=["ENSG0", "ENSG1"])
    rows = gene_rows(result, known, order, order)
    assert [(row.gene, row.gene_id) for row in rows] == [("<apart>", "ENSG1"), ("same", "ENSG0")]
    assert rows[0].score is None, "infinite"
    assert rows[0].p_value == 0
    assert (rows[1].score, rows[1].p_value, rows[1].p_adjusted) == (None, None, None)
    assert rows[1].mean_a == 1
    assert gene_rows(result, known, order[1:], order[1:]) == rows[1:]
