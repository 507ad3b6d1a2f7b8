"""The page for everybody: the rules of WCAG 2.2 on every panel, the main job by keys alone, the plot as a table."""

from __future__ import annotations

import json
import re

import pytest
from browser_page import AXE, NARROW, RULES, WIDE, eventually, read
from playwright.sync_api import expect
from test_stored import analysed
from test_tissue import slides

__all__ = ["analysed", "slides"]
PHONE = (390, 844)
SIZES = pytest.mark.parametrize(
    ("size", "theme"),
    [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark"), (PHONE, "light"), (PHONE, "dark")],
    ids=lambda value: "x".join(map(str, value)) if isinstance(value, tuple) else value,
)


def violations(viewer):
    """Return what axe finds wrong with the page as it stands, a line each."""
    page = viewer.page
    if not page.evaluate("'axe' in window"):
        # a script element would be refused by the page's policy
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "(values) => axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] })", RULES
    )
    return [
        f"{rule['id']}: {json.dumps(node['target'])} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
        # a name that a drawing cuts short begins as its button is called, which is all that a speaker says of it
        if not (rule["id"] == "label-content-name-mismatch" and "data-cut" in node["html"])
        # what is open above the page lies over some of it
        and "obscured" not in node["failureSummary"]
        # a menu belongs to its button, wherever it hangs in the document
        and not (rule["id"] == "region" and "data-bits-floating" in node["html"])
    ]


@SIZES
def test_every_panel_follows_the_rules(visit, pbmc, size, theme):
    viewer = visit(pbmc, size, theme).drawn().colored_by("bulk_labels")
    page = viewer.page
    found = {}

    def look(name):
        # no tooltip of what is under the pointer, which is outside the landmarks; nothing that fades in is half there
        page.mouse.move(1, 1)
        page.wait_for_timeout(350)
        found[name] = violations(viewer)

    look("opened")
    page.get_by_role("button", name="Unfold louvain").click()
    page.get_by_role("group", name="Dendritic", exact=True).get_by_role("button").first.click()
    viewer.wait_selected(240)
    look("a column open, a filter")
    page.get_by_role("button", name="Scale of n_genes").click()
    look("a scale")
    page.keyboard.press("Escape")
    viewer.search_gene("CD79A")
    viewer.colored_by("CD79A")
    page.get_by_role("combobox", name="Search a gene").fill("CD")
    expect(page.get_by_role("option").first).to_be_visible()
    look("the search")
    viewer.paste("CD79A MS4A1 LYZ")
    page.keyboard.press("Escape")
    expect(page.get_by_role("article", name="Gene set Pasted genes")).to_be_visible()
    look("genes and sets")
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="or a category as set A").click()
    look("a set of a category")
    page.get_by_role("region", name="Set A from a category").get_by_role("button", name="CD14+ Monocyte").click()
    page.get_by_role("button", name="Compare expression").click()
    expect(page.get_by_role("cell").first).to_be_visible()
    look("a comparison")
    page.get_by_role("button", name="Show all columns").click()
    expect(page.get_by_role("dialog").get_by_role("cell").first).to_be_visible()
    look("all columns")
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Markers").click()
    page.get_by_role("button", name="Find markers", exact=True).click()
    expect(page.get_by_role("article", name="Markers of Dendritic")).to_be_visible()
    look("markers")
    for name in ("Display settings", re.compile("^Save or copy")):
        page.get_by_role("button", name=name).first.click()
        look(str(name))
        page.keyboard.press("Escape")
    page.keyboard.press("?")
    look("help")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    look("commands")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("p")
    drawer = page.get_by_role("region", name="Plots")
    for kind in ("Dot plot", "Matrix", "Heat map", "Violins", "Embeddings", "Composition"):
        drawer.get_by_role("radio", name=kind).click()
        page.wait_for_timeout(600)
        look(kind)
    drawer.get_by_role("button", name="Show the data").click()
    look("numbers")
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_lies_beside_the_panels_follows_the_rules(visit, pbmc, theme):
    viewer = visit(pbmc, WIDE, theme).drawn().colored_by("bulk_labels")
    page, press = viewer.page, viewer.page.keyboard.press
    found = {}

    def look(name):
        page.wait_for_timeout(350)
        found[name] = violations(viewer)

    press("q")
    expect(page.get_by_role("region", name="Gallery")).to_have_attribute("data-pictures", "10")
    look("a gallery")
    press("Control+z")
    press(",")
    press(",")
    expect(viewer.plot).to_have_count(4)
    look("four plots")
    press("Control+z")
    press("Control+z")
    expect(viewer.plot).to_have_count(1)
    press("g")
    expect(page.get_by_role("dialog")).to_be_visible()
    look("two fields")
    press("Escape")
    press("j")
    expect(page.get_by_role("region", name="Focused cell")).to_be_visible()
    look("a focused cell")
    page.get_by_role("group", name="Dendritic", exact=True).get_by_role("button").first.click()
    viewer.wait_selected(240)
    press("n")
    box = page.get_by_role("combobox", name="Label", exact=True)
    expect(box).to_be_focused()
    look("naming the selection")
    box.fill("Mine")
    box.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    look("a label")
    page.get_by_role("region", name="My annotations").get_by_role("group", name="Mine", exact=True).hover()
    page.get_by_role("button", name="Edit Mine", exact=True).click()
    look("a category")
    press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    # away from the button that the dialog gave the focus back to, whose tip belongs to no landmark
    page.mouse.move(700, 500)
    viewer.plot.focus()
    press(".")
    look("views")
    press(".")
    page.get_by_role("button", name="New annotation").first.click()
    expect(page.get_by_role("dialog", name="New annotation")).to_be_visible()
    look("a new label")
    assert {name: lines for name, lines in found.items() if lines} == {}


