"""A user's way through a real Galaxy: two datasets, two sessions at once, the viewer in Galaxy's page, the stop.

The tests tell one story in order. Set SCREENSHOTS to a folder to keep what the browser shows.
"""

import io
import os
from pathlib import Path
from urllib.parse import urlsplit

import galaxy_server
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.galaxy

BOTH = pytest.mark.parametrize("name", [galaxy_server.PLAIN, galaxy_server.NASTY], ids=["plain", "nasty"])
CHROMIUM = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
]
#: A write, from a page that Galaxy frames: the browser calls it one of the viewer's own origin.
COMPARE = """async () => (await fetch("api/v1/diffexp", {
    method: "POST",
    headers: {"Content-Type": "application/json"},
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


def keep(picture, name):
    if os.environ.get("SCREENSHOTS"):
        Path(os.environ["SCREENSHOTS"], f"{name}.png").write_bytes(picture)


def coloured(picture):
    """Return the number of pixels that are neither grey nor pale."""
    colours = Image.open(io.BytesIO(picture)).convert("RGB").getcolors(1 << 24)
    return sum(n for n, rgb in colours if max(rgb) - min(rgb) > 60)


def test_in_galaxys_own_page(galaxy, history, sessions):
    entry = sessions[galaxy_server.PLAIN].entry
    outside, wrong = set(), []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=galaxy_server.chromium(), args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1400, "height": 900})

        def route(request):
            if urlsplit(request.request.url).hostname in {"localhost", "127.0.0.1", "", None}:
                request.continue_()
            else:
                outside.add(request.request.url)
                request.abort()

        def console(message):
            # Galaxy's own page has complaints of its own
            if message.type == "error" and entry["target"] in message.location.get("url", ""):
                wrong.append(message.text)

        page.route("**/*", route)
        page.on("console", console)
        page.on("pageerror", lambda error: wrong.append(str(error)) if entry["target"] in (error.stack or "") else None)
        page.goto(f"{galaxy.url}/login/start", wait_until="domcontentloaded")
        page.fill("input[name=login]", galaxy_server.EMAIL, timeout=60000)
        page.fill("input[name=password]", galaxy_server.PASSWORD)
        with page.expect_response(lambda response: response.url.endswith("/user/login")):
            page.click("button[name=login]")
        page.wait_for_url(lambda url: "login" not in url)
        page.evaluate("id => fetch(`/history/set_as_current?id=${id}`)", history)
        page.goto(f"{galaxy.url}/interactivetool_entry_points/list", wait_until="domcontentloaded")
        link = page.wait_for_selector(f"#link-{entry['id']}", timeout=60000)
        keep(page.screenshot(), "galaxy-list")
        with galaxy_server.timed("from the click to the cells drawn in Galaxy's page"):
            link.click()
            frame = page.frame_locator("#galaxy_interactive_tool")
            frame.locator("canvas").first.wait_for(timeout=60000)
            shown = page.locator("#galaxy_interactive_tool")
            galaxy_server.wait_for("cells in colour", lambda: coloured(shown.screenshot()) > 3000, 60)
        # the message that it was opened goes away, and leaves the picture
        page.wait_for_timeout(3000)
        keep(page.screenshot(), "galaxy")
        inside = next(f for f in page.frames if f.url.startswith(entry["target"]))
        text = inside.evaluate("document.body.innerText")
        compared = inside.evaluate(COMPARE)
        browser.close()
    assert galaxy_server.PLAIN in text
    assert "bulk_labels" in text
    assert compared in {200, 202}
    assert wrong == []
    assert not {url for url in outside if urlsplit(url).port == galaxy.proxy_port}


@BOTH
def test_stop_keeps_what_was_made(galaxy, sessions, name):
    session = sessions[name]
    report = galaxy.text(session.report)
    assert "Closed" not in report
    # the viewer saves nothing yet, so the test stands in for it
    (session.working / "saved" / "labels.csv").write_text("cell,label\na,T cell\n")
    process = session.process
    os.kill(process, 0)
    job = session.stop()
    assert (job["state"], job["exit_code"]) == ("ok", 0)
    assert job["tool_stderr"] == ""
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    dataset = galaxy.wait_for_dataset(session.report)
    assert dataset["extension"] == "txt"
    report = galaxy.text(session.report)
    assert f"Dataset   {name}\n" in report
    assert "Opened" in report
    assert "(by Galaxy)" in report
    assert "Saved     labels.csv (" in report
    saved = galaxy.call("GET", f"/api/dataset_collections/{session.saved}?instance_type=history")
    assert saved["populated_state"] == "ok"
    ((element, made),) = [(e["element_identifier"], e["object"]) for e in saved["elements"]]
    assert (element, made["state"], made["file_ext"]) == ("labels", "ok", "csv")
    assert session.http.get("/").status_code == 502
