"""Comparisons over samples within each category of a column: the numbers are R's, and no category is dropped."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from starcyte.compute.by_category import compare_by_category
from starcyte.compute.diffexp import compare
from starcyte.compute.options import Options
from starcyte.compute.pseudobulk.design import Covariate
from starcyte.compute.pseudobulk.samples import Samples, cell_sets, sides_of
from starcyte.compute.pseudobulk.sums import group_sums
from starcyte.errors import BadRequest
from starcyte.settings import Settings
from starcyte.store.dataset import Column, ColumnInfo, Kind, no_tick
from starcyte.store.index.background import index_matrix
from starcyte.store.index.sums import Groups, Sums
from starcyte.store.open import open_dataset

RSCRIPT = shutil.which("Rscript")
SCRIPT = Path(__file__).parents[2] / "data" / "pseudobulk" / "limma.R"
LAYOUTS = {"csr": sp.csr_array, "csc": sp.csc_array, "dense": lambda m: m.toarray()}


def categorical(name, codes, categories):
    return Column(ColumnInfo(name, Kind.CATEGORICAL, "int16", tuple(categories)), codes.astype(np.int16))


def study(n_types=3, n_samples=6, cells=20, n_genes=60, seed=1):
    """Return the codes of samples and types of cells in random order, and counts."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(n_types * n_samples * cells)
    sample = np.tile(np.arange(n_samples), n_types * cells)[order]
    kind = np.repeat(np.arange(n_types), n_samples * cells)[order]
    mean = np.exp(rng.normal(0, 1.5, (n_types, 1, n_genes))) * np.exp(rng.normal(0, 0.2, (n_types, n_samples, n_genes)))
    mean[:, ::2, :5] *= 4
    return sample, kind, rng.poisson(mean[kind, sample])


def opened(make_h5ad, counts, storage=sp.csr_array):
    return open_dataset(make_h5ad(storage(sp.csr_array(counts.astype(np.float32)))), Settings(block_bytes=16384))


def over(sample, n_samples, **others):
    return Samples("donor", sample, tuple(f"s{k}" for k in range(n_samples)), **others)


