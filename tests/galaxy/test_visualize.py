"""From the Visualize tab of a dataset to its cells, in a real Galaxy and a real browser.

The tests tell one story in order. Set SCREENSHOTS to a folder to keep what the browser shows.
"""

import json
import re
from pathlib import Path

import galaxy_conf
import galaxy_page
import galaxy_server
import pytest
from galaxy_page import INSIDE, keep, visualize, wait_for_session

pytestmark = pytest.mark.galaxy

OTHER_EMAIL, OTHER_PASSWORD = "reader@example.org", "password2"
#: Galaxy takes changes of a visualization's document for unsaved work, from 3 s on. In 26.1.2 it never begins to watch
#: (its frame has no ref), so the test watches in its place.
AFTER_THE_DETECTOR = 4500
WATCH = """frame => {
    const watched = frame.contentDocument;
    frame.changes = 0;
    const seen = () => { frame.changes += 1; };
    new MutationObserver(seen).observe(watched.body, {childList: true, subtree: true, characterData: true});
    for (const event of ["input", "change", "keyup", "paste"]) watched.addEventListener(event, seen, true);
}"""


@pytest.fixture(scope="module")
def browser():
    with galaxy_page.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def place(galaxy):
    return galaxy.call("POST", "/api/histories", json={"name": "Bone <b>marrow</b>"})["id"]


@pytest.fixture(scope="module")
def dataset(galaxy, place, datasets):
    return galaxy.copy(place, datasets[1]["id"])


@pytest.fixture(scope="module")
def user(browser, galaxy, place):
    """The administrator, logged in, looking at the history."""
    with galaxy_page.visitor(browser) as page:
        galaxy_page.log_in(page, galaxy)
        page.evaluate("id => fetch(`/history/set_as_current?id=${id}`)", place)
        yield page


def plugins(galaxy, dataset):
    return {plugin["name"] for plugin in galaxy.call("GET", f"/api/plugins?dataset_id={dataset}")}


def running(galaxy):
    return galaxy.call("GET", "/api/entry_points?running=true")


def test_only_h5ad_is_offered(galaxy, dataset, uploaded):
    others = [uploaded[name] for name in ("plain.h5", "cells.loom")]
    assert [d["extension"] for d in others] == ["h5", "loom"]
    assert "starcyte" in plugins(galaxy, dataset)
    for other in others:
        assert "starcyte" not in plugins(galaxy, other["id"])


def test_can_be_part_of_a_page(galaxy):
    assert "starcyte" in {plugin["name"] for plugin in galaxy.call("GET", "/api/plugins?embeddable=true")}


def test_listed_on_the_visualize_tab(user, galaxy, dataset):
    user.goto(f"{galaxy.url}/datasets/{dataset}/visualize", wait_until="domcontentloaded")
    listed = user.locator("[data-plugin-name=starcyte]")
    listed.wait_for(timeout=galaxy_page.PATIENCE)
    assert "Explore single cells" in listed.inner_text()
    galaxy_server.wait_for("the picture", lambda: listed.locator("img").evaluate("e => e.naturalWidth"), 10)
    keep(user, "visualize-1-tab")
    listed.click()
    inside = user.frame_locator("#galaxy_visualization").frame_locator(INSIDE)
    inside.get_by_role("button", name="Start", exact=True).wait_for(timeout=galaxy_page.PATIENCE)
    # the name is text, whatever it holds
    assert inside.get_by_role("heading", level=1).inner_text() == galaxy_server.NASTY
    facts = inside.locator("dl").inner_text()
    for expected in ("700", "765"):
        assert expected in facts
    assert "Bone <b>marrow</b>" in inside.locator(".note").inner_text()
    keep(user, "visualize-2-ready")
    inside.get_by_text("Options", exact=True).click()
    colourings = inside.get_by_label("Colour the cells by").locator("option").all_inner_texts()
    assert {"bulk_labels", "louvain", "phase"} < set(colourings)
    keep(user, "visualize-2-options")


def test_leaving_asks_nothing(user, galaxy, dataset):
    asked = []
    inside = visualize(user, galaxy, dataset)
    inside.get_by_role("button", name="Start", exact=True).wait_for(timeout=galaxy_page.PATIENCE)
    user.wait_for_timeout(AFTER_THE_DETECTOR)
    inside.get_by_text("Options", exact=True).click()
    inside.get_by_label("Read only").check()
    user.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    user.get_by_role("link", name=re.compile("Histories|Galaxy", re.I)).first.click()
    user.wait_for_url(lambda url: "visualization=starcyte" not in url, timeout=15000)
    assert asked == []


