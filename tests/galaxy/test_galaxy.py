"""A user's way through a real Galaxy: two datasets, two sessions at once, the viewer in Galaxy's page, the stop.

The tests tell one story in order. Set SCREENSHOTS to a folder to keep what the browser shows.
"""

from urllib.parse import urlsplit

import galaxy_page
import galaxy_server
import pytest
import viewer_page

pytestmark = pytest.mark.galaxy

BOTH = pytest.mark.parametrize("name", [galaxy_server.PLAIN, galaxy_server.NASTY], ids=["plain", "nasty"])
#: A write, from a page that Galaxy frames: the browser calls it one of the viewer's own origin.
COMPARE = """async () => (await fetch("api/v1/diffexp", {
    method: "POST",
    headers: {"Content-Type": "application/json", "X-Starcyte-Client": "test"},
    body: JSON.stringify({a: {ranges: [[0, 100]]}, b: "rest", method: "t-test", matrix: "raw/X"}),
})).status"""


@BOTH
def test_through_the_proxy(sessions, name):
    http = sessions[name].http
    assert sessions[name].entry["name"] == f"starcyte on {name}"
    page = http.get("/")
    assert page.status_code == 200
    assert f'<base href="{http.prefix}/">' in page.text
    health = http.get("/api/v1/health").json()
    assert (health["app"], health["state"], health["title"]) == ("starcyte", "ready", name)
    schema = http.get("/api/v1/schema").json()
    assert (schema["n_obs"], schema["n_vars"]) == (700, 765)
    answer = http.get(
        "/api/v1/expression", params={"gene": "CD3D"}, headers={"Accept": "application/vnd.starcyte.columns"}
    )
    assert answer.status_code == 200
    assert answer.content.startswith(b"SCC1")


def test_two_sessions_on_one_port(sessions):
    # both declare port 8000, which a machine has once
    assert len({s.port for s in sessions.values()}) == 2
    titles = [s.http.get("/api/v1/health").json()["title"] for s in sessions.values()]
    assert titles == list(sessions)


def test_in_galaxys_own_page(galaxy, history, sessions):
    entry = sessions[galaxy_server.PLAIN].entry
    wrong = []

    def console(message):
        # Galaxy's own page has complaints of its own
        if message.type == "error" and entry["target"] in message.location.get("url", ""):
            wrong.append(message.text)

    with galaxy_page.chromium() as browser, galaxy_page.visitor(browser) as page:
        page.on("console", console)
        page.on("pageerror", lambda error: wrong.append(str(error)) if entry["target"] in (error.stack or "") else None)
        galaxy_page.log_in(page, galaxy)
        page.evaluate("id => fetch(`/history/set_as_current?id=${id}`)", history)
        page.goto(f"{galaxy.url}/interactivetool_entry_points/list", wait_until="domcontentloaded")
        link = page.wait_for_selector(f"#link-{entry['id']}", timeout=galaxy_page.PATIENCE)
        galaxy_page.keep(page, "galaxy-list")
        with galaxy_server.timed("from the click to the cells drawn in Galaxy's page"):
            link.click()
            frame = page.frame_locator("#galaxy_interactive_tool")
            frame.locator("canvas").first.wait_for(timeout=galaxy_page.PATIENCE)
            shown = page.locator("#galaxy_interactive_tool")
            galaxy_server.wait_for("cells in colour", lambda: viewer_page.coloured(shown.screenshot()) > 3000, 60)
        # the message that it was opened goes away, and leaves the picture
        page.wait_for_timeout(3000)
        galaxy_page.keep(page, "galaxy")
        inside = next(f for f in page.frames if f.url.startswith(entry["target"]))
        text = inside.evaluate("document.body.innerText")
        compared = inside.evaluate(COMPARE)
    assert galaxy_server.PLAIN in text
    assert "bulk_labels" in text
    assert compared in {200, 202}
    assert wrong == []
    assert not {url for url in page.outside if urlsplit(url).port == galaxy.proxy_port}


@BOTH
def test_stop_keeps_what_was_made(galaxy, sessions, name):
    session = sessions[name]
    report = galaxy.text(session.report)
    assert "Closed" not in report
    write = {"headers": {"X-Starcyte-Client": "test", "Sec-Fetch-Site": "same-origin"}}
    assert session.http.request("PUT", "/api/v1/annotations/Types", json={"labels": [{"name": "T cell"}]}, **write).ok
    galaxy_server.wait_for("the files", lambda: (session.working / "saved" / "session.json").exists(), 30)
    assert len(galaxy_server.viewers(session.working)) == 1
    job = session.stop()
    assert (job["state"], job["exit_code"]) == ("ok", 0)
    assert job["tool_stderr"] == ""
    assert galaxy_server.viewers(session.working) == []
    dataset = galaxy.wait_for_dataset(session.report)
    assert dataset["extension"] == "txt"
    report = galaxy.text(session.report)
    assert f"Dataset     {name}\n" in report
    assert "Opened" in report
    # a container may be killed before it has a moment to write
    assert "(by Galaxy)" in report or galaxy.engine
    assert "Saved       annotations.tabular (" in report
    _, made = galaxy_server.left(galaxy, galaxy.job(session.id))
    assert {part: kind for part, (kind, *_) in made.items()} == {"annotations": "tabular", "session": "json"}
    assert session.http.get("/").status_code == 502
