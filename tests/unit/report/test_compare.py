"""``starcyte compare``: its numbers are R's, its files are whole, and names of a file stay text."""

from __future__ import annotations

import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from starcyte import cli

RSCRIPT = shutil.which("Rscript")
SCRIPT = Path(__file__).parents[2] / "data" / "pseudobulk" / "limma.R"
N_GENES = 40
TYPES = ("T cell", "B cell", "rare")


def study():
    """Return eight donors of two conditions with three cell types, one in few donors; six genes differ in T cells."""
    rng = np.random.default_rng(1)
    cells = [(d, t) for d in range(8) for t, n in enumerate((16, 14, 12)) for _ in range(n) if t < 2 or d in {0, 1, 5}]
    donor, kind = np.array(cells)[rng.permutation(len(cells))].T
    mean = np.exp(rng.normal(1.0, 0.6, (3, N_GENES)))[kind] * np.exp(rng.normal(0, 0.15, (8, N_GENES)))[donor]
    ill = donor >= 4
    mean[:, :4] *= np.where(ill & (kind == 0), 4.0, 1.0)[:, None]
    mean[:, 4:6] *= np.where(ill & (kind == 0), 0.25, 1.0)[:, None]
    obs = {
        "donor": pd.Categorical.from_codes(donor, [f"D{k}" for k in range(1, 9)]),
        "condition": pd.Categorical.from_codes(ill.astype(int), ["healthy", "ill"]),
        "sex": pd.Categorical.from_codes(donor % 2, ["female", "male"]),
        "age": np.array([34.0, 58, 41, 52, 29, 55, 44, 49])[donor],
        "type": pd.Categorical.from_codes(kind, TYPES),
    }
    counts = sp.csr_matrix(rng.poisson(mean).astype(np.float32))
    names = pd.Index([f"cell{k}" for k in range(len(donor))])
    return ad.AnnData(counts, pd.DataFrame(obs, index=names), pd.DataFrame(index=[f"G{k}" for k in range(N_GENES)]))


@pytest.fixture
def compare(tmp_path, capsys):
    """Return a function that runs the command on a dataset and returns its status, table, report and messages."""

    def run(dataset, *options, report=True):
        path, table, page = (tmp_path / name for name in ("study.h5ad", "results.tsv", "report.html"))
        dataset.write_h5ad(path)
        outputs = ["--output", str(table), *(["--report", str(page)] if report else [])]
        status = cli.main(["compare", str(path), *options, *outputs, "--cache-dir", str(tmp_path / "cache")])
        texts = [found.read_text("utf-8") if found.exists() else "" for found in (table, page)]
        return status, *texts, capsys.readouterr().err

    return run


def rows(table):
    """Return the table below the lines of #, and these lines."""
    lines = table.split("\n")
    head = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    body = [line.split("\t") for line in lines if line and not line.startswith("# ")]
    return pd.DataFrame(body[1:], columns=body[0]), head


def limma(folder, sums, design):
    folder.mkdir()
    np.savetxt(folder / "counts.csv", sums, "%d", ",")
    np.savetxt(folder / "design.csv", design, "%.17g", ",")
    (folder / "coefficient.txt").write_text("2")


@pytest.mark.slow
@pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")
def test_every_number_is_limmas(compare, tmp_path):
    dataset = study()
    status, table, _, _ = compare(dataset, "--condition", "condition", "--covariates", "sex", "age", "--each", "type")
    assert status == 0
    found, _ = rows(table)
    donors = dataset.obs.groupby("donor", observed=True).first()
    age = donors["age"].to_numpy()
    design = np.column_stack(
        [np.ones(8), donors["condition"] == "ill", donors["sex"] == "male", (age - age.mean()) / age.std()]
    )
    questions = tmp_path / "questions"
    questions.mkdir()
    for name in TYPES[:2]:
        cells = dataset[dataset.obs["type"] == name]
        sums = cells.to_df().groupby(cells.obs["donor"], observed=True).sum().T
        limma(questions / name.replace(" ", "_"), sums, design)
    subprocess.run([RSCRIPT, SCRIPT, questions], check=True, timeout=120)
    assert set(found["type"]) == set(TYPES[:2])
    for name in TYPES[:2]:
        folder = questions / name.replace(" ", "_")
        kept = np.loadtxt(folder / "kept.out") > 0
        expected = pd.DataFrame(np.loadtxt(folder / "voom.out", delimiter=",")[:, :4], dataset.var_names[kept])
        ours = found[found["type"] == name].set_index("gene").loc[expected.index]
        columns = ["log2_fold_change", "score", "p_value", "p_adjusted"]
        np.testing.assert_allclose(ours[columns].astype(float), expected, rtol=1e-6, atol=1e-12)