def panel(viewer, name: str) -> None:
    """Open a panel, which a narrow page has below the plot."""
    tab = viewer.page.get_by_role("tab", name=name)
    if tab.count() and (
        tab.get_attribute("aria-selected") != "true" or not viewer.page.get_by_role("tabpanel").count()
    ):
        tab.click()


@SIZES
def test_figures_thresholds_levels_and_enrichment_follow_the_rules(visit, pbmc, size, theme):
    viewer = visit(pbmc, size, theme).drawn().colored_by("bulk_labels")
    page, press = viewer.page, viewer.page.keyboard.press
    found = {}

    def look(name):
        page.mouse.move(1, 1)
        page.wait_for_timeout(350)
        found[name] = violations(viewer)

    panel(viewer, "Cells")
    page.get_by_role("button", name="Colour by n_genes").scroll_into_view_if_needed()
    low = page.get_by_role("textbox", name="At least, n_genes")
    low.fill("1200")
    low.press("Enter")
    expect(page.get_by_text("cells selected")).to_be_visible()
    look("a threshold")
    page.get_by_role("button", name="Clear selection").click()
    category = page.get_by_role("group", name="Dendritic", exact=True)
    category.hover()
    page.get_by_role("button", name="Edit Dendritic", exact=True).click()
    dialog = page.get_by_role("dialog", name=re.compile("^Category of"))
    look("a category of the file")
    dialog.get_by_role("combobox").first.fill("Myeloid / DC")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("radio", name="Level 1")).to_be_visible()
    look("levels of an own version")
    page.get_by_role("radio", name="Level 1").click()
    look("the first level")
    page.get_by_role("button", name="Save or copy").first.click()
    look("saving")
    press("Escape")
    page.get_by_role("button", name="Export and import").click()
    expect(page.get_by_role("menuitem").first).to_be_visible()
    look("the menu")
    page.get_by_role("menuitem", name=re.compile("^Figure of several panels")).click()
    expect(page.get_by_role("dialog", name="Figure")).to_be_visible()
    look("no figure yet")
    rows = page.get_by_role("list", name="Panels").locator(":scope > li")
    for n, kind in enumerate(("Plot of cells", "Composition"), 1):
        page.get_by_role("button", name="Add panel").click()
        page.get_by_role("menuitem", name=kind).first.click()
        expect(rows).to_have_count(n)
    look("a figure of two panels")
    page.get_by_role("button", name="Close", exact=True).click()
    panel(viewer, "Compare")
    page.get_by_role("button", name="or a category as set A").click()
    page.get_by_role("region", name="Set A from a category").get_by_role("button", name="CD14+ Monocyte").click()
    page.get_by_role("button", name="Compare expression").click()
    page.get_by_role("button", name="Enrichment").click()
    dialog = page.get_by_role("dialog")
    look("enrichment")
    gmt = b"MONOCYTE\t\tLYZ\tS100A8\tS100A9\tCST3\tFCN1\tTYROBP\n"
    dialog.get_by_label("GMT file").set_input_files({"name": "a.gmt", "mimeType": "text/plain", "buffer": gmt})
    dialog.get_by_role("spinbutton", name="Smallest set").fill("3")
    dialog.get_by_role("radio", name="All genes, ranked").click()
    dialog.get_by_role("button", name="Test the sets").click()
    expect(dialog.get_by_role("img", name="Running sum of MONOCYTE")).to_be_visible()
    look("an enriched set")
    assert {name: lines for name, lines in found.items() if lines} == {}


