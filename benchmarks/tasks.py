"""The tasks of a user of the page: each ends when what was asked for is on the page or in a file, which is checked."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from playwright.sync_api import expect

from benchmarks.user import PATIENCE, User


@dataclass(frozen=True)
class Task:
    """A task of a user."""

    name: str
    of: str
    do: Callable[[User], None]


TASKS: list[Task] = []


def task(name: str, of: str = "demo") -> Callable[[Callable[[User], None]], Callable[[User], None]]:
    """Add a function to the tasks; ``of`` is the dataset it is done in."""

    def add(do: Callable[[User], None]) -> Callable[[User], None]:
        TASKS.append(Task(name, of, do))
        return do

    return add


LASSO = [(0.2, 0.2), (0.5, 0.2), (0.5, 0.5), (0.2, 0.5), (0.2, 0.2)]
GENES = "CD3D CD19 MS4A1 LYZ S100A8 NKG7 GNLY HBB PF4 CD34"


@task("Open")
def open_page(user: User) -> None:
    """Done by loading the page."""
    user.sees("20,000 cells")


@task("Understand: what is in the file, and what each category is")
def understand(user: User) -> None:
    """Unfold the columns of conditions and samples, and look at a cell."""
    user.click("Unfold condition")
    user.click("Unfold sample")
    expect(user.page.get_by_role("group", name="lupus", exact=True)).to_contain_text("10,000")
    expect(user.page.get_by_role("group", name="BM1", exact=True)).to_contain_text("2,800")


@task("Recolour and rename a category of the file")
def recolour(user: User) -> None:
    """In an own version of the column, which is saved."""
    user.click("Edit HSC/MPP")
    user.click("Colour #d55e00")
    user.fill(user.page.get_by_label("Name of the category"), "Stem cells")
    user.click("Save")
    expect(user.page.get_by_role("group", name="Stem cells", exact=True)).to_be_visible(timeout=PATIENCE)


@task("Cells of one donor")
def donor(user: User) -> None:
    """By a click on the name of the sample."""
    user.click("Unfold sample")
    user.click(user.page.get_by_role("group", name="BM3", exact=True).get_by_role("button", name="BM3", exact=True))
    user.selected(2600)


@task("A gene by alias, in lower case, by Ensembl id with a version")
def gene(user: User) -> None:
    """Three searches."""
    for text, name in (("leu4d", "CD3D"), ("ms4a1", "MS4A1"), ("ENSG00000090382.7", "LYZ")):
        user.press("/")
        user.write(text)
        expect(user.page.get_by_role("option").first).to_contain_text(name, timeout=PATIENCE)
        user.press("Enter")
        expect(user.page.get_by_role("region", name="Legend")).to_contain_text(name, timeout=PATIENCE)


@task("Ten genes as dot plot and as violins")
def ten_genes(user: User) -> None:
    """A pasted list."""
    user.press("Control+k")
    user.paste(GENES)
    user.click(user.page.get_by_role("option", name=re.compile("10 genes")))
    expect(user.page.get_by_role("region", name="Plots")).to_contain_text("CD34", timeout=PATIENCE)
    user.click("Violins", "radio")
    expect(user.page.locator("svg").filter(has_text="CD34").first).to_be_visible(timeout=PATIENCE)


def show_gene(user: User, name: str) -> None:
    """Colour by a gene."""
    user.tab("Genes")
    user.click("Search a gene", "combobox")
    user.press("Control+a")
    user.write(name)
    expect(user.page.get_by_role("option").first).to_contain_text(name, timeout=PATIENCE)
    user.press("Enter")
    expect(user.page.get_by_role("button", name=f"Coloured by {name}", exact=True)).to_be_visible(timeout=PATIENCE)


@task("Co-expression of two genes, with numbers")
def co_expression(user: User) -> None:
    """The quadrants of two genes, of which the double-positive cells are selected."""
    show_gene(user, "CD3D")
    show_gene(user, "NKG7")
    user.click("Combine two genes or measurements")
    user.click("Colour by both")
    user.click(user.page.get_by_role("button", name=re.compile(r"^Select (NKG7\+ CD3D\+|CD3D\+ NKG7\+)")))
    user.selected()


@task("Lasso, add, subtract, invert")
def lasso(user: User) -> None:
    """Shift adds, Alt subtracts."""
    user.click("Select with a lasso")
    user.drag(LASSO)
    first = user.selected()
    user.page.keyboard.down("Shift")
    user.drag([(0.55, 0.4), (0.75, 0.4), (0.75, 0.6), (0.55, 0.6), (0.55, 0.4)])
    user.page.keyboard.up("Shift")
    more = user.selected()
    user.page.keyboard.down("Alt")
    user.drag([(0.2, 0.2), (0.35, 0.2), (0.35, 0.5), (0.2, 0.5), (0.2, 0.2)])
    user.page.keyboard.up("Alt")
    fewer = user.selected()
    user.keys += 2
    assert first < more > fewer, (first, more, fewer)
    user.click("Invert selection")
    user.selected(20_000 - fewer)


@task("Subset, analyse, return")
def subset(user: User) -> None:
    """T cells alone: their markers, then all cells again with the selection."""
    user.click("CD4+ T cell")
    user.click("CD8+ T cell", "checkbox")
    n = user.selected(3807)
    user.click("Subset to selection")
    user.sees(re.compile(f"^{n:,} of 20,000 cells|{n:,} cells"))
    user.tab("Markers")
    user.click("Find markers")
    expect(user.page.get_by_role("tabpanel").last).to_contain_text("CD8A", timeout=PATIENCE)
    user.click(user.page.get_by_role("button", name=re.compile("all cells", re.I)))
    user.sees("20,000 cells")


@task("Compare three ways: cells by two tests, and samples")
def compare(user: User) -> None:
    """Lupus against control by the t-test, Wilcoxon's test, and over samples."""
    user.click("Unfold condition")
    user.click("lupus")
    user.selected(10_000)
    user.press("a")
    user.tab("Compare")
    for test in ("t-test", "Wilcoxon", "Samples"):
        user.click(test, "radio")
        user.click("Compare expression")
        expect(user.page.get_by_role("region", name="Result")).to_contain_text(
            {"t-test": "Welch", "Wilcoxon": "Wilcoxon", "Samples": "limma"}[test], timeout=PATIENCE
        )
    expect(user.page.get_by_role("region", name="Result").get_by_role("cell").first).to_be_visible()


