"""Comparisons of cells within each category of a column: the numbers are scipy's, and no category is dropped."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import stats
from starcyte.compute.by_category import ARRAYS
from starcyte.compute.cells_by_category import compare_cells_by_category
from starcyte.compute.diffexp import compare
from starcyte.compute.options import Options
from starcyte.errors import BadRequest
from starcyte.settings import Settings
from starcyte.store.dataset import Column, ColumnInfo, Kind, no_tick
from starcyte.store.index.background import index_matrix
from starcyte.store.open import open_dataset

LAYOUTS = {"csr": sp.csr_array, "csc": sp.csc_array, "dense": lambda m: m.toarray()}
OF_CELLS = ["t-test", "wilcoxon"]
NAMES = ("T", "B", "few", "none of a", "absent")
N, GENES = 900, 30


def study(seed=4):
    """Return codes of categories, the cells of a and b, and values: logarithms, some negative ones among them."""
    rng = np.random.default_rng(seed)
    codes = rng.choice([0, 1, 2, 3, -1], N, p=[0.45, 0.35, 0.05, 0.1, 0.05]).astype(np.int16)
    a = (rng.random(N) < 0.4) & (codes != 3)
    b = ~a & (rng.random(N) < 0.8)
    # too few of a for any method
    a[np.flatnonzero(a & (codes == 2))[2:]] = False
    values = rng.poisson(0.6, (N, GENES)) * rng.choice([0.5, 1.0, 1.25], (N, GENES))
    values[:, :6] += a[:, None] * (codes[:, None] + 2) * 0.4
    values[:, 7] = np.where(rng.random(N) < 0.1, -1.0, values[:, 7])
    return codes, a, b, values.astype(np.float32)


@pytest.fixture(scope="module")
def column():
    return Column(ColumnInfo("type", Kind.CATEGORICAL, "int16", NAMES), study()[0])


def opened(make_h5ad, values, storage=sp.csr_array):
    return open_dataset(make_h5ad(storage(sp.csr_array(values))), Settings(block_bytes=16384))


@pytest.mark.parametrize("method", OF_CELLS)
@pytest.mark.parametrize("storage", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("is_indexed", [False, True], ids=["from the file", "indexed"])
def test_numbers_within_each_category_are_scipys(make_h5ad, tmp_path, column, method, storage, is_indexed):
    codes, a, b, values = study()
    dataset = opened(make_h5ad, values, storage)
    try:
        matrix = dataset.matrix("X")
        if is_indexed:
            settings = Settings(block_bytes=16384, cache_dir=str(tmp_path))
            matrix.index = index_matrix(dataset, settings, "X", no_tick)
        found = compare_cells_by_category(dataset, matrix, a, b, column, Options(method, min_fraction=0.0), 2)
    finally:
        dataset.close()
    assert [part.name for part in found.categories] == ["T", "B", "few", "none of a"]
    assert (found.column, found.sample_column, found.covariates) == ("type", None, ())
    for part in found.categories[:2]:
        within = codes == NAMES.index(part.name)
        of_a, of_b = values[a & within].astype(float), values[b & within].astype(float)
        assert part.problem == ""
        assert (part.n_a, part.n_b) == (len(of_a), len(of_b))
        assert sorted(part.genes) == list(range(GENES))
        if method == "t-test":
            expected = stats.ttest_ind(of_a, of_b, equal_var=False)
            np.testing.assert_allclose(part.score, expected.statistic[part.genes], rtol=1e-8)
        else:
            expected = stats.mannwhitneyu(of_a, of_b, use_continuity=False, method="asymptotic")
            np.testing.assert_allclose(part.auc, expected.statistic[part.genes] / (part.n_a * part.n_b), rtol=1e-10)
        np.testing.assert_allclose(part.p_value, expected.pvalue[part.genes], rtol=1e-7)
        adjusted = stats.false_discovery_control(expected.pvalue)
        np.testing.assert_allclose(part.p_adjusted, adjusted[part.genes], rtol=1e-7)
        np.testing.assert_allclose(part.mean_a, of_a.mean(0)[part.genes], rtol=1e-6)
        np.testing.assert_allclose(part.fraction_b, (of_b > 0).mean(0)[part.genes])
        assert (np.diff(np.abs(part.score)) <= 0).all()


@pytest.mark.parametrize("method", OF_CELLS)
def test_a_category_is_compared_as_its_cells_alone(make_h5ad, column, method):
    codes, a, b, values = study()
    # small groups have rules of their own
    a &= np.arange(N) % 5 == 0
    dataset = opened(make_h5ad, values)
    try:
        matrix = dataset.matrix("X")
        found = compare_cells_by_category(dataset, matrix, a, b, column, Options(method))
        alone = [compare(dataset, matrix, a & (codes == k), b & (codes == k), Options(method)) for k in (0, 1)]
    finally:
        dataset.close()
    for part, expected in zip(found.categories, alone, strict=False):
        order = expected.order()
        np.testing.assert_array_equal(part.genes, order)
        assert part.warnings == expected.warnings != []
        for array in ARRAYS:
            np.testing.assert_allclose(getattr(part, array), getattr(expected, array)[order], rtol=1e-9)


def test_categories_with_too_few_cells_on_a_side_are_listed_with_the_reason(make_h5ad, column):
    codes, a, b, values = study()
    dataset = opened(make_h5ad, values)
    try:
        found = compare_cells_by_category(dataset, dataset.matrix("X"), a, b, column)
    finally:
        dataset.close()
    few, none = found.categories[2:]
    n_few, n_none = int((b & (codes == 2)).sum()), int((b & (codes == 3)).sum())
    assert few.problem == f"2 cells in group a and {n_few} in group b; Welch’s t-test needs at least 3 in each."
    assert none.problem.startswith(f"0 cells in group a and {n_none} in group b;")
    assert (few.n_a, few.genes.size, few.p_value.size) == (2, 0, 0)


def test_refusals(make_h5ad, column):
    codes, a, b, values = study()
    dataset = opened(make_h5ad, values)
    try:
        matrix = dataset.matrix("X")
        with pytest.raises(BadRequest, match=r"No category of 'type' can be compared\. 2 cells in group a"):
            compare_cells_by_category(dataset, matrix, a & (codes == 2), b & (codes == 2), column)
        with pytest.raises(BadRequest, match="share cells"):
            compare_cells_by_category(dataset, matrix, a, a | b, column)
        with pytest.raises(BadRequest, match="compares samples"):
            compare_cells_by_category(dataset, matrix, a, b, column, Options("pseudobulk"))
    finally:
        dataset.close()
