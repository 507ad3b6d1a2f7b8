"""The work of a biologist without a pointer: letters, Tab, arrows, Enter and typed names."""

from __future__ import annotations

import re

import anndata
import numpy as np
import pandas as pd
import pytest
from browser_page import clear, eventually, read
from playwright.sync_api import expect

GENES = "CD3D CD79A MS4A1 LYZ S100A8 NKG7 GNLY CST3 FCER1A GZMB"
GMT = (
    "MONOCYTE\t\tLYZ\tS100A8\tS100A9\tCST3\tFCN1\tCD14\tTYROBP\tAIF1\tLST1\tFTL\n"
    "T CELL\t\tCD3D\tCD3E\tIL7R\tLTB\tCD8A\tCD8B\tGZMK\tCCL5\tIL32\tCD2\n"
)
#: What has the focus: its role and its name as a screen reader says them, nearly
FOCUSED = """() => {
  const at = document.activeElement;
  const roles = { BUTTON: 'button', A: 'link', TEXTAREA: 'textbox', SUMMARY: 'button' };
  const types = { checkbox: 'checkbox', radio: 'radio', range: 'slider', number: 'spinbutton', file: 'file' };
  const role = at.getAttribute('role') ?? (at.tagName === 'INPUT' ? (types[at.type] ?? 'textbox') : roles[at.tagName]);
  const labelled = at.labels?.[0]?.textContent;
  const name = at.getAttribute('aria-label') ?? labelled ?? at.textContent ?? '';
  return [role ?? at.tagName, name.trim().replace(/\\s+/g, ' '), at === document.body];
}"""
#: More presses of Tab than this to one thing are too many
MOST = 60


