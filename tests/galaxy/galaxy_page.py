"""Galaxy's own page in a browser: logging in, what it shows, what it asked for."""

import contextlib
import os
from pathlib import Path
from urllib.parse import urlsplit

import galaxy_server
import viewer_page
from playwright.sync_api import Error, sync_playwright
from viewer_page import PATIENCE

#: What a browser reaches. It looks no other name up by itself: Galaxy's page has hundreds of scripts, and a test that
#: has each of its requests wait for an answer of the test's loses one of them at times.
HERE = ("localhost", "127.0.0.1")
CHROMIUM = [
    f"--host-resolver-rules=MAP * ~NOTFOUND{''.join(f', EXCLUDE {host}' for host in HERE)}",
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
]
#: The visualization's own page within Galaxy's frame of it.
INSIDE = "iframe[title=starcyte]"


def keep(page, name):
    """Keep a picture of the page where SCREENSHOTS names a folder."""
    if os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(os.environ["SCREENSHOTS"], f"{name}.png"))


def text_of(page):
    """Return what stands in the frames of a page; of those that do not answer, why."""
    texts = []
    for frame in page.frames:
        try:
            text = frame.locator("body").inner_text(timeout=5000)
        except Error as error:
            text = f"({error.message.splitlines()[0]})"
        texts.append(f"{frame.url}\n{text[:2000]}")
    return "\n\n".join(texts)


@contextlib.contextmanager
def chromium():
    """Run a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=galaxy_server.chromium(), args=CHROMIUM)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def visitor(browser, **options):
    """Open a page for somebody new, who can reach this machine alone.

    Whatever it asks of another machine is in its `outside`.
    """
    context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.outside = set()

    def look(request):
        if urlsplit(request.url).hostname not in {*HERE, "", None}:
            page.outside.add(request.url)

    context.on("request", look)
    try:
        yield page
    finally:
        context.close()


def log_in(page, galaxy, email=galaxy_server.EMAIL, password=galaxy_server.PASSWORD):
    page.goto(f"{galaxy.url}/login/start", wait_until="domcontentloaded")
    fill_in(page, email, password)


def fill_in(page, email, password):
    """Log in on the page that asks for it."""
    page.fill("input[name=login]", email, timeout=PATIENCE)
    page.fill("input[name=password]", password)
    with page.expect_response(lambda response: response.url.endswith("/user/login")):
        page.click("button[name=login]")
    page.wait_for_url(lambda url: "login" not in url)


def choose(page, parameter, name):
    """Choose an option of a parameter in the form of a tool, such as a dataset of the history."""
    field = page.locator(f"[id='form-element-{parameter}']")
    field.locator(".multiselect").first.click(timeout=PATIENCE)
    field.locator(".multiselect__element").filter(has_text=name).first.click(timeout=PATIENCE)


def visualize(page, galaxy, dataset, plugin="starcyte"):
    """Open the visualization of a dataset, and return its frame within Galaxy's."""
    page.goto(
        f"{galaxy.url}/visualizations/display?visualization={plugin}&dataset_id={dataset}",
        wait_until="domcontentloaded",
    )
    return page.frame_locator("#galaxy_visualization").frame_locator(INSIDE)


def wait_for_session(page, inside):
    """Wait until cells are drawn in the visualization, and return the viewer."""
    frame = inside.frame_locator("iframe.session")
    frame.locator("canvas").first.wait_for(timeout=PATIENCE)
    return viewer_page.Viewer(page, frame).drawn()
