"""Designs of comparisons over samples: what they hold, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from starcyte.compute.pseudobulk.design import Covariate, build_design
from starcyte.errors import BadRequest


def cells(*groups):
    """Return samples, names, sides and values of cells: groups of (sample, side, number of cells, values...)."""
    names = list(dict.fromkeys(group[0] for group in groups))
    sizes = [group[2] for group in groups]
    samples = np.repeat([names.index(group[0]) for group in groups], sizes)
    sides = np.repeat([group[1] for group in groups], sizes)
    values = [np.repeat([group[3 + k] for group in groups], sizes) for k in range(len(groups[0]) - 3)]
    return samples, names, sides, values


def categorical(name, values):
    categories = tuple(sorted(set(values.tolist()) - {""}))
    codes = np.array([categories.index(v) if v else -1 for v in values.tolist()])
    return Covariate(name, codes, categories)


def numeric(name, values):
    return Covariate(name, values.astype(np.float64), None)


def built(*groups, kinds=(), **options):
    samples, names, sides, values = cells(*groups)
    covariates = [kind(f"c{k}", v) for k, (kind, v) in enumerate(zip(kinds, values, strict=True))]
    return build_design(samples, names, sides, covariates, **options)


FOUR = [("s1", 0, 20), ("s2", 0, 30), ("s3", 1, 40), ("s4", 1, 50)]


def test_samples_of_two_sides():
    design = built(*FOUR)
    assert not design.problem
    assert design.coefficients == ("intercept", "side")
    assert design.matrix.tolist() == [[1, 1], [1, 1], [1, 0], [1, 0]]
    assert [(u.sample, u.side, u.n_cells) for u in design.used] == FOUR
    assert design.warnings == ("2 samples against 2: only large differences can be found.",)
    assert np.bincount(design.codes).tolist() == [20, 30, 40, 50]


def test_cells_of_neither_side_and_of_no_sample_are_in_no_unit():
    samples, names, sides, _ = cells(*FOUR, ("s5", 2, 60))
    samples[:3] = -1
    design = build_design(samples, names, sides)
    assert np.bincount(design.codes).tolist() == [17, 30, 40, 50, 63]
    assert design.warnings[0] == "3 cells have no 'sample' and are left out."


def test_samples_on_both_sides_are_paired():
    design = built(*[(f"s{k}", side, 20) for k in range(3) for side in (0, 1)])
    assert design.is_paired
    assert not design.problem
    assert design.coefficients == ("intercept", "side", "sample s1", "sample s2")
    assert np.linalg.matrix_rank(design.matrix) == 4


def test_a_sample_on_one_side_only_is_left_out_of_pairs():
    design = built(*[(f"s{k}", side, 20) for k in range(3) for side in (0, 1)], ("s9", 0, 20))
    assert design.is_paired
    assert [u.sample for u in design.units if u.left_out] == ["s9"]
    assert "s9 (on one side)" in design.warnings[-1]
    assert (design.codes == 6).sum() == 20


def test_small_samples_are_left_out():
    design = built(*FOUR, ("s5", 1, 9), min_cells=10)
    assert [u.sample for u in design.used] == ["s1", "s2", "s3", "s4"]
    assert "s5 (fewer than 10 cells)" in design.warnings[-1]


def test_covariates_are_columns():
    design = built(
        *[(f"s{k}", k % 2, 20, "xyz"[k // 2 % 3], 30 + 7 * k % 20) for k in range(12)], kinds=(categorical, numeric)
    )
    assert not design.problem
    assert design.coefficients == ("intercept", "side", "c0 y", "c0 z", "c1")
    assert design.matrix[:, 4].mean() == pytest.approx(0)


def test_a_sample_without_a_covariate_is_left_out():
    groups = [(f"s{k}", k % 2, 20, "" if k == 3 else "xy"[k // 2 % 2]) for k in range(8)]
    design = built(*groups, kinds=(categorical,))
    assert [(u.sample, u.left_out) for u in design.units if u.left_out] == [("s3", "no 'c0'")]


def test_a_constant_covariate_is_named_and_not_used():
    design = built(*[(*group, "x") for group in FOUR], kinds=(categorical,))
    assert design.coefficients == ("intercept", "side")
    assert "'c0' is the same in all samples" in design.warnings[1]


def test_pairs_adjust_for_what_belongs_to_a_sample():
    design = built(*[(f"s{k}", side, 20, 30.0 + k) for k in range(3) for side in (0, 1)], kinds=(numeric,))
    assert not design.problem
    assert "Pairs of samples adjust for 'c0' already." in design.warnings


@pytest.mark.parametrize(
    ("groups", "kinds", "problem"),
    [
        ([("s1", 0, 20), ("s3", 1, 40), ("s4", 1, 50)], (), "Side A has 1 sample"),
        ([("s1", 0, 20), ("s2", 0, 20)], (), "Side B has 0 samples"),
        ([("s1", 0, 20), ("s1", 1, 20), ("s2", 0, 20), ("s3", 1, 20)], (), "s1 is on both sides"),
        ([(*g, "xxyy"[k]) for k, g in enumerate(FOUR)], (categorical,), "'c0' is confounded with the sides"),
        ([(*g, float(g[1])) for g in FOUR], (numeric,), "'c0' is confounded with the sides"),
        (
            [(f"s{k}", k % 2, 20, "xy"[k // 2 % 2], "vw"[k // 2 % 2]) for k in range(8)],
            (categorical, categorical),
            "'c1' is determined by c0",
        ),
        ([*((*g, "x") for g in FOUR), ("s4", 1, 5, "y")], (categorical,), "'c0' is not constant within sample 's4'"),
        ([(f"s{k}", k % 2, 20, "abcd"[k // 2]) for k in range(4)], (categorical,), ""),
        ([(f"s{k}", k % 2, 20, "xyzw"[k]) for k in range(4)], (categorical,), "'c0' is confounded"),
        ([(*g, [1.0, 5.0, 2.0, 9.0][k], [3.0, 1.0, 1.0, 8.0][k]) for k, g in enumerate(FOUR)], (numeric, numeric),
         "4 samples cannot estimate 4 coefficients"),
    ],
)  # fmt: skip
def test_designs_that_allow_no_comparison_say_why(groups, kinds, problem):
    design = built(*groups, kinds=kinds)
    assert problem in design.problem
    assert bool(problem) == bool(design.problem)
    if problem:
        with pytest.raises(BadRequest, match="The samples allow no comparison"):
            design.check()
    else:
        design.check()


def test_a_covariate_that_varies_in_a_sample_has_no_value_there():
    design = built(*((*g, "x") for g in FOUR), ("s4", 1, 5, "y"), kinds=(categorical,))
    values = {unit.sample: unit.covariates for unit in design.units}
    assert values == {g[0]: ("x",) for g in FOUR} | {"s4": (None,)}
    # it is not missing: that would leave the sample out
    assert all(not unit.left_out for unit in design.units)