@pytest.mark.parametrize("storage", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("is_indexed", [False, True], ids=["from the file", "indexed"])
@pytest.mark.parametrize("n_groups", [3, 20, 100])
def test_sums_are_those_of_pandas(make_h5ad, tmp_path, storage, is_indexed, n_groups):
    rng = np.random.default_rng(n_groups)
    counts = rng.poisson(0.5, (300, 40)) * rng.integers(1, 5000, (300, 40))
    codes = rng.integers(0, n_groups + 1, 300)
    codes[: n_groups + 1] = np.arange(n_groups + 1)
    dataset = opened(make_h5ad, counts, storage)
    try:
        if is_indexed:
            settings = Settings(block_bytes=16384, cache_dir=str(tmp_path))
            dataset.matrix("X").index = index_matrix(dataset, settings, "X", no_tick)
        found = group_sums(dataset.matrix("X"), Groups(codes, n_groups), workers=2)
    finally:
        dataset.close()
    grouped = pd.DataFrame(counts).groupby(codes)
    np.testing.assert_array_equal(found.total, grouped.sum().T[range(n_groups)])
    np.testing.assert_array_equal(found.positive, (pd.DataFrame(counts) > 0).groupby(codes).sum().T[range(n_groups)])
    np.testing.assert_array_equal(found.n, grouped.size()[range(n_groups)])


ODD = {"fractions": 0.5, "zeros that are stored": 0.0, "negative": -3.0, "missing": np.nan, "infinite": np.inf}
ODD |= {"sums over 2^31": 1e9, "2^31": 2.0**31}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_sums_of_an_indexed_matrix_of_other_values_than_small_counts(make_h5ad, tmp_path, odd):
    rng = np.random.default_rng(3)
    counts = rng.poisson(0.5, (200, 30)).astype(np.float64)
    stored = sp.csr_array(counts)
    stored.data[rng.permutation(stored.nnz)[:80]] = odd
    settings = Settings(block_bytes=8192, cache_dir=str(tmp_path))
    dataset = open_dataset(make_h5ad(stored), settings)
    codes = rng.integers(0, 5, 200)
    try:
        dataset.matrix("X").index = index_matrix(dataset, settings, "X", no_tick)
        found = group_sums(dataset.matrix("X"), Groups(codes, 4), workers=2)
    finally:
        dataset.close()
    for k in range(4):
        np.testing.assert_array_equal(found.total[:, k], stored.toarray()[codes == k].sum(axis=0))
        np.testing.assert_array_equal(found.positive[:, k], (stored.toarray()[codes == k] > 0).sum(axis=0))


def test_sums_of_unions():
    rng = np.random.default_rng(1)
    dense = rng.integers(0, 9, (10, 4))
    sums = Sums(np.arange(4), dense.astype(np.float64), dense.astype(np.uint32)).merged([[0, 2], [3]])
    np.testing.assert_array_equal(sums.total, np.stack([dense[:, 0] + dense[:, 2], dense[:, 3]], axis=1))
    np.testing.assert_array_equal(sums.positive, sums.total)
    assert sums.n.tolist() == [2, 3]


@pytest.mark.slow
@pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")
def test_forty_types_are_limmas(make_h5ad, tmp_path):
    sample, kind, counts = study(n_types=40, n_samples=8, cells=11, n_genes=250)
    age = np.array([31, 45, 62, 70, 28, 51, 66.5, 80])
    dataset = opened(make_h5ad, counts)
    samples = over(sample, 8, covariates=(Covariate("age", age[sample], None),))
    a = sample % 2 == 0
    column = categorical("type", kind, [f"t{k}" for k in range(40)])
    try:
        found = compare_by_category(dataset, dataset.matrix("X"), a, ~a, samples, column, Options("pseudobulk"))
    finally:
        dataset.close()
    assert [c.name for c in found.categories] == list(column.info.categories)
    design = np.column_stack([np.ones(8), np.arange(8) % 2 == 0, (age - age.mean()) / age.std()])
    for k in range(40):
        folder = tmp_path / f"{k:02}"
        folder.mkdir()
        sums = np.stack([counts[(kind == k) & (sample == s)].sum(axis=0) for s in range(8)], axis=1)
        np.savetxt(folder / "counts.csv", sums, "%d", ",")
        np.savetxt(folder / "design.csv", design, "%.17g", ",")
        (folder / "coefficient.txt").write_text("2")
    subprocess.run([RSCRIPT, SCRIPT, tmp_path], check=True, timeout=300)
    for k, category in enumerate(found.categories):
        kept = np.loadtxt(tmp_path / f"{k:02}" / "kept.out") > 0
        change, t, p_value, p_adjusted, *_ = np.loadtxt(tmp_path / f"{k:02}" / "voom.out", delimiter=",").T
        np.testing.assert_array_equal(np.sort(category.genes), np.flatnonzero(kept))
        order = np.searchsorted(np.flatnonzero(kept), category.genes)
        np.testing.assert_allclose(category.log2_fold_change, change[order], rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(category.score, t[order], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(category.p_value, p_value[order], rtol=1e-6)
        np.testing.assert_allclose(category.p_adjusted, p_adjusted[order], rtol=1e-6)
        assert category.n_significant(1) == ((p_adjusted < 0.05) & (change > 0)).sum()
        assert category.n_significant(-1) == ((p_adjusted < 0.05) & (change < 0)).sum()


@pytest.mark.parametrize("storage", LAYOUTS.values(), ids=LAYOUTS)
def test_a_category_is_compared_as_its_cells_alone(make_h5ad, storage):
    sample, kind, counts = study()
    a, b = sample % 2 == 0, sample % 2 == 1
    samples, options = over(sample, 6), Options("pseudobulk")
    dataset = opened(make_h5ad, counts, storage)
    try:
        matrix, column = dataset.matrix("X"), categorical("type", kind, "ABC")
        found = compare_by_category(dataset, matrix, a, b, samples, column, options)
        for code, category in enumerate(found.categories):
            of_a, of_b = a & (kind == code), b & (kind == code)
            alone = compare(dataset, matrix, of_a, of_b, options, design=samples.design(of_a, of_b))
            np.testing.assert_array_equal(category.genes, alone.order())
            for name in ("log2_fold_change", "score", "p_value", "p_adjusted", "mean_a", "fraction_a", "fraction_b"):
                np.testing.assert_array_equal(getattr(category, name), getattr(alone, name)[category.genes])
            assert (category.n_a, category.n_b) == (of_a.sum(), of_b.sum())
            assert (category.n_samples(0), category.n_samples(1)) == (3, 3)
    finally:
        dataset.close()


def test_categories_that_cannot_be_compared_are_listed_with_the_reason(make_h5ad):
    sample, kind, counts = study(n_types=5)
    # B in one sample of a, C nowhere, D without counts, and a sex that differs within a sample in E
    kept = ~((kind == 1) & np.isin(sample, [0, 2])) & (kind != 2)
    sample, kind, counts = sample[kept], kind[kept], counts[kept]
    counts[kind == 3] = 0
    sex = np.repeat([0, 1, 1, 0, 0, 1], 1)[sample]
    sex[np.flatnonzero((kind == 4) & (sample == 3))[:2]] = 1
    samples = over(sample, 6, covariates=(Covariate("sex", sex, ("f", "m")),))
    dataset = opened(make_h5ad, counts)
    try:
        found = compare_by_category(
            dataset,
            dataset.matrix("X"),
            sample % 2 == 0,
            sample % 2 == 1,
            samples,
            categorical("type", kind, "ABCDE"),
            Options("pseudobulk"),
        )
    finally:
        dataset.close()
    problems = {category.name: category.problem for category in found.categories}
    assert list(problems) == ["A", "B", "D", "E"]
    assert problems["A"] == ""
    assert problems["B"].startswith("Side A has 1 sample; ")
    assert problems["D"] == "Sample 's0' has no counts."
    assert problems["E"] == "'sex' is not constant within donor 's3'."
    assert all(category.genes.size == 0 for category in found.categories[1:])


def test_where_no_category_can_be_compared_the_reason_is_given(make_h5ad):
    sample, kind, counts = study(cells=3)
    dataset = opened(make_h5ad, counts)
    try:
        with pytest.raises(BadRequest, match=r"No category of .type. can be compared\. Side A has 0 samples"):
            compare_by_category(
                dataset,
                dataset.matrix("X"),
                sample % 2 == 0,
                sample % 2 == 1,
                over(sample, 6),
                categorical("type", kind, "ABC"),
                Options("pseudobulk"),
            )
    finally:
        dataset.close()


def test_pairs_and_cells_of_unknown_sample():
    sample = np.repeat([-1, 0, 1, 2], 60)
    kind = np.tile(np.repeat([0, 1, -1], 20), 4)
    side = np.tile([0, 1], 120)
    sets = cell_sets(over(sample, 3, min_cells=5), side, kind, 2)
    design, units = sets.design(1)
    assert design.is_paired
    assert not design.problem
    assert design.warnings[0] == "20 cells have no 'donor' and are left out."
    assert [(u.sample, u.side, u.n_cells) for u in design.used] == [(f"s{k}", s, 10) for k in range(3) for s in (0, 1)]
    for unit, number in zip(design.used, units, strict=True):
        expected = (sample == int(unit.sample[1:])) & (side == unit.side) & (kind == 1)
        np.testing.assert_array_equal(sets.codes == number, expected)
    assert (sets.codes[(sample < 0) | (kind < 0)] == sets.n_known).all()


@pytest.mark.parametrize("n", [0, 100])
def test_designs_of_sets_are_those_of_cells(n):
    rng = np.random.default_rng(n)
    sample, kind, age = rng.integers(-1, 5, n), rng.integers(-1, 3, n), rng.choice([1.0, np.nan], n)
    a = rng.random(n) < 0.4
    b = ~a & (rng.random(n) < 0.7)
    samples = over(sample, 5, min_cells=2, covariates=(Covariate("age", age, None),))
    sets = cell_sets(samples, sides_of(a, b), kind, 3)
    for k in np.unique(sets.category).tolist():
        found, _ = sets.design(k)
        expected = samples.design(a & (kind == k), b & (kind == k))
        assert found.units == expected.units
        assert found.warnings == expected.warnings
        assert found.problem == expected.problem
        np.testing.assert_array_equal(found.matrix, expected.matrix)
