"""Several datasets, or a collection of them, open as a catalog; what is made of one tells in the history of which.

Set SCREENSHOTS to a folder to keep what the browser shows.
"""

import contextlib
import csv
import io
import re

import galaxy_page
import galaxy_server
import pytest
import viewer_page
from galaxy_conf import TOOL
from galaxy_page import keep
from galaxy_server import CELLS, NASTY
from playwright.sync_api import expect

pytestmark = pytest.mark.galaxy

NAMES = (NASTY, CELLS)
#: What is left of the names where a name must be one of a folder.
NASTY_ID = "rm_-rf_b_e"


@pytest.fixture(scope="module")
def place(galaxy):
    return galaxy.call("POST", "/api/histories", json={"name": "Several"})["id"]


@pytest.fixture(scope="module")
def both(galaxy, place, uploaded):
    return [galaxy.copy(place, uploaded[name]["id"]) for name in NAMES]


@pytest.fixture(scope="module")
def collection(galaxy, place, both):
    elements = [{"name": name, "src": "hda", "id": id_} for name, id_ in zip(NAMES, both, strict=True)]
    given = {
        "type": "dataset_collection",
        "collection_type": "list",
        "name": "Samples",
        "element_identifiers": elements,
    }
    return galaxy.call("POST", f"/api/histories/{place}/contents", json=given)["id"]


@pytest.fixture(scope="module")
def user(galaxy, place):
    with galaxy_page.chromium() as browser, galaxy_page.visitor(browser) as page:
        galaxy_page.log_in(page, galaxy)
        page.evaluate("id => fetch(`/history/set_as_current?id=${id}`)", place)
        yield page


@pytest.fixture(autouse=True)
def ended(galaxy):
    """End what a test leaves running: a session of a dataset is found by the tests after it."""

    def running():
        return {entry["id"] for entry in galaxy.call("GET", "/api/entry_points?running=true")}

    before = running()
    yield
    for entry in running() - before:
        # that of a job that has just ended may go meanwhile
        with contextlib.suppress(AssertionError):
            galaxy.call("DELETE", f"/api/entry_points/{entry}")


def catalog_service(user, galaxy, job):
    """Open the session of a job in Galaxy's page, and return its frame once both datasets are listed in it."""
    entry = galaxy_server.wait_for("the entry point", lambda: galaxy_server.active(galaxy, job), 180)
    assert entry["name"] == "starcyte on 2 datasets"
    user.goto(f"{galaxy.url}/interactivetool_entry_points/list", wait_until="domcontentloaded")
    user.locator(f"#link-{entry['id']}").click(timeout=viewer_page.PATIENCE)
    frame = user.frame_locator("#galaxy_interactive_tool")
    expect(frame.get_by_role("status").first).to_contain_text("2 datasets", timeout=viewer_page.PATIENCE)
    for name in NAMES:
        frame.get_by_role("link", name=name).wait_for(timeout=viewer_page.PATIENCE)
    expect(frame.get_by_text("Not opened yet")).to_have_count(0, timeout=viewer_page.PATIENCE)
    return entry, frame


def label(user, frame):
    """Open the dataset of the nasty name and label some cells of it; return it, and how many."""
    frame.get_by_role("link", name=NASTY).click()
    viewer = viewer_page.Viewer(user, frame).drawn()
    made = viewer.select(viewer_page.UPPER)
    viewer.label("Upper", "Types")
    return viewer, made


def check(galaxy, entry, made):
    """Look at what a session left."""
    job = galaxy.wait_for_end(entry["job_id"])
    assert (job["state"], job["exit_code"], job["tool_stderr"]) == ("ok", 0, "")
    report, saved = galaxy_server.left(galaxy, job)
    kinds = {name: kind for name, (kind, *_) in saved.items()}
    assert kinds == {f"{NASTY_ID}/annotations": "tabular", f"{NASTY_ID}/session": "json"}
    _, *rows = csv.reader(io.StringIO(saved[f"{NASTY_ID}/annotations"][1]), delimiter="\t")
    assert [row[1] for row in rows].count("Upper") == made
    of_nasty, of_cells = report.split("\n\n")[2:4]
    assert of_nasty.splitlines()[0] == f"Dataset     {NASTY}"
    assert f"Annotation  Types: Upper ({made})" in of_nasty
    assert f"Saved       {NASTY_ID}/annotations.tabular (" in of_nasty
    assert of_cells.splitlines()[0] == f"Dataset     {CELLS}"
    assert of_cells.splitlines()[-1] == "Saved       nothing"


def test_several_datasets(galaxy, user, place, both):
    inputs = {"infile": {"values": [{"src": "hda", "id": id_} for id_ in both]}, "options|color_by": "louvain"}
    answer = galaxy.call("POST", "/api/tools", json={"tool_id": TOOL, "history_id": place, "inputs": inputs})
    (job,) = answer["jobs"]
    entry, frame = catalog_service(user, galaxy, job["id"])
    keep(user, "several-1-catalog")
    _, made = label(user, frame)
    keep(user, "several-2-label")
    galaxy.call("DELETE", f"/api/entry_points/{entry['id']}")
    check(galaxy, entry, made)


def test_collection(galaxy, user, collection):
    """By the tool's own form, in which the collection is chosen."""
    before = {job["id"] for job in galaxy.call("GET", f"/api/jobs?tool_id={TOOL}")}
    user.goto(f"{galaxy.url}/?tool_id={TOOL}&version=latest", wait_until="domcontentloaded")
    user.get_by_role("button", name=re.compile("Run Tool")).first.wait_for(timeout=galaxy_page.PATIENCE)
    keep(user, "several-3-form")
    user.get_by_title("Dataset collection", exact=True).first.click()
    user.get_by_text("Select Value").first.click()
    user.locator(".multiselect__element").filter(has_text="Samples").first.click()
    keep(user, "several-4-form-collection")
    user.get_by_role("button", name=re.compile("Run Tool")).first.click()

    def started():
        return {job["id"] for job in galaxy.call("GET", f"/api/jobs?tool_id={TOOL}")} - before

    # one session, and not one for each element
    (job,) = galaxy_server.wait_for("the job", started, 60)
    entry, frame = catalog_service(user, galaxy, job)
    viewer, made = label(user, frame)
    # of one dataset's page, and yet of the whole session
    viewer.finish()
    check(galaxy, entry, made)
