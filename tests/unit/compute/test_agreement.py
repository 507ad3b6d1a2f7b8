"""Agreement of two groupings, against scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, cohen_kappa_score, confusion_matrix
from starcyte.compute.agreement import agreement

NAMES = ["a", "b", "c", "d", "e"]


@given(st.data(), st.integers(1, 5), st.integers(1, 5), st.integers(0, 4))
def test_agreement_is_that_of_scikit_learn(data, n_a, n_b, shift):
    """Names of the second begin further on, so that all, some, or none of them are names of the first."""
    names_a = NAMES[:n_a]
    names_b = [([*NAMES, "f", "g", "h", "i"])[i + shift] for i in range(n_b)]
    pairs = st.tuples(st.integers(-1, n_a - 1), st.integers(-1, n_b - 1))
    cells = np.array(data.draw(st.lists(pairs, max_size=40)), np.int32).reshape(-1, 2)
    a, b = cells.T
    found = agreement(a, names_a, b, names_b)
    text_a = np.array([*names_a, "none"])[a]
    text_b = np.array([*names_b, "none"])[b]
    both = (a >= 0) & (b >= 0)
    assert found.n == both.sum()
    assert found.counts.sum() == len(cells)
    labels = sorted({*names_a, *names_b, "none"})
    if len(cells):
        expected = confusion_matrix(text_a, text_b, labels=labels)
        rows = [labels.index(n) for n in [*names_a, "none"]]
        columns = [labels.index(n) for n in [*names_b, "none"]]
        assert found.counts.tolist() == expected[np.ix_(rows, columns)].tolist()
    if not both.any():
        assert np.isnan(found.ari)
        assert np.isnan(found.kappa)
        return
    assert found.ari == pytest.approx(adjusted_rand_score(a[both], b[both]), abs=1e-12)
    if not set(names_a) & set(names_b):
        assert np.isnan(found.kappa)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a division by zero, where all are in one category
        kappa = cohen_kappa_score(text_a[both], text_b[both])
    assert found.kappa == pytest.approx(kappa, nan_ok=True, abs=1e-12)


def test_pairs_of_a_million_cells_do_not_overflow():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 3, 1_000_000).astype(np.int8), rng.integers(0, 2, 1_000_000).astype(np.int8)
    found = agreement(a, NAMES[:3], b, NAMES[:2])
    assert found.ari == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)
    assert found.kappa == pytest.approx(cohen_kappa_score(a, b), abs=1e-12)


def test_the_same_grouping_under_other_names_agrees_in_all_but_names():
    codes = np.array([0, 1, 1, 0, -1])
    found = agreement(codes, ["a", "b"], 1 - np.abs(codes) - 3 * (codes < 0), ["a", "b"])
    assert found.ari == 1.0
    assert found.kappa < 0