def test_start_shows_the_cells(user, galaxy, dataset):
    inside = visualize(user, galaxy, dataset)
    start = inside.get_by_role("button", name="Start", exact=True)
    start.wait_for(timeout=galaxy_page.PATIENCE)
    frame = user.locator("#galaxy_visualization")
    frame.evaluate(WATCH)
    inside.get_by_text("Options", exact=True).click()
    inside.get_by_label("Colour the cells by").select_option("louvain")
    with galaxy_server.timed("from Start to the cells drawn in Galaxy's frame"):
        start.click()
        inside.locator("li[aria-current=step]").first.wait_for()
        keep(user, "visualize-3-starting")
        viewer = wait_for_session(user, inside)
    user.wait_for_timeout(2000)
    keep(user, "visualize-4-cells")
    assert frame.evaluate("frame => frame.changes") == 0
    frame.evaluate("frame => frame.contentDocument.getElementById('app').append('a change')")
    assert frame.evaluate("frame => frame.changes") == 1
    assert "bulk_labels" in viewer.frame.locator("body").inner_text()
    (entry,) = running(galaxy)
    job = galaxy.job(entry["job_id"])
    assert (job["tool_id"], job["inputs"]["infile"]["id"]) == (galaxy_conf.TOOL, dataset)
    assert json.loads(job["params"]["options"])["color_by"] == "louvain"


def test_reload_finds_the_session(user, galaxy):
    before = [entry["id"] for entry in running(galaxy)]
    user.reload(wait_until="domcontentloaded")
    inside = user.frame_locator("#galaxy_visualization").frame_locator(INSIDE)
    with galaxy_server.timed("from a reload to the cells"):
        wait_for_session(user, inside)
    assert [entry["id"] for entry in running(galaxy)] == before
    inside.get_by_role("button", name="Sessions").click()
    inside.get_by_text("A session of this dataset is running").wait_for()
    keep(user, "visualize-5-sessions")
    with user.expect_popup() as popup:
        inside.get_by_role("button", name="New tab", exact=True).click()
    tab = popup.value
    tab.locator("canvas").first.wait_for(timeout=galaxy_page.PATIENCE)
    assert tab.evaluate("window.opener") is None
    tab.close()
    inside.get_by_role("button", name="Open", exact=True).click()
    wait_for_session(user, inside)


def test_stop_says_what_is_kept(user, galaxy):
    (entry,) = running(galaxy)
    # what a user makes is in a folder of the job; here the test puts it there
    folder = re.search(r"\S+/jobs_directory/\d+/\d+/", galaxy.job(entry["job_id"])["command_line"].replace("'", " "))[0]
    Path(folder, "working", "saved", "cell types.csv").write_text("cell,label\na,T cell\n")
    inside = user.frame_locator("#galaxy_visualization").frame_locator(INSIDE)
    inside.get_by_role("button", name="Stop", exact=True).click()
    dialog = inside.get_by_role("dialog")
    dialog.wait_for()
    keep(user, "visualize-6-stop")
    assert "Bone <b>marrow</b>" in dialog.inner_text()
    dialog.get_by_role("button", name="Stop", exact=True).click()
    inside.get_by_role("heading", name="The session has ended").wait_for(timeout=galaxy_page.PATIENCE)
    link = inside.get_by_role("link", name="cell types.csv")
    made = re.search(r"datasets/(\w+)/preview", link.get_attribute("href"))[1]
    assert galaxy.text(made) == "cell,label\na,T cell\n"
    keep(user, "visualize-7-stopped")
    assert running(galaxy) == []
    inside.get_by_role("button", name="Start a new session").click()
    inside.get_by_role("button", name="Start", exact=True).wait_for(timeout=galaxy_page.PATIENCE)


def test_failure_says_why(user, galaxy, dataset):
    """The file of the dataset is away, as when a disk is not mounted where the job runs."""
    file = Path(galaxy.call("GET", f"/api/datasets/{dataset}")["file_name"])
    away = file.rename(file.with_suffix(".away"))
    try:
        inside = visualize(user, galaxy, dataset)
        inside.get_by_role("button", name="Start", exact=True).click(timeout=galaxy_page.PATIENCE)
        inside.get_by_role("heading", name="The session failed").wait_for(timeout=galaxy_page.PATIENCE)
        assert "cannot be opened" in inside.locator("pre").inner_text()
        assert inside.get_by_role("link", name="Error report").get_attribute("href").endswith("/error")
        keep(user, "visualize-8-failed")
    finally:
        away.rename(file)


def test_tool_that_is_not_installed(user, galaxy, dataset):
    inside = visualize(user, galaxy, dataset, "starcyte_without_tool")
    inside.get_by_role("heading", name="starcyte is not installed").wait_for(timeout=galaxy_page.PATIENCE)
    text = inside.locator("main").inner_text()
    assert "interactive_tool_absent" in text
    assert "You are an administrator" in text
    keep(user, "visualize-9-not-installed")