@SIZES
def test_tissue_and_overlays_follow_the_rules(visit, slides, analysed, size, theme):
    viewer = visit(slides, size, theme).drawn()
    page = viewer.page
    found = {}

    def look(name):
        page.mouse.move(1, 1)
        page.wait_for_timeout(350)
        found[name] = violations(viewer)

    page.get_by_role("button", name="Tissue: image").click()
    expect(page.get_by_role("checkbox", name="Image of the tissue")).to_be_visible()
    look("tissue")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Plots side by side").click()
    look("plots side by side")
    page.get_by_role("button", name=re.compile("^Gallery")).click()
    gallery = page.get_by_role("region", name="Gallery")
    gallery.get_by_role("radio", name="Sections").click()
    expect(gallery.get_by_role("button", name=re.compile("^Show section"))).to_have_count(2)
    look("sections")
    viewer = visit(analysed[0], size, theme).drawn()
    page = viewer.page
    page.get_by_role("button", name="Overlays: PAGA").click()
    page.get_by_role("checkbox", name="PAGA graph of kind").check()
    page.get_by_role("checkbox", name="Velocities").check()
    look("PAGA and velocities")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Display settings").click()
    look("display settings")
    assert {name: lines for name, lines in found.items() if lines} == {}


def tab_to(viewer, name, most=120):
    """Go on by Tab until the focus is on what has a name."""
    script = """() => {
      const at = document.activeElement;
      return at?.getAttribute('aria-label') || at?.textContent?.trim() || '';
    }"""
    for _ in range(most):
        viewer.page.keyboard.press("Tab")
        said = viewer.page.evaluate(script)
        if re.match(name, said):
            return said
    raise AssertionError(f"Tab never came to {name}")


def test_the_main_job_is_done_by_keys_alone(visit, pbmc):
    """Colour by cell type, select one type, compare it with the rest, keep its best gene, plot it, save the plot."""
    viewer = visit(pbmc).drawn()
    page, keys = viewer.page, viewer.page.keyboard
    keys.press("Control+k")
    keys.type("colour by bulk")
    keys.press("Enter")
    viewer.colored_by("bulk_labels")
    tab_to(viewer, r"^CD14\+ Monocyte$")
    keys.press("Tab")
    keys.press("Enter")
    viewer.wait_selected(129)
    keys.press("a")
    expect(page.get_by_role("group", name="Set A", exact=True)).to_contain_text("129")
    keys.press("c")
    expect(page.get_by_role("cell").first).to_be_visible()
    gene = page.get_by_role("cell").first.inner_text().strip()
    tab_to(viewer, rf"^{gene}$")
    keys.press("Enter")
    viewer.colored_by(gene)
    tab_to(viewer, f"^Violins of {gene}$", 4)
    keys.press("Enter")
    expect(page.get_by_role("group", name=f"Violins of {gene}")).to_be_visible()
    tab_to(viewer, "^Save or copy Violins$")
    keys.press("Enter")
    tab_to(viewer, "^Save the figure as SVG$", 12)
    with page.expect_download() as download:
        keys.press("Enter")
    assert download.value.suggested_filename.endswith("Violins.svg")
    keys.press("Escape")
    keys.press("Control+z")
    viewer.colored_by("bulk_labels")


