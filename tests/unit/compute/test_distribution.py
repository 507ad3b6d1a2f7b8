"""Distributions against numpy and scipy."""

import numpy as np
import pytest
from scipy.stats import gaussian_kde, pearsonr, spearmanr
from starcyte.compute.kernel_density import kernel_density
from starcyte.compute.plots.correlation import correlation
from starcyte.compute.plots.distribution import QUANTILES, distribution
from starcyte.compute.plots.histogram import histogram

RNG = np.random.default_rng(11)
SAMPLES = {
    "normal": RNG.normal(3, 2, 500),
    "zeros and a bump": np.r_[np.zeros(400), RNG.normal(2, 0.3, 200)],
    "two": np.array([0.0, 1.0]),
    "skewed": RNG.lognormal(0, 1, 2000),
    "large": RNG.normal(1e6, 5, 300),
}


@pytest.mark.parametrize("values", SAMPLES.values(), ids=SAMPLES)
def test_density_is_scipys(values):
    grid = np.linspace(values.min(), values.max(), 128)
    exact = gaussian_kde(values)(grid)
    # counting on a fine grid first costs up to a hundredth of the peak
    np.testing.assert_allclose(kernel_density(values, grid), exact, atol=exact.max() / 100)


def test_each_group_is_described_separately():
    values = RNG.normal(size=300)
    values[:5], values[5:8] = np.nan, np.inf
    codes = RNG.integers(-1, 3, 300)
    found = distribution(values, codes, ("a", "b", "c", "empty"))
    for g in range(3):
        mine = values[(codes == g) & np.isfinite(values)]
        assert found.n[g] == mine.size
        np.testing.assert_allclose(found.mean[g], mine.mean())
        np.testing.assert_allclose(found.quantiles[g], np.quantile(mine, QUANTILES))
    assert found.n[3] == 0
    assert np.isnan(found.quantiles[3]).all()


@pytest.mark.parametrize("values", [np.zeros(0), np.full(4, np.nan), np.full(9, 2.5)], ids=["none", "nan", "constant"])
def test_nothing_to_draw(values):
    found = distribution(values, np.zeros(values.size, int), ("all",))
    assert found.density == [None]


def test_a_narrow_group_beside_a_wide_one_has_a_density_of_its_own():
    narrow, wide = RNG.normal(5, 1e-4, 400), RNG.normal(0, 100, 400)
    codes = np.repeat([0, 1, 2], [400, 400, 1])
    found = distribution(np.r_[narrow, wide, 3.0], codes, ("narrow", "wide", "one"))
    assert found.range == (wide.min(), wide.max())
    for values, density in zip((narrow, wide), found.density, strict=False):
        grid = np.linspace(values.min(), values.max(), density.size)
        np.testing.assert_allclose(density, gaussian_kde(values)(grid), atol=density.max() / 100)
        assert 0.9 < np.trapezoid(density, grid) <= 1
        assert np.count_nonzero(density > density.max() / 2) > 20, "no spike"
    assert found.density[2] is None


def test_the_steps_of_a_density_are_below_its_bandwidth():
    values = np.r_[np.zeros(5000), RNG.normal(8, 0.1, 50)]
    (density,) = distribution(values, np.zeros(values.size, int), ("all",)).density
    grid = np.linspace(values.min(), values.max(), density.size)
    assert grid[1] < values.std(ddof=1) * values.size ** (-1 / 5)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, bool], ids=str)
def test_histogram_is_numpys(dtype):
    values = RNG.poisson(3, 400).astype(dtype)
    counts, edges = histogram(values, 10)
    expected, expected_edges = np.histogram(values.astype(float), 10)
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_allclose(edges, expected_edges)


def test_correlation_is_scipys():
    x = RNG.poisson(1, 500).astype(np.float32)
    y = x + RNG.normal(size=500)
    y[:10] = np.nan
    n, pearson, spearman = correlation(x, y)
    assert n == 490
    np.testing.assert_allclose(pearson, pearsonr(x[10:], y[10:]).statistic)
    np.testing.assert_allclose(spearman, spearmanr(x[10:], y[10:]).statistic)


def test_correlation_of_a_constant_is_undefined():
    assert np.isnan(correlation(np.ones(5), np.arange(5.0))[1:]).all()