class Keys:
    """The keyboard of a page: presses are counted, and the focus is never lost."""

    def __init__(self, viewer) -> None:
        self.page, self.count = viewer.page, 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.count += 1

    def write(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.count += len(text)

    def to(self, name: str, role: str = "button", most: int = MOST, key: str = "Tab") -> None:
        """Go on by Tab to what has a role, and a name that a pattern matches."""
        passed = []
        for _ in range(most):
            self.press(key)
            found, said, lost = self.page.evaluate(FOCUSED)
            passed.append(said)
            if found == role and re.search(name, said):
                return
            assert not lost or len(passed) == 1 or "Tab" in key, passed
        raise AssertionError(f"{key} never came to {name}, but to {passed}")

    def on(self, name: str, role: str = "button", **where) -> None:
        """Go to something and press Enter there."""
        self.to(name, role, **where)
        self.press("Space" if role == "checkbox" else "Enter")

    def find(self, text: str, name: str) -> None:
        """Choose what “Find anything” finds for a text."""
        self.press("Control+k")
        expect(self.page.get_by_role("dialog", name=re.compile("^Find"))).to_be_visible()
        self.write(text)
        option = self.page.get_by_role("option", name=re.compile(name)).first
        expect(option).to_be_visible()
        for _ in range(20):
            if option.get_attribute("data-selected") is not None:
                break
            self.press("ArrowDown")
        self.press("Enter")
        expect(self.page.get_by_role("dialog", name=re.compile("^Find"))).to_have_count(0)


@pytest.fixture(scope="module")
def study(pbmc, tmp_path_factory):
    """The dataset with six donors of two conditions, and with Ensembl ids."""
    data = read(pbmc)
    donor = np.arange(data.n_obs) % 6
    data.obs["condition"] = pd.Categorical.from_codes(donor % 2, ["lupus", "control"])
    data.obs["sample"] = pd.Categorical.from_codes(donor, [f"BM{k}" for k in range(6)])
    data.var["gene_ids"] = [f"ENSG{k:011d}" for k in range(data.n_vars)]
    data = anndata.AnnData(data.raw.to_adata().X, data.obs, data.raw.to_adata().var, obsm=dict(data.obsm))
    data.var["gene_ids"] = [f"ENSG{k:011d}" for k in range(data.n_vars)]
    folder = tmp_path_factory.mktemp("study")
    data.write_h5ad(folder / "study.h5ad")
    (folder / "synonyms.tsv").write_text("CD3D\tLEU4D\n")
    return folder


@pytest.fixture
def opened(visit, study):
    """The page, and its keyboard."""
    viewer = visit(study / "study.h5ad", options=[f"--gene-synonyms={study / 'synonyms.tsv'}"]).drawn()
    yield viewer, Keys(viewer)
    clear(viewer.page.url.partition("#")[0])


def size_of(study, **columns) -> int:
    obs = anndata.read_h5ad(study / "study.h5ad", backed="r").obs
    return int(np.logical_and.reduce([obs[name] == value for name, value in columns.items()]).sum())


def test_what_is_in_the_file(opened, study):
    viewer, keys = opened
    expect(viewer.page.get_by_text("700 cells").first).to_be_visible()
    keys.on("^Unfold condition$")
    expect(viewer.page.get_by_role("group", name="lupus", exact=True)).to_contain_text("350")
    keys.on("^Unfold sample$")
    expect(viewer.page.get_by_role("group", name="BM1", exact=True)).to_contain_text(str(size_of(study, sample="BM1")))
    # what was unfolded keeps the focus
    assert viewer.page.evaluate(FOCUSED)[1] == "Unfold sample"


def test_a_category_is_recoloured_and_renamed(opened):
    viewer, keys = opened
    keys.find("edit dendritic", "^Edit Dendritic")
    dialog = viewer.page.get_by_role("dialog", name=re.compile("^Category of"))
    expect(dialog).to_be_visible()
    keys.to("Name of the category", "combobox", most=4)
    keys.press("Control+a")
    keys.write("DC")
    keys.on("^Colour #", most=12)
    keys.on("^Save$", most=25)
    expect(dialog).to_have_count(0)
    expect(viewer.page.get_by_role("group", name="DC", exact=True)).to_be_visible()


def test_cells_of_one_donor(opened, study):
    viewer, keys = opened
    keys.find("BM3", "^Select BM3")
    viewer.wait_selected(size_of(study, sample="BM3"))


def test_a_gene_by_its_names(opened, study):
    viewer, keys = opened
    var = anndata.read_h5ad(study / "study.h5ad", backed="r").var
    for text, name in (("leu4d", "CD3D"), ("ms4a1", "MS4A1"), (f"{var.gene_ids['LYZ']}.7", "LYZ")):
        keys.press("/")
        keys.write(text)
        expect(viewer.page.get_by_role("option").first).to_contain_text(name)
        keys.press("Enter")
        viewer.colored_by(name)
        keys.press("Escape")


def test_ten_genes_as_dot_plot_and_violins(opened):
    viewer, keys = opened
    keys.find(GENES, "10 genes")
    plots = viewer.page.get_by_role("region", name="Plots")
    expect(plots.get_by_role("group", name="Dot plot")).to_be_visible()
    keys.to("^Dot plot$", "radio", most=3)
    keys.press("ArrowRight", "ArrowRight", "ArrowRight")
    expect(plots.get_by_role("radio", name="Violins")).to_be_checked()
    expect(plots.locator("svg").filter(has_text="FCER1A").first).to_be_visible()


def color_by(viewer, keys, gene: str) -> None:
    keys.press("/")
    keys.press("Control+a")
    keys.write(gene)
    expect(viewer.page.get_by_role("option").first).to_contain_text(gene)
    keys.press("Enter")
    viewer.colored_by(gene)
    keys.press("Escape")


def test_two_genes_in_the_same_cells(opened):
    viewer, keys = opened
    color_by(viewer, keys, "CD3D")
    color_by(viewer, keys, "NKG7")
    keys.press("g")
    keys.on("^Colour by both$", most=8)
    expect(viewer.page.get_by_role("button", name=re.compile(r"^Select (NKG7\+ CD3D\+|CD3D\+ NKG7\+)"))).to_be_visible()
    # from the plot, which has the focus after a search, to the legend
    keys.press("#")
    assert viewer.page.evaluate(FOCUSED)[1] == "NKG7 and CD3D"
    keys.on(r"^Select (NKG7\+ CD3D\+|CD3D\+ NKG7\+)")
    eventually(lambda: (viewer.selected() or 0) > 0, "cells with both")


def test_a_region_is_selected_added_to_and_subtracted_from(opened):
    viewer, keys = opened
    hint = viewer.page.get_by_role("status").filter(has_text=re.compile("rectangle"))
    keys.press("r")
    expect(hint).to_contain_text("Enter begins a rectangle")
    assert viewer.page.evaluate(FOCUSED)[0] == "application"
    keys.press("Enter", *["ArrowLeft"] * 4)
    expect(hint).to_contain_text("Alt subtracts")
    keys.press("Enter")
    first = eventually(viewer.selected, "a rectangle of cells")
    # the next one begins where the last one was
    keys.press("Enter", *["ArrowDown"] * 6, "Shift+Enter")
    eventually(lambda: (viewer.selected() or 0) > first, "more cells")
    more = viewer.selected()
    keys.press("Enter", "ArrowRight", *["Shift+ArrowLeft"] * 4, "Alt+Enter")
    eventually(lambda: 0 < (viewer.selected() or 0) < more, "fewer cells")
    fewer = viewer.selected()
    keys.press("i")
    viewer.wait_selected(700 - fewer)
    # Escape ends the rectangle and leaves the selection
    keys.press("Enter", "Escape")
    expect(hint).to_contain_text("Enter begins a rectangle")
    viewer.wait_selected(700 - fewer)
    keys.press("v")
    expect(hint).to_have_count(0)


def test_a_subset_is_analysed_and_left(opened, study):
    viewer, keys = opened
    cells = size_of(study, bulk_labels="CD14+ Monocyte"), size_of(study, bulk_labels="Dendritic")
    keys.find("select cd14", r"^Select CD14\+ Monocyte")
    viewer.wait_selected(cells[0])
    keys.on("^Dendritic$", "checkbox")
    viewer.wait_selected(sum(cells))
    keys.press("z")
    expect(viewer.page.get_by_text(f"{sum(cells)} cells").first).to_be_visible()
    keys.press("m")
    expect(viewer.page.get_by_role("tab", name="Markers")).to_be_focused()
    expect(viewer.page.get_by_role("button", name="Find markers", exact=True)).to_be_visible()
    keys.on("^Find markers$")
    panel = viewer.page.get_by_role("tabpanel").last
    expect(panel.get_by_role("article", name=re.compile("^Markers of Dendritic"))).to_be_visible()
    keys.press("u")
    viewer.wait_selected(sum(cells))


def test_three_ways_to_compare(opened):
    viewer, keys = opened
    keys.find("lupus", "^Select lupus")
    viewer.wait_selected(350)
    keys.press("a", "c")
    result = viewer.page.get_by_role("region", name="Result")
    expect(result).to_contain_text("Welch")
    keys.to("t-test", "radio")
    keys.press("ArrowRight")
    expect(viewer.page.get_by_role("radio", name="Wilcoxon")).to_be_checked()
    keys.press("c")
    expect(result).to_contain_text("Wilcoxon")
    keys.to("Wilcoxon", "radio")
    keys.press("ArrowRight")
    expect(viewer.page.get_by_role("radio", name="Samples")).to_be_checked()
    keys.press("c")
    expect(result).to_contain_text("limma")


def test_from_a_comparison_to_a_gene_set_and_its_enrichment(opened):
    viewer, keys = opened
    page = viewer.page
    choosers = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    keys.find("select cd14", r"^Select CD14\+ Monocyte")
    viewer.wait_selected(129)
    keys.press("a", "c")
    expect(page.get_by_role("region", name="Result").get_by_role("cell").first).to_be_visible()
    keys.on("^Gene set")
    expect(page.get_by_role("menuitem", name=re.compile("higher in A"))).to_be_visible()
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Gene sets")).to_be_visible()
    # the button that was pressed is gone with its panel
    expect(page.get_by_role("tab", name="Genes")).to_be_focused()
    keys.press("ArrowRight")
    expect(page.get_by_role("button", name="Enrichment")).to_be_visible()
    keys.on("^Enrichment")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("radio", name="All genes, ranked")).to_be_visible()
    keys.to("^Open a GMT file", most=12)
    keys.press("Enter")
    eventually(lambda: page.wait_for_timeout(50) or choosers, "the choice of a file")
    choosers[0].set_files({"name": "cells.gmt", "mimeType": "text/plain", "buffer": GMT.encode()})
    keys.to("^Smallest set", "spinbutton", most=12)
    keys.press("Control+a")
    keys.write("5")
    keys.on("^Test the sets$", most=6)
    expect(dialog.get_by_role("button", name="MONOCYTE")).to_be_visible()
    keys.on("^MONOCYTE", most=20)
    keys.press("Escape")
    expect(dialog).to_have_count(0)
    # the focus is back beside the button that opened it
    assert page.evaluate(FOCUSED)[0] == "button"


def test_markers_become_a_dot_plot(opened):
    viewer, keys = opened
    keys.press("m")
    expect(viewer.page.get_by_role("tab", name="Markers")).to_be_focused()
    expect(viewer.page.get_by_role("button", name="Find markers", exact=True)).to_be_visible()
    keys.on("^Find markers$")
    expect(viewer.page.get_by_role("article", name="Markers of Dendritic")).to_be_visible()
    keys.on("^Dot plot$")
    plots = viewer.page.get_by_role("region", name="Plots")
    expect(plots.locator("circle").first).to_be_visible()
