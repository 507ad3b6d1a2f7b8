"""Many categories at once: named from a pasted table, and merged."""

from __future__ import annotations

import pytest
from browser_page import NARROW, WIDE, eventually, read
from playwright.sync_api import expect
from test_annotations import kept, saved
from test_find import find


@pytest.fixture(scope="module")
def clusters(pbmc):
    """Return the number of cells of each cluster."""
    return read(pbmc).obs["louvain"].value_counts().to_dict()


def test_clusters_get_names_from_a_pasted_table(visit, pbmc, clusters):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    find(viewer, "name clusters").filter(has_text="Name clusters from a table").click()
    dialog = page.get_by_role("dialog", name="Name clusters from a table")
    dialog.get_by_role("combobox", name="Categories of").click()
    page.get_by_role("option", name="louvain 11").click()
    dialog.get_by_role("textbox", name="Table: cluster, name").fill(
        "cluster\tname\n0\tCD4 T\n1\tB cell\n 2 \tCD4 T\n10\t<b>NK</b>\n77\tnone\n3\n0\tother\n"
    )
    expect(dialog).to_contain_text("4 of 11 categories have a name")
    expect(dialog).to_contain_text("louvain has no category “77”.")
    expect(dialog).to_contain_text("The table has no name beside “3”.")
    expect(dialog).to_contain_text("The table has several names for “0”; the first is taken.")
    expect(dialog.get_by_role("listitem").filter(has_text="10")).to_contain_text("<b>NK</b>")
    expect(dialog).to_contain_text("11 categories become 10 labels")
    dialog.get_by_role("radio", name="Leave unlabelled").click()
    expect(dialog).to_contain_text("11 categories become 3 labels")
    dialog.get_by_role("textbox", name="New annotation").fill("Types")
    dialog.get_by_role("button", name="Create").click()
    viewer.colored_by("Types")
    saved(viewer)
    named = {"CD4 T": clusters["0"] + clusters["2"], "B cell": clusters["1"], "<b>NK</b>": clusters["10"]}
    assert kept(viewer) == {"Types": named}
    page.keyboard.press("Control+z")
    eventually(lambda: kept(viewer) == {}, "no annotation")
    page.keyboard.press("Control+Shift+z")
    eventually(lambda: kept(viewer) == {"Types": named}, "the annotation again")
    page.reload()
    viewer.drawn().colored_by("Types")


def test_labels_of_an_annotation_get_names_and_others_keep_theirs(visit, pbmc, clusters):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    page.get_by_role("button", name="Unfold louvain").click()
    page.get_by_role("button", name="More about louvain").click()
    page.get_by_role("menuitem", name="Name categories from a table").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Table: cluster, name").fill("0,T, naive\n1 T, naive")
    dialog.get_by_role("button", name="Create").click()
    first = {"T, naive": clusters["0"] + clusters["1"], **{str(k): clusters[str(k)] for k in range(2, 11)}}
    eventually(lambda: kept(viewer) == {"louvain (named)": first}, "the first annotation")
    page.get_by_role("button", name="More about louvain (named)").click()
    page.get_by_role("menuitem", name="Name labels from a table").click()
    dialog.get_by_role("textbox", name="Table: cluster, name").fill("t, NAIVE  T cell\n2\tT cell")
    dialog.get_by_role("button", name="Create").click()
    second = {"T cell": first["T, naive"] + first["2"], **{str(k): clusters[str(k)] for k in range(3, 11)}}
    eventually(lambda: kept(viewer).get("louvain (named) (named)") == second, "the second annotation")
    assert kept(viewer)["louvain (named)"] == first


def test_several_labels_are_merged_at_once(visit, pbmc, clusters):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    page.get_by_role("button", name="New annotation").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Start from").click()
    page.get_by_role("option", name="louvain 11").click()
    dialog.get_by_role("textbox", name="Name").fill("Types")
    dialog.get_by_role("button", name="Create").click()
    eventually(lambda: kept(viewer) == {"Types": clusters}, "the copy")
    page.get_by_role("button", name="More about Types").click()
    page.get_by_role("menuitem", name="Merge labels").click()
    expect(dialog).to_contain_text("Tick two labels or more.")
    for label in ("1", "4", "9"):
        dialog.get_by_role("checkbox", name=label, exact=True).check()
    total = sum(clusters[k] for k in ("1", "4", "9"))
    expect(dialog).to_contain_text(f"3 labels become one of {total} cells.")
    name = dialog.get_by_role("combobox", name="Name of the merged label")
    expect(name).to_have_value("1")
    name.fill("3")
    expect(dialog.get_by_role("alert")).to_contain_text("Another label has this name.")
    name.fill("Myeloid")
    dialog.get_by_role("button", name="Merge").click()
    rest = {k: n for k, n in clusters.items() if k not in {"1", "4", "9"}}
    eventually(lambda: kept(viewer) == {"Types": {**rest, "Myeloid": total}}, "the merged label")
    page.keyboard.press("Control+z")
    eventually(lambda: kept(viewer) == {"Types": clusters}, "the labels as before")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_dialogs_fit(visit, pbmc, size):
    viewer = visit(pbmc, size).drawn()
    find(viewer, "name clusters").filter(has_text="Name clusters from a table").click()
    dialog = viewer.page.get_by_role("dialog", name="Name clusters from a table")
    dialog.get_by_role("textbox", name="Table: cluster, name").fill("Dendritic\t" + "a long name " * 20)
    expect(dialog).to_contain_text("1 of 10 categories")
    assert not viewer.overflows()
