"""The user's version of a column of the file: categories renamed, recoloured, moved and merged; their levels."""

from __future__ import annotations

import re

import pytest
from browser_page import NARROW, eventually, read
from playwright.sync_api import expect

TYPES = {
    "CD4+/CD25 T Reg": "CD4 T / Treg",
    "CD4+/CD45RA+/CD25- Naive T": "CD4 T / Naive",
    "CD4+/CD45RO+ Memory": "CD4 T / Memory",
    "CD8+ Cytotoxic T": "CD8 T / Cytotoxic",
    "CD8+/CD45RA+ Naive Cytotoxic": "CD8 T / Naive",
}

TIPS = "(bars) => bars.map((bar) => bar.dataset.tip)"


@pytest.fixture(scope="module")
def cells(pbmc):
    """Return the dataset as anndata reads it."""
    return read(pbmc)


@pytest.fixture(scope="module")
def leveled(pbmc, tmp_path_factory):
    """A copy of the dataset with cell types of two levels in place of bulk_labels."""
    path = tmp_path_factory.mktemp("leveled") / "leveled.h5ad"
    data = read(pbmc)
    data.obs["bulk_labels"] = data.obs["bulk_labels"].cat.rename_categories(TYPES)
    data.write_h5ad(path)
    return path


def category(page, name: str):
    return page.get_by_role("group", name=name, exact=True)


def edit(page, name: str):
    """Open the dialog of a category."""
    category(page, name).hover()
    page.get_by_role("button", name=f"Edit {name}", exact=True).click()
    return page.get_by_role("dialog", name=re.compile("^Category of"))


def own(viewer) -> dict[str, int] | None:
    """Return the labels of the version of bulk_labels that the server has."""
    listed = viewer.page.evaluate("fetch('api/v1/annotations').then((answer) => answer.json())")["annotations"]
    found = [one for one in listed if one["name"] == "bulk_labels"]
    return {label["name"]: label["n"] for label in found[0]["labels"]} if found else None


