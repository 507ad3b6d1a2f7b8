"""What a user makes in Galaxy's own page is in the history, complete, however the session ended.

Set SCREENSHOTS to a folder to keep what the browser shows.
"""

import csv
import io
import json
import os
import re
import signal
import warnings
from importlib import resources
from pathlib import Path

import anndata
import galaxy_conf
import galaxy_page
import galaxy_server
import pytest
import viewer_page
from galaxy_page import choose, keep, visualize, wait_for_session

pytestmark = pytest.mark.galaxy

PBMC = Path(str(resources.files("scanpy"))) / "datasets" / "10x_pbmc68k_reduced.h5ad"
LABEL = "Büro \"cells\" <b>'x'</b> 😀"


@pytest.fixture(scope="module")
def place(galaxy):
    return galaxy.call("POST", "/api/histories", json={"name": "Labels"})["id"]


@pytest.fixture(scope="module")
def dataset(galaxy, place, datasets):
    return galaxy.copy(place, datasets[1]["id"])


@pytest.fixture(scope="module")
def user(galaxy, place):
    with galaxy_page.chromium() as browser, galaxy_page.visitor(browser) as page:
        galaxy_page.log_in(page, galaxy)
        page.evaluate("id => fetch(`/history/set_as_current?id=${id}`)", place)
        yield page


@pytest.fixture(scope="module")
def cells():
    with warnings.catch_warnings():
        # the file is of an older anndata
        warnings.simplefilter("ignore")
        return list(anndata.read_h5ad(PBMC).obs_names)


class Session:
    """A session that a user starts on the Visualize tab."""

    def __init__(self, galaxy, user, dataset, plugin="starcyte"):
        self.galaxy, self.user = galaxy, user
        before = {entry["id"] for entry in galaxy.call("GET", "/api/entry_points?running=true")}
        self.inside = visualize(user, galaxy, dataset, plugin)
        self.inside.get_by_role("button", name="Start", exact=True).click(timeout=viewer_page.PATIENCE)
        self.viewer = wait_for_session(user, self.inside)
        entries = galaxy.call("GET", "/api/entry_points?running=true")
        (self.entry,) = (entry for entry in entries if entry["id"] not in before)
        self.job = self.entry["job_id"]

    def label(self):
        """Colour a gene and make a label of two categories; return their numbers of cells."""
        self.viewer.colour_by_gene("CD3D")
        made = {"Upper": self.viewer.select(viewer_page.UPPER)}
        self.viewer.label("Upper", LABEL)
        self.user.keyboard.press("x")
        made["Lower"] = self.viewer.select(viewer_page.LOWER)
        self.viewer.label("Lower")
        self.viewer.coloured_by(LABEL)
        return made

    def stop(self):
        """Stop it by the button that Galaxy's history has for it, and return how the job ended."""
        report = self.galaxy.job(self.job)["outputs"]["report"]["id"]
        item = self.user.locator(f".content-item[data-hid='{self._hid(report)}']")
        item.get_by_title("Stop this Interactive Tool").click(timeout=viewer_page.PATIENCE)
        with galaxy_server.timed("from Stop in Galaxy's page to the job's end"):
            return self.galaxy.wait_for_end(self.job)

    def _hid(self, dataset):
        return self.galaxy.call("GET", f"/api/datasets/{dataset}")["hid"]

    def left(self):
        """Return the text of the report, and of what was saved by name, with its datatype."""
        return galaxy_server.left(self.galaxy, self.galaxy.job(self.job))


def check(left, made, cells):
    """Check what a session left against what was made in it."""
    report, saved = left
    assert f"Dataset     {galaxy_server.NASTY}\n" in report
    assert LABEL in report
    assert {name: kind for name, (kind, *_) in saved.items()} == {"annotations": "tabular", "session": "json"}
    header, *rows = csv.reader(io.StringIO(saved["annotations"][1]), delimiter="\t")
    assert header[1:] == [LABEL]
    assert [row[0] for row in rows] == cells
    given = [row[1] for row in rows]
    assert {name: given.count(name) for name in made} == made
    assert set(given) - set(made) <= {""}
    (label,) = json.loads(saved["session"][1])["annotations"]
    assert label["name"] == LABEL