@task("Genes of a comparison to a gene set to its enrichment")
def enrichment(user: User) -> None:
    """In a GMT file, and the set as one's own."""
    user.click("CD14+ monocyte")
    user.selected(2520)
    user.press("a")
    user.tab("Compare")
    user.click("Compare expression")
    expect(user.page.get_by_role("region", name="Result").get_by_role("cell").first).to_be_visible(timeout=PATIENCE)
    user.click(user.page.get_by_role("button", name="Gene set", exact=True))
    user.click(user.page.get_by_role("menuitem", name=re.compile("higher in A")))
    expect(user.page.get_by_role("heading", name="Gene sets")).to_be_visible()
    user.tab("Compare")
    user.click("Enrichment")
    gmt = user.folder / "cells.gmt"
    gmt.write_text(
        "MONOCYTE\t\tLYZ\tS100A8\tS100A9\tCST3\tFCN1\tCD14\tTYROBP\tAIF1\tLST1\tVCAN\n"
        "T CELL\t\tCD3D\tCD3E\tCD2\tCD7\tIL7R\tLTB\tCD8A\tCD8B\tTRAC\tLCK\n"
    )
    user.clicks += 1
    user.page.get_by_label("GMT file").set_input_files(gmt)
    user.fill(user.page.get_by_label("Smallest set"), "5")
    user.click("Test the sets")
    expect(user.page.get_by_role("dialog").get_by_role("button", name="MONOCYTE")).to_be_visible(timeout=PATIENCE)


@task("Markers to a dot plot")
def markers(user: User) -> None:
    """Of all categories."""
    user.tab("Markers")
    user.click("Find markers")
    user.click("Dot plot")
    expect(user.page.get_by_role("region", name="Plots").locator("circle").first).to_be_visible(timeout=PATIENCE)


@task("Annotate with levels, and merge three")
def annotate(user: User) -> None:
    """An annotation from a column, with labels of two levels and three that are merged."""
    user.click("New annotation")
    user.fill(user.page.get_by_role("textbox", name="Name"), "mine")
    user.choose(re.compile("Start from"), re.compile("^cell_type"))
    user.click("Create")
    mine = user.page.get_by_role("article", name="mine")
    for name, new in (("CD8+ T cell", "T cell / CD8"), ("CD4+ T cell", "T cell / CD4")):
        user.click(mine.get_by_role("button", name=f"Edit {name}", exact=True))
        user.fill(user.page.get_by_role("dialog").get_by_role("combobox").first, new)
        user.click("Save")
    user.click("Level 1", "radio")
    expect(mine.get_by_text("3,807").first).to_be_visible(timeout=PATIENCE)
    user.click("More about mine")
    user.click("Merge labels…", "menuitem")
    dialog = user.page.get_by_role("dialog")
    for name in ("CD14+ monocyte", "CD16+ monocyte", "cDC"):
        user.click(dialog.get_by_role("checkbox", name=name, exact=True))
    user.fill(dialog.get_by_role("combobox"), "Myeloid")
    user.click(dialog.get_by_role("button", name=re.compile("Merge")).last)
    expect(mine.get_by_role("group", name="Myeloid", exact=True)).to_contain_text("3,409", timeout=PATIENCE)