def test_what_the_plot_shows_is_a_table_as_well(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    cells = read(pbmc)
    table = viewer.page.get_by_role("table", name="700 of 700 cells are selected, coloured by bulk_labels")
    viewer.page.keyboard.press("y")
    expect(table.get_by_role("row", name="Dendritic 240 240")).to_be_attached()
    assert violations(viewer) == []
    viewer.page.keyboard.press("Escape")
    viewer.page.get_by_role("checkbox", name="Dendritic", exact=True).click()
    viewer.page.keyboard.press("y")
    table = viewer.page.get_by_role("table", name="460 of 700 cells are selected")
    expect(table.get_by_role("row", name="Dendritic 0 240")).to_be_attached()
    viewer.page.keyboard.press("Escape")
    viewer.search_gene("LYZ")
    viewer.colored_by("LYZ")
    viewer.page.get_by_role("button", name="Undo").focus()
    viewer.page.keyboard.press("y")
    rows = viewer.page.get_by_role("table", name="coloured by LYZ").get_by_role("row")
    expect(rows).to_have_count(41)
    total = sum(int(row.get_by_role("cell").last.inner_text()) for row in rows.all()[1:])
    assert total == cells.n_obs


def test_nothing_moves_for_those_who_ask_for_it(browser, serve, pbmc):
    page = browser.new_page(reduced_motion="reduce")
    page.goto(serve(pbmc))
    page.locator("[data-drawn=true]").wait_for()
    longest = """() => Math.max(...[...document.querySelectorAll('*')].flatMap((element) => {
      const style = getComputedStyle(element);
      return [style.transitionDuration, style.animationDuration].flatMap((text) => text.split(',').map(parseFloat));
    }))"""
    assert page.evaluate(longest) < 0.001
    page.close()


def test_first_steps_are_told_once(visit, pbmc):
    viewer = visit(pbmc).drawn()
    hint = viewer.page.get_by_role("complementary", name="First steps")
    expect(hint).to_be_visible()
    viewer.page.get_by_role("group", name="Dendritic", exact=True).get_by_role("button").first.click()
    expect(hint).to_have_count(0)
    viewer.page.reload()
    viewer.drawn()
    expect(hint).to_have_count(0)


def test_first_steps_make_way_for_plots(visit, pbmc):
    viewer = visit(pbmc).drawn()
    hint = viewer.page.get_by_role("complementary", name="First steps")
    expect(hint).to_be_visible()
    viewer.page.keyboard.press("p")
    expect(hint).to_have_count(0)


def test_a_lost_connection_is_told_and_its_questions_are_asked_again(visit, pbmc):
    viewer = visit(pbmc).drawn().colored_by("bulk_labels")
    viewer.forgive("ERR_FAILED")
    viewer.page.route("**/api/v1/**", lambda route: route.abort())
    viewer.page.get_by_role("button", name="Colour by louvain").click()
    told = viewer.page.get_by_role("status").filter(has_text="The connection to the viewer is lost.")
    expect(told).to_be_visible()
    viewer.page.unroute("**/api/v1/**")
    viewer.colored_by("louvain")
    expect(told).to_have_count(0)
    eventually(lambda: viewer.page.get_by_role("alert").count() == 0, "no other complaint")
