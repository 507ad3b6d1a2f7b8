"""Galaxy is restarted while a session runs: the local runner loses its job, and what was made is saved yet.

Set SCREENSHOTS to a folder to keep what the browser shows.
"""

import csv
import io
import os
import signal

import galaxy_page
import galaxy_server
import pytest
import viewer_page
from galaxy_page import INSIDE, keep, visualize, wait_for_session

pytestmark = pytest.mark.galaxy


@pytest.fixture(scope="module")
def place(galaxy):
    return galaxy.call("POST", "/api/histories", json={"name": "Restarted"})["id"]


@pytest.fixture(scope="module")
def dataset(galaxy, place, datasets):
    return galaxy.copy(place, datasets[0]["id"])


@pytest.fixture(scope="module")
def user(galaxy, place):
    with galaxy_page.chromium() as browser, galaxy_page.visitor(browser) as page:
        galaxy_page.log_in(page, galaxy)
        page.evaluate("id => fetch(`/history/set_as_current?id=${id}`)", place)
        yield page


@pytest.fixture(scope="module")
def lost(galaxy, user, dataset):
    """The job of a session in which cells were labelled, and the number of these cells, after a restart of Galaxy."""
    inside = visualize(user, galaxy, dataset)
    inside.get_by_role("button", name="Start", exact=True).click(timeout=viewer_page.PATIENCE)
    viewer = wait_for_session(user, inside)
    made = viewer.select(viewer_page.UPPER)
    viewer.label("Upper", "Types")
    (entry,) = galaxy.call("GET", "/api/entry_points?running=true")
    working = galaxy.working(entry["job_id"])
    galaxy.restart()
    yield entry["job_id"], made
    for process in galaxy_server.wrappers(working):
        os.kill(process, signal.SIGTERM)


def test_the_page_offers_what_was_saved(galaxy, user, lost):
    job, _ = lost
    inside = user.frame_locator("#galaxy_visualization").frame_locator(INSIDE)
    inside.get_by_role("heading", name="Galaxy has lost this session").wait_for(timeout=viewer_page.PATIENCE)
    keep(user, "restart-1-lost")
    assert galaxy.job(job)["state"] == "error"
    assert len(galaxy_server.viewers(galaxy.working(job))) == 1
    for part in ("session", "annotations"):
        assert f"starcyte on {galaxy_server.PLAIN} ({part})" in inside.locator("ul.files").inner_text()


def test_the_offer_survives_a_reload(user, lost):
    user.reload(wait_until="domcontentloaded")
    inside = user.frame_locator("#galaxy_visualization").frame_locator(INSIDE)
    inside.get_by_role("heading", name="Galaxy has lost this session").wait_for(timeout=viewer_page.PATIENCE)


def test_the_files_are_added_to_the_history(galaxy, user, place, lost):
    _, made = lost
    inside = user.frame_locator("#galaxy_visualization").frame_locator(INSIDE)
    inside.get_by_role("button", name="Add to the history").click()
    inside.get_by_role("heading", name="The saved files were added").wait_for(timeout=viewer_page.PATIENCE)
    keep(user, "restart-2-added")
    named = {item["name"]: item for item in galaxy.contents(place)}
    annotations = galaxy.wait_for_dataset(named[f"starcyte on {galaxy_server.PLAIN} (annotations)"]["id"])
    assert (annotations["extension"], annotations["visible"]) == ("tabular", True)
    _, *rows = csv.reader(io.StringIO(galaxy.text(annotations["id"])), delimiter="\t")
    assert [row[1] for row in rows].count("Upper") == made
    session = galaxy.wait_for_dataset(named[f"starcyte on {galaxy_server.PLAIN} (session)"]["id"])
    assert session["extension"] == "json"
