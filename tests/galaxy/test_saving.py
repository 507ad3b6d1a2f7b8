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
from galaxy_page import keep, visualize, wait_for_session

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
        apply(galaxy, user, dataset, left[1]["annotations"][2])


def apply(galaxy, user, dataset, annotations):
    """Write the annotations of a session into a new dataset, and look at them there."""
    keep(user, "saving-starcyte-2-stopped")
    # Galaxy's page learns of the collection at its own pace
    user.goto(galaxy.url, wait_until="domcontentloaded")
    user.get_by_text(re.compile("saved files")).first.click(timeout=viewer_page.PATIENCE)
    user.get_by_text("annotations", exact=True).first.wait_for(timeout=viewer_page.PATIENCE)
    keep(user, "saving-starcyte-3-collection")
    user.goto(f"{galaxy.url}/datasets/{annotations}/preview", wait_until="domcontentloaded")
    user.get_by_role("cell", name="Upper").first.wait_for(timeout=viewer_page.PATIENCE)
    keep(user, "saving-starcyte-4-labels")
    given = {"infile": {"src": "hda", "id": dataset}, "annotations": {"src": "hda", "id": annotations}}
    history = galaxy.call("GET", f"/api/datasets/{dataset}")["history_id"]
    answer = galaxy.call(
        "POST", "/api/tools", json={"tool_id": "starcyte_annotate", "history_id": history, "inputs": given}
    )
    annotated = galaxy.wait_for_dataset(answer["outputs"][0]["id"])
    assert annotated["extension"] == "h5ad"
    # HDF5 would take the slash for a folder
    column = LABEL.replace("/", "_")
    assert column in annotated["metadata_obs_layers"]
    session = Session(galaxy, user, annotated["id"])
    session.viewer.frame.get_by_text(column, exact=True).first.wait_for(timeout=viewer_page.PATIENCE)
    session.viewer.colour_by_column(column)
    keep(user, "saving-starcyte-5-annotated")
    assert session.stop()["state"] == "ok"


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