@pytest.mark.parametrize("plugin", ["starcyte", "starcyte_as_uid"], ids=["galaxys user", "uid 12345"])
def test_stop(galaxy, user, dataset, cells, plugin):
    if plugin == "starcyte_as_uid" and not galaxy.can_become_uid:
        pytest.skip("only root can become another user, with a Python that every user can run")
    session = Session(galaxy, user, dataset, plugin)
    made = session.label()
    keep(user, f"saving-{plugin}-1-label")
    for process in galaxy_server.viewers(galaxy.working(session.job)):
        uid = Path(f"/proc/{process}").stat().st_uid
        assert uid == (galaxy_conf.UID if plugin == "starcyte_as_uid" else os.geteuid())
    job = session.stop()
    assert (job["state"], job["exit_code"], job["tool_stderr"]) == ("ok", 0, "")
    left = session.left()
    check(left, made, cells)
    assert galaxy_server.viewers(galaxy.working(session.job)) == []
    if plugin == "starcyte":
        apply(galaxy, user, left[1]["annotations"][2])


def apply(galaxy, user, annotations):
    """Write the annotations of a session into a new dataset, all by Galaxy's own page, and look at them there."""
    keep(user, "saving-starcyte-2-stopped")
    user.goto(galaxy.url, wait_until="domcontentloaded")
    # visible in the history, each a dataset of its own
    for part in ("annotations", "session"):
        user.locator(".content-item").filter(has_text=f"({part})").first.wait_for(timeout=viewer_page.PATIENCE)
    keep(user, "saving-starcyte-3-history")
    user.goto(f"{galaxy.url}/datasets/{annotations}/preview", wait_until="domcontentloaded")
    user.get_by_role("cell", name="Upper").first.wait_for(timeout=viewer_page.PATIENCE)
    keep(user, "saving-starcyte-4-labels")
    user.goto(f"{galaxy.url}/?tool_id=starcyte_annotate&version=latest", wait_until="domcontentloaded")
    choose(user, "infile", galaxy_server.NASTY)
    choose(user, "annotations", "(annotations)")
    keep(user, "saving-starcyte-5-form")
    before = {job["id"] for job in galaxy.call("GET", "/api/jobs?tool_id=starcyte_annotate")}
    user.get_by_role("button", name=re.compile("Run Tool")).first.click()

    def started():
        return {job["id"] for job in galaxy.call("GET", "/api/jobs?tool_id=starcyte_annotate")} - before

    (job,) = galaxy_server.wait_for("the job", started, 60)
    found = galaxy.wait_for_end(job)
    assert found["inputs"]["annotations"]["id"] == annotations
    annotated = galaxy.wait_for_dataset(found["outputs"]["annotated"]["id"])
    assert annotated["extension"] == "h5ad"
    # HDF5 would take the slash for a folder
    column = LABEL.replace("/", "_")
    assert column in annotated["metadata_obs_layers"]
    session = Session(galaxy, user, annotated["id"])
    session.viewer.frame.get_by_text(column, exact=True).first.wait_for(timeout=viewer_page.PATIENCE)
    session.viewer.colour_by_column(column)
    keep(user, "saving-starcyte-6-annotated")
    assert session.stop()["state"] == "ok"
    # nothing was saved in that one, so there is a report and no other dataset
    assert galaxy_server.saved(galaxy.job(session.job)) == {}


