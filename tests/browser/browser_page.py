"""Chromium on a real `starcyte launch`: a page fails its test by an error, a request elsewhere or a refused script."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

import anndata
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
]
WIDE, NARROW = (1400, 900), (680, 828)
#: What a change needs beside its body
HEADERS = {"X-Starcyte-Client": "test"}
PATIENCE = 60.0
AXE = Path(__file__).parents[2] / "viewer" / "client" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

expect.set_options(timeout=PATIENCE * 1000)


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Ask until the answer is true and return it; give up after a long while."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"never came: {what}")


def at(link: str) -> Callable[[Page], None]:
    """Return what makes a page open with a link's hash, as for a colleague who was sent it."""
    return lambda page: page.add_init_script(f"if (!location.hash) location.hash = {link.rpartition('#')[2]!r}")


@pytest.fixture(scope="module")
def browser():
    """Start Chromium with software graphics."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def serve(tmp_path_factory) -> Iterator[Callable[[Path], str]]:
    """Return a function that serves a file with `starcyte launch` and returns the address, once each."""
    running: dict[tuple[Path, tuple[str, ...]], tuple[subprocess.Popen[bytes], str]] = {}

    def start(path: Path, options: tuple[str, ...] = ()) -> str:
        if (path, options) not in running:
            folder = tmp_path_factory.mktemp("served")
            ready = folder / "ready.json"
            command = [sys.executable, "-m", "starcyte", "launch", str(path), "--port", "0", "--ready-file", str(ready)]
            access = [] if any(option.startswith("--access") for option in options) else ["--access=none"]
            command += ["--data-dir", str(folder / "data"), *access, *options]
            with (folder / "log").open("wb") as log:
                process = subprocess.Popen(command, stdout=log, stderr=log)

            def is_ready() -> bool:
                assert process.poll() is None, (folder / "log").read_text()
                return ready.exists()

            eventually(is_ready, "the ready file")
            running[path, options] = process, json.loads(ready.read_text())["url"]
        return running[path, options][1]

    yield start
    for process, _url in running.values():
        process.terminate()
        process.wait(30)


@pytest.fixture
def visit(browser, serve) -> Iterator[Callable[..., Viewer]]:
    """Return a function that opens a file in a new page; at the end no page may have complained."""
    opened: list[tuple[Page, list[str], list[str]]] = []
    addresses: set[str] = set()

    def open_page(
        path: Path, size=WIDE, theme="light", before: Callable[[Page], None] | None = None, ready=True, options=()
    ):
        url = serve(path, tuple(options))
        if not options:
            addresses.add(url)
        width, height = size
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme, accept_downloads=True)
        complaints: list[str] = []
        forgiven: list[str] = []
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", lambda m: complaints.append(f"console: {m.text}") if m.type == "error" else None)
        page.on("request", lambda request: complaints.append(f"request: {request.url}") if away(request.url) else None)
        opened.append((page, complaints, forgiven))

        def away(address: str) -> bool:
            parts = urlsplit(address)
            return parts.scheme not in ("blob", "data") and parts.netloc != urlsplit(url).netloc

        if before:
            before(page)
        page.goto(url)
        viewer = Viewer(page, forgiven)
        if ready:
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            expect(page.get_by_text("cells", exact=False).first).to_be_visible()
        return viewer

    yield open_page
    for page, _complaints, _forgiven in opened:
        page.close()
    for url in addresses:
        clear(url)
    for _page, complaints, forgiven in opened:
        left = [text for text in complaints if not any(word in text for word in forgiven)]
        assert not left, "\n".join(left)


def clear(url: str) -> None:
    """Delete what a test has made: the next one on the same server begins with nothing."""
    for kind in ("annotations", "genesets", "views", "results", "figures"):
        with urlopen(f"{url}api/v1/{kind}") as answer:
            names = [thing["name"] for thing in json.load(answer)[kind]]
        for name in names:
            urlopen(Request(f"{url}api/v1/{kind}/{quote(name, safe='')}", method="DELETE", headers=HEADERS)).close()


class Viewer:
    """The page as a user sees and touches it."""

    def __init__(self, page: Page, forgiven: list[str]) -> None:
        self.page, self.forgiven = page, forgiven
        self.plot = page.get_by_role("application", name="Plot of")

    def forgive(self, word: str) -> None:
        """Leave complaints that hold a word out of the test's verdict."""
        self.forgiven.append(word)

    def drawn(self) -> Viewer:
        """Wait for the first picture."""
        expect(self.page.locator("[data-drawn=true]")).to_be_visible()
        return self

    def colored_by(self, title: str) -> Viewer:
        """Wait until the cells have the colours of a column or a gene."""
        expect(self.plot).to_have_attribute("aria-label", f"{self._label_start()}{title}. {KEYS}")
        return self

    def _label_start(self) -> str:
        label = self.plot.get_attribute("aria-label") or ""
        return label[: label.index("coloured by ") + len("coloured by ")]

    def picture(self) -> np.ndarray:
        """Return the pixels of the plot without what lies above it: height x width x 3."""
        self.page.evaluate("document.body.classList.add('bare')")
        self.page.add_style_tag(content=BARE)
        png = self.page.locator("canvas").screenshot()
        self.page.evaluate("document.body.classList.remove('bare')")
        return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)

    def pixels(self, color: str, tolerance: int = 24) -> int:
        """Count the pixels of the plot that have a colour, #rrggbb, but for a blend at their rims."""
        wanted = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)])
        return int((np.abs(self.picture() - wanted).max(axis=2) <= tolerance).sum())

    def selected(self) -> int | None:
        """Return how many cells the page says are selected; None where it says nothing of the kind."""
        shown = self.page.get_by_text("cells selected").all_inner_texts()
        return int(shown[0].split()[0].replace(",", "")) if shown else None

    def wait_selected(self, n: int | None) -> None:
        """Wait until the page says so."""
        eventually(lambda: self.selected() == n, f"{n} cells selected (the page says {self.selected()})")

    def lasso(self, corners: list[tuple[float, float]], key: str | None = None) -> None:
        """Draw a lasso; corners are shares of the plot's width and height."""
        box = self.plot.bounding_box()
        assert box is not None
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
        mouse = self.page.mouse
        mouse.move(*points[0])
        if key:
            self.page.keyboard.down(key)
        mouse.down()
        for point in [*points[1:], points[0]]:
            mouse.move(*point, steps=8)
        mouse.up()
        if key:
            self.page.keyboard.up(key)

    def search_gene(self, text: str) -> None:
        """Find a gene by the keyboard and colour by the first one found."""
        self.page.keyboard.press("/")
        box = self.page.get_by_role("combobox", name="Search a gene")
        expect(box).to_be_focused()
        box.fill(text)
        expect(self.page.get_by_role("option").first).to_contain_text(text)
        box.press("Enter")

    def paste(self, text: str) -> None:
        """Paste into the field that has the focus, as the user's keys do."""
        self.page.evaluate(PASTE, text)

    @property
    def address(self) -> str:
        """The page's address as the page has it: playwright's own copy stands still while a test waits."""
        return self.page.evaluate("location.href")

    def settled(self) -> str:
        """Wait until the page's address no longer changes and return it: it then says the view."""
        seen: list[str] = []

        def same() -> bool:
            seen.append(self.address)
            return "#v=" in seen[-1] and len(seen) > 12 and len(set(seen[-12:])) == 1

        eventually(same, "an address at rest")
        return seen[-1]

    def saved(self, button: str, menu: Any = None) -> bytes:
        """Save by a button, of the menu that another opens where it is given, and return what came."""
        if menu is not None and not self.page.get_by_role("region", name="Save or copy").count():
            menu.click()
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=button).click()
        return Path(download.value.path()).read_bytes()

    def overflows(self) -> bool:
        """Whether the page is wider than its window."""
        return self.page.evaluate(
            "[document.documentElement, document.body].some((e) => e.scrollWidth > innerWidth)"
            " || [...document.querySelectorAll('header, aside, main')].some((e) => e.scrollWidth > e.clientWidth + 1)"
        )


PASTE = """(text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text', text);
  const event = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
  document.activeElement.dispatchEvent(event);
}"""
KEYS = "Arrows move, plus and minus zoom, 0 shows all."
BARE = """
.bare .tools, .bare .legend, .bare .foot, .bare .hint, .bare .labels, .bare .ring, .bare .card, .bare .drawing,
.bare .overlay-layer {
  visibility: hidden !important;
}
"""


def read(path: Path) -> anndata.AnnData:
    """Return a file as anndata reads it, without its warnings on the file's age."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return anndata.read_h5ad(path)
