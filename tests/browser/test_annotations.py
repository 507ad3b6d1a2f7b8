"""Labels through the page: made from a lasso, edited, undone, found again, and never written over in silence."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from browser_page import NARROW, WIDE, eventually, read
from playwright.sync_api import expect

UPPER = [(0.05, 0.13), (0.95, 0.13), (0.95, 0.35), (0.05, 0.35)]
LOWER = [(0.05, 0.45), (0.95, 0.45), (0.95, 0.92), (0.05, 0.92)]
HOSTILE = "<img src=x onerror=alert(1)> & 'T' \"cell\" ﷽ ../..%2F"


@pytest.fixture(scope="module")
def cells(pbmc):
    """Return the dataset as anndata reads it."""
    return read(pbmc)


@pytest.fixture
def labelling(visit, pbmc):
    """Return the page on a dataset of which nothing was made."""
    return visit(pbmc).drawn()


def ask(viewer, path: str, accept: str = "application/json") -> str:
    """Return what the server has, past the page."""
    request = urllib.request.Request(viewer.page.evaluate("location.origin") + "/api/v1/" + path)
    request.add_header("Accept", accept)
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


def kept(viewer) -> dict[str, dict[str, int]]:
    """Return the labels as the server has them: of each its categories with their numbers of cells."""
    listed = json.loads(ask(viewer, "annotations"))["annotations"]
    return {label["name"]: {c["name"]: c["n"] for c in label["labels"]} for label in listed}


def select(viewer, corners) -> int:
    """Select cells with the lasso, and return how many."""
    viewer.page.keyboard.press("l")
    viewer.lasso(corners)
    expect(viewer.page.get_by_text("cells selected")).to_be_visible()
    return eventually(viewer.selected, "a selection")


def label_selected(viewer, category: str, label: str | None = None) -> None:
    """Name the selected cells as a user does: N, the name, Enter."""
    page = viewer.page
    page.keyboard.press("n")
    box = page.get_by_role("combobox", name="Label", exact=True)
    expect(box).to_be_focused()
    if label:
        page.get_by_role("textbox", name="Name of the new annotation").fill(label)
    box.fill(category)
    box.press("Enter")


def saved(viewer) -> None:
    """Wait until the page says that all is saved."""
    expect(viewer.page.get_by_role("status").filter(has_text="Saved")).to_be_visible()


def row(viewer, category: str):
    """Return the row of a category."""
    return viewer.page.get_by_role("region", name="My annotations").get_by_role("group", name=category, exact=True)


def test_a_label_from_a_lasso_is_named_undone_redone_and_there_after_a_reload(labelling, cells):
    viewer, page = labelling, labelling.page
    n = select(viewer, UPPER)
    label_selected(viewer, "Upper", "Places")
    viewer.colored_by("Places")
    saved(viewer)
    assert kept(viewer) == {"Places": {"Upper": n}}
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Colour by Places")).to_have_count(0)
    eventually(lambda: kept(viewer) == {}, "no label")
    page.keyboard.press("Control+Shift+z")
    viewer.colored_by("Places")
    eventually(lambda: kept(viewer) == {"Places": {"Upper": n}}, "the label again")
    page.keyboard.press("x")
    m = select(viewer, LOWER)
    label_selected(viewer, "Lower")
    eventually(lambda: kept(viewer) == {"Places": {"Upper": n, "Lower": m}}, "both categories")
    page.keyboard.press("x")
    page.reload()
    viewer.drawn().colored_by("Places")
    expect(row(viewer, "Upper").locator(".count")).to_have_attribute("title", re.compile(f"of {n} cells"))
    expect(page.get_by_text("All cells labelled")).to_be_visible()
    # the cells are those that were in the lasso, by their coordinates
    table = [line.split(",") for line in ask(viewer, "annotations/Places", "text/csv").splitlines()[1:]]
    upper = {cell for cell, category in table if category == "Upper"}
    y = cells.obsm["X_umap"][:, 1]
    assert len(upper) == n
    assert y[[name in upper for name in cells.obs_names]].min() > y[[c == "Lower" for _, c in table]].max()


def test_keys_label_the_selection_and_take_labels_away(labelling):
    viewer, page = labelling, labelling.page
    n = select(viewer, UPPER)
    label_selected(viewer, "One", "Keys")
    saved(viewer)
    box = page.get_by_role("combobox", name="Add a label to Keys")
    box.fill("Two")
    box.press("Enter")
    eventually(lambda: kept(viewer) == {"Keys": {"One": n, "Two": 0}}, "a second category")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("2")
    eventually(lambda: kept(viewer) == {"Keys": {"One": 0, "Two": n}}, "the key's category")
    expect(row(viewer, "Two")).to_contain_text(f"{n}")
    viewer.plot.focus()
    page.keyboard.press("0")
    eventually(lambda: kept(viewer) == {"Keys": {"One": 0, "Two": 0}}, "no labelled cell")
    for _ in range(2):
        page.keyboard.press("Control+z")
    eventually(lambda: kept(viewer) == {"Keys": {"One": n, "Two": 0}}, "two steps back")
    page.get_by_role("button", name=re.compile("unlabelled$")).click()
    viewer.wait_selected(700 - n)


def test_categories_are_renamed_recoloured_noted_moved_merged_and_deleted(labelling, cells):
    viewer, page = labelling, labelling.page
    page.get_by_role("button", name="New annotation").click()
    dialog = page.get_by_role("dialog", name="New annotation")
    expect(dialog.get_by_role("textbox", name="Name")).to_be_focused()
    dialog.get_by_role("combobox", name=re.compile("Start from")).click()
    page.get_by_role("option", name="bulk_labels").click()
    dialog.get_by_role("textbox", name="Name").fill("Types")
    dialog.get_by_role("button", name="Create").click()
    counts = cells.obs["bulk_labels"].value_counts().to_dict()
    eventually(lambda: kept(viewer).get("Types") == counts, "the column's categories")

    def edit(category: str):
        row(viewer, category).hover()
        row(viewer, category).get_by_role("button", name=f"Edit {category}", exact=True).click()
        return page.get_by_role("dialog", name="Label of Types")

    dialog = edit("Dendritic")
    dialog.get_by_role("combobox", name="Name of the label").fill("DC")
    dialog.get_by_role("button", name="Colour #0072b2").click()
    dialog.get_by_role("textbox", name="Note").fill("FCER1A, CST3")
    dialog.get_by_role("button", name="Save").click()
    viewer.colored_by("Types")
    eventually(lambda: "DC" in kept(viewer)["Types"], "the new name")
    categories = json.loads(ask(viewer, "annotations"))["annotations"][0]["labels"]
    for one in categories:
        del one["id"]
    assert {"name": "DC", "color": "#0072b2", "note": "FCER1A, CST3", "n": counts["Dendritic"]} in categories
    assert viewer.pixels("#0072b2") > 500
    dialog = edit("CD34+")
    dialog.get_by_role("combobox", name=re.compile("Merge into")).click()
    page.get_by_role("option", name="DC").click()
    eventually(lambda: kept(viewer)["Types"].get("DC") == counts["Dendritic"] + counts["CD34+"], "the merged")
    assert "CD34+" not in kept(viewer)["Types"]
    edit("CD19+ B").get_by_role("button", name="Delete").click()
    eventually(lambda: "CD19+ B" not in kept(viewer)["Types"], "the deletion")
    expect(row(viewer, "Unlabelled")).to_contain_text(str(counts["CD19+ B"]))
    first, second = list(kept(viewer)["Types"])[:2]
    edit(first).get_by_role("button", name="Move down").click()
    eventually(lambda: list(kept(viewer)["Types"])[:2] == [second, first], "another order")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    for _ in range(4):
        page.keyboard.press("Control+z")
    eventually(lambda: kept(viewer).get("Types") == counts, "all four undone")
    page.get_by_role("button", name="More about Types").click()
    page.get_by_role("menuitem", name="Delete").click()
    eventually(lambda: kept(viewer) == {}, "no label")
    expect(viewer.plot).to_have_attribute("aria-label", re.compile("one colour|All cells|not coloured", re.I))


def test_a_filter_follows_its_category_through_edits(labelling, cells):
    viewer, page = labelling, labelling.page
    select(viewer, UPPER)
    label_selected(viewer, "A", "Order")
    saved(viewer)
    page.keyboard.press("x")
    m = select(viewer, LOWER)
    label_selected(viewer, "B")
    saved(viewer)
    page.keyboard.press("x")
    row(viewer, "B").get_by_role("button", name="B", exact=True).first.click()
    viewer.wait_selected(m)
    row(viewer, "B").hover()
    row(viewer, "B").get_by_role("button", name="Edit B", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Move up").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    eventually(lambda: list(kept(viewer)["Order"]) == ["B", "A"], "another order")
    viewer.wait_selected(m)
    saved(viewer)
    viewer.settled()
    page.reload()
    viewer.drawn().wait_selected(m)


def test_the_history_of_a_label_brings_it_back(labelling):
    viewer, page = labelling, labelling.page
    n = select(viewer, UPPER)
    label_selected(viewer, "One", "Past")
    saved(viewer)
    page.keyboard.press("0")
    eventually(lambda: kept(viewer) == {"Past": {"One": 0}}, "no labelled cell")
    page.get_by_role("button", name="More about Past").click()
    page.get_by_role("menuitem", name="History…").click()
    dialog = page.get_by_role("dialog", name="History of Past")
    expect(dialog.get_by_role("row")).to_have_count(4)
    expect(dialog.get_by_role("row").nth(1)).to_contain_text("Cells unlabelled")
    dialog.get_by_role("row").nth(2).get_by_role("button", name=re.compile("^Restore")).click()
    eventually(lambda: kept(viewer) == {"Past": {"One": n}}, "the label as it was")
    expect(row(viewer, "One")).to_contain_text(f"{n}")
    page.keyboard.press("Control+z")
    eventually(lambda: kept(viewer) == {"Past": {"One": 0}}, "the step before")


def test_two_columns_are_compared_field_by_field(labelling, cells):
    viewer, page = labelling, labelling.page
    page.keyboard.press("Control+k")
    page.get_by_placeholder("A gene, a barcode, a category, a command, or a list of them").fill(
        "Compare two annotations"
    )
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Compare two annotations or columns")
    dialog.get_by_role("combobox", name=re.compile("^Rows")).click()
    page.get_by_role("option", name="bulk_labels").click()
    dialog.get_by_role("combobox", name=re.compile("^Columns")).click()
    page.get_by_role("option", name="louvain").click()
    from sklearn.metrics import adjusted_rand_score

    ari = adjusted_rand_score(cells.obs["bulk_labels"], cells.obs["louvain"])
    expect(dialog).to_contain_text(f"{ari:.3f}")
    table = cells.obs.groupby(["bulk_labels", "louvain"], observed=True).size()
    expect(dialog.locator("td button")).to_have_count(int((table > 0).sum()))
    n = int(table["Dendritic", "1"])
    dialog.get_by_title(re.compile(f"^Dendritic and 1: {n} cells")).click()
    viewer.wait_selected(n)


def test_columns_are_compared_within_the_subset(visit, pbmc, cells):
    from sklearn.metrics import adjusted_rand_score

    viewer = visit(pbmc).drawn()
    page = viewer.page
    for name in ("Dendritic", "CD19+ B"):
        page.get_by_role("group", name=name, exact=True).get_by_role("checkbox").click()
    within = cells.obs[~cells.obs["bulk_labels"].isin(["Dendritic", "CD19+ B"])]
    viewer.wait_selected(len(within))
    page.get_by_role("button", name="Subset to selection").first.click()
    expect(page.get_by_role("button", name="Show all cells")).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_placeholder("A gene, a barcode, a category, a command, or a list of them").fill(
        "Compare two annotations"
    )
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Compare two annotations or columns")
    for side, column in (("Rows", "bulk_labels"), ("Columns", "louvain")):
        dialog.get_by_role("combobox", name=re.compile(f"^{side}")).click()
        page.get_by_role("option", name=column).click()
    expect(dialog).to_contain_text(f"Only the {len(within)} cells of the subset are counted.")
    expect(dialog).to_contain_text(f"{adjusted_rand_score(within['bulk_labels'], within['louvain']):.3f}")


def test_a_change_made_elsewhere_arrives_and_a_conflict_is_the_users_to_settle(visit, pbmc):
    one, other = visit(pbmc).drawn(), visit(pbmc).drawn()
    other.forgive("412")
    n = select(one, UPPER)
    label_selected(one, "Mine", "Shared")
    saved(one)
    other.page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(other.page.get_by_role("button", name="Shared", exact=False).first).to_be_visible()
    other.page.get_by_role("button", name="Colour by Shared").click()
    other.colored_by("Shared")
    # one moves the cells on; the other does not know of it yet
    box = one.page.get_by_role("combobox", name="Add a label to Shared")
    box.fill("Theirs")
    box.press("Enter")
    eventually(lambda: "Theirs" in kept(one)["Shared"], "the category")
    one.page.evaluate("document.activeElement.blur()")
    one.page.keyboard.press("2")
    eventually(lambda: kept(one) == {"Shared": {"Mine": 0, "Theirs": n}}, "the other category")
    select(other, UPPER)
    other.page.keyboard.press("0")
    dialog = other.page.get_by_role("dialog", name="Conflicting changes")
    expect(dialog.get_by_role("row").nth(1)).to_contain_text(re.compile(rf"{n} cells\s*Unlabelled\s*Theirs"))
    assert kept(one) == {"Shared": {"Mine": 0, "Theirs": n}}
    dialog.get_by_role("button", name="Keep all of the other").click()
    expect(row(other, "Theirs")).to_contain_text(f"{n}")
    other.page.keyboard.press("0")
    eventually(lambda: kept(one) == {"Shared": {"Mine": 0, "Theirs": 0}}, "now on top of it")


def started(viewer, name: str, column: str) -> None:
    """Make an annotation from a column."""
    page = viewer.page
    page.get_by_role("button", name="New annotation").click()
    dialog = page.get_by_role("dialog", name="New annotation")
    dialog.get_by_role("combobox", name=re.compile("Start from")).click()
    page.get_by_role("option", name=column).click()
    dialog.get_by_role("textbox", name="Name").fill(name)
    dialog.get_by_role("button", name="Create").click()
    saved(viewer)


def rename(viewer, category: str, name: str) -> None:
    """Rename a label."""
    row(viewer, category).hover()
    row(viewer, category).get_by_role("button", name=f"Edit {category}", exact=True).click()
    dialog = viewer.page.get_by_role("dialog", name=re.compile("^Label of"))
    dialog.get_by_role("combobox", name="Name of the label").fill(name)
    dialog.get_by_role("button", name="Save").click()


def test_two_tabs_rename_two_labels_and_undo_their_own(visit, pbmc, cells):
    one, other = visit(pbmc).drawn(), visit(pbmc).drawn()
    counts = cells.obs["bulk_labels"].value_counts().to_dict()
    started(one, "Types", "bulk_labels")
    eventually(lambda: kept(one).get("Types") == counts, "the column's categories")
    other.page.evaluate("window.dispatchEvent(new Event('focus'))")
    other.page.get_by_role("button", name="Colour by Types").click()
    other.colored_by("Types")
    rename(one, "Dendritic", "DC")
    saved(one)
    # the other tab does not know of it
    rename(other, "CD34+", "Stem")
    renamed = {{"Dendritic": "DC", "CD34+": "Stem"}.get(name, name): n for name, n in counts.items()}
    eventually(lambda: kept(one)["Types"] == renamed, "both names, and every cell")
    expect(other.page.get_by_role("dialog")).to_have_count(0)
    expect(row(other, "DC")).to_contain_text(str(counts["Dendritic"]))
    expect(row(other, "Stem")).to_contain_text(str(counts["CD34+"]))
    # each undoes what it did itself
    other.page.keyboard.press("Control+z")
    eventually(lambda: "CD34+" in kept(one)["Types"], "the other tab's name is undone")
    assert kept(one)["Types"] == {"DC" if name == "Dendritic" else name: n for name, n in counts.items()}
    one.page.evaluate("window.dispatchEvent(new Event('focus'))")
    one.page.keyboard.press("Control+z")
    eventually(lambda: kept(one)["Types"] == counts, "both names are undone")
    other.page.keyboard.press("Control+Shift+z")
    eventually(lambda: "Stem" in kept(one)["Types"], "redone")
    expect(row(other, "Dendritic")).to_contain_text(str(counts["Dendritic"]))
    assert sum(kept(one)["Types"].values()) == sum(counts.values())


def test_changes_made_offline_are_merged_with_those_of_another_tab(visit, pbmc, cells):
    one, other = visit(pbmc).drawn(), visit(pbmc).drawn()
    other.forgive("Failed to load resource")
    counts = cells.obs["bulk_labels"].value_counts().to_dict()
    started(one, "Types", "bulk_labels")
    other.page.evaluate("window.dispatchEvent(new Event('focus'))")
    other.page.get_by_role("button", name="Colour by Types").click()
    other.colored_by("Types")
    # the dialog is loaded when it is opened first
    rename(other, "CD34+", "Stem")
    saved(other)
    other.page.context.set_offline(True)
    rename(other, "Stem", "HSC")
    rename(other, "HSC", "Progenitors")
    rename(one, "Dendritic", "DC")
    saved(one)
    other.page.context.set_offline(False)
    renamed = {{"Dendritic": "DC", "CD34+": "Progenitors"}.get(name, name): n for name, n in counts.items()}
    eventually(lambda: kept(one)["Types"] == renamed, "all names, and every cell")
    expect(row(other, "DC")).to_be_visible()


def test_what_cannot_be_saved_is_told_kept_and_saved_when_the_connection_is_back(labelling):
    viewer, page = labelling, labelling.page
    viewer.forgive("Failed to load resource")
    n = select(viewer, UPPER)
    label_selected(viewer, "One", "Offline")
    saved(viewer)
    page.context.set_offline(True)
    page.keyboard.press("0")
    trouble = page.get_by_role("button", name=re.compile("^Not saved"))
    expect(trouble).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_have_count(0)
    page.keyboard.press("1")
    trouble.click()
    expect(page.get_by_role("heading", name="2 changes not saved yet")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    assert kept(viewer) == {"Offline": {"One": n}}
    page.context.set_offline(False)
    saved(viewer)
    eventually(lambda: kept(viewer) == {"Offline": {"One": 0}}, "what the page shows")
    expect(row(viewer, "One").locator(".count")).to_have_text("0")


def test_what_the_server_refuses_is_told_and_taken_back(labelling):
    viewer, page = labelling, labelling.page
    viewer.forgive("413")
    select(viewer, UPPER)
    label_selected(viewer, "One", "Limits")
    saved(viewer)
    before = kept(viewer)
    box = page.get_by_role("combobox", name="Add a label to Limits")
    box.evaluate("(input) => input.removeAttribute('maxlength')")
    box.fill("x" * 1001)
    box.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^Not saved"))).to_be_visible()
    expect(page.get_by_text("(max_text)")).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("x" * 1001)).to_have_count(0)
    assert kept(viewer) == before


def test_hostile_names_are_text(labelling):
    viewer, page = labelling, labelling.page
    n = select(viewer, UPPER)
    label_selected(viewer, HOSTILE, HOSTILE)
    saved(viewer)
    assert kept(viewer) == {HOSTILE: {HOSTILE: n}}
    expect(row(viewer, HOSTILE)).to_be_visible()
    page.reload()
    viewer.drawn()
    expect(row(viewer, HOSTILE)).to_be_visible()
    for entry in ("History…", "Compare with another column…", "Rename…"):
        page.get_by_role("button", name=f"More about {HOSTILE}", exact=True).click()
        page.get_by_role("menuitem", name=entry).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_labels_fit(visit, pbmc, size):
    viewer = visit(pbmc, size).drawn()
    select(viewer, LOWER)
    label_selected(viewer, "A category of a name that is rather long for a narrow panel", "A label of a long name, too")
    saved(viewer)
    assert not viewer.overflows()
    assert viewer.page.get_by_role("region", name="My annotations").bounding_box()["height"] > 60