def test_continue(galaxy, user, dataset):
    """On the Visualize tab, the session of an earlier job is among the options."""
    inside = visualize(user, galaxy, dataset)
    inside.get_by_text("Options", exact=True).click(timeout=viewer_page.PATIENCE)
    option = inside.get_by_label("Saved session").locator("option").filter(has_text="(session)").first
    inside.get_by_label("Saved session").select_option(option.get_attribute("value"))
    keep(user, "saving-continue-1-options")
    before = {entry["id"] for entry in galaxy.call("GET", "/api/entry_points?running=true")}
    inside.get_by_role("button", name="Start", exact=True).click()
    viewer = wait_for_session(user, inside)
    viewer.colour_by_column(LABEL)
    keep(user, "saving-continue-2-label")
    entries = galaxy.call("GET", "/api/entry_points?running=true")
    (entry,) = (entry for entry in entries if entry["id"] not in before)
    galaxy.call("DELETE", f"/api/entry_points/{entry['id']}")
    job = galaxy.wait_for_end(entry["job_id"])
    assert job["state"] == "ok"
    assert set(galaxy_server.saved(job)) == {"annotations", "session"}
    assert "Continued   from a saved session" in galaxy.text(job["outputs"]["report"]["id"])


def test_dataset_that_is_purged_meanwhile(galaxy, user, dataset, cells):
    session = Session(galaxy, user, dataset)
    file = Path(galaxy.call("GET", f"/api/datasets/{dataset}")["file_name"])
    away = file.rename(file.with_suffix(".away"))
    try:
        made = session.label()
        # the report is written again after each save, within a second or so
        user.wait_for_timeout(3000)
        assert galaxy_server.wrappers(galaxy.working(session.job))
    finally:
        away.rename(file)
        job = session.stop()
    assert job["state"] == "ok"
    check(session.left(), made, cells)


def test_package_that_is_missing_on_the_node(galaxy, place, dataset):
    given = {"tool_id": galaxy_conf.BARE_TOOL, "history_id": place, "inputs": {"infile": {"src": "hda", "id": dataset}}}
    (job,) = galaxy.call("POST", "/api/tools", json=given)["jobs"]
    found = galaxy.wait_for_end(job["id"])
    assert (found["state"], found["exit_code"]) == ("error", 127)
    assert found["tool_stderr"].startswith("starcyte is not installed at the destination of this job.")


def test_killed_job(galaxy, user, dataset, cells):
    """As by the operating system, for lack of memory: what was saved is in the history, and can be chosen."""
    session = Session(galaxy, user, dataset)
    made = session.label()
    for process in galaxy_server.wrappers(galaxy.working(session.job)):
        os.kill(process, signal.SIGKILL)
    job = galaxy.wait_for_end(session.job)
    assert (job["state"], job["exit_code"]) == ("ok", 137)
    session.inside.get_by_text("The session was killed by the server").wait_for(timeout=viewer_page.PATIENCE)
    session.inside.get_by_role("link", name="annotations.tabular").wait_for()
    keep(user, "saving-killed-job")
    check(session.left(), made, cells)


def test_save_and_finish(galaxy, user, dataset, cells):
    session = Session(galaxy, user, dataset)
    made = session.label()
    session.viewer.finish()
    with galaxy_server.timed("from Save and finish to the job's end"):
        job = galaxy.wait_for_end(session.job)
    assert (job["state"], job["exit_code"], job["tool_stderr"]) == ("ok", 0, "")
    keep(user, "saving-finished")
    check(session.left(), made, cells)


def test_killed_viewer(galaxy, user, dataset, cells):
    """As for want of memory: it is started again, and the page goes on."""
    session = Session(galaxy, user, dataset)
    made = session.label()
    working = galaxy.working(session.job)
    killed = galaxy_server.viewers(working)
    assert killed
    for process in killed:
        os.kill(process, signal.SIGKILL)
    galaxy_server.wait_for("another viewer", lambda: set(galaxy_server.viewers(working)) - set(killed), 60)
    user.reload(wait_until="domcontentloaded")
    session.viewer = wait_for_session(user, session.inside)
    # the page begins with its own colours, the label being there to choose
    session.viewer.colour_by_column(LABEL)
    job = session.stop()
    assert (job["state"], job["exit_code"]) == ("ok", 0)
    left = session.left()
    check(left, made, cells)
    assert re.search(r"Restarted   .*SIGKILL", left[0])
