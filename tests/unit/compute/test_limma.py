"""Comparisons over samples: every number is that of R's limma and edgeR."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starcyte.compute.corrections import CORRECTIONS, DEFAULT_CORRECTION
from starcyte.compute.pseudobulk.filtering import filter_by_expression
from starcyte.compute.pseudobulk.linear_model import fit_linear_models
from starcyte.compute.pseudobulk.lowess import lowess
from starcyte.compute.pseudobulk.moderation import moderate
from starcyte.compute.pseudobulk.normalization import normalization_factors
from starcyte.compute.pseudobulk.voom import voom

RSCRIPT = shutil.which("Rscript")
SCRIPT = Path(__file__).parents[2] / "data" / "pseudobulk" / "limma.R"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")]


def simulated(sides: list[int], n_genes: int = 800, seed: int = 1, depth: float = 1.0) -> np.ndarray:
    """Return counts with a spread between samples and between genes, and an effect on a tenth of the genes."""
    rng = np.random.default_rng(seed)
    n = len(sides)
    mean = np.exp(rng.normal(3.0, 1.8, n_genes))[:, None] * rng.uniform(0.5, 2.0, n) * depth
    mean = mean * np.exp(rng.normal(0, 0.25, (n_genes, n)))
    mean[: n_genes // 10] *= np.where(np.array(sides) > 0, 2.5, 1.0)
    return rng.poisson(mean).astype(np.float64)


def design(sides: list[int], *covariates: Any) -> np.ndarray:
    return np.column_stack([np.ones(len(sides)), sides, *covariates]).astype(np.float64)


BALANCED = [0, 0, 0, 0, 1, 1, 1, 1]
UNBALANCED = [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
PAIRS = [0, 1] * 5
ZEROS = simulated(BALANCED, seed=5)
ZEROS[17] = 0
SAMPLES = {
    "balanced": (simulated(BALANCED), design(BALANCED)),
    "unbalanced": (simulated(UNBALANCED, seed=2), design(UNBALANCED)),
    "two against two": (simulated([0, 0, 1, 1], seed=3), design([0, 0, 1, 1])),
    "paired": (simulated(PAIRS, seed=4), design(PAIRS, *(np.repeat(np.arange(5), 2) == k for k in range(1, 5)))),
    "two covariates": (
        simulated(BALANCED, seed=6),
        design(BALANCED, [0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 1, 0, 0, 0]),
    ),
    "a continuous covariate": (simulated(BALANCED, seed=7), design(BALANCED, [31, 45, 62, 70, 28, 51, 66.5, 80])),
    "a gene of zeros": (ZEROS, design(BALANCED)),
    "few genes": (simulated(BALANCED, n_genes=7, seed=8), design(BALANCED)),
    "low counts": (simulated(BALANCED, seed=9, depth=0.05), design(BALANCED)),
    "forty samples": (simulated([0, 1] * 20, seed=10), design([0, 1] * 20)),
    **{
        f"cell type {k}": (simulated(BALANCED, seed=20 + k, depth=0.02 * 1.2**k), design(BALANCED))
        for k in range(40)
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def limma(tmp_path_factory):
    """Return R's answers: name of the question -> name of the output -> numbers."""
    folder = tmp_path_factory.mktemp("limma")
    for number, (name, (counts, matrix)) in enumerate(SAMPLES.items()):
        question = folder / f"{number:03}"
        question.mkdir()
        np.savetxt(question / "counts.csv", counts, "%d", ",")
        np.savetxt(question / "design.csv", matrix, "%.17g", ",")
        (question / "coefficient.txt").write_text("2")
        if name == "a gene of zeros":
            (question / "all").touch()
    subprocess.run([RSCRIPT, SCRIPT, folder], check=True, timeout=300)
    return {
        name: {path.stem: np.loadtxt(path, delimiter=",", ndmin=2) for path in (folder / f"{number:03}").glob("*.out")}
        for number, name in enumerate(SAMPLES)
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_every_number_is_limmas(limma, name):
    expected = limma[name]
    counts, matrix = SAMPLES[name]
    sizes = counts.sum(axis=0)
    kept = filter_by_expression(counts, matrix, sizes)
    np.testing.assert_array_equal(kept, expected["kept"][:, 0] > 0)
    if name == "a gene of zeros":
        assert not kept[17]
        kept[:] = True
    counts = counts[kept]
    factors = normalization_factors(counts, sizes)
    np.testing.assert_allclose(factors, expected["factors"][:, 0], rtol=1e-10)
    log_counts, weights = voom(counts, matrix, sizes * factors)
    np.testing.assert_allclose(log_counts, expected["log_counts"], rtol=1e-10)
    np.testing.assert_allclose(weights, expected["weights"], rtol=1e-7)
    fits = {
        "voom": moderate(fit := fit_linear_models(log_counts, matrix, weights), 1),
        "trend": moderate(unweighted := fit_linear_models(log_counts, matrix), 1, trend=True),
        "plain": moderate(unweighted, 1),
    }
    for kind, found in fits.items():
        model = fit if kind == "voom" else unweighted
        change, t, p_value, p_adjusted, variance, _posterior, mean = expected[kind].T
        np.testing.assert_allclose(model.mean, mean, rtol=1e-9)
        np.testing.assert_allclose(model.coefficients[:, 1], change, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(model.variance, variance, rtol=1e-6)
        np.testing.assert_allclose(found.t, t, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.p_value, p_value, rtol=1e-6)
        np.testing.assert_allclose(CORRECTIONS[DEFAULT_CORRECTION](found.p_value), p_adjusted, rtol=1e-6)
        prior, total = expected[f"{kind}_df"][0]
        np.testing.assert_allclose([found.prior.df, found.df], [prior, total], rtol=1e-6)


@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "tied"])
@pytest.mark.parametrize("n", [2, 3, 10, 501, 3000])
def test_lowess_is_rs(tmp_path, n, ties):
    rng = np.random.default_rng(n)
    x = np.sort(rng.gamma(2.0, 3.0, n).round(1) if ties else rng.gamma(2.0, 3.0, n))
    y = np.sin(x) + rng.standard_t(2, n)
    np.savetxt(tmp_path / "xy", np.column_stack([x, y]), "%.17g")
    code = f"d <- read.table('{tmp_path}/xy'); cat(format(lowess(d$V1, d$V2, f=0.5)$y, digits=17))"
    out = subprocess.run([RSCRIPT, "-e", code], check=True, capture_output=True, text=True, timeout=60).stdout
    np.testing.assert_allclose(lowess(x, y, 0.5), np.array(out.split(), float), rtol=1e-9, atol=1e-12)
