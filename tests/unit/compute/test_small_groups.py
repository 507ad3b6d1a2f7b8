"""Comparisons of cells that do not differ: few genes are called different, however small a group is."""

from __future__ import annotations

import numpy as np
import pytest
from starcyte.compute.diffexp import compare
from starcyte.compute.options import Options

pytestmark = pytest.mark.slow

CELLS, GENES = 1500, 400


@pytest.fixture
def population(open_h5ad, stored_as):
    """One kind of cell: counts of genes of any expression, normalised to 10,000 and as logarithms."""
    rng = np.random.default_rng(4)
    rate = rng.gamma(0.5, 2.0, GENES)
    counts = rng.poisson(rng.gamma(4.0, 0.25, (CELLS, GENES)) * rate)
    logs = np.log1p(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * 1e4).astype(np.float32)
    return open_h5ad(stored_as(logs, "csr"))


@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
@pytest.mark.parametrize("k", [3, 10, 30, 300])
def test_cells_of_one_kind_do_not_differ(population, method, k):
    rng, found, tested = np.random.default_rng(5), 0, 0
    for _ in range(4):
        a = np.zeros(CELLS, bool)
        a[rng.choice(CELLS, k, replace=False)] = True
        result = compare(population, population.matrix("X"), a, ~a, Options(method))
        assert bool(result.warnings) == (k < 50)
        found += int((result.p_adjusted < 0.05).sum())
        tested += int(result.tested.sum())
    assert tested > 4 * GENES / 4
    # without the care for small groups the t-test finds a quarter of all genes for 10 cells
    assert found <= 0.01 * tested


def test_counts_as_floats_have_the_fold_change_of_their_means(compared):
    rng = np.random.default_rng(6)
    values = rng.poisson(np.repeat([[8.0, 2.0], [4.0, 4.0]], [40, 80], axis=0)).astype(np.float32)
    a = np.arange(120) < 40
    ratio = np.log2(values[a].mean(axis=0) / values[~a].mean(axis=0))
    result = compared(values, a, ~a)
    assert result.scale.kind == "counts"
    np.testing.assert_allclose(result.log2_fold_change, ratio, atol=0.015)
    np.testing.assert_allclose(compared(values, a, ~a, fold_change="scanpy").log2_fold_change, ratio, atol=1e-6)
