"""The comparison that a newcomer makes of the demo dataset finds what is in it, by starcyte and by R."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
from starcyte.compute.diffexp import Comparison, compare
from starcyte.compute.options import Options
from starcyte.compute.pseudobulk.analysis import compare_proportions
from starcyte.compute.pseudobulk.design import Design, build_design
from starcyte.demo.cell_types import CELL_TYPES, COMPOSITION_CHANGE, INTERFERON_RESPONSE
from starcyte.demo.dataset import write_demo
from starcyte.demo.file import demo_file
from starcyte.settings import Settings
from starcyte.store.dataset import Dataset
from starcyte.store.open import open_dataset

RSCRIPT = shutil.which("Rscript")
SCRIPT = Path(__file__).parents[1] / "data" / "pseudobulk" / "limma.R"
pytestmark = pytest.mark.slow

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "first-look.md"
INTERFERON = {
    *("EPSTI1", "IFI44L", "IFI6", "IFIT1", "IFIT2", "IFIT3", "IFITM1", "ISG15"),
    *("LY6E", "MX1", "OAS1", "OASL", "RSAD2", "STAT1", "XAF1"),
}
ALPHA = 0.05


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.h5ad"
    write_demo(path)
    return path


@pytest.fixture(scope="module")
def demo(path: Path) -> ad.AnnData:
    return ad.read_h5ad(path)


@pytest.fixture(scope="module")
def dataset(path: Path) -> Iterator[Dataset]:
    opened = open_dataset(path, Settings())
    yield opened
    opened.close()


def sides_of(demo: ad.AnnData, cell_type: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of lupus and control among the cells of a type."""
    cells = np.ones(demo.n_obs, bool) if cell_type is None else (demo.obs["cell_type"] == cell_type).to_numpy()
    lupus = (demo.obs["condition"] == "lupus").to_numpy()
    return cells & lupus, cells & ~lupus


def design_of(demo: ad.AnnData, a: np.ndarray, b: np.ndarray) -> Design:
    samples = demo.obs["sample"].cat
    return build_design(samples.codes.to_numpy(), list(samples.categories), np.where(a, 0, np.where(b, 1, 2)))


def over_samples(demo: ad.AnnData, dataset: Dataset, cell_type: str | None = None) -> Comparison:
    a, b = sides_of(demo, cell_type)
    matrix = dataset.matrix("layers/counts")
    return compare(dataset, matrix, a, b, Options("pseudobulk"), 2, design=design_of(demo, a, b))


def found(demo: ad.AnnData, result: Comparison) -> set[str]:
    return set(demo.var_names[result.p_adjusted < ALPHA])


def test_every_cell_has_its_place_whatever_the_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for threads in ("1", "2"):
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", threads)
        made.append(demo_file(Settings(cache_dir=str(tmp_path / threads))).read_bytes())
        assert os.environ["OPENBLAS_NUM_THREADS"] == threads
    assert made[0] == made[1]


def test_each_sample_is_of_one_donor_and_both_conditions_have_four(demo: ad.AnnData) -> None:
    columns = ["condition", "sex", "age"]
    donors = demo.obs.groupby("sample", observed=True)[columns]
    assert (donors.nunique() == 1).all(axis=None)
    donors = donors.first()
    assert donors["condition"].value_counts().to_dict() == {"control": 4, "lupus": 4}
    # neither sex nor age is confounded with the condition
    assert donors.groupby("condition", observed=True)["sex"].value_counts().unstack()["male"].tolist() == [1, 1]
    assert abs(donors.groupby("condition", observed=True)["age"].mean().diff().iloc[1]) < 3


def test_the_tutorial_lists_the_response() -> None:
    text = TUTORIAL.read_text()
    assert f"\n{' '.join(sorted(INTERFERON))}\n" in text
    start = text.index("genes of the interferon response")
    listed = text[start : text.index("```", start)].replace("\n", " ")
    assert listed.endswith("in CD14+ and CD16+ monocytes, cDC, CD4+ and CD8+ T cells and NK cells:  ")
    expected = {"CD14+ monocyte", "CD16+ monocyte", "cDC", "CD4+ T cell", "CD8+ T cell", "NK cell"}
    assert set(INTERFERON_RESPONSE) == expected


def test_samples_find_the_interferon_response_and_nothing_else(demo: ad.AnnData, dataset: Dataset) -> None:
    result = over_samples(demo, dataset)
    assert found(demo, result) == INTERFERON
    assert (result.log2_fold_change[result.p_adjusted < ALPHA] > 0.5).all()


@pytest.mark.parametrize("cell_type", CELL_TYPES)
def test_only_the_cell_types_that_respond_have_it(demo: ad.AnnData, dataset: Dataset, cell_type: str) -> None:
    genes = found(demo, over_samples(demo, dataset, cell_type))
    assert genes & INTERFERON == (INTERFERON if cell_type in INTERFERON_RESPONSE else set())
    # of the genes that are found, one in twenty is false on average
    assert len(genes - INTERFERON) <= 2


def test_one_cell_type_has_another_proportion(demo: ad.AnnData) -> None:
    design = design_of(demo, *sides_of(demo))
    counts = np.zeros((len(CELL_TYPES), len(design.used)))
    np.add.at(counts, (demo.obs["cell_type"].cat.codes.to_numpy(), design.codes), 1)
    result = compare_proportions(counts, design)
    significant = np.flatnonzero(result.p_adjusted < ALPHA)
    assert {list(CELL_TYPES)[i] for i in significant} == set(COMPOSITION_CHANGE)
    assert (result.log2_fold_change[significant] < 0).all()


@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_cells_are_overconfident(demo: ad.AnnData, dataset: Dataset, method: str) -> None:
    """Donors differ, so tests of cells find most genes."""
    result = compare(dataset, dataset.matrix("X"), *sides_of(demo), Options(method), 2)
    assert len(found(demo, result)) > 600


@pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")
def test_r_finds_the_same(demo: ad.AnnData, dataset: Dataset, tmp_path: Path) -> None:
    design = design_of(demo, *sides_of(demo))
    sums = np.stack([demo.layers["counts"][design.codes == k].sum(axis=0).A1 for k in range(len(design.used))], axis=1)
    question = tmp_path / "question"
    question.mkdir()
    np.savetxt(question / "counts.csv", sums, "%d", ",")
    np.savetxt(question / "design.csv", design.matrix, "%.17g", ",")
    (question / "coefficient.txt").write_text("2")
    subprocess.run([str(RSCRIPT), SCRIPT, tmp_path], check=True, timeout=120)
    kept = np.loadtxt(question / "kept.out") > 0
    change, _, p_value, p_adjusted, *_ = np.loadtxt(question / "voom.out", delimiter=",").T
    assert set(demo.var_names[kept][p_adjusted < ALPHA]) == INTERFERON
    result = over_samples(demo, dataset)
    np.testing.assert_array_equal(result.tested, kept)
    np.testing.assert_allclose(result.log2_fold_change[kept], change, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(result.p_value[kept], p_value, rtol=1e-6)
    np.testing.assert_allclose(result.p_adjusted[kept], p_adjusted, rtol=1e-6)