def test_a_table_says_how_it_was_made(compare):
    status, table, page, _ = compare(study(), "--condition", "condition", "--covariates", "sex", "age")
    assert status == 0
    found, head = rows(table)
    assert head[0] == "ill (A) against healthy (B) in condition, over samples (donor)"
    assert "Model: ~ condition + sex + age. Samples with fewer than 10 cells on a side were left out." in head
    assert "D1, healthy, 42, female, 34" in head
    assert any("doi:10.1186/gb-2014-15-2-r29" in line for line in head)
    assert set(found.columns[-8:]) == {f"D{k} ({'ill' if k > 4 else 'healthy'})" for k in range(1, 9)}
    means = found[[f"D{k} (ill)" for k in range(5, 9)]].astype(float).mean(axis=1)
    np.testing.assert_allclose(means, found["mean_a"].astype(float))
    assert (np.diff(found["p_value"].astype(float)) >= 0).all()
    for text in (*head[:3], "D5", "trimmed mean of M values", "10.1186/gb-2010-11-3-r25"):
        assert text in page or text.startswith(("dataset", "matrix"))


def test_each_category_and_what_was_refused(compare):
    status, table, page, _ = compare(study(), "--condition", "condition", "--each", "type")
    assert status == 0
    found, head = rows(table)
    significant = found[found["p_adjusted"].astype(float) < 0.05]
    assert set(significant["gene"][significant["type"] == "T cell"]) == {f"G{k}" for k in range(6)}
    assert set(significant["type"]) == {"T cell"}
    reason = "Side A has 1 sample; differences between samples need at least 2 on each side."
    assert f"rare: not compared. {reason}" in head
    assert f"<bdi>rare</bdi>: {reason}" in page
    # overview, proportions of three types, and volcano and ten genes of two of them
    assert page.count("<svg ") == 1 + 3 + 2 * (1 + 10)
    # a dot for each of eight samples, with its name
    assert page.count("<title>D8: ") == 3 + 2 * 10


def test_proportions_of_each_category(compare):
    dataset = study()
    # more B cells in the ill
    few = (
        (dataset.obs["condition"] == "healthy") & (dataset.obs["type"] == "B cell") & (np.arange(dataset.n_obs) % 3 > 0)
    )
    dataset = dataset[~few].copy()
    status, table, page, _ = compare(dataset, "--condition", "condition", "--each", "type", "--max-samples", "9")
    assert status == 0
    lines = [line for line in rows(table)[1] if line.startswith("proportion of ")]
    assert len(lines) == 3
    shares = pd.crosstab(dataset.obs["donor"], dataset.obs["type"], normalize="index")["B cell"]
    means = shares.groupby(dataset.obs.groupby("donor", observed=True)["condition"].first(), observed=True).mean()
    (line,) = (line for line in lines if line.startswith("proportion of B cell: "))
    assert f"{means['ill']:.4f} in ill, {means['healthy']:.4f} in healthy, p " in line
    assert "Proportions of each <bdi>type</bdi>" in page
    assert "10.1093/bioinformatics/btac582" in page


def test_plots_are_limited(compare):
    status, _, page, _ = compare(study(), "--condition", "condition", "--each", "type", "--report-categories", "1")
    assert status == 0
    assert 'id="part-0"' in page
    assert 'id="part-1"' not in page
    assert "Plots of 1 category with the most significant genes follow; the table has all." in page


def test_notes_are_the_lines_above_the_header_in_a_file_of_their_own(compare, tmp_path):
    options = ["--condition", "condition", "--each", "type"]
    _, with_notes, _, _ = compare(study(), *options)
    status, without, _, _ = compare(study(), *options, "--notes", str(tmp_path / "notes.txt"))
    assert status == 0
    lines = with_notes.splitlines(keepends=True)
    assert without == "".join(line for line in lines if not line.startswith("# "))
    assert (tmp_path / "notes.txt").read_text() == "".join(line[2:] for line in lines if line.startswith("# "))


def test_sides(compare):
    upwards, _ = rows(compare(study(), "--condition", "condition")[1])
    downwards, head = rows(compare(study(), "--condition", "condition", "--a", "healthy")[1])
    assert head[0].startswith("healthy (A) against ill (B)")
    signs = upwards.set_index("gene")["log2_fold_change"].astype(float)
    np.testing.assert_allclose(-downwards.set_index("gene")["log2_fold_change"].astype(float)[signs.index], signs)
    # pairs: the same donors on both sides
    _, head = rows(compare(study(), "--condition", "type", "--a", "T cell", "--b", "B cell", "--sample", "donor")[1])
    assert any(line.startswith("Model: ~ type + donor. The same samples are on both sides") for line in head)
    _, head = rows(compare(study(), "--condition", "type", "--a", "T cell")[1])
    assert head[0] == "T cell (A) against the rest (B) in type, over samples (donor)"


def test_logarithms_are_compared_by_limma_trend(compare):
    dataset = study()
    dataset.X = dataset.X.log1p()
    status, table, page, _ = compare(dataset, "--condition", "condition")
    assert status == 0
    assert "X (log1p)" in table
    assert "limma-trend" in page
    assert "voom" not in page


