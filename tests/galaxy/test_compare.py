"""Comparisons over samples in Galaxy: the tool in a workflow, and those of a session in the history."""

import contextlib
import csv
import io
import json
import re
import zipfile

import galaxy_page
import galaxy_server
import pytest
from playwright.sync_api import Error

pytestmark = pytest.mark.galaxy

DONORS = "donors.h5ad"
# of the six genes that differ in T cells
T_CELL_GENES = {"GENE1", "GENE2", "GENE3", "GENE4", "GENE5", "GENE6"}


@pytest.fixture(scope="module")
def place(galaxy):
    return galaxy.call("POST", "/api/histories", json={"name": "Comparisons"})["id"]


@pytest.fixture(scope="module")
def donors(galaxy, place, uploaded):
    return galaxy.copy(place, uploaded[DONORS]["id"])


def workflow(tool_state):
    """Return a workflow of the tool, with its dataset as the input: columns are typed, as the dataset is not known."""
    tool = {
        "id": 1,
        "type": "tool",
        "tool_id": "starcyte_compare",
        "content_id": "starcyte_compare",
        "tool_state": json.dumps(tool_state),
        "input_connections": {"infile": {"id": 0, "output_name": "output"}},
        "inputs": [],
        "outputs": [],
        "workflow_outputs": [],
        "annotation": "",
        "name": "starcyte compare",
        "label": None,
        "position": {"left": 300, "top": 0},
    }
    given = {
        "id": 0,
        "type": "data_input",
        "tool_id": None,
        "tool_state": json.dumps({"optional": False}),
        "input_connections": {},
        "inputs": [{"name": "cells", "description": ""}],
        "outputs": [],
        "workflow_outputs": [],
        "annotation": "",
        "name": "Input dataset",
        "label": "cells",
        "position": {"left": 0, "top": 0},
    }
    return {
        "a_galaxy_workflow": "true",
        "format-version": "0.1",
        "name": "Compare",
        "annotation": "",
        "steps": {"0": given, "1": tool},
    }


def lines_and_rows(text):
    """Return the lines of # of a table, and its rows."""
    lines = text.splitlines()
    head = [line for line in lines if line.startswith("# ")]
    return head, list(csv.DictReader(io.StringIO("\n".join(lines[len(head) :])), delimiter="\t"))


def significant(rows):
    return {row["gene"] for row in rows if row["p_adjusted"] and float(row["p_adjusted"]) < 0.05}


def test_in_a_workflow(galaxy, place, donors):
    state = {
        "condition": "condition",
        "a": "ill",
        "b": "",
        "sample": "donor",
        "covariates": ["sex"],
        "each": "cell type",
    }
    made = galaxy.call("POST", "/api/workflows", json={"workflow": workflow(state)})
    asked = {"history_id": place, "inputs": {"0": {"src": "hda", "id": donors}}, "inputs_by": "step_index"}
    invocation = galaxy.call("POST", f"/api/workflows/{made['id']}/invocations", json=asked)["id"]

    def job():
        steps = galaxy.call("GET", f"/api/invocations/{invocation}")["steps"]
        return next((step["job_id"] for step in steps if step.get("job_id")), None)

    ended = galaxy.wait_for_end(galaxy_server.wait_for("the job", job, 120))
    assert ended["state"] == "ok", ended["tool_stderr"]
    kinds = {name: galaxy.wait_for_dataset(given["id"]) for name, given in ended["outputs"].items()}
    extensions = {name: found["extension"] for name, found in kinds.items()}
    assert extensions == {"results": "tabular", "notes": "txt", "report": "html"}
    head, rows = lines_and_rows(galaxy.text(kinds["results"]["id"]))
    assert head == []
    notes = galaxy.text(kinds["notes"]["id"]).splitlines()
    assert (
        notes[0] == "ill (A) against healthy (B) in condition, over samples (donor), within each category of cell type"
    )
    assert any(line.startswith("rare: not compared. Side A has 1 sample") for line in notes)
    assert significant(rows) == T_CELL_GENES
    assert {row["cell type"] for row in rows if row["gene"] in T_CELL_GENES} == {"T cell", "B cell"}
    # as it is downloaded: Galaxy shows it without its plots until its administrator allows them
    address = f"{galaxy.url}/api/datasets/{kinds['report']['id']}/display?to_ext=html"
    with zipfile.ZipFile(io.BytesIO(galaxy.session.get(address, timeout=60).content)) as archive:
        (name,) = archive.namelist()
        report = archive.read(name).decode()
    assert report.startswith("<!doctype html>")
    assert "2 of 3 categories of cell type were compared" in report
    assert report.count("<svg ") == 1 + 3 + 2 * (1 + 10)
    assert "<script" not in report