def test_tool_from_a_toolshed(user, galaxy, dataset):
    """Its id has the server, the owner and the version in it; the visualization knows the short one."""
    inside = visualize(user, galaxy, dataset, "starcyte_from_shed")
    with user.expect_popup(timeout=galaxy_page.PATIENCE) as popup:
        inside.get_by_role("button", name="Start in a new tab").click(timeout=galaxy_page.PATIENCE)
    popup.value.locator("canvas").first.wait_for(timeout=90000)
    assert popup.value.evaluate("window.opener") is None
    popup.value.close()
    (entry,) = running(galaxy)
    guid = f"{galaxy_conf.SHED}/{galaxy_conf.SHED_TOOL}/0.1.0+galaxy0"
    assert galaxy.job(entry["job_id"])["tool_id"] == guid
    inside.get_by_text("A session of this dataset is running").wait_for(timeout=galaxy_page.PATIENCE)
    inside.get_by_role("button", name="Stop", exact=True).click()
    inside.get_by_role("dialog").get_by_role("button", name="Stop", exact=True).click()
    inside.get_by_role("heading", name="The session has ended").wait_for(timeout=galaxy_page.PATIENCE)


def test_nobody_is_asked_to_log_in(browser, galaxy, dataset):
    with galaxy_page.visitor(browser) as page:
        inside = visualize(page, galaxy, dataset)
        inside.get_by_role("heading", name="Log in to explore the cells").wait_for(timeout=galaxy_page.PATIENCE)
        keep(page, "visualize-10-anonymous")
        inside.get_by_role("link", name="Log in").click()
        page.wait_for_url("**/login/start*")
        galaxy_page.fill_in(page, galaxy_server.EMAIL, galaxy_server.PASSWORD)
        # and led back to where they came from
        inside.get_by_role("button", name="Start", exact=True).wait_for(timeout=galaxy_page.PATIENCE)


def test_dataset_of_another(browser, galaxy, place, dataset):
    """Somebody else's dataset is opened from one's own history, without a copy of it."""
    made = galaxy.call(
        "POST", "/api/users", json={"email": OTHER_EMAIL, "username": "reader", "password": OTHER_PASSWORD}
    )
    galaxy.call("PUT", f"/api/histories/{place}/publish")
    with galaxy_page.visitor(browser, viewport={"width": 1400, "height": 900}) as page:
        galaxy_page.log_in(page, galaxy, OTHER_EMAIL, OTHER_PASSWORD)
        inside = visualize(page, galaxy, dataset)
        start = inside.get_by_role("button", name="Start", exact=True)
        start.wait_for(timeout=galaxy_page.PATIENCE)
        assert "stays in the history of its owner" in inside.locator(".note").inner_text()
        keep(page, "visualize-11-of-another")
        start.click()
        wait_for_session(page, inside)
        keep(page, "visualize-12-of-another-cells")
        history = page.evaluate("async () => (await fetch('/history/current_history_json')).json()")
        assert history["id"] != place
        names = page.evaluate(
            "async id => (await (await fetch(`/api/histories/${id}/contents`)).json()).map(c => c.name)", history["id"]
        )
        assert all(name.startswith("starcyte on") for name in names)
        assert names
        inside.get_by_role("button", name="Stop", exact=True).click()
        inside.get_by_role("dialog").get_by_role("button", name="Stop", exact=True).click()
        inside.get_by_text("Nothing was saved, and the session report was deleted").wait_for(
            timeout=galaxy_page.PATIENCE
        )
        shown = page.evaluate(
            "async id => (await (await fetch(`/api/histories/${id}/contents?v=dev&q=deleted&qv=false`)).json())",
            history["id"],
        )
        assert shown == []
        keep(page, "visualize-13-nothing-saved")
    assert made["email"] == OTHER_EMAIL


def test_display_application_leads_to_the_form(user, galaxy, dataset):
    """Without the visualization, a link leads to the tool's form with the dataset chosen."""
    user.goto(f"{galaxy.url}/datasets/{dataset}/visualize", wait_until="domcontentloaded")
    link = user.get_by_role("link", name="starcyte", exact=True)
    link.wait_for(timeout=galaxy_page.PATIENCE)
    with user.context.expect_page() as opened:
        link.click()
    form = opened.value
    form.get_by_role("button", name=re.compile("Run Tool")).first.wait_for(timeout=galaxy_page.PATIENCE)
    assert "tool_id=interactive_tool_starcyte" in form.url
    assert galaxy_server.NASTY in form.locator("#center").inner_text()
    keep(form, "visualize-14-form")
    form.close()
