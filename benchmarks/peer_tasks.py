"""Tasks of a user, done in starcyte and in cellxgene as one who knows each program does them: with the fewest clicks.

A task of a program is a function, or why the program does not do it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import anndata
import numpy as np
import pandas as pd
from playwright.sync_api import Locator, expect

from benchmarks import tasks
from benchmarks.tasks import GENES, LASSO
from benchmarks.user import PATIENCE, User

Do = Callable[[User], None]
TASKS: dict[str, dict[str, Do | str]] = {}

LABELS = {
    "T cell": ("CD4+ T cell", "CD8+ T cell"),
    "Myeloid": ("CD14+ monocyte", "CD16+ monocyte"),
    "B lineage": ("B cell", "Plasma cell"),
}


def task(name: str, program: str) -> Callable[[Do], Do]:
    """Add a function to the tasks of a program."""

    def add(do: Do) -> Do:
        TASKS.setdefault(name, {})[program] = do
        return do

    return add


def unable(name: str, program: str, why: str) -> None:
    """Say why a program does not do a task."""
    TASKS.setdefault(name, {})[program] = why


def _demo(user: User) -> anndata.AnnData:
    return anndata.read_h5ad(user.folder / "demo.h5ad")


def _positive(data: anndata.AnnData, *genes: str) -> int:
    """Return the number of cells that express all of some genes."""
    return int((data[:, list(genes)].X.toarray() > 0).all(axis=1).sum())


def _id(user: User, name: str) -> Locator:
    """Return the element of cellxgene with an identifier."""
    return user.page.get_by_test_id(name)


def _left(user: User, n: int | None = None) -> int:
    """Wait until a number of cells, or fewer than all, is selected in cellxgene, and return it."""
    of = f"{n}" if n is not None else r"(?!20000)\d+"
    button = _id(user, "layout-choice")
    expect(button).to_contain_text(re.compile(rf"\b{of} out of"), timeout=PATIENCE)
    return int(button.inner_text().split(":")[1].split()[0])


OPEN = "Open, until the cells are drawn"
task(OPEN, "starcyte")(tasks.open_page)


@task(OPEN, "cellxgene")
def _(user: User) -> None:
    _left(user, 20_000)
    expect(_id(user, "layout-graph")).to_be_visible(timeout=PATIENCE)


DONOR = "Select the cells of one donor"
task(DONOR, "starcyte")(tasks.donor)


@task(DONOR, "cellxgene")
def _(user: User) -> None:
    user.click(_id(user, "sample:category-expand"))
    user.click(_checkbox(user, "sample:category-select"))
    user.click(_checkbox(user, "categorical-value-select-sample-BM3"))
    _left(user, 2600)


def _checkbox(user: User, name: str) -> Locator:
    """Return what is clicked of a check box of cellxgene: the box itself is covered."""
    return user.page.locator("label", has=_id(user, name))


GENE = "Colour by a gene written in lower case"


@task(GENE, "starcyte")
def _(user: User) -> None:
    _color(user, "ms4a1")
    user.sees("values from X")


def _search(user: User) -> None:
    user.press("/")
    expect(user.find("Search a gene", "combobox")).to_be_focused(timeout=PATIENCE)


def _color(user: User, gene: str) -> None:
    _search(user)
    user.write(gene)
    user.press("Enter")
    coloured = user.page.get_by_role("button", name=f"Coloured by {gene.upper()}", exact=True)
    expect(coloured).to_be_visible(timeout=PATIENCE)


@task(GENE, "cellxgene")
def _(user: User) -> None:
    user.click(_id(user, "gene-search"))
    user.write("ms4a1")
    user.press("Enter")
    user.click(_id(user, "colorby-MS4A1"))
    expect(_id(user, "continuous_legend_color_by_label")).to_have_attribute("aria-label", "MS4A1", timeout=PATIENCE)


BOTH = "Select the cells that express both of two genes, with their number"


@task(BOTH, "starcyte")
def _(user: User) -> None:
    _color(user, "CD3D")
    _color(user, "NKG7")
    user.click("Combine two genes or measurements")
    user.click("Colour by both")
    user.click(user.page.get_by_role("button", name=re.compile(r"^Select (NKG7\+ CD3D\+|CD3D\+ NKG7\+)")))
    user.selected(_positive(_demo(user), "CD3D", "NKG7"))


@task(BOTH, "cellxgene")
def _(user: User) -> None:
    # the lowest of forty bins of each histogram holds the cells that do not express the gene
    for gene in ("CD3D", "NKG7"):
        user.click(_id(user, "gene-search"))
        user.write(gene)
        user.press("Enter")
        user.click(_id(user, f"maximize-{gene}"))
        _brush(user, gene, 0.04, 0.995)
    _left(user, _positive(_demo(user), "CD3D", "NKG7"))


def _brush(user: User, name: str, start: float, end: float) -> None:
    """Drag over a histogram of cellxgene, between shares of its width."""
    area = _id(user, f"histogram-{name}-plot-brushable-area")
    area.scroll_into_view_if_needed()
    user.drag([(start, 0.5), (end, 0.5)], area)


SUBSET = "Lasso cells, look at them alone, and return"


@task(SUBSET, "starcyte")
def _(user: User) -> None:
    user.press("l")
    user.drag(LASSO)
    n = user.selected()
    user.press("z")
    user.sees(re.compile(f"{n:,} cells|{n:,} of 20,000 cells$"))
    user.press("u")
    expect(user.page.get_by_role("button", name=re.compile("all cells", re.I))).to_be_hidden(timeout=PATIENCE)


@task(SUBSET, "cellxgene")
def _(user: User) -> None:
    user.drag(LASSO, _id(user, "layout-graph"))
    n = _left(user)
    user.click(_id(user, "subset-button"))
    expect(_id(user, "layout-choice")).to_contain_text(f"{n} out of {n}", timeout=PATIENCE)
    user.click(_id(user, "reset-subset-button"))
    expect(_id(user, "layout-choice")).to_contain_text("out of 20000", timeout=PATIENCE)


COMPARE = "Compare gene expression of two conditions"


@task(COMPARE, "starcyte")
def _(user: User) -> None:
    user.click("Unfold condition")
    user.click("lupus")
    user.selected(10_000)
    user.press("a", "c")
    expect(user.page.get_by_role("region", name="Result").get_by_role("cell").first).to_be_visible(timeout=PATIENCE)


@task(COMPARE, "cellxgene")
def _(user: User) -> None:
    control, lupus = (f"categorical-value-select-condition-{name}" for name in ("control", "lupus"))
    user.click(_id(user, "condition:category-expand"))
    user.click(_checkbox(user, control))
    _left(user, 10_000)
    user.click(_id(user, "cellset-button-1"))
    user.click(_checkbox(user, control))
    user.click(_checkbox(user, lupus))
    user.click(_id(user, "cellset-button-2"))
    user.click(_id(user, "diffexp-button"))
    user.sees(re.compile("Pop1 high"))


MARKERS = "Genes of one cell type against all other cells"


@task(MARKERS, "starcyte")
def _(user: User) -> None:
    user.click("CD14+ monocyte")
    user.selected(2520)
    user.press("a", "c")
    expect(user.page.get_by_role("region", name="Result").get_by_role("cell").first).to_be_visible(timeout=PATIENCE)


@task(MARKERS, "cellxgene")
def _(user: User) -> None:
    everything, one = "cell_type:category-select", "categorical-value-select-cell_type-CD14+ monocyte"
    user.click(_id(user, "cell_type:category-expand"))
    user.click(_checkbox(user, everything))
    user.click(_checkbox(user, one))
    _left(user, 2520)
    user.click(_id(user, "cellset-button-1"))
    user.click(_checkbox(user, everything))
    user.click(_checkbox(user, one))
    _left(user, 17_480)
    user.click(_id(user, "cellset-button-2"))
    user.click(_id(user, "diffexp-button"))
    user.sees(re.compile("Pop1 high"))


ANNOTATE = "Annotate: three labels of two cell types each"


@task(ANNOTATE, "starcyte")
def _(user: User) -> None:
    for label, types in LABELS.items():
        user.click(types[0])
        user.click(types[1], "checkbox")
        user.press("n")
        expect(user.page.locator("input:focus:not([type=checkbox])")).to_be_visible(timeout=PATIENCE)
        user.write(label)
        user.press("Enter")
        expect(user.page.get_by_role("group", name=label, exact=True)).to_be_visible(timeout=PATIENCE)


@task(ANNOTATE, "cellxgene")
def _(user: User) -> None:
    _create_category(user)
    user.click(_id(user, "cell_type:category-expand"))
    user.click(_checkbox(user, "cell_type:category-select"))
    before: tuple[str, ...] = ()
    for label, types in LABELS.items():
        for name in (*before, *types):
            user.click(_checkbox(user, f"categorical-value-select-cell_type-{name}"))
        before = types
        _assign(user, label)
    user.page.get_by_test_id("mine:category-expand").scroll_into_view_if_needed()
    _saved(user, {label: sum(_demo(user).obs["cell_type"].isin(types)) for label, types in LABELS.items()})


def _create_category(user: User) -> None:
    user.click(_id(user, "open-annotation-dialog"))
    expect(_id(user, "new-category-name")).to_be_visible()
    user.write("mine")
    user.press("Enter")
    expect(_id(user, "mine:category-expand")).to_be_visible(timeout=PATIENCE)


def _assign(user: User, label: str) -> None:
    """Give the selected cells a new label."""
    user.click(_id(user, "mine:add-new-label-to-category"))
    expect(_id(user, "mine:new-label-name")).to_be_focused()
    user.write(label)
    user.click(user.page.get_by_role("button", name=re.compile("Add label & assign")))
    expect(_id(user, "mine:new-label-name")).to_be_hidden(timeout=PATIENCE)


def _saved(user: User, sizes: dict[str, int]) -> None:
    """Wait until cellxgene has saved labels of some numbers of cells."""
    path, found = user.folder / "cells.csv", pd.Series(dtype=int)
    for _ in range(100):
        user.page.wait_for_timeout(100)
        if path.exists():
            found = pd.read_csv(path, comment="#", index_col=0)["mine"].value_counts()
            if all(found.get(label) == n for label, n in sizes.items()):
                return
    raise AssertionError(f"{sizes}: {found}")


SET = "Create a gene set of ten pasted genes and colour by it"


@task(SET, "starcyte")
def _(user: User) -> None:
    _copy(user, GENES)
    _search(user)
    user.press("Control+v")
    user.click("Mean")
    user.sees("mean of 10 genes from X")


@task(SET, "cellxgene")
def _(user: User) -> None:
    _copy(user, ",".join(GENES.split()))
    user.click(_id(user, "open-create-geneset-dialog"))
    expect(_id(user, "create-geneset-input")).to_be_focused()
    user.write("mine")
    user.press("Tab", "Tab", "Control+v")
    user.click(_id(user, "submit-geneset"))
    user.click(_id(user, "mine:colorby-entire-geneset"))
    expect(_id(user, "continuous_legend_color_by_label")).to_have_attribute("aria-label", "mine", timeout=PATIENCE)


def _copy(user: User, text: str) -> None:
    """Have a text in the clipboard, from elsewhere."""
    user.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    user.page.evaluate("text => navigator.clipboard.writeText(text)", text)


QUALITY = "Quality control: cells between thresholds of two measurements, their names to a file"


@task(QUALITY, "starcyte")
def _(user: User) -> None:
    for column, field, value in (("total_counts", "At least", "1000"), ("pct_counts_mt", "At most", "8")):
        user.find(f"Colour by {column}").scroll_into_view_if_needed()
        user.fill(user.page.get_by_role("textbox", name=f"{field}, {column}"), value)
        user.press("Enter")
    n = user.selected(int(_kept(user).sum()))
    user.press("s")
    names = user.download(lambda: user.click(user.page.get_by_role("button", name=re.compile("^Names of"))))
    assert len(names.read_text().split()) >= n


def _kept(user: User) -> np.ndarray:
    obs = _demo(user).obs
    return np.asarray((obs["total_counts"] >= 1000) & (obs["pct_counts_mt"] <= 8))


@task(QUALITY, "cellxgene")
def _(user: User) -> None:
    obs = _demo(user).obs
    for column, low, high in (("total_counts", 1000, None), ("pct_counts_mt", None, 8)):
        least, most = float(obs[column].min()), float(obs[column].max())
        start = (low - least) / (most - least) if low is not None else 0.002
        end = (high - least) / (most - least) if high is not None else 0.998
        _brush(user, column, start, end)
    n, wanted = _left(user), int(_kept(user).sum())
    assert abs(n - wanted) < 0.05 * wanted, (n, wanted)
    _create_category(user)
    _assign(user, "kept")
    _saved(user, {"kept": n})


COMPOSITION = "Cell types of each sample, as bars"


@task(COMPOSITION, "starcyte")
def _(user: User) -> None:
    user.click("Unfold sample")
    expect(user.page.get_by_role("group", name="BM8", exact=True)).to_contain_text("2,200", timeout=PATIENCE)


@task(COMPOSITION, "cellxgene")
def _(user: User) -> None:
    user.click(_id(user, "colorby-cell_type"))
    user.click(_id(user, "sample:category-expand"))
    expect(_id(user, "categorical-value-count-sample-BM8")).to_be_visible(timeout=PATIENCE)


BARCODE = "A barcode to its cluster"


@task(BARCODE, "starcyte")
def _(user: User) -> None:
    user.press("Control+k")
    user.write("TCTGCGCTATGCAATG")
    expect(user.page.get_by_role("option").first).to_contain_text("BM1_TCTGCGCTATGCAATG", timeout=PATIENCE)
    user.press("Enter")
    card = user.page.get_by_role("region", name="Focused cell")
    expect(card).to_contain_text(str(_demo(user).obs["cell_type"].iloc[1]), timeout=PATIENCE)


unable(BARCODE, "cellxgene", "no search of cells, and no names of cells on the page")

SPLIT = "A gene in each condition, side by side"
task(SPLIT, "starcyte")(tasks.split)
unable(SPLIT, "cellxgene", "one plot")

MEANS = "Mean and percentage of all genes by cluster as CSV"
task(MEANS, "starcyte")(tasks.means)
unable(MEANS, "cellxgene", "no download")