@task("Import a table of five columns")
def import_table(user: User) -> None:
    """With other suffixes of the barcodes; two of the columns are wanted."""
    names = anndata.read_h5ad(user.folder / "demo.h5ad", backed="r").obs_names[:5000]
    table = pd.DataFrame({"barcode": [name.removesuffix("-1") for name in names], "clone": "a", "score": range(5000)})
    table["doublet"], table["batch"], table["call"] = "no", "x", np.where(np.arange(5000) % 2, "T", "B")
    path = user.folder / "calls.csv"
    table.to_csv(path, index=False)
    user.click("Export and import")
    user.click("Import annotations…", "menuitem")
    user.clicks += 1
    user.page.locator("input[type=file]").last.set_input_files(path)
    dialog = user.page.get_by_role("dialog")
    expect(dialog).to_contain_text("5,000", timeout=PATIENCE)
    for name in ("clone", "doublet", "batch"):
        user.click(dialog.get_by_role("checkbox", name=re.compile(name)))
    user.click(dialog.get_by_role("button", name=re.compile("^Import")))
    user.press("Escape")
    expect(user.page.get_by_role("article", name="call")).to_be_visible(timeout=PATIENCE)


@task("Export names, the obs table, a filtered h5ad, PNG of 174 mm and 300 dpi, SVG, PDF")
def export(user: User) -> None:
    """Of the cells of one donor."""
    user.click("Unfold sample")
    user.click("BM3")
    user.selected(2600)
    user.click("Save or copy cell_type")
    names = user.download(lambda: user.click(user.page.get_by_role("button", name=re.compile("^Names of"))))
    assert len(names.read_text().split()) >= 2600
    user.choose(re.compile("Size of the figure"), re.compile("174 mm"))
    for kind, start in (("PNG", b"\x89PNG"), ("SVG", b"<"), ("PDF", b"%PDF")):
        path = user.download(lambda kind=kind: user.click(f"Save the figure as {kind}"))  # type: ignore[misc]
        assert path.read_bytes().startswith(start), kind
        if kind == "PNG":
            assert _dots_per_metre(path) == 11811
    user.press("Escape")
    user.click("Export and import")
    user.click(user.page.get_by_role("menuitem", name=re.compile("New h5ad of the selected cells")))
    path = user.download(lambda: user.click("Download", "link"))
    data = anndata.read_h5ad(path)
    assert data.n_obs == 2600
    user.click("Export and import")
    table = user.download(lambda: user.click(user.page.get_by_role("menuitem", name=re.compile("^Table of the"))))
    assert len(pd.read_csv(table)) == 2600


@task("A figure of four panels with letters")
def figure(user: User) -> None:
    """Cells by type, a dot plot and violins of ten genes, and the composition."""
    user.press("Control+k")
    user.paste(GENES)
    user.click(user.page.get_by_role("option", name=re.compile("10 genes")))
    user.click("Export and import")
    user.click(user.page.get_by_role("menuitem", name=re.compile("Figure of several panels")))
    for panel in ("Plot of cells", "Dot plot", "Violins", "Composition"):
        user.click("Add panel")
        user.click(user.page.get_by_role("menuitem", name=re.compile(f"^{panel}")))
        user.page.wait_for_timeout(1500)
    path = user.download(lambda: user.click("Save the figure of panels as PDF"))
    assert path.read_bytes().startswith(b"%PDF")


def _dots_per_metre(path: Path) -> int:
    data = path.read_bytes()
    at = data.index(b"pHYs") + 4
    return int.from_bytes(data[at : at + 4], "big")


@task("Share with the drawer and a subset")
def share(user: User) -> None:
    """The link opens the same subset and the same plot."""
    user.click("Unfold condition")
    user.click("lupus")
    user.selected(10_000)
    user.click("Subset to selection")
    user.click(user.page.get_by_role("button", name=re.compile("^Plots: ")))
    user.click("Composition", "radio")
    expect(user.page.get_by_role("region", name="Plots")).to_contain_text("BM5", timeout=PATIENCE)
    user.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    user.click(user.page.get_by_role("button", name=re.compile("^Share: ")))
    user.sees("Link copied.")
    browser = user.page.context.browser
    assert browser is not None
    other = browser.new_page()
    link = user.page.evaluate("navigator.clipboard.readText()")
    assert "#v=" in link, link
    other.goto(link)
    expect(other.get_by_role("region", name="Plots")).to_contain_text("BM5", timeout=PATIENCE)
    expect(other.get_by_text(re.compile("10,000")).first).to_be_visible(timeout=PATIENCE)
    expect(other.get_by_role("radio", name="Composition")).to_be_checked()
    other.close()