def test_counts_of_a_layer_come_before_logarithms(compare):
    dataset = study()
    dataset.layers["umi"] = dataset.X.copy()
    dataset.X = dataset.X.log1p()
    assert "# matrix: layers/umi (counts)" in compare(dataset, "--condition", "condition")[1]
    assert "# matrix: X (log1p)" in compare(dataset, "--condition", "condition", "--matrix", "X")[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--condition", "nope"], "No such column in obs: 'nope'. It has 'donor', 'condition', 'sex', 'age', 'type'."),
        (["--condition", "age"], "'age' is continuous"),
        (["--condition", "type"], "Name one with --a: 'T cell', 'B cell', 'rare'."),
        (["--condition", "condition", "--a", "hale"], "has no category 'hale'. It has 'healthy', 'ill'."),
        (["--condition", "condition", "--a", "ill", "--b", "ill"], "Both sides are 'ill'."),
        (["--condition", "condition", "--covariates", "sex", "sex"], "'sex' is given twice."),
        (["--condition", "condition", "--covariates", "type"], "'type' is not constant within donor"),
        (["--condition", "donor", "--sample", "sex", "--a", "D1"], "female is on both sides, and 1 other"),
        (["--condition", "condition", "--each", "age"], "'age' is continuous"),
        (["--condition", "condition", "--matrix", "raw/X"], "raw/X"),
        (["--condition", "condition", "--max-samples", "7"], "The limit is 7 (max_samples)."),
        ([], "--condition"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_compared_is_told_in_one_line(compare, options, said):
    status, table, page, message = compare(study(), *options)
    assert status == 2
    assert said in message
    assert message.startswith("starcyte: ")
    assert message.count("\n") == 1
    assert (table, page) == ("", "")


def test_without_samples_or_counts(compare):
    dataset = study()
    dataset.obs = dataset.obs[["condition", "type"]]
    assert "No column of obs looks like samples. Name" in compare(dataset, "--condition", "condition")[3]
    dataset = study()
    dataset.X = dataset.X.toarray() - 3.5
    assert "No matrix holds counts or logarithms" in compare(dataset, "--condition", "condition")[3]


def test_a_folder_that_does_not_exist_is_told_before_the_comparison(tmp_path, capsys):
    missing = tmp_path / "missing" / "results.tsv"
    path = tmp_path / "study.h5ad"
    study().write_h5ad(path)
    assert cli.main(["compare", str(path), "--condition", "nope", "--output", str(missing)]) == 2
    assert "missing/results.tsv' does not exist" in capsys.readouterr().err


NASTY = (
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    'a"onload="x',
    "tab\tline\nend\x1b",
    "\u202egnp.exe",
    "-1+1",
)


class Elements(HTMLParser):
    """The elements and attributes of a document."""

    def __init__(self, text):
        super().__init__()
        self.found = set()
        self.references = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found |= {tag, *(name for name, _ in attributes)}
        self.references |= {value for name, value in attributes if name in {"href", "src", "style"}}


def test_names_stay_text(compare):
    dataset = study()
    donors = [*NASTY, "@x", "+x"]
    dataset.obs["donor"] = dataset.obs["donor"].cat.rename_categories(donors)
    dataset.obs["type"] = dataset.obs["type"].cat.rename_categories(["=T()", "<img src=x>", "rare"])
    dataset.obs["condition"] = dataset.obs["condition"].cat.rename_categories(["=b()", "<svg onload=a()>"])
    dataset.var_names = [*NASTY, *dataset.var_names[len(NASTY) :]]
    for options in ([], ["--each", "type"]):
        status, table, page, _ = compare(dataset, "--condition", "condition", "--sample", "donor", *options)
        assert status == 0
        found, _ = rows(table)
        assert "'=cmd|' /C calc'!A0" in set(found["gene"])
        texts = [field for column in found.columns for field in (column, *found[column])]
        formulas = [text for text in texts if text[:1] in "=+-@\t\r" and text]
        # negative numbers are none
        assert all(float(text) < 0 for text in formulas)
        elements = Elements(page)
        assert not elements.found & {
            "script",
            "img",
            "iframe",
            "object",
            "link",
            "base",
            "form",
            "onload",
            "foreignobject",
        }
        assert all(reference.startswith("#part-") for reference in elements.references)
        assert not set(page) & set("\x1b\u202e")
        assert "default-src 'none'" in page


def test_a_p_value_of_zero_has_a_place(compare):
    """It underflows where a gene is the same in all samples of a side but for a difference between the sides."""
    from starcyte.report.volcano import volcano

    class Part:
        genes = np.array([0, 1])
        log2_fold_change = np.array([3.0, -0.5])
        p_value = np.array([0.0, 0.3])
        p_adjusted = np.array([0.0, 0.6])

    class Names:
        names = ("one", "two")

    picture = volcano(Part, Names, "a", "b")
    assert "inf" not in picture
    assert "nan" not in picture
    assert picture.count("<circle") == 2
