"""Hover, focus, menus, lists and tables of the page: nothing sticks, and nothing is out of sight."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browser_page import NARROW, WIDE, eventually, read
from playwright.sync_api import expect


def make(viewer, column="louvain", name="Mine"):
    page = viewer.page
    page.get_by_role("button", name="New annotation").click()
    dialog = page.get_by_role("dialog", name="New annotation")
    dialog.get_by_role("combobox", name=re.compile("Start from")).click()
    page.get_by_role("option", name=column).click()
    dialog.get_by_role("textbox", name="Name").fill(name)
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    viewer.colored_by(name)


def grey(viewer) -> float:
    """Return the share of drawn pixels that have the grey of faded cells."""
    picture = viewer.picture()
    drawn = (picture < 245).any(axis=2)
    faded = drawn & (np.ptp(picture, axis=2) < 8) & (picture.min(axis=2) > 205)
    return float(faded.sum() / drawn.sum())


def test_the_plot_has_its_colours_after_a_label_was_edited(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    make(viewer)
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)
    usual = grey(viewer)
    row = page.get_by_role("region", name="My annotations").get_by_role("group", name="3", exact=True)
    row.hover()
    page.get_by_role("button", name="Edit 3", exact=True).click()
    page.get_by_role("dialog").get_by_role("combobox", name="Name of the label").fill("Third")
    page.mouse.move(700, 450)
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.wait_for_timeout(400)
    assert grey(viewer) < usual + 0.05
    # focus is not a pointer: it highlights nothing
    page.get_by_role("region", name="My annotations").get_by_role("checkbox", name="0", exact=True).focus()
    page.wait_for_timeout(300)
    assert grey(viewer) < usual + 0.05


def test_a_menu_closes_when_a_dialog_opens(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    make(viewer)
    page.get_by_role("button", name="More about Mine").click()
    menu = page.get_by_role("menu")
    expect(menu).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_placeholder("A gene, a barcode, a category, a command, or a list of them")).to_be_visible()
    expect(menu).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="More about Mine").click()
    page.get_by_role("menuitem", name="Rename…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(menu).to_have_count(0)


def test_the_list_of_labels_is_within_the_window(visit, pbmc):
    viewer = visit(pbmc, (1000, 620)).drawn()
    page = viewer.page
    make(viewer)
    page.get_by_role("group", name="0", exact=True).first.get_by_role("button", name="0", exact=True).first.click()
    expect(page.get_by_text("cells selected")).to_be_visible()
    page.keyboard.press("n")
    box = page.get_by_role("combobox", name="Label", exact=True)
    expect(box).to_be_focused()
    listed = page.get_by_role("listbox", name="Label", exact=True)
    expect(listed).to_be_visible()
    place = listed.bounding_box()
    assert place["y"] >= 0
    assert place["y"] + place["height"] <= 620
    assert listed.get_by_role("option").count() == 8


def test_the_table_of_a_plot_does_not_stick(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    page.keyboard.press("p")
    drawer = page.get_by_role("region", name="Plots")
    drawer.get_by_role("radio", name="Composition").click()
    button = drawer.get_by_role("button", name="Show the data")
    button.click()
    expect(drawer.get_by_role("table")).to_be_visible()
    drawer.get_by_role("radio", name="Violins").click()
    expect(drawer.get_by_role("table")).to_have_count(0)
    drawer.get_by_role("radio", name="Composition").click()
    expect(drawer.get_by_role("table")).to_have_count(0)
    button.click()
    expect(drawer.get_by_role("table")).to_be_visible()
    page.keyboard.press("p")
    expect(drawer).to_have_count(0)
    page.keyboard.press("p")
    expect(drawer).to_be_visible()
    expect(drawer.get_by_role("table")).to_have_count(0)


def test_selected_zeros_differ_from_cells_that_are_not_selected(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    viewer.search_gene("CD79A")
    viewer.colored_by("CD79A")
    page.get_by_role("group", name="Dendritic", exact=True).get_by_role("button", name="Dendritic").first.click()
    cells = read(pbmc)
    viewer.wait_selected(int((cells.obs["bulk_labels"] == "Dendritic").sum()))
    page.mouse.move(5, 5)
    page.wait_for_timeout(400)
    assert viewer.pixels("#b3bdcc", 12) > 300
    assert viewer.pixels("#e4e4e4", 6) > 300


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_first_steps_cover_no_cell(visit, pbmc, size):
    viewer = visit(pbmc, size=size).drawn()
    hint = viewer.page.get_by_role("complementary", name="First steps")
    expect(hint).to_be_visible()

    def covered():
        place, canvas = hint.bounding_box(), viewer.page.locator("canvas").bounding_box()
        x, y = round(place["x"] - canvas["x"]), round(place["y"] - canvas["y"])
        below = viewer.picture()[y : y + round(place["height"]), x : x + round(place["width"])]
        return int((below != below[0, 0]).any(axis=2).sum())

    eventually(lambda: covered() == 0, "no cell below the first steps")
    before = viewer.picture()
    hint.get_by_role("button", name="Close the first steps").click()
    eventually(lambda: (viewer.picture() != before).any(), "the cells in the room that became free")


def test_the_tools_of_the_plot_are_one_stop_of_the_tab_key(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    tools = page.get_by_role("toolbar", name="Plot")
    stops = tools.locator("button:not([tabindex='-1']):not(:disabled)")
    expect(stops).to_have_count(1)
    tools.get_by_role("combobox", name="Embedding").focus()
    page.keyboard.press("ArrowRight")
    expect(tools.get_by_role("button", name="Pan")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    lasso = tools.get_by_role("button", name="Select with a lasso")
    expect(lasso).to_have_attribute("aria-pressed", "true")
    expect(lasso).to_be_focused()
    # the way back into the toolbar leads to the button that was left
    page.keyboard.press("Tab")
    expect(tools.locator(":focus")).to_have_count(0)
    page.keyboard.press("Shift+Tab")
    expect(lasso).to_be_focused()
    expect(stops).to_have_count(1)
    page.keyboard.press("End")
    expect(tools.get_by_role("button", name="Save or copy")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tools.get_by_role("combobox", name="Embedding")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Home")
    expect(tools.get_by_role("combobox", name="Embedding")).to_be_focused()


def test_letters_typed_before_a_field_is_there_are_its_text(visit, pbmc):
    viewer = visit(pbmc).drawn()
    page = viewer.page
    viewer.plot.focus()
    # all in one task of the page: nothing has been opened between the keys
    typed = """(keys) => {
      for (const [key, ctrlKey] of keys) {
        const event = { key, ctrlKey, bubbles: true, cancelable: true };
        (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', event));
      }
    }"""
    page.evaluate(typed, [["k", True], *([letter, False] for letter in "lyz")])
    expect(page.get_by_role("combobox", name="Find a gene")).to_have_value("lyz")
    expect(page.get_by_role("option", name="LYZ").first).to_be_visible()
    page.keyboard.press("Escape")
    viewer.plot.focus()
    page.evaluate(
        """() => {
          const press = { key: 'k', ctrlKey: true, bubbles: true, cancelable: true };
          document.activeElement.dispatchEvent(new KeyboardEvent('keydown', press));
          const clipboardData = new DataTransfer();
          clipboardData.setData('text/plain', 'LYZ\\nCD3D');
          const paste = { clipboardData, bubbles: true, cancelable: true };
          document.activeElement.dispatchEvent(new ClipboardEvent('paste', paste));
        }"""
    )
    expect(page.get_by_role("combobox", name="Find a gene")).to_have_value("LYZ, CD3D")
    expect(page.get_by_role("option", name=re.compile("2 genes")).first).to_be_visible()
    page.keyboard.press("Escape")
    viewer.plot.focus()
    page.evaluate(typed, [[letter, False] for letter in "/lyzx"] + [["Backspace", False]])
    search = page.get_by_role("combobox", name="Search a gene")
    expect(search).to_have_value("lyz")
    page.keyboard.press("Enter")
    viewer.colored_by("LYZ")
    # keys of one letter are shortcuts again
    expect(viewer.plot).to_be_focused()
    page.keyboard.press("l")
    viewer.lasso([(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)])
    expect(page.get_by_text("cells selected")).to_be_visible()
    viewer.plot.focus()
    page.evaluate(typed, [[letter, False] for letter in "nT cell"])
    expect(page.get_by_role("combobox", name="Label", exact=True)).to_have_value("T cell")
    expect(page.get_by_role("textbox", name="Name of the new annotation")).to_have_value("My annotation")