def test_a_category_of_the_file_is_renamed_and_recoloured_everywhere(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    counts = cells.obs["bulk_labels"].value_counts().to_dict()
    dialog = edit(page, "Dendritic")
    expect(dialog).to_contain_text("The file is not changed")
    dialog.get_by_role("combobox", name="Name of the category").fill("DC")
    dialog.get_by_role("button", name="Colour #0072b2").click()
    dialog.get_by_role("button", name="Save").click()
    wanted = {("DC" if name == "Dendritic" else name): n for name, n in counts.items()}
    eventually(lambda: own(viewer) == wanted, "the renamed category")
    viewer.colored_by("bulk_labels")
    assert viewer.pixels("#0072b2") > 500
    # one card, in the place of the column's, and no annotation beside it
    expect(page.get_by_role("button", name="Colour by bulk_labels")).to_have_count(1)
    expect(page.get_by_text("edited", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="My annotations").get_by_role("article")).to_have_count(0)
    expect(category(page, "DC")).to_contain_text(str(counts["Dendritic"]))
    # plots group by the version, of which the server counts the cells
    page.keyboard.press("p")
    page.get_by_role("radio", name="Composition").click()
    expect(page.get_by_text("DC", exact=True).last).to_be_visible()
    page.keyboard.press("p")
    # after a reload it is in place from the first
    viewer.settled()
    page.reload()
    viewer.drawn().colored_by("bulk_labels")
    expect(category(page, "DC")).to_contain_text(str(counts["Dendritic"]))
    # what is exported has both: the column as it was, and the version
    table = page.evaluate("fetch('api/v1/export/annotations.csv').then((answer) => answer.text())")
    assert sum(line.endswith(",DC") for line in table.splitlines()) == counts["Dendritic"]


def test_categories_are_merged_moved_undone_and_restored(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    counts = cells.obs["bulk_labels"].value_counts().to_dict()
    names = list(cells.obs["bulk_labels"].cat.categories)
    # a filter of the column stays with its category
    category(page, "CD34+").get_by_role("button", name="CD34+", exact=True).first.click()
    viewer.wait_selected(counts["CD34+"])
    edit(page, names[0]).get_by_role("button", name="Move down").click()
    eventually(lambda: list(own(viewer) or {})[:2] == [names[1], names[0]], "another order")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    viewer.wait_selected(counts["CD34+"])
    dialog = edit(page, "CD34+")
    dialog.get_by_role("combobox", name=re.compile("Merge into")).click()
    page.get_by_role("option", name="Dendritic").click()
    merged = counts["CD34+"] + counts["Dendritic"]
    eventually(lambda: (own(viewer) or {}).get("Dendritic") == merged, "the merged category")
    viewer.wait_selected(merged)
    page.keyboard.press("Control+z")
    viewer.wait_selected(counts["CD34+"])
    page.keyboard.press("Control+z")
    eventually(lambda: own(viewer) is None, "no version")
    viewer.colored_by("bulk_labels").wait_selected(counts["CD34+"])
    expect(page.get_by_text("edited", exact=True)).to_have_count(0)
    page.keyboard.press("Control+Shift+z")
    eventually(lambda: own(viewer) is not None, "the version again")
    page.get_by_role("button", name="More about bulk_labels").click()
    page.get_by_role("menuitem", name="Restore the categories of the file").click()
    eventually(lambda: own(viewer) is None, "the file's categories")
    viewer.colored_by("bulk_labels")
    expect(category(page, names[0])).to_contain_text(str(counts[names[0]]))


def test_several_categories_are_merged_from_the_menu_of_the_column(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    counts = cells.obs["bulk_labels"].value_counts().to_dict()
    page.get_by_role("button", name="More about bulk_labels").click()
    page.get_by_role("menuitem", name="Merge categories…").click()
    dialog = page.get_by_role("dialog", name="Merge categories of bulk_labels")
    for name in ("CD34+", "Dendritic"):
        dialog.get_by_role("checkbox", name=name, exact=True).click()
    dialog.get_by_role("combobox", name="Name of the merged category").fill("Mixed")
    dialog.get_by_role("button", name="Merge", exact=True).click()
    eventually(lambda: (own(viewer) or {}).get("Mixed") == counts["CD34+"] + counts["Dendritic"], "the merged category")


def test_a_view_saved_before_keeps_the_columns_own_filter(visit, pbmc, cells):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    n = int((cells.obs["bulk_labels"] == "CD19+ B").sum())
    category(page, "CD19+ B").get_by_role("button", name="CD19+ B", exact=True).first.click()
    viewer.wait_selected(n)
    viewer.settled()
    link = page.url
    page.keyboard.press("x")
    dialog = edit(page, "CD19+ B")
    dialog.get_by_role("combobox", name="Name of the category").fill("B")
    dialog.get_by_role("button", name="Save").click()
    eventually(lambda: "B" in (own(viewer) or {}), "the new name")
    viewer.settled()
    page.goto("about:blank")
    page.goto(link)
    viewer.drawn().wait_selected(n)
    expect(category(page, "B")).to_be_visible()


def test_levels_are_listed_coloured_filtered_and_renamed_together(visit, leveled):
    viewer = visit(leveled).drawn()
    page = viewer.page
    obs = read(leveled).obs["bulk_labels"].astype(str)
    first = obs.str.split(" / ").str[0].value_counts().to_dict()
    parent = category(page, "CD4 T, all below")
    expect(parent).to_contain_text(str(first["CD4 T"]))
    parent.get_by_role("button", name="CD4 T", exact=True).click()
    viewer.wait_selected(first["CD4 T"])
    page.keyboard.press("x")
    page.get_by_role("radio", name="Level 1").first.click()
    viewer.colored_by("bulk_labels (level 1)")
    # the plots have the level among their columns
    page.keyboard.press("p")
    page.get_by_role("radio", name="Composition").click()
    page.get_by_role("combobox", name="Categories").click()
    page.get_by_role("option", name="bulk_labels (level 1)").click()
    bars = page.get_by_role("region", name="Plots").locator("rect[data-tip]")
    eventually(
        lambda: {tip.split("\n")[0].split(" in ")[1] for tip in bars.evaluate_all(TIPS)} == set(first),
        "a bar for each category of the level",
    )
    page.keyboard.press("p")
    parent.hover()
    page.get_by_role("button", name="Edit CD4 T, all below").click()
    dialog = page.get_by_role("dialog", name="Labels of CD4 T")
    dialog.get_by_role("textbox").fill("CD8 T")
    expect(dialog.get_by_role("alert")).to_contain_text("CD8 T / Naive")
    dialog.get_by_role("textbox").fill("Helper")
    dialog.get_by_role("button", name="Save").click()
    renamed = obs.str.replace("^CD4 T", "Helper", regex=True).value_counts().to_dict()
    eventually(lambda: own(viewer) == renamed, "the renamed parent")
    viewer.colored_by("bulk_labels (level 1)")
    expect(category(page, "Helper, all below")).to_contain_text(str(first["CD4 T"]))
    viewer.settled()
    page.reload()
    viewer.drawn().colored_by("bulk_labels (level 1)")


def test_the_legend_has_the_parents_above_their_children(visit, leveled):
    viewer = visit(leveled, size=NARROW).drawn()
    page = viewer.page
    legend = page.get_by_role("region", name="Legend")
    if legend.get_by_role("button", name="Naive").count() == 0:
        legend.get_by_role("button").first.click()
    expect(legend.get_by_role("button", name="Naive", exact=True)).to_have_count(2)
    legend.get_by_role("button", name="CD4 T", exact=True).click()
    obs = read(leveled).obs["bulk_labels"].astype(str)
    viewer.wait_selected(int((~obs.str.startswith("CD4 T / ")).sum()))
    # a category is edited from here too
    legend.get_by_role("button", name="Treg", exact=True).hover()
    legend.get_by_role("button", name="Edit CD4 T / Treg", exact=True).click()
    dialog = page.get_by_role("dialog", name="Category of bulk_labels")
    dialog.get_by_role("combobox", name="Name of the category").fill("CD4 T / Regulatory")
    dialog.get_by_role("button", name="Save").click()
    expect(legend.get_by_role("button", name="Regulatory", exact=True)).to_be_visible()
    legend.get_by_role("radio", name="Level 1").click()
    viewer.colored_by("bulk_labels (level 1)")