def wait_for_text(page, text):
    """Wait until a page or a frame within it shows a text."""

    def shown():
        # a frame may be replaced while it is read
        with contextlib.suppress(Error):
            return any(text in frame.content() for frame in page.frames)

    galaxy_server.wait_for(text, shown, 120)


def test_by_the_form(galaxy, place, donors):
    """The columns of the dataset are offered, and the report is shown as Galaxy shows HTML."""
    before = {job["id"] for job in galaxy.call("GET", "/api/jobs?tool_id=starcyte_compare")}

    def started():
        return {job["id"] for job in galaxy.call("GET", "/api/jobs?tool_id=starcyte_compare")} - before

    with galaxy_page.chromium() as browser, galaxy_page.visitor(browser) as page:
        galaxy_page.log_in(page, galaxy)
        page.evaluate("id => fetch(`/history/set_as_current?id=${id}`)", place)
        page.goto(f"{galaxy.url}/?tool_id=starcyte_compare&version=latest", wait_until="domcontentloaded")
        galaxy_page.choose(page, "infile", DONORS)
        galaxy_page.choose(page, "condition", "condition")
        galaxy_page.choose(page, "sample", "donor")
        galaxy_page.choose(page, "each", "cell type")
        galaxy_page.keep(page, "compare-1-form")
        page.get_by_role("button", name=re.compile("Run Tool")).first.click()
        (job,) = galaxy_server.wait_for("the job", started, 60)
        ended = galaxy.wait_for_end(job)
        assert ended["state"] == "ok", ended["tool_stderr"]
        for name, shown in (("results", "GENE4"), ("notes", "ill (A) against healthy (B)"), ("report", "GENE4")):
            dataset = galaxy.wait_for_dataset(ended["outputs"][name]["id"])["id"]
            page.goto(f"{galaxy.url}/datasets/{dataset}/preview", wait_until="domcontentloaded")
            wait_for_text(page, shown)
            galaxy_page.keep(page, f"compare-2-{name}")


def test_comparisons_of_a_session_are_tables_in_the_history(galaxy, place, donors):
    session = galaxy_server.Session(galaxy, place, donors)
    write = {"headers": {"X-Starcyte-Client": "test", "Sec-Fetch-Site": "same-origin"}}
    sides = {side: {"column": "condition", "in": [name]} for side, name in (("a", "ill"), ("b", "healthy"))}
    within = {"column": "cell type", "in": ["T cell"]}
    asked = sides | {"within": within, "method": "pseudobulk", "sample": "donor", "covariates": ["sex"]}
    answer = session.http.request("POST", "/api/v1/diffexp", json=asked, **write)
    result = galaxy_server.wait_for("the comparison", lambda: finished(session, answer), 60)
    body = {"version": 1, "a": "ill", "b": "=healthy", "result": result}
    assert session.http.request("PUT", "/api/v1/results/ill%20vs%20healthy", json=body, **write).ok
    table = session.working / "saved" / "ill_vs_healthy.tabular"
    galaxy_server.wait_for("the file", lambda: table.exists() and table.stat().st_size, 30)
    assert session.stop()["state"] == "ok"
    _, made = galaxy_server.left(galaxy, galaxy.job(session.id))
    extension, text, _ = made["ill_vs_healthy"]
    assert extension == "tabular"
    head, rows = lines_and_rows(text)
    assert head[0] == "# A: ill; B: =healthy"
    assert significant(rows) == T_CELL_GENES
    assert float(rows[0]["D5 (a)"]) > float(rows[0]["D1 (b)"])


def finished(session, answer):
    """Return the result of a comparison, from its own answer or that of its job."""
    found = answer.json()
    if "genes" in found:
        return found
    return session.http.get(f"/api/v1/jobs/{found['job']['id']}").json().get("result")