@task("Two tissue sections", "sections")
def spatial(user: User) -> None:
    """Side by side, and a region of one drawn and compared."""
    user.click("Plots side by side")
    user.click(user.page.get_by_role("button", name=re.compile("^Gallery")))
    gallery = user.page.get_by_role("region", name="Gallery")
    user.click(gallery.get_by_role("radio", name="Sections"))
    expect(gallery.get_by_role("button", name=re.compile("^Show section"))).to_have_count(2, timeout=PATIENCE)
    user.click(gallery.get_by_role("button", name=re.compile("^Show section treated")))
    user.click(user.page.get_by_role("button", name="Select with a lasso").first)
    user.drag([(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6), (0.4, 0.4)])
    user.selected()
    user.press("a")
    user.tab("Compare")
    user.click("Compare expression")
    expect(user.page.get_by_role("region", name="Result").get_by_role("cell").first).to_be_visible(timeout=PATIENCE)


@task("Three dimensions")
def three_dimensions(user: User) -> None:
    """An embedding of three dimensions, turned."""
    user.choose(re.compile("Embedding"), re.compile("3"))
    expect(user.page.get_by_role("combobox", name=re.compile("Embedding"))).to_contain_text("3")
    user.drag([(0.5, 0.5), (0.7, 0.6)])


@task("Split by condition for a gene")
def split(user: User) -> None:
    """A picture of each condition on one scale."""
    show_gene(user, "ISG15")
    user.click("Plots side by side")
    user.click(user.page.get_by_role("button", name=re.compile("^Gallery")))
    user.choose(re.compile("^Categories of"), re.compile("^condition"))
    gallery = user.page.get_by_role("region", name="Gallery")
    expect(gallery.get_by_role("button", name=re.compile("lupus 10,000"))).to_be_visible(timeout=PATIENCE)
    if not gallery.get_by_role("checkbox", name="By ISG15").is_checked():
        user.click(gallery.get_by_role("checkbox", name="By ISG15"))


@task("Composition with its test")
def composition(user: User) -> None:
    """Over samples: the dots of each, and the test of each cell type."""
    user.click(user.page.get_by_role("button", name=re.compile("^Plots: ")))
    user.click("Composition", "radio")
    user.choose(re.compile("^Categories"), re.compile("^condition"))
    user.choose(re.compile("^Parts"), re.compile("^cell_type"))
    user.click("Samples", "radio")
    expect(user.page.get_by_role("region", name="Plots")).to_contain_text("adj. p", timeout=PATIENCE)


@task("Quality control with typed thresholds")
def quality(user: User) -> None:
    """Two thresholds, and the names of the cells that are kept."""
    for column, field, value in (
        ("total_counts", "At least", "1000"),
        ("pct_counts_mt", "At most", "8"),
    ):
        user.find(f"Colour by {column}").scroll_into_view_if_needed()
        user.fill(user.page.get_by_role("textbox", name=f"{field}, {column}"), value)
        user.press("Enter")
    obs = anndata.read_h5ad(user.folder / "demo.h5ad", backed="r").obs
    user.selected(int(((obs["total_counts"] >= 1000) & (obs["pct_counts_mt"] <= 8)).sum()))
    user.click("Save or copy cell_type")
    names = user.download(lambda: user.click(user.page.get_by_role("button", name=re.compile("^Names of"))))
    assert len(names.read_text().split()) > 1000


@task("A barcode to its cluster")
def barcode(user: User) -> None:
    """The card of the cell."""
    user.press("Control+k")
    user.write("TCTGCGCTATGCAATG")
    user.click(user.page.get_by_role("option", name=re.compile("BM1_TCTGCGCTATGCAATG")))
    expect(user.page.get_by_role("region", name="Focused cell")).to_contain_text("Reticular stroma", timeout=PATIENCE)


@task("Mean and percentage of all genes by cluster as CSV")
def means(user: User) -> None:
    """In two clicks."""
    user.click("Export and import")
    path = user.download(
        lambda: user.click(user.page.get_by_role("menuitem", name=re.compile("Means of all genes.*wide")))
    )
    with path.open() as file:
        rows = list(csv.reader(file))
    assert (len(rows), len(rows[0])) == (2001, 2 + 2 * 18)
