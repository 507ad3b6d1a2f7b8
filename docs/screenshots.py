"""Take the pictures of README and the documentation from the demo dataset: ``make screenshots``."""

import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
# as the browser tests start it
CHROMIUM = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking"]
# around the erythroblasts; shares of the plot's width and height
LASSO = [
    *[(0.082, 0.528), (0.11, 0.457), (0.197, 0.431), (0.262, 0.395), (0.334, 0.431), (0.363, 0.475)],
    *[(0.357, 0.548), (0.329, 0.608), (0.279, 0.574), (0.23, 0.561), (0.224, 0.59), (0.265, 0.641)],
    *[(0.262, 0.721), (0.132, 0.729), (0.135, 0.661), (0.168, 0.588), (0.117, 0.559), (0.082, 0.528)],
]
GENES = "CD34 GATA1 HBB GYPA LYZ CD14 CD79A MS4A1 CD3D CD8A NKG7 GNLY"
PATIENCE = 120.0


def draw_lasso(page: Page) -> None:
    """Select one lineage by hand."""
    plot = page.get_by_role("application", name="Plot of")
    plot.focus()
    page.keyboard.press("l")
    box = plot.bounding_box()
    assert box is not None
    corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in LASSO]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=8)
    page.mouse.up()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)


def compare(page: Page) -> None:
    """Show one lineage selected and compared with the rest, gene by gene."""
    page.get_by_role("tab", name="Compare").click()
    draw_lasso(page)
    page.get_by_role("button", name="Set A", exact=True).click()
    page.get_by_role("button", name="Compare expression").click()
    page.get_by_role("region", name="Result").get_by_role("cell").first.wait_for()


def compare_category(page: Page) -> None:
    """Show one category compared with the rest."""
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="or a category as set A").click()
    page.get_by_role("button", name="Late erythroblast").last.click()
    page.get_by_role("button", name="Compare expression").click()
    page.get_by_role("region", name="Result").get_by_role("cell").first.wait_for()


def genes(page: Page) -> None:
    """Show a gene set, its mean on the cells, and what filters them."""
    paste(page, GENES)
    page.get_by_role("button", name="Mean", exact=True).click()
    page.get_by_role("button", name="List", exact=True).click()
    page.get_by_role("slider", name="Lowest HBB").press("PageUp")
    page.get_by_role("application", name="coloured by Pasted genes").wait_for()


def plots(page: Page) -> None:
    """Show the dot plot below the cells."""
    paste(page, GENES)
    page.get_by_role("button", name="Plot", exact=True).click()
    page.get_by_role("group", name="Dot plot").wait_for()


def heat(page: Page) -> None:
    """Show a heat map over the whole page, genes by similarity."""
    plots(page)
    drawer = page.get_by_role("region", name="Plots")
    drawer.get_by_role("button", name="Show in full size").click()
    drawer.get_by_role("radio", name="Heat map").click()
    drawer.get_by_role("combobox", name="Values").click()
    page.get_by_role("option", name="z-scores for each gene").click()
    drawer.get_by_role("combobox", name="Order of the genes").click()
    page.get_by_role("option", name="by similarity").click()
    drawer.get_by_role("group", name="Heat map").wait_for()


def paste(page: Page, text: str) -> None:
    """Create a gene set of a list."""
    page.get_by_role("combobox", name="Search a gene").focus()
    page.evaluate(
        """(text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData('text', text);
          const event = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
          document.activeElement.dispatchEvent(event);
        }""",
        text,
    )
    page.get_by_role("article", name="Gene set").wait_for()
    page.keyboard.press("Escape")


PICTURES: dict[str, tuple[Callable[[Page], None], str, tuple[int, int]]] = {
    "viewer": (compare, "light", (1280, 800)),
    "genes": (genes, "dark", (1280, 800)),
    "plots": (plots, "light", (1280, 800)),
    "heat": (heat, "light", (1280, 800)),
    "narrow": (compare_category, "light", (680, 828)),
}


def take(browser: Browser, url: str, name: str) -> None:
    """Take one picture."""
    show, theme, (width, height) = PICTURES[name]
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="dark" if theme == "dark" else "light"
    )
    # who looks at the picture needs no first steps
    page.add_init_script("""localStorage.setItem('starcyte.preferences', '{"hint": false}')""")
    page.goto(url)
    page.locator("[data-drawn=true]").first.wait_for(timeout=1000 * PATIENCE)
    show(page)
    page.wait_for_timeout(1500)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # in steps of 5 of 255, which nobody sees, it is a third smaller; a palette would give small marks others' colours
    picture.point([5 * round(value / 5) for value in range(256)] * 3).save(IMAGES / f"{name}.png", optimize=True)
    page.close()


@contextmanager
def demo() -> Iterator[str]:
    """Serve the demo dataset, of which nothing was made yet, and give its address."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = [sys.executable, "-m", "starcyte", "launch", "--demo", "--access=none", "--port=0"]
        command += ["--ready-file", str(ready), "--data-dir", str(Path(folder) / "data")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            end = time.monotonic() + PATIENCE
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit("The demo did not start: see above what it says.")
                time.sleep(0.2)
            yield json.loads(ready.read_text())["url"]
        finally:
            process.terminate()
            process.wait(30)


def main() -> None:
    """Take all pictures."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM)
        for name in PICTURES:
            with demo() as url:
                take(browser, url, name)
        browser.close()


if __name__ == "__main__":
    main()
