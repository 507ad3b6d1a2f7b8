"""Comparisons over samples from cells to p-values: sums, proportions, and what happens without any difference."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import false_discovery_control
from starcyte.compute.diffexp import compare
from starcyte.compute.options import Options
from starcyte.compute.pseudobulk.analysis import compare_means, compare_proportions, compare_sums
from starcyte.compute.pseudobulk.design import build_design
from starcyte.compute.pseudobulk.proportions import Transform, transformed_proportions
from starcyte.settings import Settings
from starcyte.store.open import open_dataset

RSCRIPT = shutil.which("Rscript")


def of_samples(n_samples, cells, side_of=lambda sample: sample % 2):
    """Return samples, names, and sides of equally many cells of each sample."""
    samples = np.repeat(np.arange(n_samples), cells)
    return samples, [f"s{k}" for k in range(n_samples)], np.array([side_of(s) for s in samples.tolist()])


@pytest.mark.parametrize("storage", [sp.csr_array, sp.csc_array, lambda m: m.toarray()], ids=["csr", "csc", "dense"])
@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_sums_are_exact(make_h5ad, storage, dtype):
    rng = np.random.default_rng(1)
    counts = sp.random_array((300, 40), density=0.3, rng=rng, data_sampler=lambda size: rng.integers(1, 5000, size))
    path = make_h5ad(storage(sp.csr_array(counts.astype(dtype))))
    samples, names, sides = of_samples(6, 50)
    dataset = open_dataset(path, Settings(block_bytes=4096))
    try:
        a, b = (np.isin(np.arange(300), np.flatnonzero(sides == side)) for side in (0, 1))
        design = build_design(samples, names, sides)
        found = compare(dataset, dataset.matrix("X"), a, b, Options("pseudobulk"), design=design)
    finally:
        dataset.close()
    dense = counts.toarray().astype(np.int64)
    expected = compare_sums(np.stack([dense[samples == k].sum(axis=0) for k in range(6)], axis=1) + 0.0, design)
    np.testing.assert_array_equal(found.of_samples, expected.values)
    np.testing.assert_array_equal(found.p_value, expected.p_value)
    np.testing.assert_array_equal(found.log2_fold_change, expected.log2_fold_change)


def test_a_difference_between_samples_is_found_and_one_between_cells_is_not():
    rng = np.random.default_rng(2)
    samples, names, sides = of_samples(8, 50)
    design = build_design(samples, names, sides)
    mean = np.exp(rng.normal(4, 1, 400))[:, None] * np.exp(rng.normal(0, 0.2, (400, 8)))
    mean[0] *= np.where(np.arange(8) % 2 == 0, 4, 1)  # side a
    mean[1, 0] *= 50  # one sample of side a
    found = compare_sums(rng.poisson(mean).astype(np.float64), design)
    assert found.p_adjusted[0] < 0.01
    assert found.log2_fold_change[0] == pytest.approx(2, abs=0.5)
    assert found.p_adjusted[1] > 0.05
    assert found.mean_a[0] > found.mean_b[0]


def test_only_the_genes_that_were_tested_count_as_tests():
    rng = np.random.default_rng(3)
    design = build_design(*of_samples(6, 50))
    mean = np.exp(rng.normal(3, 1, 300))[:, None] * np.ones(6)
    mean[::3] = 0.1  # too few counts to be tested
    found = compare_sums(rng.poisson(mean).astype(np.float64), design)
    assert 100 < (~found.tested).sum() < 300
    adjusted = false_discovery_control(found.p_value[found.tested])
    np.testing.assert_allclose(found.p_adjusted[found.tested], adjusted)
    assert np.isnan(found.p_adjusted[~found.tested]).all()


def test_genes_that_are_not_expressed_are_not_tested():
    samples, names, sides = of_samples(6, 50)
    sums = np.random.default_rng(3).poisson(100, (50, 6)).astype(np.float64)
    sums[7] = 0
    found = compare_sums(sums, build_design(samples, names, sides))
    assert not found.tested[7]
    assert np.isnan([found.log2_fold_change[7], found.t[7], found.p_value[7], found.p_adjusted[7]]).all()
    assert np.isfinite(np.delete(found.p_adjusted, 7)).all()


def test_means_of_logarithms_of_any_base_have_fold_changes_to_base_2():
    rng = np.random.default_rng(4)
    samples, names, sides = of_samples(6, 50)
    design = build_design(samples, names, sides)
    values = rng.normal(3, 0.1, (60, 6))
    values[0, ::2] += 1
    natural = compare_means(values, design)
    base_2 = compare_means(values / np.log(2), design, log_base=2.0)
    np.testing.assert_allclose(natural.log2_fold_change, base_2.log2_fold_change)
    assert natural.log2_fold_change[0] == pytest.approx(1 / np.log(2), abs=0.2)
    assert natural.p_adjusted[0] < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.1, 0.25, 0.5])
def test_without_a_difference_few_genes_are_significant(spread):
    """Six donors of 200 cells, whose means differ at random: the share of false genes is at most that of the test."""
    raw, adjusted = [], []
    samples, names, sides = of_samples(6, 200)
    design = build_design(samples, names, sides)
    for seed in range(10):
        rng = np.random.default_rng([seed, int(spread * 100)])
        mean = np.exp(rng.normal(-1, 1, 1000))[:, None] * np.exp(rng.normal(0, spread, (1000, 6)))
        found = compare_sums(rng.poisson(mean * 200).astype(np.float64), design)
        raw.append(np.mean(found.p_value[found.tested] < 0.05))
        adjusted.append(np.mean(found.p_adjusted[found.tested] < 0.05))
    assert np.mean(raw) <= 0.06
    assert np.mean(adjusted) <= 0.01


@pytest.mark.slow
@pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")
@pytest.mark.parametrize("transform", list(Transform))
def test_proportions_are_limmas(tmp_path, transform):
    rng = np.random.default_rng(5)
    samples, names, sides = of_samples(8, 50)
    design = build_design(samples, names, sides)
    counts = rng.multinomial(2000, rng.dirichlet(np.arange(1, 10) / 2.0, 1)[0], 8).T.astype(np.float64)
    counts[3, ::2] *= 3
    counts[8] = 0
    found = compare_proportions(counts, design, transform)
    np.savetxt(tmp_path / "counts", counts, "%d")
    np.savetxt(tmp_path / "design", design.matrix)
    of = "log((n+.5)/(s-(n+.5)))" if transform is Transform.LOGIT else "asin(sqrt(n/t))"
    code = f"""suppressPackageStartupMessages(library(limma))
n <- as.matrix(read.table("{tmp_path}/counts")); design <- as.matrix(read.table("{tmp_path}/design"))
t <- matrix(colSums(n), nrow(n), ncol(n), byrow=TRUE); s <- matrix(colSums(n+.5), nrow(n), ncol(n), byrow=TRUE)
fit <- eBayes(lmFit({of}, design))
cat(format(c(fit$t[,2], fit$p.value[,2]), digits=17))"""
    out = subprocess.run([RSCRIPT, "-e", code], check=True, capture_output=True, text=True, timeout=60).stdout
    t, p_value = np.array(out.split(), float).reshape(2, -1)
    np.testing.assert_allclose(found.t, t, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.p_value, p_value, rtol=1e-6)
    assert np.argmin(found.p_value) == 3
    assert transformed_proportions(counts, transform).shape == counts.shape
